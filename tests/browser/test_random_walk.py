"""Users who do anything in any order: what is shown, addressed and computed stays the same.

Steps and seed are set by the environment; a failure names the seed and the steps that led there.
"""

import os
import random
import time
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

import pytest

from pages.ui.shell.prompt_choice import all_prompts, fields
from zsad_core import methods
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.metrics.threshold_rules import RULES
from zsad_core.types import DataSpec, ReadoutSpec, SliceSpec, Threshold

playwright = pytest.importorskip("playwright.sync_api")

STEPS = int(os.environ.get("WALK_STEPS", "167"))  # of each user: 501 in all
SEED = int(os.environ.get("WALK_SEED", "0"))
USERS = 3
SETTLED_S = 60.0
FIRST_S = 180.0  # the cohort may not be made yet
LINK_EVERY = 20  # steps between two looks at the link from a fresh browser
SUBJECTS = ("DEMO-MET-013-000", "DEMO-MET-014-000")
METHODS = ("intensity", "winclip", "aprilgan", "mvfa")
SETS = ("appearance", "medical", "minimal-pair", "winclip", "mvfa")
OWN_RULES = ("fixed", "share", "components", "oracle")  # of one map, so that none is waited for
EDITS = ("a bright spot", "a dark hole\na large stain", "<b>a *white* cloud</b> & more")
SECTIONS = ("Edit", "Search", "Null test", "History", "Why")
PAGES = ("Explore", "Prompts", "Depth", "Cohort", "Failures", "Setup", "Start")
LABELS = {
    "normal": "Normal texts, one per line",
    "abnormal": "Abnormal texts, one per line",
    "class_name": "Class name (replaces {})",
    "templates": "Templates, one per line ({} is replaced by the text)",
}
LOOK = """() => {
  const all = (query) => [...document.querySelectorAll(query)];
  const main = document.querySelector('[data-testid="stMain"]');
  const state = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState;
  return {
    url: location.href,
    settled: state === 'notRunning' && Boolean(window.__zsadSteps),
    title: document.title,
    boxes: all('textarea[aria-label], input[aria-label]').map(
      (box) => [box.ariaLabel, box.value, main?.contains(box) ?? false]),
    captions: (main?.innerText ?? '').split('\\n').filter((line) => /^(now|before): /.test(line)),
    rule: main?.innerText.match(/^Threshold .* \\((\\S+): /m)?.[1],
    jobs: all('[data-testid="stMain"] [data-testid="stProgress"]').length,
    exceptions: all('[data-testid="stException"]').map((shown) => shown.innerText),
    metrics: all('[data-testid="stMain"] [data-testid="stMetric"]').map((metric) =>
      ['Label', 'Value'].map(
        (part) => metric.querySelector(`[data-testid="stMetric${part}"]`)?.innerText)),
    table: all('[data-testid="stDataFrame"] table tr').map((row) =>
      [...row.children].map((cell) => cell.innerText.toLowerCase())),
    says: (main?.innerText ?? '').split('\\n').filter(Boolean).slice(0, 40),
    section: all('[data-testid="stMain"] [role="radio"][aria-checked="true"]').map(
      (radio) => radio.innerText),
  };
}"""


@dataclass(frozen=True)
class Choice:
    """What a user chose; None where the app chooses, until the next look."""

    page: str = "Explore"
    subject: str = SUBJECTS[0]
    method: str = "winclip"
    setup: str | None = None
    prompts: str | None = None
    texts: dict[str, str] | None = None
    rule: str = "fixed"
    section: str = "Edit"

    @property
    def reads_texts(self):
        return bool(methods.kind_of(self.method).prompts)

    @property
    def edits(self):
        return self.page == "Prompts" and self.section == "Edit" and self.reads_texts


@dataclass
class Walk:
    """A user's walk so far: the choice, those that Back leads to, and the steps in words."""

    page: object
    dice: random.Random
    numbers: "Numbers"
    choice: Choice = field(default_factory=Choice)
    behind: list[Choice] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def step(self):
        """A step that is possible here."""
        moves = [self.open_page, self.open_page, self.reload]
        if self.behind:
            moves.append(self.back)
        if self.page.get_by_role("combobox", name="Subject", exact=True).count():
            moves += [self.choose_method] * 2 + [self.choose_subject, self.choose_rule]
            moves += [self.choose_set] * 2 * self.choice.reads_texts
        if self.choice.page == "Prompts" and self.choice.reads_texts:
            moves.append(self.choose_section)
        moves += [self.edit] * 4 * self.choice.edits
        moves += (
            [self.edit_beside] * 2 * (self.choice.page == "Explore" and self.choice.reads_texts)
        )
        try:
            self.dice.choice(moves)()
        except playwright.Error as error:
            raise AssertionError("\n".join([str(error), *self.steps])) from error

    def look(self, page=None, within=SETTLED_S):
        """Wait until the page shows the choice; raise AssertionError with what it shows instead."""
        end = time.monotonic() + within
        while True:
            try:
                shown = (page or self.page).evaluate(LOOK)
            except playwright.Error:  # the page is being left
                if time.monotonic() > end:
                    raise
                continue
            faults, choice = self.faults(shown)
            if not faults:
                self.choice = choice
                return
            if shown["exceptions"] or time.monotonic() > end:
                raise AssertionError("\n".join([*faults, *self.steps, *shown["says"]]))
            time.sleep(0.03)

    def look_at_link(self, page):
        """The address of this walk opened in another page, which is closed then."""
        page.goto(self.page.url)
        choice, self.choice = self.choice, afresh(self.choice)
        self.look(page)
        self.choice = choice
        page.context.close()
        assert page.complaints == [], self.steps

    def faults(self, shown):
        """What on the page differs from the choice, and the choice with what the app chose."""
        query = parse_qs(urlsplit(shown["url"]).query, keep_blank_values=True)
        address = {key: values[-1] for key, values in query.items()}
        choice, faults = self.choice, [*shown["exceptions"]]
        faults += [] if shown["settled"] else ["the page still runs"]

        def compare(name, value, expected):
            if value != expected:
                faults.append(f"{name}: {value!r} instead of {expected!r}")

        compare("page", shown["title"].split(" · ")[0], choice.page)
        for key in ("subject", "method", "setup", "prompts", "rule"):
            if getattr(choice, key) is None and key in address:
                choice = replace(choice, **{key: address[key]})
            if getattr(choice, key) is not None:
                compare(f"{key} in the address", address.get(key), getattr(choice, key))
        if choice.prompts not in all_prompts():
            return [*faults, *(["no prompts"] if choice.reads_texts else [])], choice
        base = fields(all_prompts()[choice.prompts])
        named = {key: address[key] for key in base if key in address}
        compare("texts in the address", named, choice.texts or {})
        texts, edited = choice.texts or base, " (edited)" if choice.texts else ""
        expected = {LABELS[key]: text for key, text in texts.items()} if choice.reads_texts else {}
        expected |= {"Subject": choice.subject, "Method": methods.name_of(choice.method)}
        rule = RULES[choice.rule]
        expected |= {"Threshold rule": rule.title, "Rule": f"Rule: {rule.title}"}
        amount = f"{rule.amount:g}" if rule.number else None
        compare("amount in the address", address.get("amount"), amount)
        if rule.number:
            expected[rule.number.label] = amount
        for label, value, in_main in shown["boxes"]:
            if label == "Prompts":
                words = f"Prompts{edited}: {choice.prompts}" if in_main else choice.prompts
                compare("set", value, words)
            elif label in expected and not (choice.page == "Cohort" and in_main):
                compare(label, value, expected[label])
        if choice.page == "Prompts" and choice.reads_texts:
            compare("section", shown["section"][:1], [choice.section])
        if choice.edits:
            captions = [f"before: {choice.prompts}", f"now: {choice.prompts}{edited}"]
            compare("captions", shown["captions"], captions)
            labels = {label for label, *_ in shown["boxes"]}
            compare("missing boxes", {*LABELS.values()} - labels, set())
        if not faults and (choice.edits or choice.page == "Explore"):
            ranking = ranking_of(shown)
            if any(ranking) or not shown["jobs"]:  # a job may still make the map
                compare("ranking", ranking, self.numbers.of(choice, texts))
                if choice.page == "Explore":
                    compare("rule of the mask", shown["rule"], rule.text)
        return faults, choice

    def open_page(self):
        title = self.dice.choice([name for name in PAGES if name != self.choice.page])
        self.steps.append(f"page {title}")
        self.behind.append(self.choice)
        link = self.page.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True)
        link.click()
        self.choice = replace(self.choice, page=title)

    def reload(self):
        self.steps.append("reload")
        self.page.reload(wait_until="commit")
        self.choice = afresh(self.choice)

    def back(self):
        self.steps.append("Back")
        self.choice = afresh(self.behind.pop())
        self.page.evaluate("window.__zsadSteps = false")  # until its address is opened anew
        self.page.go_back(wait_until="commit")

    def choose_method(self):
        method = self.dice.choice([name for name in METHODS if name != self.choice.method])
        self.pick("Method", methods.name_of(method))
        prompts = self.choice.prompts if self.choice.texts else None  # edited ones stay
        self.choice = replace(self.choice, method=method, setup=None, prompts=prompts)

    def choose_subject(self):
        (subject,) = {*SUBJECTS} - {self.choice.subject}
        self.pick("Subject", subject)
        self.choice = replace(self.choice, subject=subject)

    def choose_rule(self):
        rule = self.dice.choice([name for name in OWN_RULES if name != self.choice.rule])
        labels = ["Threshold rule", *(["Rule"] if self.choice.page == "Explore" else [])]
        self.pick(self.dice.choice(labels), RULES[rule].title)
        self.choice = replace(self.choice, rule=rule)

    def choose_set(self):
        prompts = self.dice.choice([name for name in SETS if name != self.choice.prompts])
        self.pick("Prompts", prompts)
        self.choice = replace(self.choice, prompts=prompts, texts=None)

    def choose_section(self):
        section = self.dice.choice([name for name in SECTIONS if name != self.choice.section])
        self.steps.append(f"section {section}")
        self.page.get_by_test_id("stMain").get_by_role("radio", name=section, exact=True).click()
        self.choice = replace(self.choice, section=section)

    def edit_beside(self):
        """An edit in the sidebar, whose box lies in a part that may be closed."""
        box = self.page.get_by_label(LABELS["abnormal"], exact=True)
        if not box.is_visible():
            self.page.get_by_text("Edit prompts", exact=True).click()
        self.edit()

    def edit(self):
        base = fields(all_prompts()[self.choice.prompts])
        abnormal = self.dice.choice([*EDITS, base["abnormal"]])
        self.steps.append(f"abnormal texts {abnormal!r}")
        box = self.page.get_by_label(LABELS["abnormal"], exact=True)
        box.fill(abnormal)
        box.press("Control+Enter")
        texts = {**(self.choice.texts or base), "abnormal": abnormal}
        self.choice = replace(self.choice, texts=texts if texts != base else None)

    def pick(self, label, option):
        boxes = self.page.locator(f'input[role="combobox"][aria-label="{label}"]')
        box = boxes.nth(self.dice.randrange(boxes.count()))
        if box.input_value().startswith(label) and ": " in box.input_value():
            option = f"{label}: {option}"
        self.steps.append(f"{label} {option}")
        box.click()
        box.fill(option)
        self.page.get_by_role("option", name=option, exact=True).click()


def afresh(choice):
    """The choice of a session that begins with its address, which names a section on its page."""
    return choice if choice.page == "Prompts" else replace(choice, section="Edit")


def ranking_of(shown):
    """AUROC and best Dice as the page shows them, in Explore's metrics or the editor's table."""
    numbers = {name.lower(): value for name, value in shown["metrics"]}
    if shown["table"] and not numbers:
        header, *rows = shown["table"]
        numbers = dict(zip(header, next(row for row in rows if row[0] == "now"), strict=True))
    ranking = [numbers.get(name) for name in ("voxel auroc (brain)", "best dice (oracle)")]
    return [value and f"{float(value):.3f}" for value in ranking]


class Numbers:
    """The rankings that the core gives for choices."""

    def __init__(self):
        self.engine, self.known = Engine(device="cpu"), {}

    def of(self, choice, texts):
        """AUROC and best Dice of the map of these texts."""
        if choice.setup is None:
            return "a setup"
        key = (choice.subject, choice.method, choice.setup, *texts.values())
        if key not in self.known:
            self.known[key] = self.computed(choice, texts)
        return self.known[key]

    def computed(self, choice, texts):
        lines = {key: tuple(text.splitlines()) for key, text in texts.items()}
        prompts = replace(
            all_prompts()[choice.prompts], **{**lines, "class_name": texts["class_name"]}
        )
        slices = SliceSpec(DataSpec("demo-2mm"), choice.subject, "t2f")
        spec = pipeline.map_spec(self.engine, slices, choice.method, choice.setup, prompts)
        middle = Threshold(0.5, "fixed", "ranks nothing")
        numbers = pipeline.numbers(self.engine, spec, ReadoutSpec(), middle)
        return [f"{numbers.auroc:.3f}", f"{numbers.best_dice:.3f}"]


@pytest.fixture(scope="module")
def user(shared_home):
    return shared_home


@pytest.fixture
def walks(app, new_page):
    """Users who each look at a map."""
    first, server = app
    numbers, start = Numbers(), Choice()
    choices = {"data": "demo-2mm:", "subject": start.subject, "method": start.method}
    walks = []
    for number, page in enumerate([first, *(new_page() for _ in range(1, USERS))]):
        page.set_default_timeout(SETTLED_S * 1000)
        page.goto(server.address("Explore", **choices, modality="t2f", rule="fixed"))
        walk = Walk(page, random.Random(f"{SEED}-{number}"), numbers)
        walk.steps.append(f"user {number} of seed {SEED}")
        walks.append(walk)
    for walk in walks:
        walk.look(within=FIRST_S)
    return walks


def test_random_walks_show_what_their_addresses_name(walks, app, new_page):
    _, server = app
    for number in range(1, STEPS + 1):
        for walk in walks:
            walk.step()
        for walk in walks:
            walk.look()
            assert walk.page.complaints == server.complaints() == [], walk.steps
        if number % LINK_EVERY == 0:
            walks[number // LINK_EVERY % USERS].look_at_link(new_page())

"""With a login: who may do what, whose things are seen, and what is recorded."""

import ast
import inspect
import json
import sys
import threading
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import pytest

from pages.ui.shell import compute
from tests.helpers.pages import ROOT, at, mark_of, shown, widget
from tests.helpers.weights import small_backbone
from zsad_core import setups
from zsad_core.base import paths, settings
from zsad_core.base.jobs import Client
from zsad_core.base.paths import home
from zsad_core.base.store import key_of
from zsad_core.errors import DataError
from zsad_core.prompts import sets as prompt_sets
from zsad_core.setups import Setup
from zsad_core.training import own
from zsad_core.training.runs import TrainRequest
from zsad_core.types import BackboneSpec, DataSpec, PromptSet

ISSUER = "https://id.example"


@pytest.fixture(autouse=True)
def _no_work_left():
    yield
    for job in compute.engine().jobs.running().values():
        job.cancel()
        job.wait(60)
        compute.engine().jobs.drop(job)


def page_of(subject, path, **choices):
    """A page as a user sees it who is logged in."""
    test = at(path, **choices)
    claims = {"iss": ISSUER, "sub": subject, "email": f"{subject}@lab.example"}
    test.user = {"is_logged_in": True, **claims}
    return test


def sections(test):
    (found,) = [one.options for one in test.button_group if "Data" in one.options]
    return found


@pytest.mark.parametrize(
    ("named", "verified", "operates"),
    [
        ("", True, False),
        ("ben@lab.example", True, False),
        ("ben@lab.example, ADA@lab.example", True, True),
        ("ada", True, True),
        ("ADA", True, False),
        ("ada@lab.example", False, False),
    ],
)
def test_operators_are_those_who_are_named(monkeypatch, named, verified, operates):
    monkeypatch.setenv("ZSAD_OPERATORS", named)
    monkeypatch.setenv("ZSAD_VISITORS", "operator")  # holds without a login alone
    test = page_of("ada", "pages/6_Setup.py")
    test.user["email_verified"] = verified
    assert ("Train" in sections(shown(test))) == operates


def test_where_the_login_lacks_its_packages_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "authlib", None)
    test = shown(page_of("ada", "pages/6_Setup.py"))
    assert "zsad-explorer[login]" in test.error[0].value
    assert not test.button


def test_who_has_not_logged_in_sees_no_page():
    test = at("pages/6_Setup.py")
    test.user = {"is_logged_in": False}
    test.secrets = {"auth": {"client_id": "zsad", "okta": {"client_id": "zsad"}}}
    assert [one.label for one in shown(test).button] == ["Log in", "Log in with okta"]


def test_each_user_has_a_home_and_sees_what_is_published(small_demo):
    test = page_of("ada", "pages/2_Prompts.py", lab="Edit", method="winclip")
    test = shown(test)
    widget_ = next(one for one in test.text_input if one.label == "Save as")
    widget_.set_value("adas").run()
    next(one for one in test.button if one.label == "Save prompt set").click()
    shown(test)
    (own,) = (home() / "users").glob("*/prompts/adas.yaml")
    assert not (home() / "prompts").exists()

    def offered(subject):
        return widget(shown(page_of(subject, "pages/1_Explore.py")).selectbox, "prompts").options

    assert "adas" in offered("ada")
    assert "adas" not in offered("ben")
    next(one for one in test.button if one.label == "Publish").click()
    shown(test)
    assert prompt_sets.load(home() / "prompts" / "adas.yaml").name == "adas"
    assert "adas" in offered("ben")
    assert own.exists()


def table(subject):
    """The setups in the table of Setup, Weights, with who added them."""
    test = shown(page_of(subject, "pages/6_Setup.py", section="Weights"))
    (frame,) = [one.value for one in test.dataframe if "setup" in one.value]
    return test, dict(zip(frame["setup"], frame["by"], strict=True))


def test_each_operator_has_setups_and_publishes_them(monkeypatch, tmp_path, small_demo):
    monkeypatch.setenv("ZSAD_OPERATORS", "ada, ben")
    small = BackboneSpec(*map(str, small_backbone(tmp_path)))
    test, _ = table("ada")
    named = {"name": "adas", "backbone": small.name, "weights": small.weights}
    for key, value in named.items():
        next(one for one in test.text_input if one.key == f"own-{key}").set_value(value)
    next(one for one in test.selectbox if one.key == "own-method").set_value("winclip")
    next(one for one in test.button if one.label == "Add").click()
    shown(test)

    def offered(subject):
        page = page_of(subject, "pages/1_Explore.py", data="demo-2mm:", method="winclip")
        return widget(shown(page).selectbox, "setup").options

    _, of_ada = table("ada")
    assert of_ada["adas"] == "you"
    for other in ("ben", "carl"):
        assert "adas" not in table(other)[1]
        assert "adas" not in offered(other)
    assert "adas" in offered("ada")
    assert not setups.kept()

    test, _ = table("ada")
    test.button(key="publish-winclip-adas").click()
    shown(test)
    for other in ("ben", "carl"):
        page, of_other = table(other)
        assert of_other["adas"] == "another user"
        assert not [one for one in page.button if one.key == "forget-winclip-adas"]
        assert "adas" in offered(other)
    for _ in range(2):  # their own, then what they published
        test, _ = table("ada")
        test.button(key="forget-winclip-adas").click()
        shown(test)
    assert "adas" not in table("ben")[1]


def test_a_command_is_given_for_what_it_finds_alone(monkeypatch, small_demo):
    """Commands read the home of all users: texts of one's own stand in the command."""
    monkeypatch.setenv("ZSAD_OPERATORS", "ada")
    ada = paths.home_of(mark_of(f"{ISSUER} ada"))
    texts = PromptSet("adas", ("a fine scan",), ("a bad scan",))
    prompt_sets.save(texts, settings.prompt_folder(ada))

    def command_of(setup):
        chosen = {"data": "demo-2mm:", "method": "winclip", "prompts": "adas", "setup": setup}
        return shown(page_of("ada", "pages/1_Explore.py", **chosen))

    assert "- a fine scan" in command_of("zero-shot").code[0].value
    settings.change(
        "setups", asdict(Setup("winclip", "adas", BackboneSpec(), "", "")), lambda _: True, ada
    )
    said = [one.value for one in command_of("adas").info]
    assert any("the setup is yours alone" in one for one in said)


def test_a_training_that_was_stopped_is_its_users_alone(monkeypatch, small_demo):
    monkeypatch.setenv("ZSAD_OPERATORS", "ada, ben")
    request = TrainRequest("aprilgan", "industrial", Path("x.safetensors"))
    own.begin("adas", request, paths.home_of(mark_of(f"{ISSUER} ada")))

    def buttons(subject):
        test = shown(page_of(subject, "pages/6_Setup.py", section="Train"))
        return {one.label for one in test.button}

    assert {"Continue", "Discard"} <= buttons("ada")
    assert not {"Continue", "Discard"} & buttons("ben")


def test_another_users_job_is_seen_by_its_progress_alone(small_demo):
    go = threading.Event()
    board = compute.engine().jobs
    job = board.start("k", "Secret work", lambda _: go.wait(60), client=Client("another"))
    try:
        job.progress(1, 4, "secret note")
        test = shown(page_of("boss", "pages/6_Setup.py", section="Device and cache"))
        texts = " ".join(one.proto.text for one in test.get("progress"))
        assert "Another user's job: 1 of 4" in texts
        assert "ecret" not in texts
        assert "Another user's: Secret work" in " ".join(
            one.proto.text
            for one in shown(at("pages/6_Setup.py", section="Device and cache")).get("progress")
        )
    finally:
        go.set()
        job.wait(60)


def test_nobody_reads_what_another_users_failed_job_was(monkeypatch, small_demo):
    monkeypatch.setenv("ZSAD_OPERATORS", "boss")

    def fail(_):
        raise DataError("a secret reason")

    chosen = {"data": "demo-2mm:", "method": "intensity", "section": "Pre-encode"}
    key = f"pre-encode-{key_of('', data=DataSpec('demo-2mm'))}"
    job = compute.engine().jobs.start(key, "Secret work", fail, client=Client("another"))
    job.wait(60)
    try:
        test = shown(page_of("boss", "pages/6_Setup.py", **chosen))
        said = " ".join(one.value for one in (*test.caption, *test.warning, *test.error))
        assert "Another user's job: failed." in said
        assert "ecret" not in said
    finally:
        compute.engine().jobs.drop(job)


def test_a_viewer_starts_no_evaluation(small_demo):
    for path in ("pages/4_Cohort.py", "pages/5_Failures.py", "pages/3_Depth.py"):
        test = page_of("ada", path, data="demo-2mm:", method="intensity")
        if "Depth" in path:
            test.session_state["scope"] = "all evaluated subjects"
        test.session_state["cohort-section"] = "Evaluate"
        labels = [one.label for one in shown(test).button]
        assert not [label for label in labels if "valuate" in label], path


def test_what_was_done_is_recorded_with_who_did_it(small_demo):
    test = shown(page_of("ada", "pages/6_Setup.py"))
    shown(test)
    lines = [json.loads(line) for line in (home() / "audit.jsonl").read_text().splitlines()]
    assert [(one["act"], one["user"]) for one in lines] == [
        ("login", f"{ISSUER} ada ada@lab.example")
    ]


def test_on_ones_own_machine_nothing_is_recorded(small_demo):
    shown(at("pages/6_Setup.py"))
    assert not (home() / "audit.jsonl").exists()


PAGES = sorted((ROOT / "pages").rglob("*.py"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_says_whose_home_it_reads_and_writes(path):
    """Or it would take that of all users, and one would see what another made."""
    tree = ast.parse(path.read_text())
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zsad_core"):
            for alias in node.names:
                found = getattr(import_module(node.module), alias.name, None)
                found = found or import_module(f"{node.module}.{alias.name}")
                names[alias.asname or alias.name] = found
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            module = names.get(getattr(node.func.value, "id", ""))
            called = getattr(module, node.func.attr, None)
        else:
            called = names.get(getattr(node.func, "id", ""))
        if not inspect.isfunction(called):
            continue
        takes = [*inspect.signature(called).parameters]
        if "home" in takes:
            given = len(node.args) > takes.index("home")
            given |= any(one.arg == "home" for one in node.keywords)
            assert given, f"{path.name}:{node.lineno}"

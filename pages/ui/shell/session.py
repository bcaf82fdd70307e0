"""The state of a session: this module alone names Streamlit's keys.

A key that one widget alone uses stands beside that widget; every other is an `Entry` here, and each
that a link names a `Choice`. A session reads the address once, when it begins; from then on every
run makes the address of what is chosen.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from typing import Any, Generic, TypeVar, get_args
from urllib.parse import urlencode, urlsplit

import streamlit as st

from zsad_core.base.wording import whole_number
from zsad_core.types import DataSpec, Precision, Threshold

T = TypeVar("T")
NOTICE_S = 30.0  # long enough for a slow run, and to be read


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A value that a session keeps under a key; the default until it is set."""

    key: str
    default: T

    def get(self) -> T:
        """The value, or the default."""
        return st.session_state.get(self.key, self.default)

    def set(self, value: T) -> None:
        """Keep a value; what a widget shows only before it is drawn, or in a callback."""
        st.session_state[self.key] = value

    def setdefault(self, value: T) -> T:
        """The value; where there is none, this one from now on."""
        return st.session_state.setdefault(self.key, value)

    def pop(self) -> T:
        """The value, or the default; it is gone then."""
        return st.session_state.pop(self.key, self.default)

    def exists(self) -> bool:
        """Whether it was set."""
        return self.key in st.session_state

    def of(self, name: str) -> "Entry[T]":
        """The entry of the same kind for one of several."""
        return Entry(f"{self.key}-{name}", self.default)


def _number(words: Sequence[str]) -> int | None:
    return whole_number(words[-1])


def _index(words: Sequence[str]) -> int | None:
    number = _number(words)
    return number - 1 if number else None


def _switch(words: Sequence[str]) -> bool | None:
    return {"true": True, "false": False}.get(words[-1])


def _precision(words: Sequence[str]) -> str | None:
    return words[-1] if words[-1] in get_args(Precision) else None


def _value(words: Sequence[str]) -> tuple[float, None] | None:
    try:
        value = float(words[-1])
    except ValueError:
        return None
    return (value, None) if math.isfinite(value) else None


def _amount(words: Sequence[str]) -> float | None:
    value = _value(words)
    return value[0] if value and value[0] > 0 else None


def _share(words: Sequence[str]) -> float | None:
    from zsad_core.metrics.thresholds import from_level  # a new process draws its frame without

    level = _number(words)
    return None if level is None else min(from_level(level, 1.0), 1.0)


@dataclass(frozen=True)
class Choice(Entry[T]):
    """A value that stands in the address: on every page, or on the one of this title.

    `read` makes it of the words that an address holds; None for nonsense, which is passed over.
    """

    read: Callable[[Sequence[str]], Any] = itemgetter(-1)
    write: Callable[[Any], str | Sequence[str]] = str
    page: str = ""


def _list(key: str, page: str = "") -> Choice[Sequence[str]]:
    return Choice(key, [], list, list, page)


# The view that is looked at.
DATA = Choice("data", "")
SUBJECT = Choice("subject", "")
MODALITY = Choice("modality", "")
METHOD = Choice("method", "")
SETUP = Choice("setup", "")
PRECISION = Choice("precision", "", _precision)
"""That of the image tower; "" for the faster one of the machine."""
SLICE = Choice[int | None]("slice", None, _index, lambda index: str(index + 1))
"""Its index; the address, like the screen, counts from 1."""
REFERENCE_SLICES = _list("normal_slices")
REFERENCE_SET = _list("set")
RULE = Choice("rule", "")
RULE_AMOUNT = Choice[float | None]("amount", None, _amount, "{:.12g}".format)
"""The number that the threshold rule takes, None for its default."""
THRESHOLD = Choice[tuple[float, float | None] | None](
    "threshold", None, _value, lambda threshold: repr(threshold[0])
)
"""The value set by hand and the end of its method's range; of an address, None for that end."""
LEVEL = Choice("level", 0.5, _share)
"""Of an older link: the share of the range, which it names by one of 255 steps."""
OPENED_THRESHOLD = Entry[tuple[Threshold, str] | None]("opened_threshold", None)
"""The threshold of the view that was opened last, and the key of its map."""
LAST_TUNED = Entry[float | None]("tuned", None)
"""The tuned threshold last computed, of each rule, method and setup."""
EMPTY_SLICES = Choice("empty", "")
BRAIN_ONLY = Choice("brain", True, _switch, lambda on: str(on).lower())
SMALLEST = Choice("smallest", 0, _number)
DEPTH_ORIGIN = Choice("centre", "")
SAFE_COLOURS = Choice("safe", False, _switch, lambda on: str(on).lower())
COMPARED = _list("compare", "Explore")

# Prompts.
PROMPTS = Choice("prompts", "")
PROMPTS_OF = Entry[str | None]("prompts_of", None)
"""The method whose prompts were chosen last."""
TEXTS = {name: Choice(name, "") for name in ("normal", "abnormal", "class_name", "templates")}
"""The fields of the editor."""
LAST_REGION = Entry("last_region", DataSpec.region)
"""The region of the data that were chosen in the last run."""
SPELLED = Entry("_spelled", False)
"""Whether the address holds the fields: of a set that is edited, or that not everybody has."""
SWITCHES = Entry("on", True)
LAST_DRAFT = Entry[dict[str, str] | None]("drafted", None)
LAST_TRIAL = Entry[object]("in_history", None)
LAB_SECTION = Choice("lab", "Edit", page="Prompts")
OTHER_SUBJECTS = Entry[tuple[str, ...]]("also_on", ())

# The viewer.
JUMP = Entry("_jump", False)
"""Whether the viewer is to take slice and threshold of the next run, whatever it shows."""
JUMPS = Entry("jumps", 0)
LAST_VIEW = Entry[tuple[str, float, str] | None]("last_view", None)
"""Subject, threshold and rule that the viewer was sent last."""
MARKS = Entry[dict[str, tuple[float, ...]]]("marks", {})
"""Thresholds that the viewer was sent, by the map's key."""
VIEWER_STATE = Entry[Any]("viewer_state", None)
FIRST_SLICE = Entry[tuple[list[str], int] | None]("first_slice", None)

# Pages.
KEPT_VIEW = Entry("kept_view", "")
"""The address of the view that was kept last as the one to come back to."""
TOUR = Choice[str | None]("tour", None, page="Explore")
RESULTS_FOLDER = Entry("results", "")
SLICES_IN_MEAN = Entry("which", "all")
FIGURE_2_CONFIGURATIONS = Entry[list[str]]("configurations-shown", [])
ENCODE_PICTURES = Entry("encode-pictures", False)
FAILURES_SECTION = Choice("failures", "", page="Failures")
PINS_OF = Choice("pins", "yours", page="Failures")
"""With a login: the user's own pins, or those "published"."""
CASE = Choice[int | None]("case", None, _number, page="Failures")
"""The pin that is presented, from 1."""
GALLERY_PAGE = Entry("failure-page", 1)
GALLERY_REDRAW = Entry("_redraw", False)
PIN_EDITOR = Entry("pin_editor", False)
UPLOAD_TOKEN = Entry("upload_token", "")
UPLOAD_OUTCOMES = Entry[Sequence[Any]]("upload_outcomes", ())
UPLOAD_TURN = Entry("upload_turn", 0)
USER = Entry("user", "")
TAB = Entry("tab", "")
LOGIN_NOTED = Entry("login_noted", False)
SHOWN_JOBS = Entry[dict[str, set[str]]]("shown_jobs", {})
"""Keys of the jobs whose results this run shows, by kind."""
JOBS_BEFORE = Entry[dict[str, set[str]]]("jobs_before", {})
"""The same of the last run that showed the kind, also where it was cut off."""
JOBS_OPEN = Entry("jobs-open", False)
TRAINING_JOB = Entry("training_job", "")
ADDED_ROOT = Entry("added_root", "")
"""The name of the folder that was added last, until it is used."""
NEW_ROOT = Entry[DataSpec | None]("new_root", None)
"""The folder that is being looked at, until it is added."""
CHANGED_ROOT = Entry[DataSpec | None]("changed_root", None)
"""The folder whose layout, lesion and words are being changed."""
NEXT_VIEW = Entry[Any]("_next_view", None)
"""The view that a callback asked for."""
_PAGE = Entry[str | None]("_page", None)
_REQUESTS = Entry[dict[str, Any]]("requests", {})
_NOTICES = Entry[tuple[str, float] | None]("_notice", None)
"""A message, and when it was given."""
_SHOWN = Entry[dict[str, "_Shown"]]("_shown", {})
"""What shows each choice, by its widget's name."""
_WITHIN = Entry[dict[str, object]]("_within", {})
_REPLACED = Entry[dict[str, tuple[str, object, object]]]("_replaced", {})
CHOICES: tuple[Choice[Any], ...] = (
    DATA, SUBJECT, MODALITY, METHOD, SETUP, PRECISION, SLICE, REFERENCE_SLICES,
    REFERENCE_SET, RULE, RULE_AMOUNT, THRESHOLD, LEVEL, EMPTY_SLICES, BRAIN_ONLY, SMALLEST,
    DEPTH_ORIGIN, SAFE_COLOURS, COMPARED, PROMPTS, *TEXTS.values(), LAB_SECTION, TOUR,
    FAILURES_SECTION, PINS_OF, CASE,
)  # fmt: skip


def begin(title: str) -> None:
    """Make the choices with which the page of this title begins, before it draws a widget.

    They are those of the last run; of the address where the session begins here, or where a link
    between pages names a section; and those that were requested.
    """
    last = _PAGE.get()
    for choice in CHOICES:
        words = st.query_params.get_all(choice.key)
        if words and (last is None or last != title == choice.page):
            value = choice.read(words)
            if value is not None:
                choice.set(value)
                if choice in TEXTS.values():
                    SPELLED.set(True)
    _PAGE.set(title)
    requests = _REQUESTS.get()  # a run that is cut off here leaves them to the next
    st.session_state.update(requests)
    _WITHIN.set({key: value for key, value in _WITHIN.get().items() if key not in requests})
    _REQUESTS.pop()
    if last is None:
        _note_page(title)


def _note_page(title: str) -> None:
    """Note the page of a link that is none, in place of which the start page runs."""
    base = st.get_option("server.baseUrlPath").strip("/")
    page = urlsplit(st.context.url or "").path.strip("/").removeprefix(base).strip("/")
    if page and title == "Start":
        _REPLACED.set({_PAGE.key: ("Page", page, title)})


def address() -> str:
    """The query that names what is chosen, but for what a session begins with.

    It is `steps.js` that writes it: written by Streamlit it may be a further step of the history.
    """
    title, named = _PAGE.get(), {}
    for choice in CHOICES:
        value, text = st.session_state.get(choice.key), choice in TEXTS.values()
        if value is None:
            continue
        if choice.page in ("", title) and (SPELLED.get() if text else value != choice.default):
            named[choice.key] = choice.write(value)
    return urlencode(named, doseq=True)


def persisted(key: str) -> dict[str, Any]:
    """What a widget takes that is nobody else's and lives on when the page is left."""
    return {"key": key, "persist_state": "session"}


@dataclass(frozen=True)
class _Shown:
    """The widget of a page that shows a choice: its value, and that of the widget before it."""

    page: str | None
    number: int
    value: object
    before: object
    labels: tuple[str, ...]


def widget(
    choice: Entry[T],
    on_change: Callable[[], object] | None = None,
    place: str = "",
    default: str = "value",
    labels: tuple[str, ...] = (),
) -> dict[str, Any]:
    """What a widget takes that shows a choice and makes it; `place` tells two of a page apart.

    On another page, and where something else made the choice, it is another widget, by its key: the
    browser may not know of it yet, and with the next click sends what the one before it showed. So
    it is where the `labels` of its options change, as the browser sends those. Its value is the
    `default`, by what the widget calls that: after a page change that was cut off the browser
    begins with it, and sends it with the next click.
    """
    name = f"{choice.key}-{place}" if place else choice.key
    page, value, shown = _PAGE.get(), choice.get(), _SHOWN.get().get(name)
    if shown is None or (page, value, labels) != (shown.page, shown.value, shown.labels):
        number, before = (shown.number, shown.value) if shown else (0, None)
        shown = _Shown(page, number + 1, value, before, labels)
        _SHOWN.set({**_SHOWN.get(), name: shown})
    take = partial(_take, choice, name, shown.number, on_change)
    return {"key": f"{name}-{shown.number}", "on_change": take, default: shown.value}


def several(choice: Entry[T]) -> dict[str, Any]:
    """The same for buttons of which one is chosen, and for a list of several."""
    return widget(choice, default="default")


def select(
    options: Sequence[str],
    choice: Entry[str],
    on_change: Callable[[], object] | None = None,
    place: str = "",
    format_func: Callable[[str], str] = str,
) -> dict[str, Any]:
    """The same for a list of which one is chosen, with its options and what they are called."""
    looks = widget(choice, on_change, place, "index", tuple(map(format_func, options)))
    index = list(options).index(looks["index"])
    return {**looks, "options": options, "index": index, "format_func": format_func}


def _take(choice: Entry[T], name: str, number: int, on_change: Callable[[], object] | None) -> None:
    """Make the choice that a widget was changed to; nothing where it is as it was drawn."""
    value, shown = st.session_state[f"{name}-{number}"], _SHOWN.get()[name]
    if number == shown.number:
        _SHOWN.set({**_SHOWN.get(), name: replace(shown, value=value)})
    elif number < shown.number - 1 or value == shown.before:
        return
    choice.set(value)
    if on_change:
        on_change()


def pick(
    label: str,
    options: Sequence[str],
    choice: Entry[str],
    first: str = "",
    within: object = None,
    on_change: Callable[[], object] | None = None,
    format_func: Callable[[str], str] = str,
) -> str:
    """A list whose choice is `first`, else the first option, until one is made.

    One that is not among the options is replaced by it, as `settle` does.
    """
    value = choice.get()
    settle(choice, value if value in options else first or options[0], label, within)
    return st.selectbox(label, **select(options, choice, on_change, "", format_func))


def pick_section(choice: Entry[str], sections: Sequence[str]) -> str:
    """Buttons of a page's sections; the first is chosen until another is, and as in `pick`."""
    value = choice.get()
    settle(choice, value if value in sections else sections[0], "Section")
    looks = {"label_visibility": "collapsed", **several(choice)}
    return st.segmented_control("Section", sections, required=True, **looks)


def settle(choice: Entry[T], value: T, label: str, within: object = None) -> bool:
    """Choose what is to be had of what was asked for; whether `replaced` now says what was not.

    It says nothing where the user changed what the choice lies within, such as a subject's data.
    """
    absent, before = choice.get(), _WITHIN.get()
    _WITHIN.set({**before, choice.key: within})
    if absent == value:
        return False
    choice.set(value)
    if not absent or before.get(choice.key, within) != within:
        return False
    _REPLACED.set({**_REPLACED.get(), choice.key: (label, absent, value)})
    return True


def replaced() -> str:
    """What a link or an earlier page asked for that is not here; "" once another is chosen."""
    standing = {
        key: words
        for key, words in _REPLACED.get().items()
        if st.session_state.get(key) == words[-1]
    }
    _REPLACED.set(standing)
    words = [
        f"{label.lower()} '{_listed(absent)}' (shown instead: {_listed(value) or 'none'})"
        for label, absent, value in standing.values()
    ]
    return f"Not available here: {'; '.join(words)}." if words else ""


def _listed(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def component(key: str) -> dict[str, Any]:
    """What a component of this key last sent."""
    return st.session_state[key]


def request(choices: dict[str, Any]) -> None:
    """Choices by key, to be made by the next run before it draws their widgets."""
    _REQUESTS.set({**_REQUESTS.get(), **choices})


def threshold_in(high: float) -> float:
    """The threshold set by hand in a range 0 … high or just above it, by default half of it.

    Of another range it is the same share.
    """
    from zsad_core.metrics.thresholds import above_range

    value, end = THRESHOLD.get() or (LEVEL.get(), 1.0)
    value = value if end in (None, high) else value / end * high
    return min(max(value, 0.0), above_range(high))


def set_range(high: float) -> None:
    """Hold the threshold set by hand in a range 0 … high, that of the method now chosen."""
    THRESHOLD.set((threshold_in(high), high))
    LEVEL.pop()


def set_threshold(value: float, high: float) -> None:
    """A threshold set by hand in a range 0 … high; from the next run on it is the one in force."""
    request({RULE.key: "fixed", THRESHOLD.key: (value, high)})


def notify(place: str, text: str) -> None:
    """A message for a place on the page, which the next runs show for a while."""
    _NOTICES.of(place).set((text, time.monotonic()))


def notice(place: str) -> str:
    """The message for the place, whatever else runs the page in the meantime; "" without."""
    text, since = _NOTICES.of(place).get() or ("", -math.inf)
    return text if time.monotonic() < since + NOTICE_S else ""

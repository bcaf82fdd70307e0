"""The state of a session: this module alone names Streamlit's keys.

A key that one widget alone uses stands beside that widget; every other is an `Entry` here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from zsad_core.base.wording import whole_number

T = TypeVar("T")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A value that a session keeps under a key, be it a widget's; the default until it is set."""

    key: str
    default: T

    def get(self) -> T:
        """The value, or the default."""
        return st.session_state.get(self.key, self.default)

    def set(self, value: T) -> None:
        """Keep a value; that of a widget only before the widget is drawn, or in a callback."""
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


# The view that is looked at.
DATA = Entry("data", "")
SUBJECT = Entry("subject", "")
MODALITY = Entry("modality", "")
METHOD = Entry("method", "")
SETUP = Entry("setup", "")
SLICE = Entry[int | None]("slice", None)
REFERENCE_SLICES = Entry[Sequence[str]]("normal_slices", ())
REFERENCE_SET = Entry[Sequence[str]]("set", ())
RULE = Entry("rule", "")
THRESHOLD = Entry[tuple[float, float] | None]("threshold", None)
"""The value set by hand and the end of its method's range."""
LAST_VALIDATION = Entry[float | None]("validation", None)
"""The validation threshold last computed, of each method and setup."""
EMPTY_SLICES = Entry("empty", "")
BRAIN_ONLY = Entry("brain", True)
SMALLEST = Entry("smallest", 0)
DEPTH_ORIGIN = Entry("centre", "")
SAFE_COLOURS = Entry("safe", False)
COMPARED = Entry[list[str]]("compare", [])

# Prompts.
PROMPTS = Entry("prompts", "")
PROMPTS_OF = Entry[str | None]("prompts_of", None)
"""The method whose prompts were chosen last."""
TEXTS = {name: Entry(name, "") for name in ("normal", "abnormal", "class_name", "templates")}
"""The fields of the editor."""
SWITCHES = Entry("on", True)
DRAFT_AUTHOR = Entry("drafter", "")
LAST_DRAFT = Entry[dict[str, str] | None]("drafted", None)
LAST_TRIAL = Entry[object]("in_history", None)
LAB_SECTION = Entry("lab", "")
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
TOUR = Entry[str | None]("tour", None)
RESULTS_FOLDER = Entry("results", "")
FIGURE_2_RUNS = Entry[list[str]]("runs-shown", [])
ENCODE_PICTURES = Entry("encode-pictures", False)
GALLERY_PAGE = Entry("failure-page", 1)
GALLERY_REDRAW = Entry("_redraw", False)
PIN_EDITOR = Entry("pin_editor", False)
UPLOAD_TOKEN = Entry("upload_token", "")
UPLOAD_OUTCOMES = Entry[Sequence[Any]]("upload_outcomes", ())
UPLOAD_TURN = Entry("upload_turn", 0)
LIVE_JOB = Entry("live_job", "")
TRAINING_JOB = Entry("training_job", "")
NEXT_VIEW = Entry[Any]("_next_view", None)
"""The view that a callback asked for."""
MOVED = Entry("_moved", False)
"""Whether this run is the first of another page."""
_PAGE = Entry[str | None]("_page", None)
_CARRIED = Entry[set[str]]("_carried", set())
_REQUESTS = Entry[dict[str, object]]("requests", {})
_NOTICES = Entry("_notice", "")


def persisted(key: str, *, address: bool = True, every_page: bool = True) -> dict[str, Any]:
    """What a widget takes whose choice lives on when the page is left.

    Args:
        key: the widget's.
        address: the choice stands in the page's address, too, under the key.
        every_page: it goes along to every page, even from a run that was cut off.
    """
    if every_page:
        _CARRIED.set(_CARRIED.get() | {key})
    return {
        "key": key,
        "persist_state": "session",
        **({"bind": "query-params"} if address else {}),
    }


def carry(title: str) -> bool:
    """Take persisted choices along to the page of this title, before it draws a widget.

    Streamlit hands choices from page to page as it tidies up after the page before, and tidies
    only what ran last: where that was a progress bar, the next page would begin with defaults.
    Returns whether the page changed; then the address may follow only when the page runs once more.
    """
    state = st.session_state
    moved = (_PAGE.get() or title) != title
    if moved:
        state.update({key: state[key] for key in _CARRIED.get() if key in state})
    _PAGE.set(title)
    return moved


def pick(label: str, options: Sequence[str], key: str, first: str, **more: object) -> str:
    """A list whose choice stands in the address as it is shown; `first` until one is made.

    It is put on top, since a choice of the topmost is left out of the address.
    """
    choice = Entry(key, "")
    if choice.get() not in options:
        choice.set(first)
    ordered = [first, *(option for option in options if option != first)]
    return st.selectbox(label, ordered, **persisted(key), **more)


def component(key: str) -> dict[str, Any]:
    """What a component of this key last said."""
    return st.session_state[key]


def request(choices: dict[str, object]) -> None:
    """Choices for widgets by key, to be made by the next run before it draws them."""
    _REQUESTS.set({**_REQUESTS.get(), **choices})


def grant_requests() -> None:
    """Make the choices that were requested."""
    st.session_state.update(_REQUESTS.pop())


def set_threshold(value: float, high: float) -> None:
    """A threshold set by hand in a range 0 … high; from the next run on it is the one in force."""
    THRESHOLD.set((value, high))
    request({RULE.key: "fixed"})
    st.query_params[THRESHOLD.key] = repr(value)
    st.query_params.pop("level", None)


def notify(place: str, text: str) -> None:
    """A message for a place on the page, for the next run to show."""
    _NOTICES.of(place).set(text)


def notice(place: str) -> str:
    """The message for the place, once; "" without."""
    return _NOTICES.of(place).pop()


def addressed_slice() -> int | None:
    """Index of the slice last looked at, else that of the address; None without."""
    found = SLICE.get() if SLICE.exists() else st.query_params.get(SLICE.key, "")
    return whole_number(str(found))

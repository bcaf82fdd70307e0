"""From the chosen rule to a level on the 256-level grid, and the words that go beside it."""

import streamlit as st

from pages.ui.compute import engine, start_once
from pages.ui.sidebar import Choice
from zsad_core import evaluation, metrics, thresholds
from zsad_core.jobs import Job
from zsad_core.store import key_of
from zsad_core.types import AnomalyMap, SliceStack, Threshold

HALF = 128


def take(level: int) -> None:
    """A hand on the slider: from now on the rule is 'fixed' at this level."""
    st.session_state["level"] = level
    st.session_state["_rule"] = "fixed"
    st.query_params["level"] = str(level)


def by_hand() -> Threshold:
    """The level the slider was left at, by default half of the method's range."""
    level = int(st.session_state.get("level", st.query_params.get("level", HALF)))
    return Threshold(min(max(level, 0), 255), "fixed", "set by the slider")


def threshold_of(
    choice: Choice, stack: SliceStack, anomaly: AnomalyMap | None
) -> tuple[Threshold, Job | None]:
    """The level of the chosen rule, and the background job that still computes it, if any.

    Where a rule cannot give a level (yet), the slider's level stands in and the note says why.
    """
    if choice.rule == "fixed":
        return by_hand(), None
    if choice.rule == "oracle":
        return _oracle(stack, anomaly), None
    return _validation(choice)


def _stand_in(why: str) -> Threshold:
    return Threshold(by_hand().level, "fixed", why)


def _oracle(stack: SliceStack, anomaly: AnomalyMap | None) -> Threshold:
    if stack.truth is None or not stack.truth.any():
        return _stand_in("no oracle: this subject has no lesion to choose a threshold on")
    if anomaly is None:
        return _stand_in("the oracle needs the whole map, which is being computed")
    histogram = metrics.histograms(anomaly.levels, stack.brain, stack.truth).sum(axis=0)
    level = thresholds.oracle_threshold(histogram)
    return Threshold(level, "oracle", "best 3D Dice of this subject: it saw the truth")


def _validation(choice: Choice) -> tuple[Threshold, Job | None]:
    subjects = evaluation.validation_subjects(choice.subjects, choice.map.features.slices.modality)
    known = evaluation.known_threshold(engine(), choice.map)
    if known is not None:
        return known, None
    old = _of_other_prompts(choice)
    job = start_once(
        f"validate-{key_of('', spec=evaluation.of_subject(choice.map, ''))}",
        "Validation threshold, subjects",
        lambda progress: evaluation.validation_threshold(engine(), choice.map, subjects, progress),
        "pages/1_Explore.py",
    )
    if job.state in ("failed", "cancelled"):
        return _stand_in(f"no validation threshold: {job.error or 'it was cancelled'}"), job
    return old or _stand_in("the validation threshold is being computed"), job


def _of_other_prompts(choice: Choice) -> Threshold | None:
    """The validation threshold last known for this method and setup, marked as such."""
    key = f"last-{choice.map.method}-{choice.map.setup}"
    last = st.session_state.get(key)
    if last is None:
        return None
    return Threshold(last, "validation", "from other prompts; the new one is being computed")


def remember(choice: Choice, threshold: Threshold) -> None:
    """Keep a validation level, to stand in marked while another prompt's is computed."""
    if threshold.rule == "validation":
        st.session_state[f"last-{choice.map.method}-{choice.map.setup}"] = threshold.level

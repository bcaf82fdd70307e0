"""The edited prompts on a handful of other subjects, before and now, as soon as they are typed."""

import math
from functools import partial

import pandas as pd
import streamlit as st

from pages.ui.prompts import subjects as prompt_subjects
from pages.ui.shell import compute, session
from pages.ui.shell.sidebar import UserChoice
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.inference import evaluation
from zsad_core.inference.pipeline import numbers
from zsad_core.metrics.readout import Readout
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.types import MapSpec, Progress, Threshold
from zsad_core.workspace import history

PAGE = "pages/2_Prompts.py"
NUMBERS = ("3D Dice", "best Dice (oracle)", "voxel AUROC (brain)")
Numbers = tuple[float, float, float]


def others(choice: UserChoice, before: MapSpec, threshold: Threshold) -> None:
    """Choose subjects; their numbers come with every edit, in the background."""
    compute.shows(compute.LIVE)
    with st.expander("Also on other subjects", expanded=session.OTHER_SUBJECTS.exists()):
        chosen = prompt_subjects.choose("Subjects", choice, "also", [])
        if not chosen:
            st.caption("Chosen subjects are evaluated after every edit, before and now.")
            return
        session.OTHER_SUBJECTS.set(chosen)
        specs = tuple(evaluation.of_subject(spec, "") for spec in (before, choice.map))
        found = compute.live_result(
            key_of("", what="also", specs=specs, subjects=chosen, threshold=threshold.value),
            f"'{choice.map.prompts.name}' for {choice.label} on "
            f"{counted(len(chosen), 'more subject')}",
            partial(_judged, choice, before, chosen, threshold),
            PAGE,
        )
        if found is not None:
            st.dataframe(table(found), hide_index=True, width="stretch")
            st.caption(
                f"3D Dice at {threshold_text(threshold.value)} ({threshold.rule}); each subject is "
                "a trial under History."
            )


def table(found: dict[str, tuple[Numbers, Numbers]]) -> pd.DataFrame:
    """A row a subject and one for their mean: each number now, and its change since before."""
    rows = []
    for subject, (before, now) in found.items():
        row: dict[str, object] = {"subject": subject}
        for name, old, new in zip(NUMBERS, before, now, strict=True):
            row |= {name: new, f"Δ {name}": new - old}
        rows.append(row)
    frame = pd.DataFrame(rows)
    mean = {"subject": "mean", **frame.drop(columns="subject").mean().to_dict()}
    return pd.concat([frame, pd.DataFrame([mean])], ignore_index=True).round(3)


def _judged(
    choice: UserChoice,
    before: MapSpec,
    subjects: tuple[str, ...],
    threshold: Threshold,
    progress: Progress,
) -> dict[str, tuple[Numbers, Numbers]]:
    edited = choice.map.prompts != before.prompts
    together = (choice.subject.id, *subjects)
    found = {}
    for done, subject in enumerate(subjects):
        step = partial(_step, progress, done, len(subjects))
        each = []
        for spec in (before, choice.map):
            one = evaluation.of_subject(spec, subject)
            read = numbers(compute.engine(), one, choice.readout, threshold, step)
            step()
            each.append(read)
        history.add(one, read, threshold, edited, together)
        found[subject] = (_numbers(each[0]), _numbers(each[1]))
    return found


def _numbers(read: Readout) -> Numbers:
    told = (read.dice_3d, read.best_dice, read.auroc)
    dice, best, auroc = (math.nan if one is None else one for one in told)
    return dice, best, auroc


def _step(progress: Progress, done: int, total: int, *_: int) -> None:
    progress(done, total)

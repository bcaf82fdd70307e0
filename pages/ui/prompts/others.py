"""The edited prompts on a handful of other subjects, before and now, as soon as they are typed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from pages.ui.prompts import subjects as prompt_subjects
from pages.ui.shell import compute, exposure, session
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import UserChoice
from pages.ui.shell.user import home, user
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import SplitTable
from zsad_core.inference import evaluation
from zsad_core.inference.exposure import exposure as exposed_by
from zsad_core.inference.pipeline import numbers
from zsad_core.inference.sources import resolve
from zsad_core.metrics import intervals
from zsad_core.metrics.readout import Readout
from zsad_core.metrics.threshold_rules import Fixed, MapRule, Oracle, rule_of
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.types import MapSpec, Progress, Threshold
from zsad_core.workspace import history

Numbers = tuple[float, float, float]


@dataclass(frozen=True)
class OtherSubject:
    """Numbers of a subject with the set before and now, and what has seen it, in words."""

    before: Numbers
    now: Numbers
    exposed: tuple[str, ...] = ()


def others(choice: UserChoice, before: tuple[MapSpec, Threshold], threshold: Threshold) -> None:
    """Choose subjects; their numbers come with every edit, each set at its own threshold."""
    with st.expander(
        "Also on other subjects", expanded=session.OTHER_SUBJECTS.exists(), key="box-subjects"
    ):
        chosen = prompt_subjects.choose("Subjects", choice, "also", [])
        if not chosen:
            st.caption("Chosen subjects are evaluated after every edit, before and now.")
            return
        session.OTHER_SUBJECTS.set(chosen)
        tuned_on = (choice.subject.id,) if threshold.rule == Oracle.name else ()
        threshold = elsewhere(threshold, choice.subject.id)
        before = before[0], elsewhere(before[1], choice.subject.id)
        sets = (before, (choice.map, threshold))
        specs = tuple((evaluation.of_subject(spec, ""), own) for spec, own in sets)
        more, split = counted(len(chosen), "more subject"), registry.table(choice.data)
        known = (registry.digest(choice.data), split.copies)
        result = compute.live_result(
            key_of("", what="also", specs=specs, subjects=chosen, split=known),
            f"'{choice.map.prompts.name}' for {choice.label} on {more}",
            partial(_evaluated, choice, sets, chosen, tuned_on, user(), home()),
            "pages/2_Prompts.py",
        )
        if result is not None:
            st.dataframe(table(result, choice.data.region, split), hide_index=True)
            rule = escape(threshold.note or threshold.rule)
            exposure.tell({name: other.exposed for name, other in result.items()})
            st.caption(
                f"3D Dice at {threshold_text(threshold.value)} now and "
                f"{threshold_text(before[1].value)} before ({rule}); each subject is a trial under "
                "History. The mean is over subjects that are not exposed; "
                f"mean low and mean high: {intervals.WORDS}."
            )


def elsewhere(threshold: Threshold, subject: str) -> Threshold:
    """A threshold for other subjects: one from the map of one subject is a fixed value for them."""
    rule = rule_of(threshold.rule)
    if not isinstance(rule, MapRule):
        return threshold
    return Threshold(threshold.value, Fixed.name, f"the {rule.title} value of {subject}")


def table(by_subject: Mapping[str, OtherSubject], region: str, split: SplitTable) -> pd.DataFrame:
    """A row a subject, then the mean of those not exposed and the ends of its interval.

    The columns are each number now, and its change since before; the split of the data knows
    patients of several ids.
    """
    names = ("3D Dice", "best Dice (oracle)", f"voxel AUROC ({region})")
    rows = []
    for subject, other in by_subject.items():
        row: dict[str, object] = {"subject": subject}
        for name, old, new in zip(names, other.before, other.now, strict=True):
            row |= {name: new, f"Δ {name}": new - old}
        rows.append(row)
    frame = pd.DataFrame(rows)
    fair = [not other.exposed for other in by_subject.values()]
    values = frame.drop(columns="subject")[fair]
    patients = frame["subject"][fair].map(split.patient)
    low, high = intervals.of_columns(patients.tolist(), values.to_numpy(float))
    means = pd.DataFrame([values.mean().to_numpy(), low, high], columns=values.columns)
    means.insert(0, "subject", ["mean", "mean low", "mean high"])
    return pd.concat([frame, means], ignore_index=True).round(3)


def _evaluated(
    choice: UserChoice,
    sets: tuple[tuple[MapSpec, Threshold], tuple[MapSpec, Threshold]],
    subjects: tuple[str, ...],
    tuned_on: tuple[str, ...],
    owner: str,
    home: Path,
    progress: Progress,
) -> dict[str, OtherSubject]:
    edited = sets[0][0].prompts != sets[1][0].prompts
    together = (choice.subject.id, *subjects)
    rows = {}
    for done, subject in enumerate(subjects):
        step = compute.at_step(progress, done, len(subjects))
        readouts, seen = [], dict[str, None]()
        for spec, threshold in sets:
            of_subject = evaluation.of_subject(spec, subject)
            readouts.append(numbers(compute.engine(), of_subject, choice.readout, threshold, step))
            source = resolve(compute.engine(), of_subject)
            seen |= dict.fromkeys(exposed_by(source, threshold, tuned_on))
            step()
        read = choice.readout
        history.add(of_subject, readouts[1], threshold, edited, together, owner, home, read)
        rows[subject] = OtherSubject(_numbers(readouts[0]), _numbers(readouts[1]), tuple(seen))
    return rows


def _numbers(read: Readout) -> Numbers:
    return or_nan(read.dice_3d), or_nan(read.best_dice), or_nan(read.auroc)


def or_nan(value: float | None) -> float:
    """The value, NaN where there is none."""
    return math.nan if value is None else value

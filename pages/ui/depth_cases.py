"""What the Depth page knows of many subjects: who is evaluated, their Dice by slice, the worst."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import streamlit as st

from pages.ui import compute
from pages.ui.sidebar import Choice
from pages.ui.thresholds import by_hand
from zsad_core import evaluation, metrics, thresholds
from zsad_core.depth import DepthCurve, bin_of, depth_curve, pooled
from zsad_core.engine import Engine
from zsad_core.errors import DataError
from zsad_core.evaluation import Evaluated, map_key, of_subject
from zsad_core.jobs import Job
from zsad_core.metrics import Counts
from zsad_core.store import key_of
from zsad_core.types import FloatArray, MapSpec, Progress, ReadoutSpec, Threshold

REPORTED = ("test", "validation", "")  # "" is a user's own; training subjects would flatter
EACH_ORACLE = Threshold(
    -1, "oracle", "best 3D Dice of each subject: it saw the truth; the slider where no lesion is"
)
SOME = 8  # names of subjects in a sentence
Known = dict[tuple[MapSpec, str], Evaluated | str]


@dataclass(frozen=True)
class Cohort:
    """The lines to draw, by name, over the subjects, by id, under the readout."""

    lines: dict[str, MapSpec]
    subjects: tuple[str, ...]
    readout: ReadoutSpec

    def maps(self) -> list[MapSpec]:
        """Every map, subject by subject, so that each scan is loaded once for all lines."""
        return [of_subject(spec, name) for name in self.subjects for spec in self.lines.values()]


@dataclass(frozen=True)
class Case:
    """One subject under one line: 2D Dice, depth, lesion pixels in the brain; each (S,)."""

    subject: str
    dice: FloatArray
    depth: FloatArray
    lesion: Counts


def reported(choice: Choice) -> tuple[str, ...]:
    """Ids of usable test, validation and own subjects with truth and the modality."""
    modality = choice.map.features.slices.modality
    usable = [s for s in choice.subjects if s.has_truth and not s.problem]
    return tuple(s.id for s in usable if s.split in REPORTED and modality in s.modalities)


def keep(spec: MapSpec, readout: ReadoutSpec) -> None:
    """Evaluate one subject whose map is at hand, so that it counts among the evaluated."""
    _known()[spec, readout.centre] = evaluation.evaluate(compute.engine(), spec, readout)


def cases(cohort: Cohort, line: str, threshold: Threshold) -> list[Case]:
    """The evaluated subjects of one line, at the threshold, or each at its own oracle."""
    found = []
    for subject in cohort.subjects:
        one = _known().get((of_subject(cohort.lines[line], subject), cohort.readout.centre), "")
        if isinstance(one, str):
            continue
        lesion, level = one.histogram[:, metrics.LESION].sum(axis=-1), threshold.level
        if threshold == EACH_ORACLE:
            whole = one.histogram.sum(axis=0)
            level = thresholds.oracle_threshold(whole) if lesion.any() else by_hand().level
        dice = metrics.dice_at_levels(one.histogram, cohort.readout.empty_slices)[:, level]
        found.append(Case(subject, dice, one.depth, lesion))
    return found


def worst(found: Sequence[Case], depth: float) -> tuple[str, int] | None:
    """Subject and slice of the lowest Dice in the bin of that depth; of equals, the nearest."""
    wanted, ranked = bin_of(np.array([depth]))[0], []
    for case in found:
        for s in np.flatnonzero((bin_of(case.depth) == wanted) & ~np.isnan(case.dice)):
            ranked.append((case.dice[s], abs(case.depth[s] - depth), case.subject, int(s)))
    return min(ranked)[2:] if ranked else None


def curve(found: Sequence[Case]) -> DepthCurve:
    """The pooled curve of at least one case; each slice weighs the same."""
    return pooled([depth_curve(case.depth, case.dice, case.lesion) for case in found])


def words(name: str, threshold: Threshold, dice: FloatArray) -> str:
    """A line's threshold and its rule, and how many slices (S,) of Dice are not NaN."""
    level = "" if threshold == EACH_ORACLE else f"level {threshold.level} of 255, "
    count = np.count_nonzero(~np.isnan(dice))
    return f"{name}: {level}{threshold.rule} ({threshold.note}), {count} slices"


def look(cohort: Cohort) -> Job | None:
    """The job that looks for stored evaluations, while there are subjects not looked up."""
    if all((spec, cohort.readout.centre) in _known() for spec in cohort.maps()):
        return None
    last = compute.engine().jobs.find(_job_key(cohort, "look"))
    if last is not None and last.state in ("failed", "cancelled"):
        st.warning(last.error or "The look for evaluated subjects was cancelled.")
        return None
    return _start(cohort, "look", "Looking for evaluated subjects")


def evaluate_rest(cohort: Cohort) -> Job | None:
    """Who is missing, a button that evaluates them in the background, and that job."""
    missing = {}
    for spec in cohort.maps():
        one = _known().get((spec, cohort.readout.centre), "")
        if isinstance(one, str):
            missing[spec.features.slices.subject] = one
    if not missing:
        return None
    last = compute.engine().jobs.find(_job_key(cohort, "evaluate"))
    if last is not None and last.state == "running":
        return last
    for problem in {last.error if last else "", *missing.values()} - {""}:
        st.warning(problem)
    some = ", ".join([*missing][:SOME]) + ", …" * (len(missing) > SOME)
    st.caption(
        f"Not yet evaluated for every line: {len(missing)} of {len(cohort.subjects)} subjects "
        f"({some}). Until they are, lines may cover different subjects."
    )
    if st.button(f"Evaluate the missing {len(missing)}", type="primary"):
        return _start(cohort, "evaluate", "Evaluating maps")
    return None


@st.cache_resource(show_spinner=False)
def _known() -> Known:
    """Looked up once, since a store key needs the scan's bytes; a text says why there is none."""
    return {}


def _start(cohort: Cohort, what: str, title: str) -> Job:
    work = partial(_gather, compute.engine(), _known(), cohort, what == "evaluate")
    page = "pages/3_Depth.py" if what == "evaluate" else ""  # a look is part of drawing the page
    return compute.engine().jobs.start(_job_key(cohort, what), title, work, page)


def _gather(engine: Engine, known: Known, cohort: Cohort, rest: bool, progress: Progress) -> None:
    """Read what is stored, or evaluate the rest too; one unreadable scan does not stop it."""
    specs = cohort.maps()
    for done, spec in enumerate(specs):
        step = partial(_step, progress, done, len(specs))
        step()
        found: Evaluated | str = ""
        try:
            if rest:
                evaluation.evaluate(engine, spec, cohort.readout, step)
            if "histogram" in engine.store.names(map_key(engine, spec)):
                # From the store it is a memory map: hundreds of subjects then fit.
                found = evaluation.evaluate(engine, spec, cohort.readout, step)
        except DataError as error:
            found = str(error)
        known[spec, cohort.readout.centre] = found


def _step(progress: Progress, done: int, total: int, *_: int) -> None:
    progress(done, total)


def _job_key(cohort: Cohort, what: str) -> str:
    lines = [of_subject(spec, "") for spec in cohort.lines.values()]
    return f"depth-{what}-{key_of('', lines=lines, centre=cohort.readout.centre)}"

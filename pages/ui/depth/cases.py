"""What the Depth page knows of many subjects: who is evaluated, their Dice by slice, the worst.

All of it is read from rows, those that the Cohort page reads too; what is missing is evaluated by
the same function.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.shell import compute, visitors
from pages.ui.shell.jobs import outcome_text
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import UserChoice
from zsad_core.base.jobs import Job
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.errors import DataError
from zsad_core.evaluation import rows
from zsad_core.evaluation.rows import Results
from zsad_core.evaluation.validation import app_rows
from zsad_core.imaging.splits import registry
from zsad_core.inference.engine import Engine
from zsad_core.inference.evaluation import map_key, of_subject
from zsad_core.inference.views import View
from zsad_core.metrics.depth import DepthCurve, bin_of, depth_curve
from zsad_core.metrics.dice import Counts, dice
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.results import parquet as results
from zsad_core.types import FloatArray, MapSpec, Progress, ReadoutSpec, Threshold

REPORTED = ("test", "validation", "")  # "" is a user's own; training subjects would flatter
COLUMNS = ("truth", "predicted", "overlap", "depth_middle", "depth_centroid")
SOME = 8  # names of subjects in a sentence
Wanted = tuple[MapSpec, Threshold, ReadoutSpec]
Known = dict[Wanted, "SubjectSlices | Absence"]


@dataclass(frozen=True)
class SubjectSlices:
    """One subject's row of a series: its map and threshold, counts of each slice, each (S,).

    `depths` are by the middle and by the centroid of the brain; of an `exposed` row something has
    seen the subject. Without slices it is a subject that has no such row: one without lesion, which
    has no oracle.
    """

    map: MapSpec
    threshold: Threshold
    truth: Counts
    predicted: Counts
    overlap: Counts
    depths: dict[str, FloatArray]
    exposed: bool

    def dice(self, read: ReadoutSpec) -> FloatArray:
        """2D Dice (S,) under the readout's empty-slice rule."""
        return dice(self.truth, self.predicted, self.overlap, read.empty_slices)


@dataclass(frozen=True)
class Absence:
    """No row was found among those of that stamp; the problem that keeps it from being made."""

    stamp: results.Stamp
    problem: str = ""


@dataclass(frozen=True)
class DepthCohort:
    """The series to draw, by name, with the threshold of each subject, over subjects, by id.

    Exposed rows are drawn where they are asked for.
    """

    series: dict[str, MapSpec]
    thresholds: dict[str, dict[str, Threshold]]
    subjects: tuple[str, ...]
    readout: ReadoutSpec
    with_exposed: bool = False

    def wanted(self) -> list[Wanted]:
        """Every row, subject by subject, so that each scan is loaded once for all series."""
        return [self.of(name, subject) for subject in self.subjects for name in self.thresholds]

    def of(self, series: str, subject: str) -> Wanted:
        """The row of one series and subject."""
        read = replace(self.readout, threshold=0.0, empty_slices="lesion_only", centre="middle")
        return of_subject(self.series[series], subject), self.thresholds[series][subject], read


def reported(choice: UserChoice) -> tuple[str, ...]:
    """Ids of usable test, validation and own subjects with truth and the modality."""
    modality = choice.map.features.slices.modality
    return tuple(s.id for s in choice.subjects if s.split in REPORTED and s.evaluable(modality))


def cases(cohort: DepthCohort, series: str) -> list[SubjectSlices]:
    """The evaluated subjects of a series that its threshold rule has a row for."""
    return [case for case in _evaluated(cohort, series) if cohort.with_exposed or not case.exposed]


def exposed(cohort: DepthCohort) -> list[str]:
    """Ids of evaluated subjects that something of a series has seen."""
    every = (case for series in cohort.thresholds for case in _evaluated(cohort, series))
    return sorted({case.map.features.slices.subject for case in every if case.exposed})


def _evaluated(cohort: DepthCohort, series: str) -> list[SubjectSlices]:
    entries = [_known().get(cohort.of(series, subject)) for subject in cohort.subjects]
    return [entry for entry in entries if isinstance(entry, SubjectSlices) and len(entry.truth)]


def worst(subjects: Sequence[SubjectSlices], read: ReadoutSpec, depth: float) -> View | None:
    """The slice of the lowest Dice in the bin of that depth; of equals, the nearest to it."""
    centre_bin = bin_of(np.array([depth]))[0]
    ranking: list[tuple[float, float, int, int]] = []
    for number, subject in enumerate(subjects):
        depths, values = subject.depths[read.centre], subject.dice(read)
        for index in np.flatnonzero((bin_of(depths) == centre_bin) & ~np.isnan(values)):
            distance = abs(depths[index] - depth)
            ranking.append((float(values[index]), float(distance), number, int(index)))
    if not ranking:
        return None
    *_, number, worst_slice = min(ranking)
    return View(subjects[number].map, worst_slice, subjects[number].threshold, read)


def curve(cohort: DepthCohort, series: str) -> DepthCurve:
    """The pooled curve of the evaluated subjects of a series; each slice weighs the same."""
    subjects, read = cases(cohort, series), replace(cohort.readout, threshold=0.0)
    rows = [str((subject.map, subject.threshold)) for subject in subjects]
    return _curve(key_of("", rows=rows, read=read), _stamp(cohort), subjects, read)


@st.cache_data(max_entries=64, show_spinner="Resampling patients …")
def _curve(
    key: str, stamp: results.Stamp, _subjects: Sequence[SubjectSlices], _read: ReadoutSpec
) -> DepthCurve:
    """Once for the rows of a key; the arrays themselves are no part of it."""
    slices = [subject.map.features.slices for subject in _subjects]
    patients = [registry.table(one.data).patient(one.subject) for one in slices]
    return depth_curve(
        np.concatenate([subject.depths[_read.centre] for subject in _subjects]),
        np.concatenate([subject.dice(_read) for subject in _subjects]),
        np.concatenate([subject.truth for subject in _subjects]),
        np.repeat(patients, [len(subject.truth) for subject in _subjects]).tolist(),
    )


def words(name: str, thresholds: Collection[Threshold], dice: FloatArray) -> str:
    """A series's thresholds, of one rule, and how many slices (S,) of Dice are not NaN."""
    values = sorted({threshold_text(threshold.value) for threshold in thresholds}, key=float)
    rule, extent = next(iter(thresholds)).rule, " to ".join(dict.fromkeys((values[0], values[-1])))
    notes = "; ".join(sorted({threshold.note for threshold in thresholds}))
    count = counted(int(np.count_nonzero(~np.isnan(dice))), "slice")
    return f"{name}: threshold {extent}, {rule} ({notes}), {count}"


def look(cohort: DepthCohort) -> Job | None:
    """The job that looks for stored evaluations, while there may be some not looked up.

    One that was stopped is shown as it ended, until the user goes on.
    """
    known, stamp = _known(), _stamp(cohort)
    if _job_key(cohort, "evaluate") in compute.engine().jobs.running():
        return None
    rows = map(known.get, cohort.wanted())
    if all(isinstance(row, SubjectSlices) or (row and row.stamp == stamp) for row in rows):
        return None
    last = compute.engine().jobs.find(_job_key(cohort, "look"))
    if compute.stopped(last):
        return last
    return _start(cohort, "look", "Looking for evaluated subjects")


def evaluate_rest(cohort: DepthCohort) -> Job | None:
    """Who is missing, a button that evaluates them in the background, and that job."""
    rows = {request: _known().get(request) for request in cohort.wanted()}
    missing = {
        request[0].features.slices.subject: row.problem if row else ""
        for request, row in rows.items()
        if not isinstance(row, SubjectSlices)
    }
    if not missing:
        return None
    last = compute.engine().jobs.find(_job_key(cohort, "evaluate"))
    if last is not None and last.state == "running":
        return last
    failed = outcome_text(last) if last and last.error else ""
    for problem in {failed, *missing.values()} - {""}:
        st.warning(escape(problem))
    some = ", ".join(map(escape, [*missing][:SOME])) + ", …" * (len(missing) > SOME)
    count = f"{len(missing)} of {counted(len(cohort.subjects), 'subject')}"
    st.caption(
        f"Not evaluated for every series yet: {count} ({some}). Until then, series may cover "
        "different subjects."
    )
    if visitors.may_operate() and st.button(
        f"Evaluate {counted(len(missing), 'missing subject')}", type="primary"
    ):
        return _start(cohort, "evaluate", "Evaluating maps")
    return None


@st.cache_resource(show_spinner=False)
def _known() -> Known:
    """Looked up once, as a store key needs the scan's bytes; what is absent, once rows change."""
    return {}


def _start(cohort: DepthCohort, what: str, title: str) -> Job:
    work = partial(_gather, compute.engine(), _known(), cohort, what == "evaluate")
    page = "pages/3_Depth.py" if what == "evaluate" else ""  # a look is part of drawing the page
    return compute.start(_job_key(cohort, what), title, work, page)


def _gather(
    engine: Engine, known: Known, cohort: DepthCohort, rest: bool, progress: Progress
) -> None:
    """Read what is stored, or evaluate the rest too; one unreadable scan does not stop it."""
    requests, stamp = cohort.wanted(), _stamp(cohort)
    for done, row in enumerate(requests):
        step = compute.at_step(progress, done, len(requests))
        try:
            known[row] = _case(engine, row, rest, step) or Absence(stamp)
        except DataError as error:
            known[row] = Absence(stamp, str(error))


def _case(
    engine: Engine, request: Wanted, make: bool, step: Callable[[int], None]
) -> SubjectSlices | None:
    """The case of a row that is there, or is made now; raises ZsadError."""
    spec, threshold, read = request
    out = app_rows(spec.features.slices.data)
    key = rows.row_key(map_key(engine, spec), read, threshold, rows.scope(spec))
    if make:
        rows.make(engine, spec, Results(out, read), [threshold], step)
    if not results.exists(out, "subjects", key):
        return None
    row = next(iter(results.read(out, "subjects", key)), None)
    slices = pd.DataFrame(results.read(out, "slices", key) if row else [], columns=COLUMNS)
    truth, predicted, overlap = (slices[name].to_numpy(np.int64) for name in COLUMNS[:3])
    depths = {name: slices[f"depth_{name}"].to_numpy(float) for name in ("middle", "centroid")}
    used = replace(threshold, value=row["threshold_value"]) if row else threshold
    seen = bool(row and (row["exposure"] or row["prompts_tuned"]))
    return SubjectSlices(spec, used, truth, predicted, overlap, depths, seen)


def _stamp(cohort: DepthCohort) -> results.Stamp:
    return results.stamp(app_rows(next(iter(cohort.series.values())).features.slices.data))


def _job_key(cohort: DepthCohort, what: str) -> str:
    return f"depth-{what}-{key_of('', rows=[*map(str, cohort.wanted())])}"

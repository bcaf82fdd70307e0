"""A study from its file to its folder: rows, figures, tables, a report and a lock."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from zsad_core.base.atomic import claim, on_disk, write_whole
from zsad_core.errors import DataError, SettingError
from zsad_core.evaluation.run import SubjectsLeftOutError
from zsad_core.evaluation.run import run as evaluate
from zsad_core.evaluation.tasks import Cohort, Work, spec_of, unusable
from zsad_core.inference.engine import Engine
from zsad_core.lab.prompt_checks import cut_warning
from zsad_core.report import figures
from zsad_core.report.comparison_groups import ComparisonGroup, beside, comparison_groups
from zsad_core.report.selection import Selection
from zsad_core.results import parquet as results
from zsad_core.study import design as designs
from zsad_core.study import lock as locks
from zsad_core.study import report
from zsad_core.study.design import Design
from zsad_core.study.file import as_yaml
from zsad_core.training import own
from zsad_core.types import Progress

STUDY, FIGURES = "study.yaml", "figures"
Tell = Callable[[str], None]
"""Called with a sentence at each step."""


def run(design: Design, engine: Engine, work: Work, tell: Tell, progress: Progress) -> list[Path]:
    """Do what of a study is not done; the files of its folder. Raises ZsadError, Cancelled.

    Cut off and begun again it goes on; once its lock is written, nothing is computed or drawn
    again until study, rows or versions change.
    """
    claim(design.out)
    write_whole(design.out / STUDY, as_yaml(design.study))
    for training in designs.missing_trainings(design):
        tell(f"Training {training.title}.")
        own.run(
            own.begin(training.name, training.request),
            lambda done, total, _="": progress(done, total),
        )
    chosen, skipped = designs.cohorts(design)
    if not all(cohort.configurations for cohort in chosen):
        raise SettingError(
            "No method of the study has a setup that is here; train one or name others."
        )
    left_out = []
    for cohort in chosen:
        tell(f"Evaluating {cohort.modality}, {cohort.plane}.")
        for subject in unusable(cohort):
            tell(f"Left out: {subject.id}. {subject.problem}")
        for configuration in cohort.configurations:
            if cut := cut_warning(engine, spec_of(engine, cohort, "", configuration)):
                tell(f"warning: {configuration.method} · {configuration.setup}: {cut}")
        try:
            evaluate(engine, cohort, work, progress)
        except SubjectsLeftOutError as error:  # the others' rows are made first
            left_out.append(str(error))
        tell("")
    if left_out:
        raise DataError(
            f"{' '.join(left_out)} Nothing is drawn: correct what is left out, or name the other "
            "subjects in the study."
        )
    with rows_of(design, engine, chosen) as rows:
        lock = locks.lock_of(design, rows)
        if not (locks.matches(lock, design.out) and (design.out / report.FILE).is_file()):
            locks.remove(design.out)
            tell("Drawing figures and tables.")
            drawn = _draw(design, engine, rows, tell, progress)
            lacking = dict.fromkeys(subject for cohort in chosen for subject in unusable(cohort))
            page = report.page(design, rows, drawn, lock, skipped, lacking)
            write_whole(design.out / report.FILE, page)
            locks.write(lock, design.out)
    return sorted(path for path in design.out.rglob("*") if path.is_file())


@contextlib.contextmanager
def rows_of(
    design: Design, engine: Engine, chosen: Sequence[Cohort]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The rows of the study alone, whatever else its folder has been used for."""
    keys = designs.evaluated(engine, chosen)
    with results.connect(design.rows) as rows:
        results.restrict(rows, keys)
        yield rows


def _draw(
    design: Design,
    engine: Engine,
    rows: duckdb.DuckDBPyConnection,
    tell: Tell,
    progress: Progress,
) -> dict[Selection, Path]:
    """Draw every comparison group; the folder of each, empty where conventions leave no row."""
    folder = design.out / FIGURES
    with on_disk(folder):
        shutil.rmtree(folder, ignore_errors=True)  # what an earlier design drew
    maps = figures.Maps(engine, [design.data], progress=progress)
    drawn = {}
    groups = comparison_groups(rows)
    for group in groups:
        others = beside(group, groups, design.study.also)
        selection = replace(_selection(design, group), others=others)
        drawn[selection] = folder / figures.folder_of(group)
        for path in figures.write_or_say(
            rows, selection, drawn[selection], maps, design.study.wants
        ):
            if path.name == figures.NOT_DRAWN:
                tell(path.read_text(encoding="utf-8").strip())
    return drawn


def _selection(design: Design, group: ComparisonGroup) -> Selection:
    """A comparison group under the conventions of the study."""
    read = design.study.conventions
    return Selection(
        group,
        empty=read.empty,
        which=read.slices,
        centre=read.centre,
        exposed=read.exposed,
        region=design.data.region,
    )

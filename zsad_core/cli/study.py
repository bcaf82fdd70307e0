"""`zsad study run study.yaml`: a whole study from one file."""

import argparse
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

from zsad_core import backbones, methods, setups
from zsad_core.base.wording import counted
from zsad_core.cli import engines, predictions, split
from zsad_core.cli.data import data_of
from zsad_core.cli.progress import show, shown_as
from zsad_core.errors import DataError, SettingError
from zsad_core.evaluation.choosing import skipped_line
from zsad_core.evaluation.plan import plan
from zsad_core.imaging import datasets
from zsad_core.imaging.predictions import Predictions, registry, score_range, survey
from zsad_core.imaging.splits import Draw, Fold, SplitTable
from zsad_core.imaging.splits import registry as splits
from zsad_core.inference.engine import Engine
from zsad_core.study import design as designs
from zsad_core.study import file as files
from zsad_core.study import run as studies
from zsad_core.study.design import Design
from zsad_core.study.file import NO_SPLIT, Study, StudyPredictions
from zsad_core.types import DataSpec

GIVEN = "given by the study"  # where a split comes from
UNCOUNTED = "What is evaluated can be counted once split, predictions and weights are there."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command run, with its options."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="train, evaluate, draw and report what is not done")
    run.add_argument("study", type=Path, metavar="study.yaml")
    run.add_argument("--out", type=Path, metavar="DIR", help="beside the file by default")
    run.add_argument(
        "--plan", action="store_true", help="say what it takes and stop, with nothing changed"
    )
    run.add_argument("--device", default=backbones.default_device())
    engines.add_arguments(run)
    run.set_defaults(run=_run)


def undivided(study: Study) -> DataSpec:
    """The data of a study without a split; raises ZsadError."""
    wanted = study.data
    data = replace(data_of(wanted.root), split="")
    asked = {name: getattr(wanted, name) for name in ("kind", "labels", "region", "contrast")}
    if data.root:
        data = replace(data, **{name: value for name, value in asked.items() if value})
    return data


def divided(study: Study, data: DataSpec) -> DataSpec:
    """The data with the study's split; raises SettingError where there is none."""
    wanted = study.data
    if wanted.split == NO_SPLIT:
        return split.divided(data, "", without=True)
    made = wanted.draw or wanted.folds
    return split.divided(data, wanted.split or ("main" if made else ""), without=False)


def _undrawn(study: Study, data: DataSpec) -> dict[str, Draw | SplitTable]:
    """How to draw the split by its name, or what it is, where it is not there.

    Raises SettingError for one of the name that was drawn another way or divides otherwise.
    """
    wanted = study.data
    if not (wanted.draw or wanted.folds) or wanted.split == NO_SPLIT:
        return {}
    name = (wanted.split or "main").partition("/")[0]
    known = {table.name: table for table in splits.tables(data)}
    if wanted.draw is None:
        given = SplitTable(name, tuple(Fold(**asdict(fold)) for fold in wanted.folds), GIVEN)
        if name not in known:
            return {name: given}
        if [fold.digest for fold in known[name].folds] != [fold.digest for fold in given.folds]:
            raise SettingError(
                f"The split '{name}' of {data.place} divides other than the study's; give the "
                "study's split another name, or leave out its folds."
            )
        return {}
    draw = Draw(**asdict(wanted.draw))
    if name in known and known[name].origin != str(draw):
        raise SettingError(
            f"The split '{name}' of {data.place} was {known[name].origin}, and the study wants it "
            f"{draw}; give the study's split another name, or leave out how to draw it."
        )
    return {} if name in known else {name: draw}


def _run(parsed: argparse.Namespace) -> None:
    study = files.read(parsed.study)
    data = undivided(study)
    undrawn, new = _undrawn(study, data), _new(study, data)
    out = (parsed.out or parsed.study.with_suffix("")).absolute()
    engine = Engine(device=parsed.device)
    lacks = designs.lacking(study)
    if parsed.plan:
        lines = [f"Missing: {lack}" for lack in lacks]
        lines += [
            f"To draw: the split '{name}', {how if isinstance(how, Draw) else how.origin}"
            for name, how in undrawn.items()
        ]
        lines += [f"To add: the predictions '{wanted.name}' of {wanted.folder}" for wanted in new]
        if lines:
            known = setups.entries()
            titles = ((method, own.name) for own in study.training for method in own.methods)
            lines += [
                f"To train: {methods.configuration_name(*title)}"
                for title in titles
                if title not in known
            ]
            lines.append(UNCOUNTED)
        else:
            lines = _plan(Design(study, divided(study, data), out, parsed.device), engine)
        print("\n".join(lines))
        return
    if lacks:
        raise SettingError(" ".join(lacks))
    for name, how in undrawn.items():
        split.make(data, name, how)
    design = Design(study, divided(study, data), out, parsed.device)
    for wanted in new:
        _add(design.data, wanted)
    cluster = nullcontext() if parsed.engine == "local" else engines.cluster_of(parsed, design.rows)
    with cluster as workers:
        work = workers.work if workers else engines.local_work(parsed, engine)
        paths = studies.run(design, engine, work, _tell, show)
    print(file=sys.stderr)
    print(f"{counted(len(paths), 'file')} in {out}, to begin with: {out / 'report.html'}")


def _plan(design: Design, engine: Engine) -> list[str]:
    """What is to be trained and evaluated; setups to be trained are not counted yet."""
    missing = designs.missing_trainings(design)
    lines = [f"To train: {own.title}" for own in missing]
    cohorts, left_out = designs.cohorts(design)
    trained = {(own.request.method, own.name) for own in missing}
    skipped = [pair for pair in left_out if pair not in trained]
    lines += [skipped_line(skipped)] if skipped else []
    for cohort in (cohort for cohort in cohorts if cohort.configurations):
        lines.append(f"{cohort.modality}, {cohort.plane}: {plan(engine, cohort)}")
    return lines


def _new(study: Study, data: DataSpec) -> list[StudyPredictions]:
    """The predictions that the data do not have yet.

    Raises SettingError where those of the name are read another way.
    """
    known = {own.name: own for own in registry.sets_of(data)}
    for wanted in study.predictions:
        if own := known.get(wanted.name):
            folder = str(Path(own.folder).resolve())
            _check_alike(replace(own, folder=folder), _predictions(wanted), wanted.range)
    return [wanted for wanted in study.predictions if wanted.name not in known]


def _predictions(wanted: StudyPredictions) -> Predictions:
    """Without the range of scores, which may have to be read from the files."""
    return Predictions(**{name: value for name, value in asdict(wanted).items() if name != "range"})


def _add(data: DataSpec, wanted: StudyPredictions) -> None:
    """Keep predictions; raises SettingError, DataError."""
    subjects = datasets.open_dataset(data).subjects()
    matched = survey(wanted.folder, (subject.id for subject in subjects))
    print("\n".join(predictions.report(matched)), flush=True)
    if matched.problem:
        raise DataError(matched.problem)
    low, high = wanted.range or (0.0, 1.0)
    if wanted.kind == "score" and wanted.range is None:
        low, high = score_range([path for _, path in matched.matched], shown_as("range"))
    registry.add(data, replace(_predictions(wanted), low=low, high=high), methods.METHODS)


def _check_alike(known: Predictions, wanted: Predictions, span: tuple[float, float] | None) -> None:
    read = ("folder", "kind", "resample")
    differing = [name for name in read if getattr(known, name) != getattr(wanted, name)]
    if {*known.foreground} != {*wanted.foreground}:
        differing.append("labels")
    if span and span != (known.low, known.high):
        differing.append("range")
    if differing:
        raise SettingError(
            f"The predictions '{known.name}' are kept with another {' and '.join(differing)} than "
            "the study's; give the study's another name, or remove those that are kept."
        )


def _tell(sentence: str) -> None:
    print(sentence, flush=True)

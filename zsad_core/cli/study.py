"""`zsad study run study.yaml`: a whole study from one file."""

import argparse
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from zsad_core import backbones, methods, setups
from zsad_core.base import settings
from zsad_core.base.wording import counted
from zsad_core.cli import engines, predictions, split
from zsad_core.cli.data import data_of
from zsad_core.cli.progress import show
from zsad_core.errors import SettingError
from zsad_core.evaluation.choosing import skipped_line
from zsad_core.evaluation.plan import plan
from zsad_core.imaging.predictions import registry
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.imaging.splits import registry as splits
from zsad_core.imaging.splits.making import Draw
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.inference.engine import Engine
from zsad_core.metrics.threshold_rules import CrossValidation
from zsad_core.prompts import sets as prompt_sets
from zsad_core.study import design as designs
from zsad_core.study import run as studies
from zsad_core.study.design import Design
from zsad_core.study.file import NO_SPLIT, Study, StudyPredictions
from zsad_core.study.reading import read
from zsad_core.types import DataSpec, PromptSet

GIVEN = "given by the study"  # where a split comes from
UNCOUNTED = (
    "What is evaluated can be counted once split, prompt sets, predictions and weights are there."
)


def options(parser: argparse.ArgumentParser) -> None:
    """The command run, with its options."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="train, evaluate, draw and report what is not done")
    add = run.add_argument
    add("study", type=Path, metavar="study.yaml")
    add("--out", type=Path, metavar="DIR", help="beside the file by default")
    add("--plan", action="store_true", help="say what it takes and stop, with nothing changed")
    add("--device", default=backbones.default_device())
    engines.add_arguments(run)
    run.set_defaults(run=_run)


def undivided(study: Study) -> DataSpec:
    """The data of a study without a split; raises ZsadError."""
    study_data = study.data
    data = replace(data_of(study_data.root), split="")
    requested = {
        name: getattr(study_data, name) for name in ("kind", "labels", "region", "contrast")
    }
    if data.root:
        data = replace(data, **{name: value for name, value in requested.items() if value})
    return data


def divided(study: Study, data: DataSpec) -> DataSpec:
    """The data with the study's split; raises SettingError where there is none."""
    study_data = study.data
    if study_data.split == NO_SPLIT:
        return split.divided(data, "", without=True)
    made = study_data.draw or study_data.folds
    return split.divided(data, study_data.split or ("main" if made else ""), without=False)


def _undrawn(study: Study, data: DataSpec) -> dict[str, Draw | SplitTable]:
    """The split to make, by name, unless it is there; SettingError for another of its name."""
    study_data = study.data
    if not (study_data.draw or study_data.folds) or study_data.split == NO_SPLIT:
        return {}
    name = (study_data.split or "main").partition("/")[0]
    known = next((table for table in splits.tables(data) if table.name == name), None)
    if study_data.draw is None:
        given = SplitTable(name, tuple(Fold(**asdict(fold)) for fold in study_data.folds), GIVEN)
        if known and [fold.digest for fold in known.folds] != [fold.digest for fold in given.folds]:
            raise SettingError(
                f"The split '{name}' of {data.place} divides other than the study's; give the "
                "study's split another name, or leave out its folds."
            )
        return {} if known else {name: given}
    draw = Draw(**asdict(study_data.draw))
    if known and known.origin != str(draw):
        raise SettingError(
            f"The split '{name}' of {data.place} was {known.origin}, and the study wants it "
            f"{draw}; give the study's split another name, or leave out how to draw it."
        )
    return {} if known else {name: draw}


def _run(parsed: argparse.Namespace) -> None:
    study = read(parsed.study)
    data = undivided(study)
    undrawn, new, new_sets = _undrawn(study, data), _new(study, data), _new_sets(study)
    out = (parsed.out or parsed.study.with_suffix("")).absolute()
    engine = Engine(device=parsed.device)
    lacks = designs.lacking(study)
    if parsed.plan:
        lines = [f"Missing: {lack}" for lack in lacks]
        lines += [
            f"To draw: the split '{name}', {how if isinstance(how, Draw) else how.origin}"
            for name, how in undrawn.items()
        ]
        lines += [f"To add: the prompt set '{prompts.name}'" for prompts in new_sets]
        lines += [f"To add: the predictions '{entry.name}' of {entry.folder}" for entry in new]
        if lines:
            names = ((method, own.name) for own in study.training for method in own.methods)
            new_setups = (name for name in names if name not in setups.entries())
            lines += [f"To train: {methods.configuration_name(*name)}" for name in new_setups]
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
    _check_folds(design)
    for prompts in new_sets:
        prompt_sets.save(prompts, settings.prompt_folder())
    for entry in new:
        added = predictions.measured(design.data, _predictions(entry), entry.range)
        registry.add(design.data, added, methods.METHODS)
    remote = parsed.engine != "local"
    with engines.cluster_of(parsed, design.rows) if remote else nullcontext() as workers:
        work = workers.work if workers else engines.local_work(parsed, engine)
        paths = studies.run(design, engine, work, partial(print, flush=True), show)
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


def _check_folds(design: Design) -> None:
    """Raise SettingError before any work where a threshold needs folds that the split lacks."""
    folds = splits.table(design.data).folds
    if CrossValidation.name in design.study.thresholds and len(folds) < 2:
        raise SettingError(
            f"The study asks for cross-validation, but the split '{design.data.split}' has one "
            "fold; choose a split with folds, or another threshold."
        )


def _new_sets(study: Study) -> list[PromptSet]:
    """The prompt sets that are not here yet.

    Raises SettingError for one of a name under which other texts are kept, PromptError for one that
    cannot be used.
    """
    known = prompt_sets.shipped() | prompt_sets.user_sets(settings.prompt_folder())
    new = []
    for prompts in (PromptSet(**asdict(entry)) for entry in study.prompt_sets):
        prompt_sets.sentences(prompts)
        if prompts.name not in known:
            new.append(prompts)
        elif prompt_sets.digest(known[prompts.name]) != prompt_sets.digest(prompts):
            raise SettingError(
                f"The prompt set '{prompts.name}' is kept with other texts than the study's; give "
                "the study's another name, or rename the one that is kept."
            )
    return new


def _new(study: Study, data: DataSpec) -> list[StudyPredictions]:
    """Predictions that the data lack; SettingError where one of a name is read otherwise."""
    registered = {own.name: own for own in registry.sets_of(data)}
    for entry in study.predictions:
        if not (own := registered.get(entry.name)):
            continue
        known, requested = replace(own, folder=str(Path(own.folder).resolve())), _predictions(entry)
        read = ("folder", "kind", "resample")
        differing = [name for name in read if getattr(known, name) != getattr(requested, name)]
        differing += ["labels"] * ({*known.foreground} != {*requested.foreground})
        differing += ["range"] * bool(entry.range and entry.range != (own.low, own.high))
        if differing:
            raise SettingError(
                f"The predictions '{own.name}' are kept with another {' and '.join(differing)} "
                "than the study's; give the study's another name, or remove those that are kept."
            )
    return [entry for entry in study.predictions if entry.name not in registered]


def _predictions(entry: StudyPredictions) -> Predictions:
    """Without the range of scores, which may have to be read from the files."""
    return Predictions(**{name: value for name, value in asdict(entry).items() if name != "range"})

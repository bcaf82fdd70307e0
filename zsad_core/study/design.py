"""From a study to what is to be done: trainings, cohorts, and the rows that belong to it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from zsad_core import backbones, setups
from zsad_core.errors import SettingError
from zsad_core.evaluation import choosing
from zsad_core.evaluation.choosing import Pair
from zsad_core.evaluation.rows import row_keys
from zsad_core.evaluation.tasks import Cohort, Configuration, spec_of, subjects
from zsad_core.evaluation.tuning import thresholds_of
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.results import parquet as results
from zsad_core.study.file import Study, StudyTraining
from zsad_core.training import own, runs
from zsad_core.training.material import Source, data_spec, of_scans
from zsad_core.training.own import OwnTraining
from zsad_core.training.runs import TrainRequest
from zsad_core.types import BackboneSpec, DataSpec, ReadoutSpec, Split

OF_MACHINE = re.compile(r" --(device|precision|official) \S+")
"""Options of a training's command that follow from where it ran, or change no tensor."""


@dataclass(frozen=True)
class Design:
    """A study on opened data, whose files go to the folder `out`; `device` trains."""

    study: Study
    data: DataSpec
    out: Path
    device: str = "cpu"

    @property
    def rows(self) -> Path:
        """The folder of the rows, which the Cohort page can open."""
        return self.out / "rows"

    @property
    def modalities(self) -> tuple[str, ...]:
        """The contrasts to report on; raises ZsadError where the data cannot be opened."""
        return self.study.data.modalities or (datasets.usual_modality(self.data),)


def missing_trainings(design: Design) -> list[OwnTraining]:
    """The trainings whose setup does not exist.

    Raises SettingError for a setup of the name that was trained another way.
    """
    missing = []
    for training in design.study.training:
        for method in training.methods:
            planned = OwnTraining(training.name, _request(design, training, method))
            if entry := setups.entries().get((method, training.name)):
                _check_alike(planned.request, setups.record(entry), planned.title)
            else:
                missing.append(planned)
    return missing


def lacking(study: Study) -> list[str]:
    """What files the setups and backbones lack that a study names, a sentence each."""
    trained = {(method, own.name) for own in study.training for method in own.methods}
    named = [
        *(pair for block in study.series for pair in product(block.methods, block.setups)),
        *((method, own.like) for own in study.training for method in own.methods),
    ]
    entries = setups.entries()
    problems = [
        setups.missing(entries[pair]) for pair in named if pair in entries and pair not in trained
    ]
    specs = (BackboneSpec(own.backbone, own.weights) for own in study.training if own.backbone)
    problems += map(backbones.unfetched, specs)
    return [*dict.fromkeys(filter(None, problems))]


def cohorts(design: Design) -> tuple[list[Cohort], list[Pair]]:
    """A cohort for each modality and plane, and the (method, setup) pairs that cannot run.

    Raises ZsadError for what is named and is not there.
    """
    study, chosen, skipped = design.study, list[Cohort](), dict[Pair, None]()
    for modality in design.modalities:
        volumes = pipeline.set_of(datasets.open_dataset(design.data).subjects(), modality)
        configurations = dict[Configuration, None]()
        for block in study.series:
            pairs, absent = choosing.pairs(block.methods, block.setups, len(volumes), design.data)
            named = choosing.configurations(pairs, block.prompts, design.data.region)
            configurations |= dict.fromkeys(named)
            skipped |= dict.fromkeys(absent)
        chosen += [
            Cohort(
                data=design.data,
                configurations=tuple(configurations),
                out=design.rows,
                split=_part(design),
                names=study.data.subjects,
                modality=modality,
                plane=plane,
                rules=study.thresholds,
                readout=ReadoutSpec(
                    brain_only=not study.mask.outside_brain,
                    min_component_voxels=study.mask.min_component,
                ),
                precision=study.precision,
                keep=study.keep,
            )
            for plane in study.data.planes
        ]
    return chosen, list(skipped)


def keys(engine: Engine, cohort: Cohort) -> Iterator[str]:
    """The keys of the rows of an evaluated cohort."""
    everyone = subjects(cohort)
    for configuration in cohort.configurations:
        thresholds = thresholds_of(engine, cohort, configuration, everyone)
        for subject, own_thresholds in zip(everyone, thresholds, strict=True):
            source = resolve(engine, spec_of(engine, cohort, subject.id, configuration))
            yield from row_keys(source, cohort.readout, own_thresholds)


def evaluated(engine: Engine, chosen: Sequence[Cohort]) -> list[str]:
    """The keys of the cohorts' rows; raises SettingError where some are not there."""
    of_study = [key for cohort in chosen for key in keys(engine, cohort)]
    absent = set(of_study) - results.known(chosen[0].out)
    if absent:
        raise SettingError(f"{len(absent)} rows of the study are not there; run it again.")
    return of_study


def _part(design: Design) -> Split:
    """The part of the split to report on; "", all subjects, where nothing divides them."""
    parts = {subject.split for subject in datasets.open_dataset(design.data).subjects()}
    part = design.study.data.part
    return "" if part == "all" or parts == {""} else part


def _request(design: Design, training: StudyTraining, method: str) -> TrainRequest:
    source = Source(
        training.images, training.kind, images=training.most, leave_out=training.leave_out
    )
    if training.setup != "industrial":
        source = of_scans(
            _learned_from(design, training),
            modality=training.modality or design.modalities[0],
            subjects=training.subjects,
            slices=training.slices,
        )
    backbone, start = BackboneSpec(training.backbone, training.weights), training.start
    options: tuple[str, ...] = ()
    if training.like:
        model = setups.find(method, training.like)
        backbone = backbone if training.backbone else model.backbone
        options = tuple(f"{name}={value}" for name, value in model.options)
        if training.setup == "finetune" and not start:
            start = str(setups.checkpoint_file(model))
    request = TrainRequest(
        method=method,
        setup=training.setup,
        out=own.folder() / f"{method}-{training.name}.safetensors",
        source=source,
        backbone=backbone,
        image_size=training.image_size,
        option=(*options, *training.options),
        epochs=training.epochs,
        loss_side=training.loss_side or runs.LOSS_SIDE,
        start=start,
        seed=training.seed,
        device=design.device,
        precision=training.precision,
    )
    runs.entry_of(request)
    return request


def _learned_from(design: Design, training: StudyTraining) -> DataSpec:
    """The scans that a training learns from."""
    if (other := training.data) is None:
        return design.data
    source = Source(
        other.root,
        other.kind,
        labels=other.labels,
        split_name=other.split,
        contrast=other.contrast,
        region=other.region,
    )
    return data_spec(source)


def _check_alike(request: TrainRequest, record: dict[str, str], title: str) -> None:
    """Raise SettingError where a checkpoint's record is of another request, or another split."""
    requested, trained = (
        OF_MACHINE.sub("", text) for text in (runs.command(request), record.get("command", ""))
    )
    split = "" if request.setup == "industrial" else registry.digest(data_spec(request.source))
    if requested != trained:
        raise SettingError(
            f"'{title}' was trained by '{trained or 'an unknown command'}', and the study wants "
            f"'{requested}'; give the study's training another name, or forget that setup on Setup."
        )
    if split not in record.get("held_out_rule", ""):
        raise SettingError(
            f"'{title}' was trained under another split ({record.get('held_out_rule')}); give the "
            "study's training another name, or forget that setup on Setup."
        )

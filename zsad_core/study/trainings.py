"""Trainings that ended here, as a study says them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import get_args

from zsad_core import setups
from zsad_core.errors import SettingError
from zsad_core.evaluation.choosing import Pair
from zsad_core.study.design import Design, missing_trainings
from zsad_core.study.file import Study, StudyTraining, TrainingData, TrainingSetup
from zsad_core.training import request_files, runs
from zsad_core.training.material import data_spec
from zsad_core.training.runs import TrainRequest
from zsad_core.types import DataSpec


def with_trainings(
    study: Study, data: DataSpec, pairs: Iterable[Pair], home: Path | None = None
) -> Study:
    """The study with how those setups were trained that were trained here.

    One that it cannot say is named in its notes. Raises ZsadError.
    """
    trainings, notes = list[StudyTraining](), list[str]()
    for method, setup in pairs:
        request = request_files.request_of(setups.digest(setups.find(method, setup, home)))
        if request is None:
            continue
        training = _training(setup, request, data)
        try:
            missing_trainings(Design(replace(study, training=(training,)), data, Path()))
        except SettingError:
            notes.append(
                f"{method} · {setup} is taken as it is here; it was trained by "
                f"'{runs.command(request)}', under the split of that time."
            )
        else:
            trainings.append(training)
    return replace(study, training=tuple(trainings), notes=tuple(notes))


def _training(name: str, request: TrainRequest, data: DataSpec) -> StudyTraining:
    source = request.source
    training = StudyTraining(
        name=name,
        methods=(request.method,),
        setup=next(name for name in get_args(TrainingSetup) if name == request.setup),
        backbone=request.backbone.name,
        weights=request.backbone.weights,
        image_size=request.image_size,
        epochs=request.epochs,
        loss_side=request.loss_side,
        options=request.option,
        start=request.start,
        seed=request.seed,
        precision=request.precision,
    )
    if request.setup == "industrial":
        return replace(
            training,
            images=source.data,
            kind=source.kind,
            most=source.images,
            leave_out=source.leave_out,
        )
    other = TrainingData(
        source.data, source.kind, source.labels, source.region, source.contrast, source.split_name
    )
    return replace(
        training,
        data=None if data_spec(source) == data else other,
        modality=source.modality,
        subjects=source.subjects,
        slices=source.slices,
    )

"""A study from its file, checked as it is read."""

from dataclasses import replace
from pathlib import Path

import pydantic

from zsad_core.base import plain_yaml
from zsad_core.base.wording import problem_of
from zsad_core.errors import SettingError
from zsad_core.imaging.datasets import DEMOS
from zsad_core.metrics.threshold_rules import CrossValidation
from zsad_core.study.file import NO_SPLIT, STUDY, Study, StudyData


def read(path: Path) -> Study:
    """The study of a file, its paths made absolute; raises SettingError saying what is wrong."""
    try:
        with path.open("rb") as stream:
            content = stream.read(plain_yaml.LARGEST + 1)
    except OSError as error:
        raise SettingError(f"'{path}' cannot be read ({error.strerror}); check it.") from error
    try:
        study = STUDY.validate_python(plain_yaml.mapping(content))
    except pydantic.ValidationError as error:
        raise SettingError(f"'{path}': {problem_of(error)}; correct it.") from error
    except ValueError as error:
        raise SettingError(f"'{path}' {error}") from error
    if not study.title.strip() or not study.series:
        raise SettingError(f"'{path}' has no title or no series; a study needs both.")
    if study.data.draw and study.data.folds:
        raise SettingError(
            f"'{path}' gives the split twice, as data.draw and as data.folds; leave out one."
        )
    if CrossValidation.name in study.thresholds and _without_folds(study.data):
        raise SettingError(
            f"'{path}' asks for cross-validation of data without folds; give a split with 2 or "
            "more, or another threshold."
        )
    return _with_whole_paths(study, path.absolute().parent)


def _without_folds(data: StudyData) -> bool:
    """Whether the data have fewer than two folds, as far as the file says."""
    folds = data.draw.folds if data.draw else len(data.folds)
    own_split = data.root in DEMOS and not data.split and not folds
    return folds == 1 or own_split or data.split == NO_SPLIT


def _with_whole_paths(study: Study, folder: Path) -> Study:
    def whole(path: str) -> str:
        return str((folder / Path(path).expanduser()).resolve())

    own_sets = {prompts.name for prompts in study.prompt_sets}

    def of_file(name: str) -> str:
        """A path where the name is one: it has a folder or an ending of files."""
        path = "/" in name or name.endswith((".yaml", ".yml"))
        return whole(name) if path and name not in own_sets else name

    def config(name: str) -> str:
        return whole(name) if name.endswith(".json") else name

    def optional(path: str) -> str:
        return whole(path) if path else ""

    def data(root: str) -> str:
        return root if root in DEMOS else whole(root)

    return replace(
        study,
        data=replace(study.data, root=data(study.data.root)),
        series=tuple(
            replace(block, prompts=tuple(map(of_file, block.prompts))) for block in study.series
        ),
        predictions=tuple(replace(own, folder=whole(own.folder)) for own in study.predictions),
        training=tuple(
            replace(
                own,
                data=replace(own.data, root=data(own.data.root)) if own.data else None,
                backbone=config(own.backbone),
                weights=whole(own.weights) if own.backbone.endswith(".json") else own.weights,
                images=optional(own.images),
                start=optional(own.start),
            )
            for own in study.training
        ),
    )

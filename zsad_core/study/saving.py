"""A cohort as the study that evaluates it: what the Cohort page saves."""

from collections.abc import Iterable
from dataclasses import asdict, replace

from zsad_core import setups
from zsad_core.evaluation import choosing
from zsad_core.evaluation.choosing import EVERY, Pair
from zsad_core.evaluation.tasks import Cohort, Configuration
from zsad_core.imaging.predictions import Predictions
from zsad_core.imaging.predictions import registry as predictions
from zsad_core.imaging.splits import SplitTable, draw_of
from zsad_core.imaging.splits import registry as splits
from zsad_core.methods import FILES
from zsad_core.study.file import (
    NO_SPLIT,
    Study,
    StudyConventions,
    StudyData,
    StudyFold,
    StudyMask,
    StudyPredictions,
    StudySeries,
    StudySplit,
)
from zsad_core.types import DataSpec


def study_of(cohort: Cohort, title: str, conventions: StudyConventions) -> Study:
    """The study that evaluates a cohort and reads its rows by the conventions.

    It says how the split was drawn, or lists the parts of one that was not, how the predictions
    were read, and how each setup trained here was trained; a training that it cannot say is named
    in its notes. Raises ZsadError.
    """
    data = cohort.data
    pairs = dict.fromkeys((one.method, one.setup) for one in cohort.configurations)
    study = Study(
        title,
        tuple(_series(cohort)),
        _data(cohort),
        predictions=tuple(
            _predictions(predictions.find(data, name)) for method, name in pairs if method == FILES
        ),
        thresholds=cohort.rules,
        mask=StudyMask(not cohort.readout.brain_only, cohort.readout.min_component_voxels),
        conventions=conventions,
        precision=cohort.precision,
        keep=cohort.keep,
    )
    own = [pair for pair in pairs if pair[0] != FILES and pair not in setups.shipped()]
    return _with_trainings(study, data, own) if own else study


def _series(cohort: Cohort) -> Iterable[StudySeries]:
    """Methods of equal setups and prompt sets together."""
    by_method = dict[str, list[Configuration]]()
    for one in cohort.configurations:
        by_method.setdefault(one.setup if one.method == FILES else one.method, []).append(one)
    blocks = dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]]()
    for name, configurations in by_method.items():
        names = dict.fromkeys(c.setup for c in configurations if c.method != FILES)
        pairs = dict.fromkeys((c.method, c.setup) for c in configurations)
        default = tuple(configurations) == choosing.configurations(pairs, region=cohort.data.region)
        prompts = () if default else dict.fromkeys(c.prompts.name for c in configurations)
        blocks.setdefault((tuple(names) or (EVERY,), tuple(prompts)), []).append(name)
    return (StudySeries(tuple(names), *block) for block, names in blocks.items())


def _data(cohort: Cohort) -> StudyData:
    data = cohort.data
    table = splits.find(data, data.split) if data.split else SplitTable("", ())
    draw = draw_of(table.origin)
    return StudyData(
        root=data.root or data.kind,
        kind=data.kind if data.root else "",
        labels=data.labels,
        region=data.region,
        contrast=data.contrast,
        split=data.split or (NO_SPLIT if data.root else ""),
        draw=StudySplit(**asdict(draw)) if draw else None,
        folds=() if draw else tuple(StudyFold(**asdict(fold)) for fold in table.folds),
        modalities=(cohort.modality,),
        planes=(cohort.plane,),
        part=cohort.split or "all",
        subjects=cohort.names,
    )


def _predictions(kept: Predictions) -> StudyPredictions:
    return StudyPredictions(
        kept.name,
        kept.folder,
        kept.kind,
        kept.labels,
        (kept.low, kept.high) if kept.kind == "score" else None,
        kept.provenance,
        kept.trained_on,
        kept.resample,
    )


def _with_trainings(study: Study, data: DataSpec, pairs: Iterable[Pair]) -> Study:
    from zsad_core.study.trainings import trainings_of  # torch, for setups of one's own alone

    trainings, notes = trainings_of(study, data, pairs)
    return replace(study, training=tuple(trainings), notes=tuple(notes))

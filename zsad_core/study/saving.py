"""A cohort as the study that evaluates it: what the Cohort page saves."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from zsad_core import setups
from zsad_core.base import settings
from zsad_core.evaluation import choosing
from zsad_core.evaluation.choosing import EVERY
from zsad_core.evaluation.tasks import Cohort, Configuration
from zsad_core.imaging.predictions import registry
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.imaging.splits import registry as splits
from zsad_core.imaging.splits.making import draw_of
from zsad_core.methods import FILES
from zsad_core.prompts import sets as prompt_sets
from zsad_core.study import file as files


def study_of(
    cohort: Cohort, title: str, conventions: files.StudyConventions, home: Path | None = None
) -> files.Study:
    """The study that evaluates a cohort and reads its rows by the conventions.

    It says how the split was drawn, or lists the parts of one that was not, the texts of the user's
    prompt sets, how the predictions were read, and how each setup trained here was trained; a
    training that it cannot say is named in its notes. Sets and setups may be of the user's own
    `home`. Raises ZsadError.
    """
    data = cohort.data
    pairs = dict.fromkeys((run.method, run.setup) for run in cohort.configurations)
    study = files.Study(
        title,
        tuple(_series(cohort, home)),
        _data(cohort),
        prompt_sets=tuple(_prompt_sets(cohort, home)),
        predictions=tuple(
            _predictions(registry.find(data, name)) for method, name in pairs if method == FILES
        ),
        thresholds=cohort.rules,
        mask=files.StudyMask(not cohort.readout.brain_only, cohort.readout.min_component_voxels),
        conventions=conventions,
        precision=cohort.precision,
        keep=cohort.keep,
    )
    own = [pair for pair in pairs if pair[0] != FILES and pair not in setups.shipped()]
    if not own:
        return study
    from zsad_core.study.trainings import with_trainings  # torch, for setups of one's own alone

    return with_trainings(study, data, own, home)


def _series(cohort: Cohort, home: Path | None) -> Iterable[files.StudySeries]:
    """Methods of equal setups and prompt sets together."""
    by_method = dict[str, list[Configuration]]()
    for run in cohort.configurations:
        by_method.setdefault(run.setup if run.method == FILES else run.method, []).append(run)
    blocks = dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]]()
    for name, configurations in by_method.items():
        names = dict.fromkeys(c.setup for c in configurations if c.method != FILES)
        pairs = dict.fromkeys((c.method, c.setup) for c in configurations)
        usual = choosing.configurations(pairs, region=cohort.data.region, home=home)
        default = tuple(configurations) == usual
        prompts = () if default else dict.fromkeys(c.prompts.name for c in configurations)
        blocks.setdefault((tuple(names) or (EVERY,), tuple(prompts)), []).append(name)
    return (files.StudySeries(tuple(names), *block) for block, names in blocks.items())


def _prompt_sets(cohort: Cohort, home: Path | None) -> Iterable[files.StudyPrompts]:
    """The user's own sets among those of the configurations, as they are kept."""
    own = prompt_sets.user_sets(*settings.prompt_folders(home))
    names = dict.fromkeys(run.prompts.name for run in cohort.configurations)
    return (files.StudyPrompts(**asdict(own[name])) for name in names if name in own)


def _data(cohort: Cohort) -> files.StudyData:
    data = cohort.data
    table = splits.table(data)
    draw = draw_of(table.origin)
    return files.StudyData(
        root=data.root or data.kind,
        kind=data.kind if data.root else "",
        labels=data.labels,
        region=data.region,
        contrast=data.contrast,
        split=data.split or (files.NO_SPLIT if data.root else ""),
        draw=draw,
        folds=() if draw else table.folds,
        modalities=(cohort.modality,),
        planes=(cohort.plane,),
        part=cohort.split or "all",
        subjects=cohort.names,
    )


def _predictions(predictions: Predictions) -> files.StudyPredictions:
    same = asdict(predictions)
    span = (same.pop("low"), same.pop("high"))
    return files.StudyPredictions(**same, range=span if predictions.kind == "score" else None)

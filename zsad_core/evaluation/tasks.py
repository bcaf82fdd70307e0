"""What to evaluate: subjects × configurations, cut into tasks to be done in any order."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from zsad_core import methods
from zsad_core.base.wording import counted, listed
from zsad_core.errors import DataError, SettingError
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.inference import pipeline, stored_features
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import files
from zsad_core.metrics.threshold_rules import TunedRule, rule_of
from zsad_core.types import (
    ADDED,
    DataSpec,
    MapSpec,
    Plane,
    Precision,
    PromptSet,
    ReadoutSpec,
    SliceSpec,
    Split,
    Subject,
    Threshold,
)

Thresholds = tuple[Threshold, ...]
Keep = Literal["features", "maps", "rows"]
"""What of a subject stays on the disk once its rows are whole, beside them."""
Tuning = list[tuple[Subject, ...]]
"""For each of some subjects those on which its threshold is tuned."""
Step = Callable[[int], None]
"""Called with how many configurations were done since; it may raise Cancelled to stop the work."""


@dataclass(frozen=True)
class Configuration:
    """A method in a setup, which may lie in a user's own `home`, under a prompt set."""

    method: str
    setup: str
    prompts: PromptSet
    home: str = field(default="", metadata=ADDED)


@dataclass(frozen=True)
class Cohort:
    """What to evaluate and how; `rules` are texts that `threshold_rules.rule_of` reads.

    `split` "" and `names` () take every subject, `precision` "" the faster one of the device;
    `batch` slices are encoded at once. `keep` changes no row, only what the cache holds afterwards.
    """

    data: DataSpec
    configurations: tuple[Configuration, ...]
    out: Path
    split: Split = ""
    names: tuple[str, ...] = ()
    modality: str = "t2f"
    plane: Plane = "axial"
    rules: tuple[str, ...] = ("validation",)
    readout: ReadoutSpec = ReadoutSpec()
    batch: int = stored_features.BATCH
    precision: Precision | Literal[""] = ""
    keep: Keep = "features"


@dataclass(frozen=True)
class Task:
    """One subject under the configurations that share its features.

    `thresholds` are those of each configuration. Without thresholds only the
    curves are wanted, to tune a threshold on them. After the `last` task of a subject its rows are
    whole.
    """

    cohort: Cohort
    subject: Subject
    configurations: tuple[Configuration, ...]
    thresholds: tuple[Thresholds, ...] = ()
    last: bool = True


LeftOut = dict[str, str]
"""Ids of subjects whose files cannot be used, as was found on reading them, with a sentence."""
Work = Callable[[Sequence[Task], Step], LeftOut]
"""Does tasks, here or on many machines; a subject that cannot be read ends none but its own."""


def subjects(cohort: Cohort) -> list[Subject]:
    """Usable subjects of the split with truth and modality; raises SettingError without any."""
    usable = [subject for subject in _usable(cohort) if cohort.split in ("", subject.split)]
    lacking = subjects_without_file(cohort)
    unknown = set(cohort.names) - {subject.id for subject in usable}
    if unknown:
        raise SettingError(_refusal(cohort, min(unknown)))
    if cohort.names:
        usable = [subject for subject in usable if subject.id in cohort.names]
    if usable and all(subject.id in lacking for subject in usable):
        raise SettingError(lacking[usable[0].id])
    if not usable:
        if problems := [subject.problem for subject in unusable(cohort)]:
            of = counted(len(problems), "subject")
            raise DataError(
                f"{of} cannot be used, and there is no other to evaluate. {problems[0]}"
            )
        raise SettingError(
            f"No usable subject of split '{cohort.split or 'all'}' has a segmentation and the "
            f"modality '{cohort.modality}'; choose another split, modality or data set."
        )
    return [subject for subject in usable if subject.id not in lacking]


def _refusal(cohort: Cohort, name: str) -> str:
    """Why a subject that is named cannot be evaluated."""
    every = {each.id: each for each in datasets.open_dataset(cohort.data).subjects()}
    if name not in every:
        return f"'{name}' is no subject of {cohort.data.place}; see the list on the Setup page."
    subject = every[name]
    if subject.problem:
        return f"'{name}' cannot be evaluated: {subject.problem}"
    if not subject.has_truth:
        return f"'{name}' has no segmentation to be evaluated against; leave it out."
    if cohort.modality not in subject.modalities:
        return (
            f"'{name}' has no '{cohort.modality}', only {listed(subject.modalities)}; choose one "
            "of these or leave it out."
        )
    part = f"split '{subject.split}'" if subject.split else "no part of the split"
    return f"'{name}' is in {part}, not in '{cohort.split}'; choose that, or all."


def unusable(cohort: Cohort) -> list[Subject]:
    """Subjects of the split that are left out for a problem; those named, where some are."""
    lacking = subjects_without_file(cohort)
    return [
        replace(subject, problem=subject.problem or lacking[subject.id])
        for subject in datasets.open_dataset(cohort.data).subjects()
        if (subject.problem or subject.id in lacking)
        and cohort.split in ("", subject.split)
        and (not cohort.names or subject.id in cohort.names)
    ]


def without_file(cohort: Cohort) -> dict[tuple[Configuration, str], str]:
    """Why a set of predictions has no map of a subject, by configuration and the subject's id.

    A subject to evaluate is then left out of every configuration, so that all are of the same.
    Raises DataError, SettingError without the set.
    """
    lacking: dict[tuple[Configuration, str], str] = {}
    for configuration in cohort.configurations:
        if configuration.method == methods.FILES:
            found = files.survey_of(cohort.data, configuration.setup)
            lacking |= {(configuration, name): why for name, why in found.problems.items()}
    return lacking


def subjects_without_file(cohort: Cohort) -> dict[str, str]:
    """The ids of subjects to evaluate that a set of predictions has no map of, with a sentence."""
    lacking = {name: why for (_, name), why in without_file(cohort).items()}
    return {
        subject.id: lacking[subject.id]
        for subject in _usable(cohort)
        if subject.id in lacking
        and cohort.split in ("", subject.split)
        and (not cohort.names or subject.id in cohort.names)
    }


def tuning_of(cohort: Cohort, chosen: Sequence[Subject]) -> dict[str, Tuning]:
    """For each rule and chosen subject those on which the threshold is tuned.

    Raises SettingError where a rule has none of those that it needs.
    """
    usable, split = _usable(cohort), registry.table(cohort.data)
    tuning: dict[str, Tuning] = {}
    for text in cohort.rules:
        rule = rule_of(text)
        if not isinstance(rule, TunedRule):
            tuning[text] = [()] * len(chosen)
            continue
        tuning[text] = [tuple(rule.tuning(usable, split, subject.id)) for subject in chosen]
        if not all(tuning[text]):
            raise SettingError(
                f"These data have no {rule.needs} to tune a threshold on; choose --threshold "
                "oracle, a value, or a share of the range such as 50%."
            )
    return tuning


def tuning_subjects(cohort: Cohort, chosen: Sequence[Subject]) -> list[Subject]:
    """Every subject on which a threshold is tuned; raises SettingError as `tuning_of` does."""
    groups = {group: None for tuning in tuning_of(cohort, chosen).values() for group in tuning}
    return list(dict.fromkeys(subject for group in groups for subject in group))


def spec_of(engine: Engine, cohort: Cohort, subject: str, configuration: Configuration) -> MapSpec:
    """The map of a subject under a configuration; raises SettingError, WeightsError."""
    slices = SliceSpec(cohort.data, subject, cohort.modality, cohort.plane)
    return pipeline.map_spec(
        engine,
        slices,
        configuration.method,
        configuration.setup,
        configuration.prompts,
        precision=cohort.precision or None,
        home=Path(configuration.home) if configuration.home else None,
    )


def groups(engine: Engine, cohort: Cohort) -> list[tuple[Configuration, ...]]:
    """Runs that share their features, together; those without a tower share that they have none."""
    by_features: dict[object, list[Configuration]] = {}
    for configuration in cohort.configurations:
        features = spec_of(engine, cohort, "", configuration).features
        by_features.setdefault(features if features.recipe else None, []).append(configuration)
    return [tuple(sharing) for sharing in by_features.values()]


def tasks(
    engine: Engine,
    cohort: Cohort,
    chosen: Sequence[Subject],
    thresholds: Mapping[tuple[Configuration, Subject], Thresholds] | None = None,
    later: Container[Subject] = (),
) -> list[Task]:
    """Subject by subject; without thresholds for curves only, those of `later` not for the last."""
    shared, lacking = groups(engine, cohort), without_file(cohort)
    todo = []
    for subject in chosen:
        for sharing in shared:
            own = tuple(each for each in sharing if (each, subject.id) not in lacking)
            own_thresholds = tuple(thresholds[each, subject] for each in own) if thresholds else ()
            if own:
                todo.append(Task(cohort, subject, own, own_thresholds, subject not in later))
    return todo


def _usable(cohort: Cohort) -> list[Subject]:
    dataset = datasets.open_dataset(cohort.data)
    return [subject for subject in dataset.subjects() if subject.evaluable(cohort.modality)]

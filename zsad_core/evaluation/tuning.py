"""The thresholds at which an evaluation reads its maps, one for each rule and subject."""

from collections.abc import Sequence

from zsad_core.errors import SettingError
from zsad_core.evaluation.tasks import (
    Cohort,
    Configuration,
    Thresholds,
    Tuning,
    spec_of,
    tuning_of,
    without_file,
)
from zsad_core.inference import evaluation
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.methods import BaseMethod
from zsad_core.metrics.threshold_rules import MapRule, TunedRule, TuningCurves, of_mask, rule_of
from zsad_core.metrics.thresholds import fixed_threshold
from zsad_core.results import conventions
from zsad_core.results import parquet as results
from zsad_core.types import MapSpec, Subject, Threshold


def thresholds_of(
    engine: Engine, cohort: Cohort, configuration: Configuration, chosen: Sequence[Subject]
) -> list[Thresholds]:
    """The thresholds of each chosen subject in a configuration, one for each rule.

    Results must hold the curves of the subjects that rules are tuned on. A threshold from the
    subject's own map is NaN until that is read. Raises ZsadError.
    """
    method = resolve(engine, spec_of(engine, cohort, "", configuration)).method
    by_rule = [
        _of_rule(engine, cohort, configuration, text, method, tuning)
        for text, tuning in tuning_of(cohort, chosen).items()
    ]
    return list(zip(*by_rule, strict=True))


def _of_rule(
    engine: Engine,
    cohort: Cohort,
    configuration: Configuration,
    text: str,
    method: BaseMethod,
    tuning: Tuning,
) -> list[Threshold]:
    """The thresholds of a rule for subjects that are tuned on those of `tuning` each."""
    rule = rule_of(text)
    if isinstance(rule, MapRule):
        return [rule.pending] * len(tuning)
    if not isinstance(rule, TunedRule):
        return [fixed_threshold(text, method.high)] * len(tuning)
    if method.binary:
        return [of_mask(rule, method.high)] * len(tuning)
    tuned = {
        group: _tuned(engine, cohort, configuration, rule, group) for group in dict.fromkeys(tuning)
    }
    return [tuned[group] for group in tuning]


def _tuned(
    engine: Engine,
    cohort: Cohort,
    configuration: Configuration,
    rule: TunedRule,
    subjects: Sequence[Subject],
) -> Threshold:
    lacking = without_file(cohort)
    names = [one.id for one in subjects if (configuration, one.id) not in lacking]
    if not names:
        raise SettingError(lacking[configuration, subjects[0].id])
    specs = [spec_of(engine, cohort, name, configuration) for name in names]
    keys = tuple(evaluation.map_key(engine, spec) for spec in specs)
    return engine.thresholds.get(
        (rule.text, *keys), lambda: rule.of_curves(_curves(engine, cohort, rule, keys, specs))
    )


def _curves(
    engine: Engine, cohort: Cohort, rule: TunedRule, keys: Sequence[str], specs: Sequence[MapSpec]
) -> list[TuningCurves]:
    voxel_ml = {}
    if rule.reads_normal:
        voxel_ml = {
            key: engine.voxel_ml(spec.features.slices)
            for key, spec in zip(keys, specs, strict=True)
        }
    with results.connect(cohort.out) as rows:
        curves = conventions.curves_of(rows, keys)
        normal = conventions.normal_curves_of(rows, voxel_ml)
    return [TuningCurves(curves[key], normal.get(key)) for key in keys]

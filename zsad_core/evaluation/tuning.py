"""The thresholds that rows are read at: fixed, the oracle, or tuned on validation subjects."""

from collections.abc import Sequence
from pathlib import Path

from zsad_core.evaluation.rows import ORACLE
from zsad_core.evaluation.tasks import Cohort, Configuration, Thresholds, spec_of
from zsad_core.inference import evaluation
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.metrics import thresholds
from zsad_core.results import conventions
from zsad_core.results import parquet as results
from zsad_core.types import Subject, Threshold


def thresholds_of(
    engine: Engine, cohort: Cohort, configuration: Configuration, tuning: Sequence[Subject]
) -> Thresholds:
    """The thresholds of a configuration, one for each rule; raises ZsadError.

    The validation threshold is tuned on the curves of the `tuning` subjects, which the results must
    hold. The oracle's value is known once a subject is read.
    """
    high = resolve(engine, spec_of(engine, cohort, "", configuration)).method.high
    specs = [spec_of(engine, cohort, subject.id, configuration) for subject in tuning]
    curves = tuple(evaluation.map_key(engine, spec) for spec in specs)
    return tuple(_threshold(engine, cohort.out, rule, high, curves) for rule in cohort.rules)


def _threshold(
    engine: Engine, out: Path, rule: str, high: float, curves: tuple[str, ...]
) -> Threshold:
    if rule == "oracle":
        return ORACLE
    if rule == "validation":
        return engine.thresholds.get(curves, lambda: _tuned(out, curves))
    return thresholds.fixed_threshold(rule, high)


def _tuned(out: Path, curves: tuple[str, ...]) -> Threshold:
    with results.connect(out) as rows:
        by_map = conventions.curves_of(rows, curves)
    return thresholds.validation([by_map[key] for key in curves])

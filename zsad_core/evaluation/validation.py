"""Thresholds that the app tunes on other subjects, for a method, setup and prompts.

Curves lie with the rows that the app makes: among what can be made again, those of uploaded scans
beside the scans.
"""

from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path

from zsad_core.base.paths import cache_root
from zsad_core.imaging.splits import registry
from zsad_core.inference.engine import Engine
from zsad_core.inference.evaluation import map_key, of_subject
from zsad_core.metrics.threshold_rules import TunedRule, TuningCurves
from zsad_core.metrics.thresholds import Curve, NormalCurve
from zsad_core.types import DataSpec, MapSpec, Progress, SliceSpec, Subject, Threshold

TABLES = ("curves", "levels")


def app_rows(data: DataSpec) -> Path:
    """Where the app keeps the rows and curves that it makes while one looks."""
    return (Path(data.root) if data.private else cache_root()) / "rows"


def tuning_subjects(
    rule: TunedRule, subjects: Sequence[Subject], slices: SliceSpec
) -> tuple[str, ...]:
    """Ids of the subjects on which the threshold of a scan's map is tuned; () without any.

    Raises SettingError, DataError for a split that is not there.
    """
    evaluable = [subject for subject in subjects if subject.evaluable(slices.modality)]
    tuning = rule.tuning(evaluable, registry.table(slices.data), slices.subject)
    return tuple(subject.id for subject in tuning)


def tuned_threshold(
    engine: Engine,
    spec: MapSpec,
    rule: TunedRule,
    subjects: Sequence[str],
    progress: Progress | None = None,
) -> Threshold:
    """The threshold that a rule gives on the curves of those subjects of the same data.

    Kept for each rule, method, setup, prompts and data. Raises SettingError where they allow none.
    """
    return engine.thresholds.get(
        _threshold_key(spec, rule, subjects), lambda: _tune(engine, spec, rule, subjects, progress)
    )


def known_threshold(
    engine: Engine, spec: MapSpec, rule: TunedRule, subjects: Sequence[str]
) -> Threshold | None:
    """The tuned threshold if it was computed in this run of the app."""
    return engine.thresholds.peek(_threshold_key(spec, rule, subjects))


def curve_of(engine: Engine, spec: MapSpec, progress: Progress | None = None) -> Curve:
    """The curve of one subject's map, made now unless it is kept; raises ZsadError."""
    from zsad_core.evaluation import rows  # pandas, pyarrow and DuckDB, which no first page needs
    from zsad_core.results import conventions, parquet

    out, key = app_rows(spec.features.slices.data), map_key(engine, spec)

    def step(_: int) -> None:
        if progress:
            progress(0, 1)

    rows.make(engine, spec, rows.Results(out), (), step)
    return conventions.curve_from(parquet.read(out, "curves", key)[0])


def _normal_curve(engine: Engine, spec: MapSpec) -> NormalCurve | None:
    """Volumes in the lesion-free slices of a map whose curve is kept; None without such slices."""
    from zsad_core.results import conventions, parquet

    slices, key = spec.features.slices, map_key(engine, spec)
    curve, levels = (parquet.read(app_rows(slices.data), name, key) for name in TABLES)
    return conventions.normal_curve_from(curve[0], levels, engine.voxel_ml(slices))


def _threshold_key(spec: MapSpec, rule: TunedRule, subjects: Sequence[str]) -> Hashable:
    """The map of any subject, the rule, and whom it is tuned on."""
    return of_subject(spec, ""), rule.text, tuple(subjects)


def _tune(
    engine: Engine,
    spec: MapSpec,
    rule: TunedRule,
    subjects: Sequence[str],
    progress: Progress | None,
) -> Threshold:
    curves = []
    for done, subject in enumerate(subjects):
        step = partial(_step, progress, done, len(subjects))
        step()
        of_other = of_subject(spec, subject)
        curve = curve_of(engine, of_other, step)
        normal = _normal_curve(engine, of_other) if rule.reads_normal else None
        curves.append(TuningCurves(curve, normal))
    return rule.of_curves(curves)


def _step(progress: Progress | None, done: int, total: int, *_: int) -> None:
    """Counts subjects on the bar, whatever the work inside reports; passes a cancel on."""
    if progress:
        progress(done, total)

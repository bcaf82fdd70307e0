"""The validation threshold of a method, setup and prompts, from the curves of validation subjects.

Curves lie with the rows that the app makes: among what can be made again, those of uploaded scans
beside the scans.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from zsad_core.base.paths import cache_root
from zsad_core.imaging.splits import registry
from zsad_core.inference.engine import Engine
from zsad_core.inference.evaluation import map_key, of_subject
from zsad_core.metrics import thresholds
from zsad_core.metrics.thresholds import Curve
from zsad_core.types import DataSpec, MapSpec, Progress, Subject, Threshold


def app_rows(data: DataSpec) -> Path:
    """Where the app keeps the rows and curves that it makes while one looks."""
    return (Path(data.root) if data.private else cache_root()) / "rows"


def validation_subjects(subjects: Sequence[Subject], modality: str) -> list[str]:
    """Ids of usable validation subjects with truth and the modality."""
    return [s.id for s in subjects if s.split == "validation" and s.evaluable(modality)]


def validation_threshold(
    engine: Engine, spec: MapSpec, subjects: Sequence[str], progress: Progress | None = None
) -> Threshold:
    """The value with the best mean 3D Dice over the validation subjects of the same data.

    Kept for each method, setup, prompts and data. Raises SettingError without such subjects.
    """
    return engine.thresholds.get(
        _threshold_key(spec), lambda: _validate(engine, spec, subjects, progress)
    )


def known_threshold(engine: Engine, spec: MapSpec) -> Threshold | None:
    """The validation threshold if it was computed in this run of the app."""
    return engine.thresholds.peek(_threshold_key(spec))


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


def _threshold_key(spec: MapSpec) -> tuple[MapSpec, str]:
    """The map of any subject, and what divides the subjects as it is now."""
    return of_subject(spec, ""), registry.digest(spec.features.slices.data)


def _validate(
    engine: Engine, spec: MapSpec, subjects: Sequence[str], progress: Progress | None
) -> Threshold:
    curves = []
    for done, subject in enumerate(subjects):
        step = partial(_step, progress, done, len(subjects))
        step()
        curves.append(curve_of(engine, of_subject(spec, subject), step))
    return thresholds.validation(curves)


def _step(progress: Progress | None, done: int, total: int, *_: int) -> None:
    """Counts subjects on the bar, whatever the work inside reports; passes a cancel on."""
    if progress:
        progress(done, total)

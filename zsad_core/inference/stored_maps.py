"""Maps on the disk, as computed, for evaluations that keep them in place of features."""

from zsad_core.inference.sources.base import MapSource
from zsad_core.inference.stored_features import filled_slices
from zsad_core.types import AnomalyMap


def stored(source: MapSource) -> bool:
    """Whether the whole map is stored; raises DataError, WeightsError."""
    if not source.entries():
        return False  # it is made without features, and never stored
    return source.engine.store.names(source.map_key) >= {"values", "scores"}


def read(source: MapSource) -> AnomalyMap | None:
    """The whole map, or None where it is not stored."""
    if not stored(source):
        return None
    store, key = source.engine.store, source.map_key
    values, scores = store.read(key, "values"), store.read(key, "scores")
    if values is None or scores is None:
        return None
    filled = filled_slices(source.engine, source.spec.features.slices)
    return source.assembled([(filled, (values, scores))])


def write(source: MapSource, anomaly: AnomalyMap) -> None:
    """Keep a map (S, H, W) float32 at its slices with brain; raises StorageError.

    One that is made without features is not kept.
    """
    if source.entries():
        filled = filled_slices(source.engine, source.spec.features.slices)
        arrays = {"values": anomaly.values[filled], "scores": anomaly.scores[filled]}
        source.engine.store.write_all(source.map_key, arrays, source.spec)

"""Where a map comes from: slices through a tower, a volume against others, or files.

`resolve` turns the names of a spec into one of them; everything above asks the source and knows no
kinds.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Protocol

from zsad_core import methods
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources.files import FileSource
from zsad_core.inference.sources.slices import SliceSource
from zsad_core.inference.sources.volumes import VolumeSource
from zsad_core.methods import Facts, FilePredictions, VolumeMethod
from zsad_core.types import AnomalyMap, FloatArray, MapSpec, Progress

__all__ = ["MapSource", "resolve"]


class MapSource(Protocol):
    """What is ready of a map, how it is made ready, and the map itself.

    `alone` says that a slice's map follows from the slice and needs no other.
    """

    @property
    def method(self) -> Facts:
        """The method with its options set."""

    @property
    def alone(self) -> bool:
        """Whether a slice has a map by itself."""

    @property
    def key(self) -> Hashable:
        """What the map in memory is kept under: the spec, and what may change behind it."""

    def ready(self) -> bool:
        """Whether all that the whole map needs is stored, so that it is quick."""

    def missing(self) -> list[int]:
        """Slices that wait for features, all of them where only a whole volume has a map."""

    def encode(
        self, slices: Iterable[int] | None, progress: Progress | None, priority: int, size: int
    ) -> int:
        """Compute and store what is missing; returns how much was computed."""

    def read_texts(self) -> None:
        """Make the texts ready ahead of the slices, where they do not depend on these."""

    def some(self, slices: Sequence[int]) -> tuple[FloatArray, FloatArray] | None:
        """Maps (S, H, W) and scores (S,) of some slices; None where only the whole has a map."""

    def whole(self, progress: Progress | None) -> AnomalyMap:
        """The whole map, (S, H, W); what is missing is encoded. Raises ZsadError."""


def resolve(engine: Engine, spec: MapSpec) -> MapSource:
    """The source of a map; raises SettingError for a method or option that is not there."""
    method = methods.build(spec.method, spec.options)
    if isinstance(method, FilePredictions):
        return FileSource(engine, spec, method)
    if isinstance(method, VolumeMethod):
        return VolumeSource(engine, spec, method)
    return SliceSource(engine, spec, method)

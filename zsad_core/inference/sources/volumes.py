"""Maps of a volume scored against others: cubes of the whole set, stored layer by layer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zsad_core.base.jobs import BACKGROUND
from zsad_core.inference import stored_cubes
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources.slices import in_range
from zsad_core.inference.stored_features import filled_slices
from zsad_core.methods import VolumeMethod
from zsad_core.types import AnomalyMap, FloatArray, MapSpec, Progress, read_only


@dataclass(frozen=True)
class VolumeSource:
    """A map of a volume against the set of its spec; a `MapSource`."""

    engine: Engine
    spec: MapSpec
    method: VolumeMethod
    alone: bool = False

    @property
    def key(self) -> MapSpec:
        """The spec alone."""
        return self.spec

    def ready(self) -> bool:
        """Whether the cubes of the whole set are stored."""
        return not stored_cubes.missing(self.engine, self.spec)

    def missing(self) -> list[int]:
        """Every slice with brain, until the set is stored."""
        return [] if self.ready() else filled_slices(self.engine, self.spec.features.slices)

    def encode(
        self,
        slices: Iterable[int] | None = None,
        progress: Progress | None = None,
        priority: int = BACKGROUND,
        size: int = 0,
    ) -> int:
        """Encode missing layers of all volumes of the set; returns how many."""
        return stored_cubes.encode(self.engine, self.spec, progress, priority)

    def read_texts(self) -> None:
        """There is no text."""

    def some(self, slices: Sequence[int]) -> tuple[FloatArray, FloatArray] | None:
        """No slice has a map by itself."""
        return None

    def whole(self, progress: Progress | None = None) -> AnomalyMap:
        """The map against the set, its maximum in each slice as score."""
        self.encode(progress=progress)
        values, scores = stored_cubes.set_map(self.engine, self.spec)
        values = in_range(values, self.method.high)
        return AnomalyMap(read_only(values), read_only(scores), self.method.high)

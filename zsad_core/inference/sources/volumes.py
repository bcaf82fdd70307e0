"""Maps of a volume scored against others: cubes of the whole set, stored layer by layer."""

from collections.abc import Iterable
from dataclasses import dataclass

from zsad_core.base.jobs import BACKGROUND
from zsad_core.inference import stored_cubes
from zsad_core.inference.sources.base import MapSource, in_range
from zsad_core.inference.stored_cubes import StoredCubes
from zsad_core.inference.stored_features import filled_slices
from zsad_core.methods import VolumeMethod
from zsad_core.types import AnomalyMap, Progress, Recipe, read_only


@dataclass(frozen=True)
class VolumeSource(MapSource):
    """A map of a volume against the set of its spec."""

    method: VolumeMethod
    recipe: Recipe

    @property
    def cubes(self) -> StoredCubes:
        """Cubes of the volume and of its set."""
        return StoredCubes(self.engine, self.spec, self.recipe, self.method)

    def inputs(self) -> dict[str, object]:
        """The digests of the set."""
        return {"volumes": stored_cubes.digests(self.engine, self.spec)}

    def entries(self) -> list[str]:
        """The keys of the cubes of the volume and of its set."""
        subject = self.spec.features.slices.subject
        return [*dict.fromkeys([*self.cubes.keys([subject]), *self.shared_entries()])]

    def shared_entries(self) -> list[str]:
        """Those of the set."""
        return self.cubes.keys(self.spec.volumes)

    def ready(self) -> bool:
        """Whether the cubes of the whole set are stored."""
        return not self.cubes.missing()

    def missing(self) -> list[int]:
        """Every slice with brain, until the set is stored."""
        return [] if self.ready() else filled_slices(self.engine, self.spec.features.slices)

    def encode(
        self,
        slices: Iterable[int] | None = None,
        progress: Progress | None = None,
        priority: int = BACKGROUND,
        size: int | None = None,
    ) -> int:
        """Encode missing layers of all volumes of the set; returns how many."""
        return self.cubes.encode(progress, priority)

    def whole(self, progress: Progress | None = None) -> AnomalyMap:
        """The map against the set, its maximum in each slice as score."""
        self.encode(progress=progress)
        values, scores = self.cubes.map_and_scores()
        values = in_range(values, self.method.high)
        return AnomalyMap(read_only(values), read_only(scores), self.method.high)

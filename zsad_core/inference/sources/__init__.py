"""Where a map comes from: slices, a volume against others, or files.

`resolve` is where the names of a spec become objects. What is below takes the objects; what is
above asks the source. Only what reads texts, and the plan of an evaluation, asks of which kind it
is.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Protocol

from zsad_core import methods, setups
from zsad_core.errors import SettingError
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources.files import FileSource
from zsad_core.inference.sources.pixels import PixelSource
from zsad_core.inference.sources.slices import SliceSource
from zsad_core.inference.sources.volumes import VolumeSource
from zsad_core.methods import BaseMethod, FilePredictions, VolumeMethod
from zsad_core.setups import Setup
from zsad_core.types import AnomalyMap, FloatArray, MapSpec, Progress

__all__ = ["MapSource", "SliceSource", "VolumeSource", "resolve", "text_source"]


class MapSource(Protocol):
    """What is ready of a map, how it is made ready, and the map itself.

    `alone` says that a slice's map follows from the slice and needs no other.
    """

    @property
    def engine(self) -> Engine:
        """What it is computed with."""

    @property
    def spec(self) -> MapSpec:
        """The names it was resolved from."""

    @property
    def method(self) -> BaseMethod:
        """The method with its options set."""

    @property
    def setup(self) -> Setup:
        """The trained state of the method."""

    @property
    def alone(self) -> bool:
        """Whether a slice has a map by itself."""

    @property
    def key(self) -> Hashable:
        """What the map in memory is kept under: the spec, and what may change behind it."""

    @property
    def map_key(self) -> str:
        """Key of what is stored of the map: features, prompts, learned part, options and set."""

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


def resolve(engine: Engine, spec: MapSpec, setup: Setup | None = None) -> MapSource:
    """The source of a map, of a `setup` that has no name or of the one that the spec names.

    Raises SettingError for a method, option or setup that is not there.
    """
    setup = setup or setups.find(spec.method, spec.setup)
    method, recipe = methods.build(spec.method, spec.options), spec.features.recipe
    if isinstance(method, FilePredictions):
        return FileSource(engine, spec, method, setup)
    if isinstance(method, VolumeMethod):
        if recipe is None:
            raise ValueError(f"the map of '{spec.method}' needs a recipe")
        return VolumeSource(engine, spec, method, setup, recipe)
    if recipe is None:
        return PixelSource(engine, spec, method, setup)
    return SliceSource(engine, spec, method, setup, recipe)


def text_source(engine: Engine, spec: MapSpec) -> SliceSource:
    """The source of a map that texts change; raises SettingError where the method reads none."""
    found = resolve(engine, spec)
    if not isinstance(found, SliceSource):
        raise SettingError(f"'{spec.method}' reads no text; choose another method.")
    return found

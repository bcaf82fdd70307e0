"""What every source of maps answers."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from zsad_core import setups
from zsad_core.base.jobs import BACKGROUND
from zsad_core.base.store import key_of
from zsad_core.inference.engine import Engine
from zsad_core.inference.stored_features import feature_key
from zsad_core.methods import BaseMethod
from zsad_core.prompts import sets as prompt_sets
from zsad_core.setups import Setup
from zsad_core.types import AnomalyMap, FloatArray, MapSpec, Progress, read_only

SliceMaps = tuple[FloatArray, FloatArray]
"""Maps (S, H, W) and scores (S,) of some slices."""


@dataclass(frozen=True)
class MapSource(ABC):
    """What is ready of a map, how it is made ready, and the map itself.

    The answers here are those of a source that encodes nothing and maps whole volumes alone.
    Without `hold` the memory keeps nothing that is made for a map, as an evaluation passes
    thousands and a user looks at few.
    """

    engine: Engine
    spec: MapSpec
    method: BaseMethod
    setup: Setup
    hold: bool = field(default=True, kw_only=True)

    @property
    def alone(self) -> bool:
        """Whether the map of a slice follows from that slice and needs no other."""
        return False

    @property
    def key(self) -> Hashable:
        """What the map in memory is kept under: the spec, and what may change behind it."""
        return self.spec

    @property
    def map_key(self) -> str:
        """Key of what is stored of the map; raises DataError, WeightsError.

        It is made from features, prompts, learned part, options, references and `inputs`.
        """
        spec = self.spec
        return key_of(
            feature_key(self.engine, spec.features),
            method=spec.method,
            learned=setups.digest(self.setup),
            prompts=prompt_sets.content(spec.prompts),
            options=spec.options,
            references=[
                (self.engine.digest(reference.slices), reference.index)
                for reference in spec.references
            ],
            **self.inputs(),
        )

    def inputs(self) -> dict[str, object]:
        """What else the map is made from, for its key."""
        return {"volumes": ()}

    def entries(self) -> list[str]:
        """Keys of what `encode` stores, made from this scan and others."""
        return []

    def shared_entries(self) -> list[str]:
        """Those of them that maps of other scans read too."""
        return []

    def ready(self) -> bool:
        """Whether all that the whole map needs is stored, so that it is quick."""
        return not self.missing()

    def missing(self) -> list[int]:
        """Slices that wait for features, all of them where only a whole volume has a map."""
        return []

    def encode(
        self,
        slices: Iterable[int] | None = None,
        progress: Progress | None = None,
        priority: int = BACKGROUND,
        size: int | None = None,
    ) -> int:
        """Compute and store what is missing of all or some slices; returns how much was computed.

        `size` slices are encoded at once, by default as many as the engine's device takes.
        """
        return 0

    def read_texts(self) -> None:
        """Make the texts ready ahead of the slices, where they do not depend on these."""
        return

    def of_slices(self, slices: Sequence[int]) -> SliceMaps | None:
        """Maps and scores of some slices; None where only the whole volume has a map."""
        return None

    @abstractmethod
    def whole(self, progress: Progress | None = None) -> AnomalyMap:
        """The whole map, (S, H, W); what is missing is encoded. Raises ZsadError."""

    def assembled(self, parts: Iterable[tuple[Sequence[int], SliceMaps]]) -> AnomalyMap:
        """The whole map of the parts' slices; the other slices hold 0 and score NaN."""
        brain = self.engine.stack(self.spec.features.slices).brain
        values = np.zeros(brain.shape, np.float32)
        scores = np.full(len(brain), np.nan, np.float32)
        for slices, maps in parts:
            values[slices], scores[slices] = maps
        return AnomalyMap(read_only(values), read_only(scores), self.method.high)


def in_range(values: FloatArray, high: float) -> FloatArray:
    """Values clipped to 0 … high, whose ends rounding and resampling may pass by a last bit."""
    return np.clip(values, 0, high, dtype=np.float32)

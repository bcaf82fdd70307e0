"""Predictions made elsewhere, as a method: its maps are files, one a subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from zsad_core.backbones import TowerInfo
from zsad_core.methods.setup import Published, Setup
from zsad_core.types import FloatArray, Recipe


@dataclass(frozen=True)
class FilePredictions:
    """Masks or scores from files; its setups are the sets that a user has added.

    The fields are those of the set: see `zsad_core.imaging.predictions.Predictions`. A mask has the
    values 0 and 1, a score those of its range less the lowest.
    """

    kind: str = "mask"
    labels: tuple[int, ...] = ()
    low: float = 0.0
    top: float = 1.0
    resample: bool = False

    name: ClassVar[str] = "predictions"
    title: ClassVar[str] = "Predictions of another model"
    source: ClassVar[str] = "files made elsewhere; nothing of them is checked but grid and values"
    learned: ClassVar[bool] = False
    official: ClassVar[str] = ""
    prompts: ClassVar[str] = ""
    prompt_note: ClassVar[str] = ""
    needs_tower: ClassVar[bool] = False
    in_tower: ClassVar[bool] = False
    text_by_slice: ClassVar[bool] = False
    takes_references: ClassVar[bool] = False
    setups: ClassVar[tuple[Setup, ...]] = ()
    published: ClassVar[tuple[Published, ...]] = ()

    @property
    def high(self) -> float:
        """End of the range, which begins at 0."""
        return float(self.top - self.low)

    @property
    def binary(self) -> bool:
        """Whether the maps are masks: one threshold, and nothing to rank."""
        return self.kind == "mask"

    def recipe(self, info: TowerInfo) -> Recipe:
        """Never asked for: there is no tower."""
        raise ValueError("predictions have no recipe")

    def by_volume(self, references: int) -> bool:
        """A file holds the whole volume."""
        return True

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """Never asked for: nothing is learned here."""
        raise ValueError("predictions have no checkpoint")

"""Predictions made elsewhere, as a method: its maps are files, one a subject."""

from dataclasses import dataclass

from zsad_core.methods.base import BaseMethod


@dataclass(frozen=True)
class FilePredictions(BaseMethod):
    """Masks or scores from files; its setups are the sets that a user has added.

    The options are what a set (`zsad_core.imaging.predictions.Predictions`) says of its files:
    their `kind`, mask or score; which `labels` of a mask count; the `low` and `high` end of a
    score's range, the latter as `top`; whether other grids are resampled. A mask has the values 0
    and 1, a score those of its range less the lowest.
    """

    kind: str = "mask"
    labels: tuple[int, ...] = ()
    low: float = 0.0
    top: float = 1.0
    resample: bool = False

    name = "predictions"
    title = "Predictions of another model"
    source = "files made elsewhere; nothing of them is checked but grid and values"
    needs_tower = False

    @property
    def high(self) -> float:
        """End of the range, which begins at 0."""
        return float(self.top - self.low)

    @property
    def binary(self) -> bool:
        """Whether the maps are masks: one threshold, and nothing to rank."""
        return self.kind == "mask"

    def by_volume(self, references: int) -> bool:
        """A file holds the whole volume."""
        return True

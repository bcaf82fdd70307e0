"""A view computed: slices, map, mask and numbers."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View, readout_of, stack_of
from zsad_core.metrics import dice as metrics
from zsad_core.metrics.boxes import box_of
from zsad_core.metrics.readout import Readout, readout
from zsad_core.metrics.scoring import predicted_mask
from zsad_core.types import AnomalyMap, MaskArray, Progress, SliceStack, read_only

MARGIN = 4  # pixels round the brain
Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True)
class Reading:
    """A computed view: the predicted mask is (S, H, W), the numbers are of the whole volume.

    `counts` (S, 4) are pixels of brain, truth, prediction and both in each slice.
    """

    view: View
    stack: SliceStack
    anomaly: AnomalyMap
    mask: MaskArray
    readout: Readout
    counts: NDArray[np.int64]

    @property
    def filled(self) -> list[int]:
        """Indices of the slices that hold brain."""
        return np.flatnonzero(self.counts[:, 0]).tolist()

    @cached_property
    def frame(self) -> tuple[slice, slice]:
        """Rows and columns that hold brain, truth or prediction in any slice, and a margin."""
        masks = [self.stack.brain, self.mask]
        masks += [] if self.stack.truth is None else [self.stack.truth]
        union = np.logical_or.reduce([mask.any(axis=0) for mask in masks])
        rows, columns = (
            slice(max(side.start - MARGIN, 0), min(side.stop + MARGIN, size))
            for side, size in zip(box_of(union), union.shape, strict=True)
        )
        return rows, columns

    def cut(self, array: NDArray[Kind], index: int) -> NDArray[Kind]:
        """Slice `index` of an array (S, H, W), inside the frame."""
        return array[index][self.frame]

    def truth(self, index: int) -> MaskArray:
        """The truth of a slice inside the frame; empty if there is none."""
        truth = self.stack.truth
        return self.cut(np.zeros_like(self.mask) if truth is None else truth, index)


def read(engine: Engine, view: View, progress: Progress | None = None) -> Reading:
    """Compute a view; missing features are encoded first. Raises ZsadError."""
    stack, spec = stack_of(engine, view), readout_of(view)
    anomaly = pipeline.anomaly_map(engine, view.map, progress)
    mask = predicted_mask(anomaly.values, stack.brain, spec)
    truth = np.zeros_like(mask) if stack.truth is None else stack.truth
    parts = (stack.brain, truth, mask, mask & truth)
    counts = np.stack([metrics.pixels_per_slice(region) for region in parts], axis=1)  # (S, 4)
    result = readout(stack, anomaly, spec)
    return Reading(view, stack, anomaly, read_only(mask), result, counts)

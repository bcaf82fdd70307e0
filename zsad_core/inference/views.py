"""What a user looks at: one slice of a map at a threshold. Pins keep it, exports draw it."""

import math
from dataclasses import dataclass, replace

import numpy as np

from zsad_core.errors import DataError
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.metrics import dice as metrics
from zsad_core.metrics.readout import readout
from zsad_core.metrics.scoring import predicted_mask
from zsad_core.types import MapSpec, MaskArray, ReadoutSpec, SliceStack, Threshold


@dataclass(frozen=True)
class View:
    """Slice `index` of a map, from the bottom of its plane, read at a threshold."""

    map: MapSpec
    index: int
    threshold: Threshold
    readout: ReadoutSpec = ReadoutSpec()


def counted_as(view: View, read: ReadoutSpec) -> View:
    """The same picture, its empty slices and depths counted as another readout counts them."""
    readout_spec = replace(view.readout, empty_slices=read.empty_slices, centre=read.centre)
    return replace(view, readout=readout_spec)


def stack_of(engine: Engine, view: View) -> SliceStack:
    """The scan of a view as slices; raises DataError where it has no such slice."""
    slices = view.map.features.slices
    stack = engine.stack(slices)
    if not 0 <= view.index < len(stack.image):
        raise DataError(
            f"{slices.subject} has {len(stack.image)} {slices.plane} slices and none of number "
            f"{view.index + 1}; choose another."
        )
    return stack


def mask_of(engine: Engine, view: View) -> MaskArray:
    """The predicted mask (H, W) of the view's slice; features that lack are encoded first.

    The whole volume is mapped only where the slice needs it: for a method that scores volumes, and
    to drop small components.
    """
    stack = stack_of(engine, view)
    read = readout_of(view)
    if read.min_component_voxels > 1:
        values = pipeline.anomaly_map(engine, view.map).values
        return predicted_mask(values, stack.brain, read)[view.index]
    brain = stack.brain[[view.index]]
    values = np.zeros(brain.shape, np.float32)  # of a slice without brain, as in the whole map
    if brain.any():
        values, _ = pipeline.slice_maps(engine, view.map, [view.index])
    return predicted_mask(values, brain, read)[0]


def stored(engine: Engine, view: View) -> bool:
    """Whether all that `mask_of` needs is there, so that nothing is encoded for it."""
    spec = view.map
    if _by_slice(engine, view) and view.index not in resolve(engine, spec).missing():
        return True
    return pipeline.ready(engine, spec)


def quick(engine: Engine, view: View) -> bool:
    """Whether `mask_of` waits for one slice at most, not for the features of a whole volume."""
    return _by_slice(engine, view) or pipeline.ready(engine, view.map)


def _by_slice(engine: Engine, view: View) -> bool:
    """Whether the slice's mask follows from the slice alone."""
    return resolve(engine, view.map).alone and view.readout.min_component_voxels <= 1


def dice_of(engine: Engine, view: View) -> tuple[float | None, float | None]:
    """2D Dice of the slice and 3D Dice of the volume, under the view's readout.

    None where there is none: without truth, of a slice that the empty-slice rule leaves out, of a
    volume without lesion, and of one of which neither the map nor all features are there.
    """
    stack = stack_of(engine, view)
    if stack.truth is None:
        return None, None
    mask, truth = mask_of(engine, view), stack.truth[view.index]
    slice_dice = float(
        metrics.dice(truth.sum(), mask.sum(), (truth & mask).sum(), view.readout.empty_slices)
    )
    volume = None
    if pipeline.ready(engine, view.map):
        volume = readout(stack, pipeline.anomaly_map(engine, view.map), readout_of(view)).dice_3d
    return None if math.isnan(slice_dice) else slice_dice, volume


def readout_of(view: View) -> ReadoutSpec:
    """The readout at the threshold of a view."""
    return replace(view.readout, threshold=view.threshold.value)

"""What a user looks at: one slice of a map at a threshold. Pins keep it, exports draw it."""

from dataclasses import dataclass, replace

from zsad_core import pipeline
from zsad_core.engine import Engine
from zsad_core.errors import DataError
from zsad_core.scoring import predicted_mask
from zsad_core.types import MapSpec, MaskArray, ReadoutSpec, SliceStack, Threshold


@dataclass(frozen=True)
class View:
    """Slice `index` of a map, from the bottom of its plane, read at a threshold."""

    map: MapSpec
    index: int
    threshold: Threshold
    readout: ReadoutSpec = ReadoutSpec()


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
    read = replace(view.readout, threshold=view.threshold.level)
    if read.min_component_voxels > 1:
        levels = pipeline.anomaly_map(engine, view.map).levels
        return predicted_mask(levels, stack.brain, read)[view.index]
    levels, _ = pipeline.slice_levels(engine, view.map, [view.index])
    return predicted_mask(levels, stack.brain[[view.index]], read)[0]

"""The third cost: from a map and a threshold to the numbers of one volume, in milliseconds."""

from dataclasses import dataclass, replace

from zsad_core.metrics import ranking
from zsad_core.metrics.dice import MeanDice, dice, dice_3d, mean_dice, pixels_per_slice
from zsad_core.metrics.scoring import predicted_mask
from zsad_core.types import AnomalyMap, FloatArray, ReadoutSpec, SliceStack, read_only

NO_TRUTH = "No segmentation: volumes and maps only, no Dice."
NO_LESION = "No lesion in the truth: no Dice; everything predicted is false positive ({:.1f} ml)."


@dataclass(frozen=True)
class Readout:
    """The numbers of one volume at one threshold.

    Volumes are in ml. Without a truth, everything that needs one is None; without a lesion there is
    no Dice, AUROC or AP, and the false positives in ml measure the error. A binary map has no
    AUROC, AP or best Dice. `dice` is 2D Dice (S,), NaN as the empty-slice rule defines. AUROC, AP
    and `best_dice` (an oracle: it saw the truth) are over the map's values in the brain and do not
    depend on threshold or component filter. `threshold` is in the method's own range.
    """

    threshold: float
    predicted_ml: float
    truth_ml: float | None = None
    false_positive_ml: float | None = None
    false_negative_ml: float | None = None
    dice: FloatArray | None = None
    dice_3d: float | None = None
    mean_dice: MeanDice | None = None
    auroc: float | None = None
    ap: float | None = None
    best_dice: float | None = None
    notes: tuple[str, ...] = ()


def readout(stack: SliceStack, anomaly: AnomalyMap, spec: ReadoutSpec) -> Readout:
    """The numbers of a map (S, H, W) against the stack's truth, under the spec.

    >>> import numpy as np
    >>> image, brain = np.zeros((1, 1, 2), dtype=np.uint8), np.ones((1, 1, 2), dtype=bool)
    >>> stack = SliceStack(image, brain, np.array([[[False, True]]]), (0, 1), 0.001, (1, 1))
    >>> values = np.array([[[0.1, 0.8]]], dtype=np.float32)
    >>> readout(stack, AnomalyMap(values, np.zeros(1), 1.0), ReadoutSpec(0.5)).dice_3d
    1.0
    """
    mask = predicted_mask(anomaly.values, stack.brain, spec)
    pixels = pixels_per_slice(mask)
    predicted_ml = float(pixels.sum() * stack.voxel_ml)
    if stack.truth is None:
        return Readout(spec.threshold, predicted_ml, notes=(NO_TRUTH, *anomaly.notes))
    mask &= stack.truth
    counts = pixels_per_slice(stack.truth), pixels, pixels_per_slice(mask)
    truth, predicted, overlap = (int(count.sum()) for count in counts)
    dice_2d = read_only(dice(*counts, spec.empty_slices))
    result = Readout(
        spec.threshold,
        predicted_ml,
        truth_ml=truth * stack.voxel_ml,
        false_positive_ml=(predicted - overlap) * stack.voxel_ml,
        false_negative_ml=(truth - overlap) * stack.voxel_ml,
        dice=dice_2d,
        notes=anomaly.notes,
    )
    if not truth:
        return replace(result, notes=(NO_LESION.format(predicted_ml), *anomaly.notes))
    result = replace(
        result,
        dice_3d=dice_3d(truth, predicted, overlap),
        mean_dice=mean_dice(dice_2d, spec.empty_slices),
    )
    if anomaly.binary:
        return result
    voxels = ranking.in_brain(anomaly.values, stack.brain, stack.truth)
    return replace(
        result,
        auroc=ranking.auroc(voxels),
        ap=ranking.average_precision(voxels),
        best_dice=ranking.best_dice(voxels, truth),
    )

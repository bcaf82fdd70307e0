"""From one subject's map to the rows that are kept of it; columns are those of `result_schema`."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from zsad_core import lesions, metrics, slicing, thresholds
from zsad_core.metrics import HEALTHY, LESION, Histogram
from zsad_core.ranking import pro, share, slice_ranks
from zsad_core.results import Row
from zsad_core.scoring import predicted_mask
from zsad_core.surfaces import Spacing, hd95_mm, nsd, surfaces
from zsad_core.types import AnomalyMap, MaskArray, ReadoutSpec, SliceStack, Threshold

NAN = float("nan")


@dataclass(frozen=True)
class Judged:
    """A map against its truth, whatever the threshold: histograms (S, 2, 256) and what they tell.

    `facts` are columns of the subject, `of_slices` columns of its slices, each (S,).
    """

    histogram: Histogram
    facts: Row
    of_slices: dict[str, NDArray[np.generic]]


def judge(stack: SliceStack, anomaly: AnomalyMap) -> Judged:
    """What needs no threshold; the stack must have a truth."""
    brain, truth = stack.brain, _truth(stack)
    histogram = metrics.histograms(anomaly.levels, brain, truth)
    whole, areas = histogram.sum(axis=0), metrics.pixels_per_slice(truth)
    ill = bool(whole[LESION].sum())
    inside, scores = brain.any(axis=(1, 2)), anomaly.scores.astype(float)
    ranks = slice_ranks(np.where(inside, scores, np.nan), areas > 0)
    facts: Row = {
        "slices": len(brain),
        "brain_slices": int(inside.sum()),
        "lesion_slices": int((areas > 0).sum()),
        "voxel_ml": stack.voxel_ml,
        "brain": int(brain.sum()),
        "truth": int(areas.sum()),
        "truth_in_brain": int(whole[LESION].sum()),
        "truth_ml": float(areas.sum() * stack.voxel_ml),
        "best_dice": metrics.best_dice(whole),
        "best_level": thresholds.oracle_threshold(whole) if ill else None,
        "auroc": metrics.auroc(whole),
        "ap": metrics.average_precision(whole),
        "pro": pro(anomaly.levels, brain, truth),
        "slice_auroc": metrics.auroc(ranks),
        "slice_ap": metrics.average_precision(ranks),
    }
    of_slices = {
        "index": np.arange(len(brain)),
        "depth_middle": slicing.depths(brain, "middle"),
        "depth_centroid": slicing.depths(brain, "centroid"),
        "brain": metrics.pixels_per_slice(brain),
        "truth": areas,
        "auroc": np.array([metrics.auroc(one) for one in histogram]),
        "ap": np.array([metrics.average_precision(one) for one in histogram]),
        "score": scores,
    }
    return Judged(histogram, facts, of_slices)


def histogram_rows(judged: Judged, map_key: str) -> list[Row]:
    """Rows of `histograms`: slices with brain."""
    return [
        {"map": map_key, "index": int(s), "healthy": one[HEALTHY], "lesion": one[LESION]}
        for s, one in enumerate(judged.histogram)
        if one.any()
    ]


def read_rows(
    stack: SliceStack,
    anomaly: AnomalyMap,
    judged: Judged,
    spec: ReadoutSpec,
    threshold: Threshold,
) -> tuple[Row, list[Row]]:
    """(columns of the subject, columns of its slices without `key`) at one threshold."""
    truth = _truth(stack)
    mask = predicted_mask(anomaly.levels, stack.brain, spec)
    areas = judged.of_slices["truth"].astype(np.int64)
    predicted = metrics.pixels_per_slice(mask)
    both = metrics.pixels_per_slice(mask & truth)
    dice = metrics.dice_of_counts(areas, predicted, both, "lesion_only")
    whole = (int(areas.sum()), int(predicted.sum()), int(both.sum()))
    subject: Row = {
        **judged.facts,
        "threshold_rule": threshold.rule,
        "threshold_note": threshold.note,
        "level": spec.threshold,
        "threshold_value": spec.threshold / 255 * anomaly.high,
        "brain_only": spec.brain_only,
        "min_component_voxels": spec.min_component_voxels,
        "predicted": whole[1],
        "overlap": whole[2],
        "dice_3d": share(2 * whole[2], whole[0] + whole[1]) if whole[0] else NAN,
        "dice_2d": metrics.mean_dice(dice, "lesion_only").value,
        "precision": share(whole[2], whole[1]),
        "recall": share(whole[2], whole[0]),
        "predicted_ml": whole[1] * stack.voxel_ml,
        "volume_difference_ml": (whole[1] - whole[0]) * stack.voxel_ml,
        **_of_surfaces(truth, mask, spacing_mm(stack)),
        **_of_lesions(truth, mask, spacing_mm(stack)),
    }
    columns = {**judged.of_slices, "predicted": predicted, "overlap": both, "dice": dice}
    names, values = list(columns), zip(*(one.tolist() for one in columns.values()), strict=True)
    return subject, [dict(zip(names, row, strict=True)) for row in values]


def spacing_mm(stack: SliceStack) -> Spacing:
    """Distance between slices and the two sides of a pixel: the axes S, H, W.

    >>> empty = np.zeros((1, 1, 1), dtype=bool)
    >>> spacing_mm(SliceStack(empty.astype(np.uint8), empty, None, (0, 1), 0.006, (1.0, 2.0)))
    (3.0, 1.0, 2.0)
    """
    height, width = stack.pixel_mm
    return stack.voxel_ml * 1000 / (height * width), height, width


def _of_surfaces(truth: MaskArray, mask: MaskArray, spacing: Spacing) -> Row:
    found = surfaces(truth, mask, spacing)
    return {"hd95_mm": hd95_mm(found), "nsd_1mm": nsd(found, 1.0)}


def _of_lesions(truth: MaskArray, mask: MaskArray, spacing: Spacing) -> Row:
    row: Row = {}
    for rule in lesions.RULES:
        found = lesions.lesions(truth, mask, spacing, rule)
        row |= {f"{rule}_{name}": one for name, one in asdict(lesions.scores(found, rule)).items()}
        row |= {
            f"{rule}_lesion_mm3": found.volume_mm3,
            f"{rule}_lesion_found": found.found,
            f"{rule}_lesion_dice": found.dice,
            f"{rule}_lesion_nsd": found.nsd,
            f"{rule}_lesion_hd95_mm": found.hd95_mm,
        }
        if rule == "brats2023":
            row["brats2023_lesion_slice"] = found.index
    return row


def _truth(stack: SliceStack) -> MaskArray:
    if stack.truth is None:
        raise ValueError("rows need a truth")
    return stack.truth

"""From one subject's map to the rows that are kept of it; columns are those of `schema`."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from zsad_core.imaging import slicing
from zsad_core.metrics import lesions, levels, ranking
from zsad_core.metrics.dice import dice, dice_3d, mean_dice, pixels_per_slice, share
from zsad_core.metrics.scoring import predicted_mask
from zsad_core.metrics.surfaces import Spacing, hd95_mm, nsd, surfaces
from zsad_core.metrics.thresholds import Curve, curve
from zsad_core.results.parquet import Row
from zsad_core.results.schema import RANKED
from zsad_core.types import AnomalyMap, MaskArray, ReadoutSpec, SliceStack, Threshold


@dataclass(frozen=True)
class Measurements:
    """A map against its truth, whatever the threshold.

    `facts` are columns of the subject, `of_slices` columns of its slices, each (S,).
    """

    facts: Row
    of_slices: dict[str, NDArray[np.generic]]
    best_threshold: float


def measure(stack: SliceStack, anomaly: AnomalyMap) -> Measurements:
    """What needs no threshold; the stack must have a truth."""
    brain, truth, values = stack.brain, _truth(stack), anomaly.values
    whole, areas = ranking.in_brain(values, brain, truth), pixels_per_slice(truth)
    inside, scores = brain.any(axis=(1, 2)), anomaly.scores.astype(float)
    slices = ranking.of_slices(np.where(inside, scores, np.nan), areas > 0)
    best = ranking.best_threshold(whole, float(areas.sum()))

    def ranked(value: float) -> float:
        return float("nan") if anomaly.binary else value

    facts: Row = {
        "slices": len(brain),
        "brain_slices": int(inside.sum()),
        "lesion_slices": int((areas > 0).sum()),
        "voxel_ml": stack.voxel_ml,
        "brain": int(brain.sum()),
        "truth": int(areas.sum()),
        "truth_in_brain": int(whole.all_lesion),
        "truth_ml": float(areas.sum() * stack.voxel_ml),
        "best_dice": ranked(ranking.best_dice(whole, float(areas.sum()))),
        "best_threshold": ranked(best),
        "auroc": ranked(ranking.auroc(whole)),
        "ap": ranked(ranking.average_precision(whole)),
        "pro": ranked(ranking.pro(values, brain, truth)),
        "slice_auroc": ranked(ranking.auroc(slices)),
        "slice_ap": ranked(ranking.average_precision(slices)),
        "ranked_on": RANKED,
        "range_high": anomaly.high,
        "map_notes": list(anomaly.notes),
    }
    rankings = [ranking.in_brain(*of_slice) for of_slice in zip(values, brain, truth, strict=True)]
    of_slices = {
        "index": np.arange(len(brain)),
        "depth_middle": slicing.depths(brain, "middle"),
        "depth_centroid": slicing.depths(brain, "centroid"),
        "brain": pixels_per_slice(brain),
        "truth": areas,
        "auroc": np.array([ranked(ranking.auroc(of_slice)) for of_slice in rankings]),
        "ap": np.array([ranked(ranking.average_precision(of_slice)) for of_slice in rankings]),
        "score": scores,
    }
    return Measurements(facts, of_slices, best)


def curve_rows(stack: SliceStack, anomaly: AnomalyMap, map_key: str) -> tuple[list[Row], list[Row]]:
    """Rows of `curves`, one, and of `levels`, one for each slice with brain."""
    brain, truth, values = stack.brain, _truth(stack), anomaly.values
    map_curve: Curve = curve(values, brain, truth)
    cut = levels.thresholds_of(values[brain])
    counts = levels.histograms(levels.quantise(values, cut), brain, truth)  # (S, 2, 256)
    outside = pixels_per_slice(truth & ~brain)
    whole: Row = {
        "map": map_key,
        "truth": map_curve.truth,
        "threshold": map_curve.thresholds,
        "lesion": map_curve.lesion,
        "healthy": map_curve.healthy,
        "levels_from": cut,
    }
    slices: list[Row] = [
        {"map": map_key, "index": s, "healthy": healthy, "lesion": lesion, "outside": outside[s]}
        for s, (healthy, lesion) in enumerate(counts)
        if healthy.any() or lesion.any()
    ]
    return [whole], slices


def read_rows(
    stack: SliceStack,
    anomaly: AnomalyMap,
    measured: Measurements,
    spec: ReadoutSpec,
    threshold: Threshold,
) -> tuple[Row, list[Row]]:
    """(columns of the subject, columns of its slices without `key`) at one threshold."""
    truth = _truth(stack)
    mask = predicted_mask(anomaly.values, stack.brain, spec)
    areas = measured.of_slices["truth"].astype(np.int64)
    predicted = pixels_per_slice(mask)
    both = pixels_per_slice(mask & truth)
    of_slices = dice(areas, predicted, both)
    whole = (int(areas.sum()), int(predicted.sum()), int(both.sum()))
    distances = surfaces(truth, mask, spacing_mm(stack))
    subject: Row = {
        **measured.facts,
        "threshold_rule": threshold.rule,
        "threshold_note": threshold.note,
        "level": None,
        "best_level": None,
        "threshold_value": float(np.float32(spec.threshold)),
        "brain_only": spec.brain_only,
        "min_component_voxels": spec.min_component_voxels,
        "predicted": whole[1],
        "overlap": whole[2],
        "dice_3d": dice_3d(*whole),
        "dice_2d": mean_dice(of_slices, "lesion_only").value,
        "precision": share(whole[2], whole[1]),
        "recall": share(whole[2], whole[0]),
        "predicted_ml": whole[1] * stack.voxel_ml,
        "volume_difference_ml": (whole[1] - whole[0]) * stack.voxel_ml,
        "hd95_mm": hd95_mm(distances),
        "nsd_1mm": nsd(distances, 1.0),
        **_of_lesions(truth, mask, spacing_mm(stack)),
    }
    columns = {**measured.of_slices, "predicted": predicted, "overlap": both, "dice": of_slices}
    values = (column.tolist() for column in columns.values())
    return subject, [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def spacing_mm(stack: SliceStack) -> Spacing:
    """Distance between slices and the two sides of a pixel: the axes S, H, W.

    >>> empty = np.zeros((1, 1, 1), dtype=bool)
    >>> spacing_mm(SliceStack(empty.astype(np.uint8), empty, None, (0, 1), 0.006, (1.0, 2.0)))
    (3.0, 1.0, 2.0)
    """
    height, width = stack.pixel_mm
    return stack.voxel_ml * 1000 / (height * width), height, width


def _of_lesions(truth: MaskArray, mask: MaskArray, spacing: Spacing) -> Row:
    row: Row = {}
    for rule in lesions.RULES:
        of_rule = lesions.lesions(truth, mask, spacing, rule)
        scores = asdict(lesions.scores(of_rule, rule))
        row |= {f"{rule}_{name}": score for name, score in scores.items()}
        row |= {
            f"{rule}_lesion_mm3": of_rule.volume_mm3,
            f"{rule}_lesion_found": of_rule.detected,
            f"{rule}_lesion_dice": of_rule.dice,
            f"{rule}_lesion_nsd": of_rule.nsd,
            f"{rule}_lesion_hd95_mm": of_rule.hd95_mm,
        }
        if rule == "brats2023":
            row["brats2023_lesion_slice"] = of_rule.index
    return row


def _truth(stack: SliceStack) -> MaskArray:
    if stack.truth is None:
        raise ValueError("rows need a truth")
    return stack.truth

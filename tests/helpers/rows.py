"""Rows made by hand, with answers a person can compute."""

from tests.results.test_results import row
from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.measures import dice_table, group_sums, quartiles
from zsad_core.report.selection import Selection
from zsad_core.results import parquet as results

GROUP = ComparisonGroup("demo", "t2f", "axial", "validation")
# Slices of a subject: depth, truth, predicted, overlap. Dice 1, 0.5, 0 and, by rule, none / 0 / 1.
SLICES = ((-0.88, 2, 2, 2), (-0.2, 2, 2, 1), (0.5, 2, 0, 0), (0.6, 0, 3, 0), (0.9, 0, 0, 0))


def put(root, /, subject, setup="brats", method="winclip", slices=SLICES, **columns):
    """A subject's row and slices in one configuration; its `key` is made from all columns."""
    key = columns.pop("key", "-".join((subject, setup, method, *map(str, columns.values()))))
    truth, predicted, overlap = (sum(slice_counts[i] for slice_counts in slices) for i in (1, 2, 3))
    facts = {
        "key": key,
        "subject": subject,
        "setup": setup,
        "method": method,
        "prompts": "medical",
        "prompts_digest": "d1",
        "data": "demo",
        "modality": "t2f",
        "plane": "axial",
        "split": "test",
        "threshold_rule": "validation",
        "ranked_on": "values",
        "brain_only": True,
        "precision_of_features": "float32",
        "device": "cpu",
        "truth": truth,
        "predicted": predicted,
        "overlap": overlap,
        "truth_ml": float(truth),
        "brats2023_missed": 1,
        "brats2023_true_positives": 1,
        "brats2023_lesion_mm3": [10.0, 300.0],
        "brats2023_lesion_found": [False, True],
        "brats2023_lesion_dice": [0.0, 0.6],
        "brats2023_lesion_slice": [2, 0],
    }
    results.append(root, "subjects", key, [row("subjects", **{**facts, **columns})])
    slice_rows = [
        row(
            "slices",
            key=key,
            index=i,
            depth_middle=slice_counts[0],
            depth_centroid=slice_counts[0] + 0.05,
            brain=9,
            truth=slice_counts[1],
            predicted=slice_counts[2],
            overlap=slice_counts[3],
        )
        for i, slice_counts in enumerate(slices)
    ]
    results.append(root, "slices", key, slice_rows)


def with_dice(value):
    """One slice whose Dice, and so the subject's, is the value: a multiple of 0.1."""
    return ((0.0, 10, 10, round(value * 10)),)


def dice_rows(root, **choice):
    selection = Selection(GROUP, **choice)
    with results.connect(root) as rows:
        table = dice_table(group_sums(rows, selection), selection)
        return table.merge(quartiles(rows, table, selection), on="key", how="left")

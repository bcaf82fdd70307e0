"""Rows made by hand, with answers a person can compute."""

import numpy as np
import pyarrow as pa

from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.measures import dice_table, group_sums, quartiles
from zsad_core.report.selection import Selection
from zsad_core.results import parquet as results
from zsad_core.results import schema as result_schema
from zsad_core.results.conventions import slice_dice_sql

GROUP = ComparisonGroup("demo", "t2f", "axial", "validation")
# Slices of a subject: depth, truth, predicted, overlap. Dice 1, 0.5, 0 and, by rule, none / 0 / 1.
SLICES = ((-0.88, 2, 2, 2), (-0.2, 2, 2, 1), (0.5, 2, 0, 0), (0.6, 0, 3, 0), (0.9, 0, 0, 0))
LEVELS_FROM = np.pad(np.float32([0, 0.1, 0.3, 0.9, 1.0]), (0, 251), mode="edge")


def row(table, **given):
    """A row of a table with a plain value in every column; no level, as only older rows have."""
    given = {"level": None, **given} if table == "subjects" else given
    plain = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0, pa.bool_(): False}
    columns = result_schema.TABLES[table].items()
    return {name: plain.get(kind, []) for name, (kind, _) in columns} | given


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


def put_map(root, subject, healthy, lesion, method="adaclip", high=1.0):
    """A row with its map: voxels from 0.1 to 0.3, from 0.3 to 0.9, from 0.9 to 1, and of 1."""
    name = f"{subject}-{method}"
    put(root, subject, method=method, map=name, range_high=high)
    counts = {"healthy": [0, *healthy[:3], *[0] * 251], "lesion": [0, *lesion[:3], *[0] * 251]}
    for kind, values in (("healthy", healthy), ("lesion", lesion)):
        counts[kind].append(values[3])
    slices = [row("levels", map=name, index=1, outside=0, **counts)]
    results.append(root, "levels", name, slices)
    curve = row(
        "curves", map=name, levels_from=LEVELS_FROM, threshold=[0.1], lesion=[1], healthy=[1]
    )
    results.append(root, "curves", name, [{**curve, "truth": 1}])


def with_dice(value):
    """One slice whose Dice, and so the subject's, is the value: a multiple of 0.1."""
    return ((0.0, 10, 10, round(value * 10)),)


def dice_rows(root, **choice):
    selection = Selection(GROUP, **choice)
    with results.connect(root) as rows:
        table = dice_table(group_sums(rows, selection), selection)
        return table.merge(quartiles(rows, table, selection), on="key", how="left")


def mean_dice_2d(rows, empty="lesion_only", which="all"):
    """(key, dice, slices): mean 2D Dice of each key of `slices`, and how many slices entered."""
    dice = slice_dice_sql(empty, which)
    sql = f"SELECT key, avg({dice}) AS dice, count({dice}) AS slices FROM slices GROUP BY key"
    return rows.sql(sql).df()

"""Synthetic rows of a large evaluation, written as `merging.merge` would leave them."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zsad_core.results import merging, slice_sums
from zsad_core.results.parts import LISTED, MERGED
from zsad_core.results.schema import VERSION, schema_of

METHODS = ("winclip", "aprilgan", "anomalyclip", "adaclip", "mvfa", "aaclip")
SETUPS = ("industrial", "finetune", "brats", "pmc")
SLICES, BRAIN = 155, (10, 145)
CHUNK = 2000  # keys written at once
Columns = dict[str, Any]
Lesion = tuple[int, int, int]
"""First slice, last slice, and pixels in each slice."""


def write(root: Path, subjects: int, seed: int = 0) -> None:
    """Rows of synthetic subjects in 24 configurations at 155 slices each, under `root`."""
    random = np.random.default_rng(seed)
    lesions = [_lesions(random) for _ in range(subjects)]
    configurations = [(method, setup) for method in METHODS for setup in SETUPS]
    all_rows = [(_key(s, *names), s, *names) for s in range(subjects) for names in configurations]
    all_rows.sort()  # parts are joined in the order of their names
    for table in ("subjects", "slices"):
        keys = "\n".join(row[0] for row in all_rows)
        schema = schema_of(table)
        schema = schema.with_metadata({**schema.metadata, LISTED: keys.encode()})
        path = root / table / f"{MERGED}000001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        random_slices = np.random.default_rng(seed + 1)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for start in range(0, len(all_rows), CHUNK):
                rows = all_rows[start : start + CHUNK]
                columns = _slices(random_slices, rows, lesions)
                if table == "subjects":
                    columns = _subjects(rows, lesions, columns)
                writer.write_table(_table(columns, schema), merging.GROUPS[table])
        if table == "slices":
            slice_sums.keep(path)


def _key(*names: object) -> str:
    return hashlib.sha256(repr(names).encode()).hexdigest()


def _lesions(random: np.random.Generator) -> list[Lesion]:
    """The lesions of a subject; one subject in 20 has none."""
    count = 0 if random.random() < 0.05 else 1 + random.poisson(2)
    starts = random.integers(BRAIN[0], BRAIN[1] - 20, count)
    return [
        (int(start), int(start + random.integers(2, 20)), int(random.lognormal(4, 1)) + 1)
        for start in starts
    ]


def _slices(
    random: np.random.Generator, rows: list[tuple[Any, ...]], lesions: list[list[Lesion]]
) -> Columns:
    keys, count = [row[0] for row in rows], len(rows)
    truth = np.zeros((count, SLICES), np.int64)
    for number, (_, subject, *_) in enumerate(rows):
        for first, last, area in lesions[subject]:
            truth[number, first:last] += area
    skill = random.beta(3, 3, (count, 1))
    overlap = random.binomial(truth, skill)
    index = np.broadcast_to(np.arange(SLICES), truth.shape)
    inside = (index >= BRAIN[0]) & (index < BRAIN[1])
    false = random.poisson(truth * 0.3 + 30 * (random.random(truth.shape) < 0.1)) * inside
    depth = np.where(inside, 2 * (index - BRAIN[0]) / (BRAIN[1] - BRAIN[0] - 1) - 1, np.nan)
    dice = np.where(truth > 0, 2 * overlap / np.maximum(truth + overlap + false, 1), np.nan)
    columns = {
        "index": index,
        "depth_middle": depth,
        "depth_centroid": depth - 0.05 * (1 - depth**2),
        "brain": inside * 9000,
        "truth": truth,
        "predicted": overlap + false,
        "overlap": overlap,
        "dice": dice,
        "auroc": np.where(truth > 0, random.random(truth.shape), np.nan),
        "ap": np.where(truth > 0, random.random(truth.shape), np.nan),
        "score": np.where(inside, random.random(truth.shape), np.nan),
    }
    return {
        "key": pa.array(np.repeat(keys, SLICES).tolist()),
        **{name: column.ravel() for name, column in columns.items()},
    }


def _subjects(
    rows: list[tuple[Any, ...]], lesions: list[list[Lesion]], slice_columns: Columns
) -> Columns:
    truth, predicted, overlap = (
        slice_columns[name].reshape(-1, SLICES).sum(axis=1)
        for name in ("truth", "predicted", "overlap")
    )
    areas = np.maximum(truth + predicted, 1)
    mm3 = [[float((b - a) * area) for a, b, area in lesions[row[1]]] for row in rows]
    detected = [[bool(size > 60) for size in sizes] for sizes in mm3]
    hits = np.array(list(map(sum, detected)))
    return {
        "key": [row[0] for row in rows],
        "map": [f"map-{row[0]}" for row in rows],
        "schema": [VERSION] * len(rows),
        "data": ["brats"] * len(rows),
        "site": [f"site {row[1] % 3}" for row in rows],
        "subject": [f"SYNTHETIC-{row[1]:05d}" for row in rows],
        "split": ["test"] * len(rows),
        "modality": ["t2f"] * len(rows),
        "plane": ["axial"] * len(rows),
        "method": [row[2] for row in rows],
        "setup": [row[3] for row in rows],
        "prompts": ["medical"] * len(rows),
        "prompts_digest": ["synthetic"] * len(rows),
        "threshold_rule": ["validation"] * len(rows),
        "brain_only": [True] * len(rows),
        "slices": [SLICES] * len(rows),
        "truth": truth,
        "predicted": predicted,
        "overlap": overlap,
        "truth_ml": truth / 1000,
        "dice_3d": np.where(truth > 0, 2 * overlap / areas, np.nan),
        "brats2023_missed": np.array(list(map(len, detected))) - hits,
        "brats2023_true_positives": hits,
        "brats2023_lesion_mm3": mm3,
        "brats2023_lesion_found": detected,
        "brats2023_lesion_dice": [[0.5 * flag for flag in flags] for flags in detected],
        "brats2023_lesion_slice": [[first for first, *_ in lesions[row[1]]] for row in rows],
        "device": ["cpu"] * len(rows),
        "precision_of_features": ["bfloat16"] * len(rows),
        "version": ["synthetic rows, no evaluation"] * len(rows),
    }


def _table(columns: Columns, schema: pa.Schema) -> pa.Table:
    """The columns, with a default value in those that are missing."""
    count = len(columns["key"])
    defaults = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0, pa.bool_(): False}
    arrays = []
    for field in schema:
        values = columns.get(field.name, [defaults.get(field.type, [])] * count)
        arrays.append(pa.array(values, field.type, from_pandas=True))
    return pa.Table.from_arrays(arrays, schema=schema)

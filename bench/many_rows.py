"""Synthetic rows of a large evaluation, written as `results.merge` would leave them."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from zsad_core.results import parquet as results
from zsad_core.results.schema import VERSION, schema_of

METHODS = ("winclip", "aprilgan", "anomalyclip", "adaclip", "mvfa", "aaclip")
SETUPS = ("industrial", "finetune", "brats", "pmc")
SLICES, BRAIN = 155, (10, 145)
CHUNK = 2000  # keys written at once
Columns = dict[str, Any]


def write(root: Path, subjects: int, seed: int = 0) -> None:
    """Rows of `subjects` synthetic subjects under 24 runs at 155 slices each, under `root`."""
    random = np.random.default_rng(seed)
    lesions = [_lesions(random) for _ in range(subjects)]
    runs = [(method, setup) for method in METHODS for setup in SETUPS]
    work = [(_key(s, *run), s, *run) for s in range(subjects) for run in runs]
    work.sort()  # parts are joined in the order of their names
    for table in ("subjects", "slices"):
        listed = "\n".join(one[0] for one in work)
        schema = schema_of(table)
        schema = schema.with_metadata({**schema.metadata, results.LISTED: listed.encode()})
        path = root / table / f"{results.MERGED}000001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        made = np.random.default_rng(seed + 1)
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for start in range(0, len(work), CHUNK):
                part = work[start : start + CHUNK]
                of_slices = _slices(made, part, lesions)
                columns = of_slices if table == "slices" else _subjects(part, lesions, of_slices)
                writer.write_table(_filled(columns, schema), results.GROUPS[table])
        if table == "slices":
            results.keep_sums(path)


def _key(*names: object) -> str:
    return hashlib.sha256(repr(names).encode()).hexdigest()


def _lesions(random: np.random.Generator) -> list[tuple[int, int, int]]:
    """(first slice, last slice, pixels a slice) of each lesion of a subject; one in 20 has none."""
    count = 0 if random.random() < 0.05 else 1 + random.poisson(2)
    starts = random.integers(BRAIN[0], BRAIN[1] - 20, count)
    return [
        (int(start), int(start + random.integers(2, 20)), int(random.lognormal(4, 1)) + 1)
        for start in starts
    ]


def _slices(
    random: np.random.Generator, work: list[tuple[Any, ...]], lesions: list[list[tuple[int, ...]]]
) -> Columns:
    keys, number = [one[0] for one in work], len(work)
    truth = np.zeros((number, SLICES), np.int64)
    for row, (_, subject, *_) in enumerate(work):
        for first, last, area in lesions[subject]:
            truth[row, first:last] += area
    skill = random.beta(3, 3, (number, 1))
    overlap = random.binomial(truth, skill)
    index = np.broadcast_to(np.arange(SLICES), truth.shape)
    inside = (index >= BRAIN[0]) & (index < BRAIN[1])
    false = random.poisson(truth * 0.3 + 30 * (random.random(truth.shape) < 0.1)) * inside
    depth = np.where(inside, 2 * (index - BRAIN[0]) / (BRAIN[1] - BRAIN[0] - 1) - 1, np.nan)
    dice = np.where(truth > 0, 2 * overlap / np.maximum(truth + overlap + false, 1), np.nan)
    wide = {
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
        **{name: one.ravel() for name, one in wide.items()},
    }


def _subjects(
    work: list[tuple[Any, ...]], lesions: list[list[tuple[int, ...]]], of_slices: Columns
) -> Columns:
    truth, predicted, overlap = (
        of_slices[name].reshape(-1, SLICES).sum(axis=1)
        for name in ("truth", "predicted", "overlap")
    )
    both = np.maximum(truth + predicted, 1)
    mm3 = [[float((b - a) * area) for a, b, area in lesions[one[1]]] for one in work]
    found = [[bool(size > 60) for size in sizes] for sizes in mm3]
    kept = np.array([sum(map(bool, one)) for one in found])
    return {
        "key": [one[0] for one in work],
        "map": [f"map-{one[0]}" for one in work],
        "schema": [VERSION] * len(work),
        "data": ["brats"] * len(work),
        "site": [f"site {one[1] % 3}" for one in work],
        "subject": [f"SYNTHETIC-{one[1]:05d}" for one in work],
        "split": ["test"] * len(work),
        "modality": ["t2f"] * len(work),
        "plane": ["axial"] * len(work),
        "method": [one[2] for one in work],
        "setup": [one[3] for one in work],
        "prompts": ["medical"] * len(work),
        "prompts_digest": ["synthetic"] * len(work),
        "threshold_rule": ["validation"] * len(work),
        "brain_only": [True] * len(work),
        "slices": [SLICES] * len(work),
        "truth": truth,
        "predicted": predicted,
        "overlap": overlap,
        "truth_ml": truth / 1000,
        "dice_3d": np.where(truth > 0, 2 * overlap / both, np.nan),
        "brats2023_missed": np.array([len(one) for one in found]) - kept,
        "brats2023_true_positives": kept,
        "brats2023_lesion_mm3": mm3,
        "brats2023_lesion_found": found,
        "brats2023_lesion_dice": [[0.5 * one for one in flags] for flags in found],
        "brats2023_lesion_slice": [[first for first, *_ in lesions[one[1]]] for one in work],
        "device": ["cpu"] * len(work),
        "precision_of_features": ["bfloat16"] * len(work),
        "version": ["synthetic rows, no evaluation"] * len(work),
    }


def _filled(columns: Columns, schema: pa.Schema) -> pa.Table:
    """The columns, those that were not given with a plain value."""
    number = len(columns["key"])
    plain = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0, pa.bool_(): False}
    arrays = []
    for field in schema:
        values = columns.get(field.name, [plain.get(field.type, [])] * number)
        arrays.append(pa.array(values, field.type, from_pandas=True))
    return pa.Table.from_arrays(arrays, schema=schema)

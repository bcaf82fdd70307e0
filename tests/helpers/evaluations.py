"""A cohort of three small scans under two configurations, and its rows."""

from dataclasses import replace

import nibabel as nib
import numpy as np

from zsad_core.base.store import Store
from zsad_core.evaluation.tasks import Cohort, Configuration
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec

NAMES = ("a", "b", "site/c")
FILLED = 2
PROMPTS = prompt_sets.shipped()["minimal-pair"]
CONFIGURATIONS = (
    Configuration("intensity", "zero-shot", PROMPTS),
    Configuration("winclip", "zero-shot", PROMPTS),
)
VARYING = ("date", "seconds_encode", "seconds_read")


def write_scans(root):
    """Three small scans with lesions; the last one lies in a folder of its own."""
    (root / "site").mkdir()
    for seed, name in enumerate(NAMES):
        random = np.random.default_rng(seed)
        values, seg = np.zeros((20, 24, 4), np.int16), np.zeros((20, 24, 4), np.uint8)
        values[6:15, 8:16, 1:-1] = random.integers(50, 600, (9, 8, FILLED))
        seg[8:12, 10:13, 1:3] = 1
        values[seg > 0] += 300
        nib.save(nib.Nifti1Image(values, np.eye(4)), root / f"{name}.nii.gz")
        nib.save(nib.Nifti1Image(seg, np.eye(4)), root / f"{name}_seg.nii.gz")
    return root


def engine(root):
    return Engine(Store(root / "store"), "cpu")


def cohort(scans, root, **changes):
    plain = Cohort(
        data=DataSpec("folder", str(scans)),
        configurations=CONFIGURATIONS,
        out=root / "rows",
        modality="scan",
        rules=("oracle", "50%"),
        precision="float32",
        batch=1,
    )
    return replace(plain, **changes)


def rows_of(out):
    """Everything but times, as text by table."""
    with results.connect(out) as rows:
        left = f"SELECT * EXCLUDE ({', '.join(VARYING)}) FROM subjects ORDER BY key"
        return [
            rows.sql(sql).fetchall()
            for sql in (
                left,
                "FROM slices ORDER BY key, index",
                "FROM levels ORDER BY map, index",
                "FROM curves ORDER BY map",
            )
        ]

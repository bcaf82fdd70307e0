"""Lesion-wise outputs of the BraTS 2025/26 scorer on small masks: writes panoptica_lesions.npz.

    python -m venv panoptica
    panoptica/bin/pip install panoptica==2.1.7 brats-evaluation==0.0.10
    panoptica/bin/python tests/goldens/panoptica_lesions.py

An environment of its own, because panoptica pins numpy < 2.3, pandas < 3 and plotly < 6. Random
masks of several densities and sizes, and edge cases; the masks are kept, so that no random
generator has to agree. Columns are those of `brats-parse-metrics mets` for the whole tumour (wt).
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from brats_evaluation import config_path, metrics_parser
from panoptica import Panoptica_Evaluator
from scipy import ndimage

SHAPE = (20, 22, 18)
SPACINGS = ((1.0, 1.0, 1.0), (0.7, 1.2, 2.0))
COLUMNS = (
    "lesionwise_dsc_mean", "lesionwise_nsd_mean", "lesionwise_hd95_mean",
    "all_instance_tp", "all_instance_fp", "all_instance_fn", "all_instance_f1",
    "small_instance_tp", "small_instance_fn", "small_instance_f1",
    "global_dsc", "global_nsd", "global_hd95",
)


def blobs(random, sigma, share):
    field = ndimage.gaussian_filter(random.random(SHAPE), sigma)
    return field, field > np.quantile(field, 1 - share)


def box(*corners):
    mask = np.zeros(SHAPE, bool)
    for first, last in corners:
        mask[tuple(slice(a, b) for a, b in zip(first, last))] = True
    return mask


def cases():
    empty, big = box(), box(((2, 2, 2), (7, 8, 6)))
    small = box(((12, 3, 3), (13, 5, 5)))
    yield "nothing at all", empty, empty
    yield "no lesion, one false positive", empty, big
    yield "all missed", big, empty
    yield "small missed", small, empty
    yield "small found", small, box(((12, 3, 3), (13, 5, 4)))
    yield "small under the overlap", small, box(((12, 4, 4), (17, 14, 12)))
    yield "perfect", big | small, big | small
    yield "beside it", big, box(((12, 12, 10), (16, 16, 14)))
    yield "one part serves one lesion only", box(((2, 2, 2), (7, 7, 6)), ((2, 9, 2), (7, 14, 6))), box(((2, 2, 2), (7, 14, 6)))
    yield "two parts on one lesion", big, box(((2, 2, 2), (4, 8, 6)), ((5, 2, 2), (7, 8, 6)))
    yield "at the edge of the volume", box(((0, 0, 0), (4, 4, 3))), box(((0, 0, 0), (3, 5, 3)))
    yield "joined by a corner", box(((2, 2, 2), (5, 5, 5)), ((5, 5, 5), (8, 8, 8))), box(((3, 3, 3), (8, 8, 8)))
    yield "exactly 20 voxels", box(((2, 2, 2), (7, 6, 3))), box(((2, 2, 2), (6, 6, 3)))
    for seed in range(24):
        random = np.random.default_rng(seed)
        field, truth = blobs(random, random.uniform(0.6, 1.8), random.uniform(0.01, 0.12))
        noise = ndimage.gaussian_filter(random.random(SHAPE), 1) * random.uniform(0.2, 2)
        guess = field + noise
        yield f"random {seed}", truth, guess > np.quantile(guess, 1 - random.uniform(0.01, 0.15))


def main():
    evaluator = Panoptica_Evaluator.load_from_config(str(config_path("mets")))
    masks, spacings, found = [], [], []
    for number, (name, truth, predicted) in enumerate(cases()):
        spacing = SPACINGS[number % 5 == 4]
        result = evaluator.evaluate(
            predicted.astype(np.uint8), truth.astype(np.uint8), voxelspacing=spacing
        )
        found.append({"wt": result["wt"].to_dict(True), "subject_name": name})
        masks.append([truth, predicted])
        spacings.append(spacing)
    with tempfile.TemporaryDirectory() as folder:
        told, table = Path(folder) / "found.json", Path(folder) / "found.csv"
        told.write_text(json.dumps({"metrics": found, "missings": []}))
        metrics_parser.parse_mets_results(told, 20.0, 0.1, table)
        rows = pd.read_csv(table).iloc[: len(found)]  # without mean, sd and median
    np.savez_compressed(
        Path(__file__).with_suffix(".npz"),
        names=np.array([one["subject_name"] for one in found]),
        masks=np.packbits(np.array(masks)),
        shape=np.array((len(found), 2, *SHAPE)),
        spacing_mm=np.array(spacings),
        **{name: rows[f"{name}_wt"].to_numpy(float) for name in COLUMNS},
    )


if __name__ == "__main__":
    main()

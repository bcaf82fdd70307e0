"""Every method and setup of the demo: numbers are scikit-learn's on the map's own values."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from zsad_core import backbones, setups
from zsad_core.base.jobs import INTERACTIVE
from zsad_core.evaluation import rows
from zsad_core.evaluation.rows import Results
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.metrics.readout import readout
from zsad_core.results import parquet
from zsad_core.training.card import own_prompts
from zsad_core.types import DataSpec, ReadoutSpec, SliceSpec, Threshold

SLICES = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-013-000")
SET = ("DEMO-MET-001-000", "DEMO-MET-002-000")  # whom a method for volumes scores against
HALF = (24, 24, 8)  # of the box, in voxels of 2 mm
DEMO = [key for key, one in setups.shipped().items() if one.backbone.name in backbones.BACKBONES]


@pytest.fixture(scope="module")
def engine():
    """It holds a box of each scan, so that every method and setup is quick."""
    made = Engine(device="cpu")
    for subject in (SLICES.subject, *SET):
        spec = SliceSpec(SLICES.data, subject)
        made.add(spec, boxed(made.volume(spec)))
    return made


def boxed(volume):
    """The part of a scan around one of its lesions."""
    centre = np.argwhere(volume.truth)[volume.truth.sum() // 2]
    box = tuple(slice(max(c - half, 0), c + half) for c, half in zip(centre, HALF, strict=True))
    parts = {name: getattr(volume, name)[box] for name in ("intensity", "brain", "truth", "labels")}
    return replace(volume, digest=f"box of {volume.digest}", **parts)


def map_of(engine, method, setup):
    prompts = own_prompts(method)
    spec = pipeline.map_spec(engine, SLICES, method, setup, prompts, volumes=SET)
    return spec, engine.stack(SLICES), pipeline.anomaly_map(engine, spec)


def best_f1(lesion, values, total):
    """The highest F1 over all thresholds; `total` voxels are lesion, inside the brain or not."""
    precision, recall, _ = precision_recall_curve(lesion, values)
    hits = recall * lesion.sum()
    predicted = np.divide(hits, precision, out=np.ones_like(hits), where=precision > 0)
    return (2 * hits / (predicted + total)).max()


@pytest.mark.parametrize(("method", "setup"), DEMO)
def test_what_ranks_is_exact_on_every_map_of_the_demo(engine, tmp_path, method, setup):
    spec, stack, anomaly = map_of(engine, method, setup)
    assert anomaly.values.dtype == np.float32
    assert (anomaly.values.min() >= 0, anomaly.values.max() <= anomaly.high) == (True, True)
    lesion, values = stack.truth[stack.brain], anomaly.values[stack.brain]
    found = readout(stack, anomaly, ReadoutSpec(anomaly.high / 2))
    assert found.auroc == pytest.approx(roc_auc_score(lesion, values), abs=1e-6)
    assert found.ap == pytest.approx(average_precision_score(lesion, values), abs=1e-6)
    assert found.best_dice == pytest.approx(best_f1(lesion, values, stack.truth.sum()), abs=1e-12)
    into = Results(tmp_path, ReadoutSpec())
    (key,) = rows.make(engine, spec, into, [Threshold(np.nan, "oracle")])
    (row,) = parquet.read(tmp_path, "subjects", key)
    assert (row["auroc"], row["ap"]) == (found.auroc, found.ap)
    assert row["dice_3d"] == pytest.approx(row["best_dice"])
    assert row["best_dice"] == found.best_dice
    at_best = readout(stack, anomaly, ReadoutSpec(row["threshold_value"]))
    assert at_best.dice_3d == row["dice_3d"]


@pytest.mark.parametrize("method", ["winclip", "aprilgan"])
def test_a_slice_does_not_depend_on_those_encoded_with_it_nor_on_threads(method):
    engine = Engine(device="cpu")
    setup = next(setup for name, setup in DEMO if name == method)
    chosen = (method, setup, own_prompts(method))
    spec = pipeline.map_spec(engine, SLICES, *chosen, precision="float32")
    features, images = resolve(engine, spec).features, engine.stack(SLICES).image
    learned = setups.learned(features.setup) if features.method.in_tower else None

    def encoded(slices):
        with engine.turn(features.spec, INTERACTIVE, features.method.last_bits) as tower:
            return features.method.encode(
                tower, images[slices], features.recipe, features.retained(slices), learned
            )

    slices = [30, 34, 38, 42]
    together, threads = encoded(slices), torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        alone = [encoded([index])[0] for index in slices]
    finally:
        torch.set_num_threads(threads)
    for one, again in zip(together, alone, strict=True):
        for part, values in one.items():
            np.testing.assert_array_equal(again[part], values, err_msg=part)

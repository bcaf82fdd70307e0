"""What of a row has seen its subject: by id, by voxels, by prompts, by the threshold."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.helpers.brats import patients
from zsad_core import setups
from zsad_core.base import settings
from zsad_core.imaging import datasets
from zsad_core.imaging.splits.facts import facts_of
from zsad_core.inference import exposure, pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.metrics.threshold_rules import RULES
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec, Threshold

VALIDATION, FIXED = Threshold(0.5, "validation"), Threshold(0.5, "fixed")


@pytest.fixture
def data(tmp_path):
    """Three patients; the last is a copy of the first in another file."""
    spec = patients(tmp_path, 3, 1)
    first, copy = (datasets.open_dataset(spec).file(name, "t2f") for name in (A, COPY))
    image = nib.load(first)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine), copy)
    datasets.forget(spec)
    return spec


A, B, COPY = (f"BraTS-MET-0000{number}-000" for number in range(3))


def trained(tmp_path, **record):
    """A setup of one's own, whose checkpoint says what it was trained on."""
    shipped = setups.find("aprilgan", "brats")
    path = tmp_path / "own.safetensors"
    save_file(load_file(setups.CHECKPOINTS / shipped.checkpoint), path, record)
    settings.change("setups", {**vars(shipped), "setup": "own", "checkpoint": str(path),
                               "backbone": vars(shipped.backbone)}, lambda _: True)  # fmt: skip


def seen(data, subject, threshold=FIXED, part="test", setup="own", modality="t2f", **prompts):
    chosen = replace(prompt_sets.shipped()["medical"], **prompts)
    slices = SliceSpec(data, subject, modality)
    engine = Engine(device="cpu")
    spec = pipeline.map_spec(engine, slices, "aprilgan", setup, chosen, precision="float32")
    return exposure.exposure(resolve(engine, spec), threshold, part)


def test_ids_of_a_checkpoint_are_exposed(data, tmp_path):
    trained(tmp_path, train_subjects=f"{A} other", validation_subjects=B)
    assert seen(data, A) == (exposure.TRAINED,)
    assert seen(data, B) == (exposure.CHOSEN,)
    assert seen(data, COPY) == ()


def test_a_training_scan_under_another_id_is_exposed(data, tmp_path):
    voxels = facts_of(datasets.open_dataset(data), A, "t2f").voxels
    trained(tmp_path, train_subjects=A, train_voxels=voxels, modality="t2f")
    assert seen(data, COPY) == (exposure.TRAINED,)
    assert seen(data, B) == ()


def test_equal_ids_of_other_scans_are_not_exposed(data, tmp_path):
    trained(tmp_path, train_subjects=A, train_voxels="0" * 64, modality="t2f")
    assert seen(data, A) == ()


def test_prompts_and_thresholds_expose(data, tmp_path):
    trained(tmp_path)
    assert seen(data, A, tuned_on=(A,)) == (exposure.PROMPTS,)
    assert seen(data, A, VALIDATION, "validation") == (exposure.THRESHOLD,)
    assert seen(data, A, VALIDATION, "test") == ()


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("name", RULES)
def test_a_threshold_exposes_the_parts_that_it_is_tuned_on(data, tmp_path, name, part):
    trained(tmp_path)
    tuned_on = {"validation": ("validation",), "fp": ("train", "validation")}
    exposed = (exposure.THRESHOLD,) if part in tuned_on.get(name, ()) else ()
    assert seen(data, A, Threshold(0.5, RULES[name].text), part) == exposed


def test_the_demos_own_checkpoints_name_their_subjects():
    demo = DataSpec("demo-2mm")
    assert seen(demo, "DEMO-MET-001-000", setup="brats") == (exposure.TRAINED,)
    assert seen(demo, "DEMO-MET-009-000", setup="brats") == (exposure.CHOSEN,)
    assert seen(demo, "DEMO-MET-013-000", setup="brats") == ()
    assert seen(demo, "DEMO-MET-001-000", setup="industrial") == ()

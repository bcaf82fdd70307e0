"""What of a row has seen its subject: by id, by patient, by voxels, prompts, slices beside."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.helpers.brats import patients
from zsad_core import methods, setups
from zsad_core.base import settings
from zsad_core.imaging import datasets
from zsad_core.imaging.predictions import registry as predictions
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.facts import facts_of
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.inference import exposure, pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.ledger import ledger
from zsad_core.inference.sources import resolve
from zsad_core.metrics.threshold_rules import RULES
from zsad_core.prompts import sets as prompt_sets
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.types import DataSpec, Reference, SliceSpec, Threshold

VALIDATION, FIXED = Threshold(0.5, "validation"), Threshold(0.5, "fixed")
MEDICAL = prompt_sets.shipped()["medical"]
A, LATER, B, LATER_B, COPY, LATER_COPY = (
    f"BraTS-MET-0000{patient}-00{point}" for patient in range(3) for point in range(2)
)


@pytest.fixture
def data(tmp_path):
    """Three patients at two time points; the last patient's first scan is a copy of the first's."""
    spec = patients(tmp_path, 3, 2)
    first, copy = (datasets.open_dataset(spec).file(name, "t2f") for name in (A, COPY))
    image = nib.load(first)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine), copy)
    datasets.forget(spec)
    return spec


def divided(data, **parts):
    """The data with a split of these parts, unchecked."""
    registry.save(data, SplitTable("main", (Fold(**parts),)))
    return replace(data, split="main")


def trained(tmp_path, **record):
    """A setup of one's own, whose checkpoint says what it was trained on."""
    shipped = setups.find("aprilgan", "brats")
    path = tmp_path / "own.safetensors"
    save_file(load_file(setups.CHECKPOINTS / shipped.checkpoint), path, record)
    settings.change("setups", {**vars(shipped), "setup": "own", "checkpoint": str(path),
                               "backbone": vars(shipped.backbone)}, lambda _: True)  # fmt: skip


def seen(data, subject, threshold=FIXED, setup="own", references=(), **prompts):
    chosen = replace(prompt_sets.shipped()["medical"], **prompts)
    slices = SliceSpec(data, subject, "t2f")
    normal = tuple(Reference(replace(slices, subject=name), 2) for name in references)
    method = "winclip" if normal else "aprilgan"
    engine = Engine(device="cpu")
    spec = pipeline.map_spec(engine, slices, method, setup, chosen, normal, precision="float32")
    return exposure.exposure(resolve(engine, spec), threshold)


def beside(data, subject, *volumes):
    """The exposure of a subject that is scored against a set."""
    engine, chosen = Engine(device="cpu"), prompt_sets.shipped()["medical"]
    slices = SliceSpec(data, subject, "t2f")
    spec = pipeline.map_spec(engine, slices, "mutual3d", "zero-shot", chosen, volumes=volumes)
    return exposure.exposure(resolve(engine, spec), FIXED)


def test_ids_of_a_checkpoint_are_exposed(data, tmp_path):
    trained(tmp_path, train_subjects=f"{A} other", validation_subjects=B)
    assert seen(data, A) == (exposure.TRAINED,)
    assert seen(data, B) == (exposure.CHOSEN,)
    assert seen(data, COPY) == ()


def test_other_scans_of_a_patient_trained_on_are_exposed(data, tmp_path):
    voxels = facts_of(datasets.open_dataset(data), B, "t2f").voxels
    record = {"train_subjects": f"{A} {B}", "train_voxels": f"unknown {voxels}", "modality": "t2f"}
    trained(tmp_path, **record, validation_subjects=COPY)
    assert seen(data, LATER) == (exposure.TRAINED_PATIENT,)
    assert seen(data, LATER_B) == (exposure.TRAINED_PATIENT,)
    assert seen(data, LATER_COPY) == (exposure.CHOSEN_PATIENT,)


def test_a_training_scan_under_another_id_is_exposed(data, tmp_path):
    voxels = facts_of(datasets.open_dataset(data), A, "t2f").voxels
    trained(tmp_path, train_subjects=A, train_voxels=voxels, modality="t2f")
    assert seen(data, COPY) == (exposure.TRAINED,)
    assert seen(data, B) == ()


def test_a_checkpoint_exposes_the_patient_whom_the_split_knows_under_another_id(data, tmp_path):
    voxels = facts_of(datasets.open_dataset(data), A, "t2f").voxels
    trained(tmp_path, train_subjects=A, train_voxels=voxels, modality="t2f")
    registry.save(data, SplitTable("main", (Fold(test=(B,)),), copies=((A, COPY),)))
    data = replace(data, split="main")
    assert seen(data, LATER_COPY) == (exposure.TRAINED_PATIENT,)
    assert seen(data, LATER_B) == ()


def test_an_oracles_value_exposes_the_other_scans_of_its_patient(data):
    def used_on(subject):
        spec = pipeline.map_spec(
            Engine(device="cpu"), SliceSpec(data, subject, "t2f"), "intensity", "zero-shot", MEDICAL
        )
        return exposure.exposure(resolve(Engine(device="cpu"), spec), FIXED, tuned_on=(A,))

    assert used_on(COPY) == (exposure.THRESHOLD,)
    assert used_on(LATER) == (exposure.THRESHOLD_PATIENT,)
    assert used_on(B) == ()


def test_equal_ids_of_other_scans_are_not_exposed(data, tmp_path):
    trained(tmp_path, train_subjects=A, train_voxels="0" * 64, modality="t2f")
    assert seen(data, A) == ()
    assert seen(data, LATER) == ()


def test_subjects_of_a_prompt_search_are_exposed(data, tmp_path):
    trained(tmp_path)
    assert seen(data, A, tuned_on=(A,)) == (exposure.PROMPTS,)
    assert seen(data, COPY, tuned_on=(A,)) == (exposure.PROMPTS,)
    assert seen(data, LATER, tuned_on=(A,)) == (exposure.PROMPTS_PATIENT,)
    assert seen(data, B, tuned_on=(A,)) == ()


def test_validation_subjects_expose_a_threshold(data, tmp_path):
    trained(tmp_path)
    data = divided(data, train=(COPY,), validation=(A,), test=(B,))
    assert seen(data, A, VALIDATION) == (exposure.THRESHOLD,)
    assert seen(data, LATER, VALIDATION) == (exposure.THRESHOLD_PATIENT,)
    assert seen(data, B, VALIDATION) == seen(data, A) == ()


def test_a_mask_has_no_threshold_that_is_tuned(data, tmp_path):
    data, folder = divided(data, validation=(A,), test=(B,)), tmp_path / "masks"
    folder.mkdir()
    scan = nib.load(datasets.open_dataset(data).file(A, "t2f"))
    mask = nib.Nifti1Image(np.ones(scan.shape, np.uint8), scan.affine)
    nib.save(mask, folder / f"{A}.nii.gz")
    predictions.add(data, Predictions("other", str(folder)), methods.METHODS)
    engine, slices = Engine(device="cpu"), SliceSpec(data, A, "t2f")
    source = resolve(engine, pipeline.map_spec(engine, slices, methods.FILES, "other", NO_PROMPTS))
    assert exposure.exposure(source, VALIDATION) == ()
    assert ledger(source, VALIDATION).threshold == "the one threshold of a mask"


def test_a_copy_outside_the_split_is_exposed_to_a_threshold(data, tmp_path):
    trained(tmp_path)
    data = divided(data, validation=(A,), test=(B,))  # the copy came later
    assert seen(data, COPY, VALIDATION) == (exposure.THRESHOLD,)
    assert seen(data, LATER_B, VALIDATION) == ()


def test_a_copy_in_another_part_of_the_split_is_exposed(data, tmp_path):
    """Its file was replaced after the split was checked."""
    trained(tmp_path)
    data = divided(data, train=(B,), validation=(A,), test=(COPY, LATER_COPY))
    assert seen(data, COPY, VALIDATION) == (exposure.THRESHOLD,)
    assert seen(data, COPY, tuned_on=(A,)) == (exposure.PROMPTS,)
    assert seen(data, LATER_COPY, VALIDATION, tuned_on=(A,)) == ()


def test_a_subject_is_known_by_its_id_where_its_scan_cannot_be_read(data):
    scan = exposure.Scan(data, A, "t2f")
    datasets.open_dataset(data).file(A, "t2f").write_bytes(b"")
    assert scan.is_among([B, A])
    assert not scan.is_among([B])


def test_a_copy_that_validates_in_another_fold_is_exposed_unless_it_is_known(data, tmp_path):
    """Its file was replaced after the split was checked."""
    trained(tmp_path)
    cross_validation, folds = (
        Threshold(0.5, "cross-validation"),
        (Fold((B,), (A,)), Fold((B,), (COPY,))),
    )
    registry.save(data, SplitTable("cv", folds))
    of_fold = replace(data, split="cv/1")
    assert seen(of_fold, A, cross_validation) == (exposure.THRESHOLD,)
    assert seen(of_fold, B, cross_validation) == ()
    registry.save(data, SplitTable("cv", folds, copies=((A, COPY),)), replaced=True)
    assert seen(of_fold, A, cross_validation) == ()


def test_reference_slices_come_from_train_and_from_another_patient(data):
    def compared(subject, *names):
        return seen(data, subject, setup="zero-shot", references=names)

    assert compared(B, A) == ()
    same = (exposure.REFERENCES,)
    assert compared(A, A) == compared(LATER, A) == compared(COPY, A) == same
    data = divided(data, train=(A,), test=(B, COPY))
    assert compared(B, A) == ()
    assert compared(B, A, COPY) == (exposure.REFERENCES_BEYOND,)


def test_the_volumes_beside_come_from_train_and_from_another_patient(data):
    assert beside(data, B, A, B) == ()
    assert beside(data, COPY, A) == beside(data, LATER, A) == (exposure.VOLUMES,)
    data = divided(data, train=(A,), test=(B, COPY))
    assert beside(data, B) == beside(data, B, A) == ()
    assert beside(data, B, A, COPY) == (exposure.VOLUMES_BEYOND,)


def test_a_set_is_of_train_alone_unless_chosen(data):
    everybody = datasets.open_dataset(data).subjects()
    assert pipeline.set_of(everybody, "t2f") == tuple(subject.id for subject in everybody)
    data = divided(data, train=(B,), validation=(A, LATER), test=(COPY,))
    subjects = datasets.open_dataset(data).subjects()
    assert pipeline.set_of(subjects, "t2f") == (B,)
    assert pipeline.set_of(subjects, "t2f", (COPY, A)) == (A, COPY)
    demo = datasets.open_dataset(DataSpec("demo-2mm")).subjects()
    assert pipeline.set_of(demo, "t2f") == tuple(subject.id for subject in demo[:8])


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("name", RULES)
def test_a_threshold_exposes_the_parts_that_it_is_tuned_on(data, tmp_path, name, part):
    trained(tmp_path)
    tuned_on = {"validation": ("validation",), "fp": ("train", "validation")}
    exposed = (exposure.THRESHOLD,) if part in tuned_on.get(name, ()) else ()
    assert seen(divided(data, **{part: (A,)}), A, Threshold(0.5, RULES[name].text)) == exposed


def test_the_demos_own_checkpoints_name_their_subjects():
    demo = DataSpec("demo-2mm")
    assert seen(demo, "DEMO-MET-001-000", setup="brats") == (exposure.TRAINED,)
    assert seen(demo, "DEMO-MET-009-000", setup="brats") == (exposure.CHOSEN,)
    assert seen(demo, "DEMO-MET-013-000", setup="brats") == ()
    assert seen(demo, "DEMO-MET-001-000", setup="industrial") == ()

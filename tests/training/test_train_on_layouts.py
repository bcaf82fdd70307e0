"""Training on scans in every layout that is read, under a split and the labels of the data."""

import json
from dataclasses import asdict

import nibabel as nib
import numpy as np
import pytest

from tests.helpers.pages import at, shown
from tests.helpers.weights import small_backbone
from zsad_core import setups
from zsad_core.base import settings
from zsad_core.cli.main import main
from zsad_core.errors import SettingError
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import PARTS
from zsad_core.setups import records
from zsad_core.study import design as designs
from zsad_core.study.design import Design
from zsad_core.study.file import Study, StudyData, StudySeries, StudyTraining
from zsad_core.training import examples, material
from zsad_core.types import DataSpec

CASES = 6
NAMES = {  # of scan and labels of a case, below the root
    "nnunet": ("imagesTr/case {}_0000.nii.gz", "labelsTr/case {}.nii.gz"),
    "decathlon": ("imagesTr/case_{}.nii.gz", "labelsTr/case_{}.nii.gz"),
    "bids": (
        "sub-{0}/anat/sub-{0}_FLAIR.nii.gz",
        "derivatives/lesions/sub-{0}/anat/sub-{0}_label-lesion_dseg.nii.gz",
    ),
    "folder": ("site one/scan {}.nii.gz", "site one/scan {}_seg.nii.gz"),
}
CONTRAST = {"folder": "swi"}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return [str(path) for path in small_backbone(tmp_path_factory.mktemp("clip"))]


@pytest.fixture(params=NAMES)
def data(request, tmp_path):
    """Scans whose label 1 lies in four slices and label 2 in one of them, with their split."""
    rng, root, layout = np.random.default_rng(0), tmp_path / "data", request.param
    for case in range(CASES):
        values = np.zeros((20, 24, 8), np.float32)
        values[4:15, 5:19, 1:7] = 100 + rng.random((11, 14, 6))
        values[8:11, 9:13, 2:6] = 220
        labels = np.where(values > 200, 1, 0).astype(np.uint8)
        labels[8:11, 9:13, 3] = 2
        if layout == "decathlon":
            values = np.stack([values, values[::-1]], -1)
        for name, array in zip(NAMES[layout], (values, labels), strict=True):
            path = root / name.format(case)
            path.parent.mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(array, np.diag([2.0, 2, 4, 1])), path)
    if layout in ("nnunet", "decathlon"):
        channels = {"0": "FLAIR"} | ({"1": "T1w"} if layout == "decathlon" else {})
        text = {"channel_names": channels, "labels": {"background": 0, "edema": 1, "core": 2}}
        (root / "dataset.json").write_text(json.dumps(text))
    kind = "nnunet" if layout == "decathlon" else layout
    spec = DataSpec(kind, str(root), "2", contrast=CONTRAST.get(layout, ""))
    settings.remember(spec)
    assert main(["split", spec.root, "--shares", "50/20/30"]) == 0
    return spec


def trained(data, small, out, *options):
    words = ["train", "--method", "aprilgan", "--setup", "brats", "--data", data.root]
    words += ["--backbone", small[0], "--weights", small[1], "--epochs", "1", "--device", "cpu"]
    assert main([*words, "--out", str(out), *options]) == 0
    return setups.record_of(out)


def test_the_command_trains_under_the_split_on_the_labels_of_the_data(data, small, tmp_path):
    facts = trained(data, small, tmp_path / "x.safetensors")
    fold = registry.find(data, "main").folds[0]
    assert records.seen(facts, "train").keys() == set(fold.train)
    assert records.seen(facts, "validation").keys() == set(fold.validation)
    assert facts["held_out_rule"] == f"split main ({fold.digest})"
    assert facts["modality"] == (data.contrast or "FLAIR")
    assert facts["images"] == "6 to train, 2 held out"  # of each, label 2 in one and one without
    every = trained(data, small, tmp_path / "y.safetensors", "--labels", "1,2")
    assert every["images"] == "15 to train, 5 held out"
    knee = trained(data, small, tmp_path / "z.safetensors", "--region", "knee")
    assert "--region knee" in knee["command"]
    before, after = (
        setups.read_checkpoint("aprilgan", tmp_path / f"{n}.safetensors") for n in "xz"
    )
    assert any((before[name] != after[name]).any() for name in before)  # learned from other texts


def test_a_study_trains_on_the_data_that_it_reads(data, tmp_path):
    spec = DataSpec(**{**asdict(data), "split": "main", "region": "knee"})
    study = Study(
        "x",
        (StudySeries(("intensity",)),),
        StudyData(modalities=("T1w", "FLAIR")),
        training=(StudyTraining("own", ("aprilgan",), "brats", slices=3),),
    )
    (own,) = designs.missing_trainings(Design(study, spec, tmp_path / "out"))
    assert material.data_spec(own.request.source) == spec
    assert (own.request.source.modality, own.request.source.slices) == ("T1w", 3)


def test_the_setup_page_trains_on_the_data(data):
    test = shown(at("pages/6_Setup.py", section="Train"))
    name = f"{data.kind}:{data.root}"
    test.selectbox(key="train-data").set_value(name)
    shown(test)
    offered = test.selectbox(key=f"train-modality-{name}").options
    assert offered[0] == (data.contrast or "FLAIR")
    (fold,) = registry.find(data, "main").folds
    who = [one.value for one in test.caption if one.value.startswith("Trains on 3 subjects")]
    assert len(who) == 1
    assert f"{len(fold.test)} test subjects excluded" in who[0]


def test_subjects_of_another_part_must_not_train():
    demo = datasets.open_dataset(DataSpec("demo"))
    of_part = {part: [s.id for s in demo.subjects() if s.split == part] for part in PARTS}
    examples.check_split(demo, of_part["train"])
    examples.check_split(demo, of_part["validation"], "validation")
    for part in ("validation", "test"):
        refused = f"{of_part[part][0]} is a subject of split '{part}' and must not serve as train"
        with pytest.raises(SettingError, match=refused):
            examples.check_split(demo, [*of_part["train"], of_part[part][0]])


def test_a_copy_of_a_scan_to_train_on_is_not_held_out_under_another_id(tmp_path, small, capsys):
    """Where the data have no split, every fifth is held out: here the first scan once more."""
    for case in range(5):
        values = np.zeros((20, 24, 8), np.float32)
        values[4:15, 5:19, 1:7] = 100 + np.random.default_rng(case % 4).random((11, 14, 6))
        for name, array in ((f"s{case}", values), (f"s{case}_seg", (values > 100.5).astype("u1"))):
            nib.save(nib.Nifti1Image(array, np.diag([2.0, 2, 4, 1])), tmp_path / f"{name}.nii.gz")
    words = ["train", "--method", "aprilgan", "--setup", "brats", "--data", str(tmp_path)]
    words += ["--backbone", small[0], "--weights", small[1], "--epochs", "1", "--device", "cpu"]
    assert main([*words, "--no-split", "--out", str(tmp_path / "x.safetensors")]) == 1
    pair = "s0 (train) and s4 (validation) are scans of equal voxels"
    assert pair in capsys.readouterr().err
    assert not (tmp_path / "x.safetensors").exists()

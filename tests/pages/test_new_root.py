"""A folder is looked at, corrected and added on the Setup page."""

import json

import nibabel as nib
import numpy as np
import pytest

from tests.helpers.pages import DATA, at, opened, shown
from zsad_core.base import settings
from zsad_core.imaging import datasets
from zsad_core.types import DataSpec

LABELS = {"background": 0, "liver": 1, "tumour": 2, "ignore": 3}


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)


@pytest.fixture
def arrays():
    """A scan, and its labels 1, 2 and 3."""
    scan = np.zeros((10, 10, 10), np.float32)
    scan[2:8, 2:8, 2:8] = 90 + np.arange(6)
    seg = np.zeros(scan.shape, np.uint8)
    seg[3, 3, 3:6] = 1, 2, 3
    return scan, seg


@pytest.fixture
def livers(tmp_path, arrays):
    """An nnU-Net data set of two channels."""
    root = tmp_path / "Dataset003_Liver"
    for channel in (0, 1):
        save(root / f"imagesTr/liver_1_000{channel}.nii.gz", arrays[0])
    save(root / "labelsTr/liver_1.nii.gz", arrays[1])
    description = {"channel_names": {"0": "T1", "1": "T2"}, "labels": LABELS}
    (root / "dataset.json").write_text(json.dumps(description))
    return root


def field(elements, label):
    return next(one for one in elements if one.label == label)


def looked(root):
    test = shown(at("pages/6_Setup.py", section="Data"))
    field(test.text_input, "Folder that holds the scans").set_value(str(root))
    return pressed(test, "Look")


def pressed(test, label):
    field(test.button, label).click()
    return shown(test)


def test_an_nnunet_folder_is_described_and_added_with_the_chosen_lesion(livers):
    test = looked(livers)
    assert test.info[0].value == (
        "nnU-Net data in Dataset003\\_Liver: 1 subject, 1 with a segmentation, "
        "2 modalities (T1, T2), labels mean 1 liver, 2 tumour, 3 ignore."
    )
    lesion = field(test.multiselect, "Labels that are the lesion")
    assert (lesion.options, lesion.value) == (["1 liver", "2 tumour", "3 ignore"], [1, 2])
    lesion.set_value([2])
    field(test.text_input, "Region").set_value("liver")
    assert "demo" in "".join(settings.data_roots())
    assert len(settings.data_roots()) == 1
    pressed(test, "Add")
    (_, spec) = settings.data_roots().values()
    assert spec == DataSpec("nnunet", str(livers), "2", region="liver")
    assert datasets.open_dataset(spec).load("liver_1", "T2").truth.sum() == 1
    assert not test.info
    assert "press Check beside the folder below to read every scan" in test.success[0].value
    assert any("lesion: labels 2 · region: liver" in one.value for one in test.caption)


def test_all_labels_are_left_to_the_data_and_none_cannot_be_added(livers):
    test = looked(livers)
    field(test.multiselect, "Labels that are the lesion").set_value([])
    assert field(shown(test).button, "Add").disabled
    field(test.multiselect, "Labels that are the lesion").set_value([2, 1])
    pressed(shown(test), "Add")
    assert list(settings.data_roots().values())[1].labels == "auto"


def test_a_plain_folder_shows_the_labels_of_a_mask_and_takes_a_contrast(tmp_path, arrays):
    save(tmp_path / "a.nii", arrays[0])
    save(tmp_path / "a_seg.nii", arrays[1])
    test = looked(tmp_path)
    assert "labels 1, 2, 3." in test.info[0].value
    lesion = field(test.multiselect, "Labels that are the lesion")
    assert (lesion.options, lesion.value) == (["1", "2", "3"], [1, 2, 3])
    field(test.text_input, "Contrast of the scans").set_value("FLAIR")
    pressed(test, "Add")
    (_, spec) = settings.data_roots().values()
    assert spec == DataSpec("folder", str(tmp_path), contrast="FLAIR")
    assert datasets.open_dataset(spec).subjects()[0].modalities == ("FLAIR",)


def test_a_brats_folder_has_its_conventions_or_labels_of_one_s_choice(tmp_path, arrays):
    save(tmp_path / "BraTS-MET-00001-000-t2f.nii", arrays[0])
    save(tmp_path / "BraTS-MET-00001-000-seg.nii", arrays[1])
    test = looked(tmp_path)
    assert not test.multiselect
    field(test.selectbox, "Lesion").set_value("")
    field(shown(test).multiselect, "Labels that are the lesion").set_value([3])
    pressed(shown(test), "Add")
    (_, spec) = settings.data_roots().values()
    assert spec == DataSpec("brats", str(tmp_path), "3")


def test_a_folder_is_changed_later_and_keeps_its_split(livers):
    name = settings.remember(DataSpec("nnunet", str(livers), "2", "main", region="liver"))
    test = shown(at("pages/6_Setup.py", section="Data"))
    field(test.button, "Change").click()
    lesion = field(shown(test).multiselect, "Labels that are the lesion")
    assert lesion.value == [2]
    lesion.set_value([1])
    assert "Add" not in [one.label for one in shown(test).button]  # the form is at its folder
    pressed(test, "Save")
    expected = DataSpec("nnunet", str(livers), "1", "main", region="liver")
    assert settings.data_roots()[name] == expected


def test_a_layout_that_does_not_fit_is_refused_in_a_sentence(livers):
    test = looked(livers)
    field(test.selectbox, "Layout").set_value("bids")
    assert "holds no BIDS scan" in shown(test).error[0].value
    assert "Add" not in [one.label for one in test.button]
    field(test.selectbox, "Layout").set_value("folder")
    assert "3 subjects" in shown(test).info[0].value


def test_what_is_looked_at_can_be_left(livers):
    test = pressed(looked(livers), "Cancel")
    assert not test.info
    assert len(settings.data_roots()) == 1


def test_prompts_follow_the_region_of_the_chosen_data(livers):
    name = settings.remember(DataSpec("nnunet", str(livers), "2", region="liver"))
    test = shown(at("pages/2_Prompts.py", lab="Edit", prompts="aprilgan", method="aprilgan"))
    assert field(test.text_input, "Class name (replaces {})").value == "brain"
    field(test.selectbox, "Data").set_value(name)
    test = shown(test)
    assert field(test.text_input, "Class name (replaces {})").value == "liver"
    assert [one.label for one in test.toggle if one.label.startswith("Mask")] == [
        "Mask inside the liver only"
    ]
    field(test.text_input, "Class name (replaces {})").set_value("kidney")
    field(shown(test).selectbox, "Data").set_value("demo")
    assert field(shown(test).text_input, "Class name (replaces {})").value == "kidney"


@pytest.mark.usefixtures("small_demo")
def test_the_two_demo_cohorts_are_told_apart():
    words = " ".join(one.value for one in shown(at("pages/6_Setup.py", section="Data")).markdown)
    for spacing in (1, 2):
        assert words.count(f"Demo cohort at {spacing} mm (synthetic)") == 1
    (data,) = (one for one in opened("Explore").selectbox if one.label == "Data")
    assert data.options == ["demo", "demo-2mm"]
    assert data.value == DATA

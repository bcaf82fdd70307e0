import json

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from zsad_core.errors import DataError
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets import nifti, nnunet
from zsad_core.types import DataSpec

CHANNELS = {"0": "FLAIR", "1": "T1w"}
V2 = {"background": 0, "edema": 1, "core": [2, 3], "enhancing": 3, "ignore": 4}
V1 = {"0": "background", "1": "edema", "2": "non-enhancing", "3": "enhancing", "4": "other"}


def opened(root, labels="auto"):
    return nnunet.indexed(DataSpec("nnunet", str(root), labels))


def describe(root, **content):
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset.json").write_text(json.dumps(content))


@pytest.fixture
def raw(tmp_path, write, scan, seg):
    """An nnU-Net data set of version 2: one case to train on and one to test."""
    describe(tmp_path, channel_names=CHANNELS, labels=V2, file_ending=".nii.gz")
    for channel, factor in ((0, 1), (1, 2)):
        write(tmp_path / f"imagesTr/BRATS_001_000{channel}.nii.gz", scan * factor)
        write(tmp_path / f"imagesTs/BRATS_002_000{channel}.nii.gz", scan * factor)
    write(tmp_path / "labelsTr/BRATS_001.nii.gz", seg)
    return tmp_path


@pytest.fixture
def decathlon(tmp_path, write, scan, seg):
    """A Decathlon data set: one file with two channels, and its labels."""
    describe(tmp_path, modality=CHANNELS, labels=V1)
    write(tmp_path / "imagesTr/BRATS_001.nii.gz", np.stack([scan, scan * 2], -1), "LPS")
    write(tmp_path / "labelsTr/BRATS_001.nii.gz", seg, "LPS")
    return tmp_path


def test_the_channels_of_a_case_are_its_modalities(raw, scan, seg):
    dataset = opened(raw)
    train, test = dataset.subjects()
    assert (train.id, train.modalities, train.has_truth) == ("BRATS_001", ("FLAIR", "T1w"), True)
    assert (test.id, test.modalities, test.has_truth) == ("BRATS_002", ("FLAIR", "T1w"), False)
    assert dataset.title == f"nnU-Net data in {raw.name}"
    assert dataset.label_names == {1: "edema", 2: "label 2", 3: "enhancing", 4: "ignore"}
    volume = dataset.load("BRATS_001", "T1w")
    np.testing.assert_array_equal(volume.intensity, scan * 2)
    np.testing.assert_array_equal(volume.truth, np.isin(seg, (1, 2, 3)))
    assert "Holds label 4 (ignore), which counts as healthy here." in volume.notes


def test_a_case_of_two_lines_is_one_case(raw):
    for path in [*raw.glob("imagesTr/*"), *raw.glob("labelsTr/*")]:
        path.rename(path.with_name(path.name.replace("_001", "\n001")))
    train, _ = opened(raw).subjects()
    assert (train.id, train.modalities, train.has_truth) == ("BRATS\n001", ("FLAIR", "T1w"), True)


def test_the_channels_of_a_decathlon_file_are_its_modalities(decathlon, scan, seg):
    dataset = opened(decathlon)
    assert datasets.layout_of(str(decathlon)) == "nnunet"
    assert dataset.title == f"Decathlon data in {decathlon.name}"
    volumes = [dataset.load("BRATS_001", name) for name in ("FLAIR", "T1w")]
    for factor, volume in zip((1, 2), volumes, strict=True):
        np.testing.assert_array_equal(volume.intensity, scan * factor)
        np.testing.assert_array_equal(volume.truth, seg > 0)
    assert volumes[0].digest != volumes[1].digest
    assert dataset.stamp("BRATS_001", "FLAIR") != dataset.stamp("BRATS_001", "T1w")


def test_a_map_lies_on_the_grid_of_a_file_with_channels(decathlon, scan):
    path = opened(decathlon).file("BRATS_001", "T1w")
    image = nifti.like(path, scan)
    assert image.shape == scan.shape
    np.testing.assert_array_equal(nib.as_closest_canonical(image).get_fdata(), scan)


def test_files_of_simpleitk_are_read(tmp_path, scan, seg):
    describe(tmp_path, modality=CHANNELS, labels=V1)
    voxels = np.stack([scan, scan * 2]).transpose(0, 3, 2, 1)  # (C, Z, Y, X)
    (tmp_path / "imagesTr").mkdir()
    (tmp_path / "labelsTr").mkdir()
    path = tmp_path / "imagesTr/la_1.nii.gz"
    SimpleITK.WriteImage(
        SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(one) for one in voxels]), path
    )
    labels = SimpleITK.GetImageFromArray(seg.transpose(2, 1, 0))
    SimpleITK.WriteImage(labels, tmp_path / "labelsTr/la_1.nii.gz")
    volume = opened(tmp_path).load("la_1", "T1w")
    turned = scan[::-1, ::-1] * 2  # ITK's axes point to left and back
    np.testing.assert_array_equal(volume.intensity, turned)


def test_a_scaled_channel_has_the_values_of_its_file(decathlon, scan):
    path = decathlon / "imagesTr/BRATS_001.nii.gz"
    stored = (np.stack([scan, scan * 2], -1)).astype(np.int16)
    image = nib.Nifti1Image(stored, nib.load(path).affine)
    image.header.set_slope_inter(0.5, 3)
    nib.save(image, path)
    for channel in (0, 1):
        values = nifti.read_case(path, None, channel=channel).intensity
        np.testing.assert_allclose(values, np.flip(stored[..., channel], (0, 1)) * 0.5 + 3)


@pytest.mark.parametrize(
    ("labels", "lesion", "words"),
    [
        ("auto", (1, 2, 3), ""),
        ("3", (3,), "3"),
        ("1,4", (1, 4), "1,4"),
        ("2023", (1, 2, 3), ""),
    ],
)
def test_the_labels_of_the_lesion_can_be_chosen(raw, seg, labels, lesion, words):
    dataset = opened(raw, labels)
    volume = dataset.load("BRATS_001", "FLAIR")
    np.testing.assert_array_equal(volume.truth, np.isin(seg, lesion))
    assert dataset.chosen_labels == words


def test_another_choice_of_labels_is_another_scan_in_the_keys(raw):
    choices = ("auto", "3", "1", "1,2,3,4")
    scans = [opened(raw, labels) for labels in choices]
    assert len({dataset.load("BRATS_001", "FLAIR").digest for dataset in scans}) == len(choices)
    assert len({dataset.stamp("BRATS_001", "FLAIR") for dataset in scans}) == len(choices)


@pytest.mark.parametrize("labels", ["5", "0", "1;2", "x", ""])
def test_labels_that_the_data_lack_are_refused(raw, labels):
    with pytest.raises(DataError, match="give auto, or some of 1, 2, 3, 4 with commas"):
        opened(raw, labels)


def test_a_broken_case_is_one_sentence_and_the_others_are_used(raw, write, scan, seg):
    write(raw / "imagesTr/odd_0000.nii", scan)
    write(raw / "imagesTr/odd_0000.nii.gz", scan)
    write(raw / "imagesTr/half_0001.nii.gz", scan)
    write(raw / "labelsTr/alone.nii.gz", seg)
    subjects = {subject.id: subject for subject in opened(raw).subjects()}
    assert subjects["BRATS_001"].problem == ""
    assert subjects["odd"].problem.startswith("odd has FLAIR 2 times, ")
    assert subjects["half"].notes == ("Has no FLAIR.",)
    assert subjects["alone"].problem.endswith("has no scan of its case; add one or take it away.")


def test_a_channel_that_the_file_lacks_is_named(decathlon, write, scan):
    write(decathlon / "imagesTr/BRATS_001.nii.gz", scan)
    dataset = opened(decathlon)
    with pytest.raises(DataError, match=r"has 1 channel \(12 x 14 x 10\) and no channel 1"):
        dataset.load("BRATS_001", "T1w")
    assert "T1w cannot be used" in dataset.subjects()[0].notes[0]


def test_stray_labels_are_refused(raw, write, seg):
    write(raw / "labelsTr/BRATS_001.nii.gz", seg * 3)
    with pytest.raises(DataError, match="stray label 6, 9, 12 where only 0, 1, 2, 3, 4 may occur"):
        opened(raw).load("BRATS_001", "FLAIR")


def test_without_a_description_channels_have_numbers_and_every_label_is_lesion(raw, seg):
    (raw / "dataset.json").unlink()
    dataset = opened(raw)
    assert dataset.subjects()[0].modalities == ("channel 0", "channel 1")
    np.testing.assert_array_equal(dataset.load("BRATS_001", "channel 0").truth, seg > 0)


@pytest.mark.parametrize("text", ["{", '{"labels": {"edema": "one"}}', '{"modality": ["T1"]}'])
def test_a_description_that_is_not_valid_is_named(raw, text):
    (raw / "dataset.json").write_text(text)
    with pytest.raises(DataError, match=r"dataset\.json' cannot be read \(.+\); correct it"):
        opened(raw)


def test_a_folder_without_training_images_is_refused(tmp_path, write, scan):
    describe(tmp_path, channel_names=CHANNELS, labels=V2, file_ending=".mha")
    write(tmp_path / "other/a.nii", scan)
    with pytest.raises(DataError, match=r"no NIfTI file in imagesTr; .* says '\.mha'"):
        opened(tmp_path)

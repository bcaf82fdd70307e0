import os

import numpy as np
import pytest

from zsad_core.errors import DataError
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets import folder
from zsad_core.inference.engine import Engine
from zsad_core.types import DataSpec


def opened(root):
    return folder.indexed(DataSpec("folder", str(root)))


@pytest.mark.parametrize(
    "mask", ["a_seg.nii.gz", "a_mask.nii.gz", "a-seg.nii", "a-mask.nii", "a_Mask.nii"]
)
def test_a_mask_beside_the_scan_is_its_truth(tmp_path, write, scan, seg, mask):
    write(tmp_path / "site" / "a.nii.gz", scan)
    write(tmp_path / "site" / mask, (seg * 50).astype(np.uint8))
    (subject,) = opened(tmp_path).subjects()
    assert (subject.id, subject.modalities, subject.has_truth) == ("site/a", ("scan",), True)
    found = opened(tmp_path).load("site/a", "scan")
    np.testing.assert_array_equal(found.truth, seg > 0)
    assert found.labels.max() == 200


def test_scans_of_one_name_in_two_folders_are_two_subjects(tmp_path, write, scan, seg):
    write(tmp_path / "one" / "a.nii", scan)
    write(tmp_path / "two" / "a.nii.gz", scan)
    write(tmp_path / "two" / "a_seg.nii.gz", seg)
    found = opened(tmp_path).subjects()
    assert [(s.id, s.has_truth) for s in found] == [("one/a", False), ("two/a", True)]
    assert opened(tmp_path).load("one/a", "scan").truth is None


def test_what_cannot_be_paired_is_a_problem(tmp_path, write, scan, seg):
    write(tmp_path / "alone_seg.nii.gz", seg)
    for name in ("b.nii", "b.nii.gz", "c.nii"):
        write(tmp_path / name, scan)
    for name in ("c_seg.nii", "c_mask.nii"):
        write(tmp_path / name, seg)
    problems = {subject.id: subject.problem for subject in opened(tmp_path).subjects()}
    assert "is a mask without scan" in problems["alone"]
    assert problems["b"].startswith("b has 2 scans, ")
    assert problems["c"].startswith("c has 2 masks, ")


def test_a_soft_mask_is_refused_and_remembered(tmp_path, write, scan, seg):
    write(tmp_path / "a.nii", scan)
    write(tmp_path / "a_mask.nii", (seg / 4).astype(np.float32))
    dataset = opened(tmp_path)
    assert dataset.subjects()[0].problem == ""
    assert "stray label 0.25, 0.5, 0.75" in dataset.check("a")
    assert "stray label" in dataset.subjects()[0].problem


def test_a_folder_without_scans_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no \.nii or \.nii\.gz file"):
        opened(tmp_path)


def test_a_data_set_is_indexed_once_until_forgotten(tmp_path, write, scan):
    spec = DataSpec("folder", str(tmp_path))
    with pytest.raises(DataError, match="holds no"):
        datasets.open_dataset(spec)
    write(tmp_path / "a.nii", scan)
    first = datasets.open_dataset(spec)
    assert datasets.open_dataset(spec) is first
    write(tmp_path / "b.nii", scan)
    assert len(datasets.open_dataset(spec).subjects()) == 1
    datasets.forget(spec)
    assert len(datasets.open_dataset(spec).subjects()) == 2


def test_what_was_found_wrong_outlives_another_data_set_s_forgetting(tmp_path, write, scan):
    spec, other = (DataSpec("folder", str(tmp_path / name)) for name in ("a", "b"))
    write(tmp_path / "a" / "a.nii", scan * 0)
    write(tmp_path / "b" / "b.nii", scan)
    datasets.open_dataset(spec).check("a")
    datasets.open_dataset(other)
    datasets.forget(other)
    Engine().forget()
    assert "no voxel is above 0" in datasets.open_dataset(spec).subjects()[0].problem


def test_an_unknown_kind_names_the_known_ones():
    with pytest.raises(
        DataError, match="kind 'dicom'; use demo, demo-2mm, brats, nnunet, bids, folder, upload"
    ):
        datasets.open_dataset(DataSpec("dicom"))


def test_a_name_that_is_no_text_is_said_and_the_others_are_used(tmp_path, write, scan, seg):
    write(tmp_path / "good.nii", scan)
    for end, values in ((".nii", scan), ("_seg.nii", seg)):
        path = write(tmp_path / f"x{end}", values)
        os.rename(path, os.fsencode(tmp_path) + b"/M\xfcller" + os.fsencode(end))
    odd, good = opened(tmp_path).subjects()
    assert (good.id, good.problem) == ("good", "")
    assert odd.id == "M\\xfcller"
    assert "M\\xfcller.nii' is no text (UTF-8); rename it." in odd.problem
    (odd.id + odd.problem).encode()
    with pytest.raises(DataError, match="is no text"):
        opened(tmp_path).load(odd.id, "scan")


def test_composed_and_decomposed_letters_are_one_name(tmp_path, write, scan, seg):
    write(tmp_path / "Zo\u00eb.nii", scan)
    write(tmp_path / "Zoe\u0308_seg.nii", seg)
    (subject,) = opened(tmp_path).subjects()
    assert (subject.id, subject.has_truth, subject.problem) == ("Zo\u00eb", True, "")


def test_contrast_and_labels_of_the_lesion_are_the_user_s(tmp_path, write, scan, seg):
    write(tmp_path / "a.nii", scan)
    write(tmp_path / "a_seg.nii", seg)
    dataset = folder.indexed(DataSpec("folder", str(tmp_path), "2,4", contrast="FLAIR"))
    assert dataset.subjects()[0].modalities == ("FLAIR",)
    volume = dataset.load("a", "FLAIR")
    np.testing.assert_array_equal(volume.truth, np.isin(seg, (2, 4)))
    assert volume.digest != opened(tmp_path).load("a", "scan").digest


def test_a_folder_is_recognised_by_its_files(tmp_path, write, scan):
    with pytest.raises(DataError, match=r"holds no \.nii or \.nii\.gz file"):
        datasets.layout_of(str(tmp_path))
    write(tmp_path / "a.nii", scan)
    assert datasets.layout_of(str(tmp_path)) == "folder"
    write(tmp_path / "BraTS-MET-00001-000-t2f.nii", scan)
    assert datasets.layout_of(str(tmp_path)) == "brats"

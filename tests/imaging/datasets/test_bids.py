import numpy as np
import pytest

from zsad_core.errors import DataError
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets import bids
from zsad_core.imaging.splits.tables import patient_of
from zsad_core.types import DataSpec

LESION = "derivatives/lesions/sub-01/ses-1/anat/sub-01_ses-1_label-lesion_mask.nii.gz"


def opened(root, labels="auto"):
    return bids.indexed(DataSpec("bids", str(root), labels))


@pytest.fixture
def study(tmp_path, write, scan, seg):
    """Two sessions of one subject and one of another; the first session has a lesion mask."""
    for session in ("ses-1", "ses-2"):
        for name in ("FLAIR", "acq-3d_T1w", "ce-gad_T1w"):
            write(tmp_path / f"sub-01/{session}/anat/sub-01_{session}_{name}.nii.gz", scan)
    write(tmp_path / "sub-02/anat/sub-02_FLAIR.nii.gz", scan)
    write(tmp_path / "sub-02/func/sub-02_task-rest_bold.nii.gz", scan)
    write(tmp_path / LESION, seg)
    return tmp_path


def test_each_session_is_a_subject_with_the_suffixes_as_modalities(study, seg):
    dataset = opened(study)
    found = [(s.id, s.modalities, s.has_truth, s.problem) for s in dataset.subjects()]
    contrasts = ("FLAIR", "T1w", "ce-gad_T1w")
    assert found == [
        ("sub-01_ses-1", contrasts, True, ""),
        ("sub-01_ses-2", contrasts, False, ""),
        ("sub-02", ("FLAIR",), False, ""),
    ]
    assert {patient_of(subject.id) for subject in dataset.subjects()} == {"sub-01", "sub-02"}
    np.testing.assert_array_equal(dataset.load("sub-01_ses-1", "FLAIR").truth, seg > 0)
    assert datasets.layout_of(str(study)) == "bids"
    assert dataset.title == f"BIDS in {study.name}"


def test_labels_have_the_names_of_the_table_and_can_be_chosen(study, seg):
    table = study / "derivatives/lesions/dseg.tsv"
    table.write_text("index\tname\n0\tbackground\n1\tnecrosis\n2\tedema\n")
    assert opened(study).label_names == {1: "necrosis", 2: "edema"}
    volume = opened(study, "2").load("sub-01_ses-1", "T1w")
    np.testing.assert_array_equal(volume.truth, seg == 2)


def test_a_mask_of_the_brain_is_no_truth(study, write, seg):
    for name in ("desc-brain_mask", "label-GM_mask", "desc-aseg_dseg"):
        write(study / f"derivatives/fmriprep/sub-02/anat/sub-02_{name}.nii.gz", seg)
    write(study / "derivatives/fmriprep/sub-02/anat/sub-02_dseg.nii.gz", seg)
    assert [s.has_truth for s in opened(study).subjects()] == [True, False, False]
    (study / LESION).unlink()  # then an unmarked one may be the lesion, one of the brain not
    found = opened(study).subjects()
    assert [(s.has_truth, s.problem) for s in found] == [(False, ""), (False, ""), (True, "")]


@pytest.mark.parametrize("name", ["dseg", "mask", "roi", "FLAIR_roi", "lesion"])
def test_the_only_mask_is_the_truth_wherever_it_lies(study, write, seg, name):
    (study / LESION).unlink()
    write(study / f"sub-02/anat/sub-02_{name}.nii.gz", seg)
    assert [s.has_truth for s in opened(study).subjects()] == [False, False, True]


def test_of_masks_in_several_spaces_that_of_the_scan_is_taken(study, write, scan, seg):
    write(study / LESION.replace("_label", "_space-MNI152_label"), scan)
    np.testing.assert_array_equal(opened(study).load("sub-01_ses-1", "FLAIR").truth, seg > 0)


def test_a_broken_subject_is_one_sentence_and_the_others_are_used(study, write, scan, seg):
    write(study / LESION.replace("_label", "_desc-second_label"), seg)
    write(study / "sub-02/anat/sub-02_FLAIR.nii", scan)
    write(study / LESION.replace("sub-01", "sub-03"), seg)
    problems = {s.id: s.problem for s in opened(study).subjects()}
    assert problems["sub-01_ses-1"].startswith("sub-01_ses-1 has 2 masks, ")
    assert problems["sub-01_ses-2"] == ""
    assert problems["sub-02"].startswith("sub-02 has two scans of one name")
    assert "has no scan of its subject and session" in problems["sub-03_ses-1"]


def test_two_runs_of_a_contrast_keep_their_entities(study, write, scan):
    write(study / "sub-02/anat/sub-02_run-2_FLAIR.nii.gz", scan)
    subject = opened(study).subjects()[-1]
    assert subject.modalities == ("FLAIR", "run-2_FLAIR")
    assert subject.notes == ("Several scans of one contrast: run-2_FLAIR.",)


def test_the_first_folder_above_a_subject_is_its_site(tmp_path, write, scan, seg):
    for site in ("R001", "R002"):
        write(tmp_path / site / "sub-01/anat/sub-01_T1w.nii.gz", scan)
        write(tmp_path / site / "sub-01/anat/sub-01_label-L_desc-T1lesion_mask.nii.gz", seg)
    found = [(s.id, s.site, s.has_truth, s.problem) for s in opened(tmp_path).subjects()]
    assert found == [(f"{site}/sub-01", site, True, "") for site in ("R001", "R002")]


def test_a_folder_without_anatomical_scans_is_refused(tmp_path, write, scan):
    write(tmp_path / "sub-01/func/sub-01_bold.nii.gz", scan)
    with pytest.raises(DataError, match="holds no BIDS scan; name its files like sub-01/anat/"):
        opened(tmp_path)

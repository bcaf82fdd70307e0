"""Names of files and subjects; every file is empty, so that no voxel can have been read."""

import pytest

from zsad_core.errors import DataError
from zsad_core.imaging.predictions.matching import survey

BRATS = ["BraTS-MET-00001-000", "BraTS-MET-00001-001", "BraTS-MET-00002-000"]


@pytest.fixture
def matched(tmp_path):
    """matched(ids, *files): the survey of a folder that holds these files."""

    def of(ids, *files, folder="predictions"):
        for name in files:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return survey(tmp_path / folder, ids)

    return of


def pairs(found):
    return {name: path.relative_to(found.folder).as_posix() for name, path in found.matched}


@pytest.mark.parametrize(
    "file",
    [
        "BraTS-MET-00001-000.nii.gz",
        "BraTS-MET-00001-000.nii",
        "BraTS-MET-00001-000_0000.nii.gz",
        "BraTS-MET-00001-000-seg.nii.gz",
        "BraTS-MET-00001-000_seg.nii.gz",
        "BraTS-MET-00001-000-pred.nii.gz",
        "BraTS-MET-00001-000_0000_pred.nii.gz",
        "BraTS-MET-00001-000.SEG.NII.GZ",
        "medsam_BraTS-MET-00001-000_tumour.nii.gz",
        "fold_0/BraTS-MET-00001-000.nii.gz",
        "BraTS-MET-00001-000/prediction.nii.gz",
        "BraTS-MET-00001-000/voxtell/mask.nii.gz",
        "BraTS-MET-00001-000-out/seg.nii.gz",
        "BraTS-MET-00001-000/BraTS-MET-00001-000-seg.nii.gz",
    ],
)
def test_a_file_is_matched_in_every_way_of_naming(matched, file):
    found = matched(BRATS, file)
    assert pairs(found) == {"BraTS-MET-00001-000": file}
    assert found.missing == ("BraTS-MET-00001-001", "BraTS-MET-00002-000")
    assert (found.unmatched, found.doubles, found.problem) == ((), (), "")


@pytest.mark.parametrize(
    "file",
    [
        "BraTS-MET-00001-002.nii.gz",
        "BraTS-MET-00001-0000.nii.gz",
        "BraTS-MET-00001-000-2.nii.gz",
        "BraTS-MET-00001-000_2021.nii.gz",
        "BraTS-MET-00001.nii.gz",
        "2-BraTS-MET-00001-000.nii.gz",
        "xBraTS-MET-00001-000.nii.gz",
        "BraTS-MET-00001-000/BraTS-MET-00009-000-seg.nii.gz",
        "BraTS-MET-00001-000_vs_BraTS-MET-00002-000.nii.gz",
        "average.nii.gz",
    ],
)
def test_a_file_of_somebody_else_is_left_over(matched, file):
    found = matched(BRATS, file)
    assert pairs(found) == {}
    assert [path.relative_to(found.folder).as_posix() for path in found.unmatched] == [file]
    assert found.missing == tuple(BRATS)
    assert "is named after a subject of these data" in found.problem
    assert found.problem.endswith("such as BraTS-MET-00001-000.nii.gz.")


def test_of_ids_that_begin_alike_each_has_its_own_file(matched):
    ids = ["case", "case_1", "case_10", "case_1_b", "case_1-pred"]
    files = {
        "case": "case_seg.nii.gz",
        "case_1": "case_1_0000.nii.gz",
        "case_10": "case_10-seg.nii.gz",
        "case_1_b": "my_case_1_b.nii.gz",
        "case_1-pred": "case_1-pred.nii.gz",
    }
    assert pairs(matched(ids, *files.values())) == files


def test_an_id_does_not_take_the_file_of_a_longer_one_that_is_not_there(matched):
    found = matched(["case", "case_1"], "case_10.nii.gz", "case_1_2.nii.gz")
    assert (found.matched, len(found.unmatched)) == ((), 2)


def test_a_name_that_holds_two_ids_is_nobodys(matched):
    of_two = ["anna/berta-seg.nii.gz", "anna/berta.nii.gz", "anna_berta.nii.gz"]
    found = matched(["anna", "berta"], *of_two, "anna/anna_mask.nii.gz")
    assert pairs(found) == {"anna": "anna/anna_mask.nii.gz"}
    assert [path.relative_to(found.folder).as_posix() for path in found.unmatched] == of_two


def test_an_id_may_end_in_any_character(matched):
    files = {"scan_": "scan_.nii.gz", "oslo/a_": "oslo/a_.nii.gz", "_b": "out/_b.nii.gz"}
    assert pairs(matched(list(files), *files.values())) == files


def test_a_modality_or_a_site_is_nobodys_name(matched):
    found = matched(["oslo/anna/flair"], "berta/flair-seg.nii.gz", "oslo/berta.nii.gz")
    assert (found.matched, len(found.unmatched)) == ((), 2)


@pytest.mark.parametrize(
    ("subject", "file"),
    [
        ("site1/p001/flair", "site1/p001/flair-seg.nii.gz"),
        ("site1/p001/flair", "p001/flair.nii.gz"),
        ("site1/p001/flair", "p001.nii.gz"),
        ("site1/p001/flair", "p001/pred.nii.gz"),
        ("BraTS-MET-00001-000/BraTS-MET-00001-000-t2f", "BraTS-MET-00001-000.nii.gz"),
        ("imagesTs/case_001_0000", "case_001.nii.gz"),
        ("case_001_0000", "case_001.nii.gz"),
    ],
)
def test_an_id_with_folders_or_a_channel_is_known_by_its_parts(matched, subject, file):
    ids = [subject, "site2/p002/flair", "case_002_0000"]
    assert pairs(matched(ids, file)) == {subject: file}


def test_a_part_that_two_ids_share_is_nobodys(matched):
    ids = ["site1/001", "site2/001", "site2/002"]
    found = matched(ids, "001.nii.gz", "002.nii.gz", "site1/001_seg.nii.gz")
    assert pairs(found) == {"site2/002": "002.nii.gz", "site1/001": "site1/001_seg.nii.gz"}
    assert [path.name for path in found.unmatched] == ["001.nii.gz"]


@pytest.mark.parametrize("file", ["site2/001.nii.gz", "site2_001.nii.gz", "site2/001-seg.nii"])
def test_a_number_of_another_site_is_another_subject(matched, file):
    found = matched(["site1/001", "site2/002"], file)
    assert (found.matched, len(found.unmatched)) == ((), 1)


@pytest.mark.parametrize(
    "files",
    [
        ("case_1.nii", "case_1.nii.gz"),
        ("case_1-seg.nii.gz", "case_1_pred.nii.gz"),
        ("case_1.nii.gz", "case_1/mask.nii.gz"),
        ("case_1_0000.nii.gz", "case_1_0001.nii.gz"),
        ("fold_0/case_1.nii.gz", "fold_1/case_1.nii.gz"),
    ],
)
def test_two_files_of_a_subject_are_refused_in_a_sentence(matched, files):
    found = matched(["case_1", "case_2"], *files, "case_2.nii.gz")
    assert [(name, len(paths)) for name, paths in found.doubles] == [("case_1", 2)]
    assert pairs(found) == {"case_2": "case_2.nii.gz"}
    assert found.missing == ()
    first, second = sorted(found.folder / name for name in files)
    said = f"case_1 has 2 files, '{first}' and '{second}'; keep one"
    assert found.problem == f"{said} file a subject."
    with pytest.raises(DataError) as refused:
        found.file("case_1")
    assert str(refused.value) == f"{said} of them."


def test_how_many_more_have_two_files_is_said(matched):
    found = matched(["a", "b", "c"], *(f"{name}{end}.nii" for name in "abc" for end in ("", "-x")))
    assert "(and so 2 more subjects); keep one file a subject." in found.problem


def test_glob_characters_mean_themselves(matched):
    ids = ["scan[1]", "scan1", "scan*", "sc?n", "sub[a-b]_2"]
    files = {
        "scan[1]": "scan[1]_seg.nii.gz",
        "scan1": "scan1.nii.gz",
        "scan*": "scan*.nii.gz",
        "sub[a-b]_2": "sub[a-b]_2-pred.nii.gz",
    }
    found = matched(ids, *files.values(), folder="out [v1] *?")
    assert pairs(found) == files
    assert found.missing == ("sc?n",)


def test_the_file_of_a_subject_is_found_or_its_lack_said(matched):
    found = matched(["case_1", "case_2"], "case_1.nii.gz")
    assert found.file("case_1") == found.folder / "case_1.nii.gz"
    with pytest.raises(DataError, match=r"no prediction of case_2; add it as case_2\.nii\.gz"):
        found.file("case_2")


def test_other_files_and_hidden_ones_are_not_looked_at(matched):
    found = matched(["case_1"], "case_1.nii.gz", "case_1.npz", "plans.json", "._case_1.nii.gz")
    assert (pairs(found), found.unmatched) == ({"case_1": "case_1.nii.gz"}, ())


def test_a_folder_without_nifti_or_none_at_all_is_refused(matched, tmp_path):
    assert "predictions' holds no .nii or .nii.gz file" in matched(["a"], "plans.json").problem
    with pytest.raises(DataError, match=r"There is no folder '.*gone'; give the folder that"):
        survey(tmp_path / "gone", ["a"])

import os
from unicodedata import normalize

import numpy as np
import pytest

from zsad_core.base.store import Store
from zsad_core.errors import DataError
from zsad_core.imaging.datasets.brats import indexed
from zsad_core.inference.engine import Engine
from zsad_core.types import DataSpec, SliceSpec

MET = "BraTS-MET-00001-000"
NEW = ("t2f", "t1c", "t1n", "t2w")


@pytest.fixture
def case(tmp_path, write, scan, seg):
    """case(id, parts, ...): the files of one case; every label of `drop` is taken out of seg."""

    def make(name=MET, parts=(*NEW, "seg"), below="", suffix=".nii.gz", drop=(4,)):
        sign = "_" if "BraTS20" in name else "-"
        for part in parts:
            array = np.where(np.isin(seg, drop), 0, seg).astype(np.uint8) if part == "seg" else scan
            write(tmp_path / below / name / f"{name}{sign}{part}{suffix}", array)
        return tmp_path / below / name

    return make


@pytest.fixture
def brats(tmp_path):
    return lambda labels="auto": indexed(DataSpec("brats", str(tmp_path), labels))


def test_cases_are_found_in_deep_site_folders_in_every_naming(case, brats):
    case()
    case("BraTS2021_00007", ("flair", "t1", "t1ce", "t2", "seg"), "UCSD - Training/a/b", ".nii")
    case("BraTS-GLI-00002-101", NEW, "site2")
    case("DEMO-MET-001-000", NEW)
    found = brats().subjects()
    assert [subject.id for subject in found] == [
        "BraTS-GLI-00002-101",
        MET,
        "BraTS2021_00007",
        "DEMO-MET-001-000",
    ]
    assert [subject.has_truth for subject in found] == [False, True, True, False]
    assert all(s.modalities == NEW and not s.problem and not s.notes for s in found)


def test_the_index_reads_no_file(case, brats):
    for path in case().iterdir():
        path.write_bytes(b"")
    assert brats().subjects()[0].problem == ""


def test_whole_tumour_of_2023_leaves_the_cavity_out_and_says_so(case, brats, seg):
    case(drop=())
    found = brats().load(MET, "t2f")
    np.testing.assert_array_equal(found.truth, (seg > 0) & (seg < 4))
    np.testing.assert_array_equal(found.labels, seg)
    assert found.notes == (
        "Holds a resection cavity (label 4), which is not part of the whole tumour.",
    )


def test_without_cavity_there_is_no_note(case, brats):
    case()
    assert brats().load(MET, "t2f").notes == ()


def test_whole_tumour_of_2021_takes_label_4_in(case, brats, seg):
    case("BraTS2021_00007", ("flair", "seg"), drop=(3,))
    found = brats().load("BraTS2021_00007", "t2f")
    np.testing.assert_array_equal(found.truth, (seg > 0) & (seg != 3))
    assert found.notes == ()


def test_the_convention_is_never_told_by_the_values(case, brats, seg):
    case("BraTS2021_00007", ("flair", "seg"), drop=(4,))
    case(drop=(3,))
    with pytest.raises(DataError, match="stray label 3 where only 0, 1, 2, 4"):
        brats().load("BraTS2021_00007", "t2f")
    assert brats().load(MET, "t2f").truth.sum() == 3
    assert brats("2021").load(MET, "t2f").truth.sum() == 7
    assert brats("2023").load("BraTS2021_00007", "t2f").truth.sum() == 6


def test_two_meanings_of_one_file_are_two_scans_in_every_key(tmp_path, case):
    """Label 4 is tumour in 2021, in a plain folder and in uploads, and a cavity since 2023."""
    case(drop=())
    folder = tmp_path / "plain"
    engine = Engine(Store(tmp_path / "store"), "cpu")

    def key(kind, root, labels="auto", subject=MET, modality="t2f"):
        spec = SliceSpec(DataSpec(kind, str(root), labels), subject, modality)
        for _ in range(2):  # read, then remembered
            engine.forget()
            digest = engine.digest(spec)
        return digest, int(engine.volume(spec).truth.sum())

    case_folder = tmp_path / MET
    folder.mkdir()
    for part, name in (("t2f", "p"), ("seg", "p_seg")):
        data = (case_folder / f"{MET}-{part}.nii.gz").read_bytes()
        (folder / f"{name}.nii.gz").write_bytes(data)
    by_name, since_2023 = key("brats", case_folder), key("brats", case_folder, "2023")
    anything = key("folder", folder, subject="p", modality="scan")
    assert by_name == since_2023
    assert (by_name[1], anything[1]) == (6, 10)
    assert by_name[0] != anything[0]


def test_a_meaning_that_no_name_tells_is_in_the_digest_where_it_matters(case, brats):
    case(drop=(3,))
    by_name, told = brats().load(MET, "t2f"), brats("2021").load(MET, "t2f")
    assert (by_name.truth.sum(), told.truth.sum()) == (3, 7)
    assert by_name.digest != told.digest
    case("BraTS-MET-00002-000", drop=(3, 4))
    same = {brats(labels).load("BraTS-MET-00002-000", "t2f").digest for labels in ("2021", "2023")}
    assert len(same) == 1


def test_a_stray_label_is_a_problem_of_the_subject_until_mended(case, brats, write, scan, seg):
    folder = case()
    path = folder / f"{MET}-seg.nii.gz"
    write(path, np.where(seg == 4, 6, seg).astype(np.uint8))
    dataset = brats()
    with pytest.raises(DataError, match="has 4 voxels of stray label 6"):
        dataset.load(MET, "t2f")
    assert "stray label 6" in dataset.subjects()[0].problem
    one = np.where(seg == 4, 0, seg)
    one[0, 0, 0] = 6
    write(path, one.astype(np.uint8))
    with pytest.raises(DataError, match="has 1 voxel of stray label 6"):
        dataset.load(MET, "t2f")
    write(path, np.where(seg == 4, 0, seg).astype(np.uint8))
    assert dataset.subjects()[0].problem == ""
    assert dataset.load(MET, "t2f").truth.sum() == 6


def test_one_truncated_modality_is_left_out_and_noted(case, brats):
    path = case() / f"{MET}-t2w.nii.gz"
    path.write_bytes(path.read_bytes()[:-100])
    dataset = brats()
    assert "t2w.nii.gz' is a truncated gzip" in dataset.check(MET)
    (subject,) = dataset.subjects()
    assert (subject.modalities, subject.problem) == (("t2f", "t1c", "t1n"), "")
    assert subject.notes[0].startswith("t2w cannot be used: ")
    assert dataset.load(MET, "t2f").truth.sum() == 6


def test_a_subject_whose_only_scan_is_broken_has_a_problem(case, brats):
    (case(parts=("t2f",)) / f"{MET}-t2f.nii.gz").write_bytes(b"broken")
    dataset = brats()
    assert "cannot be read as NIfTI" in dataset.check(MET)
    assert "cannot be read as NIfTI" in dataset.subjects()[0].problem
    assert dataset.subjects()[0].modalities == ("t2f",)


def test_a_sound_case_has_nothing_to_say(case, brats):
    case()
    dataset = brats()
    assert dataset.check(MET) == ""
    assert dataset.subjects()[0].notes == ()


def test_missing_modalities_are_noted_and_cannot_be_loaded(case, brats):
    case(parts=("t1n", "t2f"))
    dataset = brats()
    (subject,) = dataset.subjects()
    assert subject.modalities == ("t2f", "t1n")
    assert subject.notes == ("Has no t1c, t2w.",)
    assert dataset.load(MET, "t2f").truth is None
    with pytest.raises(DataError, match=f"{MET} has no scan 't2w'; choose one of t2f, t1n"):
        dataset.load(MET, "t2w")
    with pytest.raises(DataError, match="There is no subject 'other'"):
        dataset.load("other", "t2f")


def test_a_segmentation_without_scans_is_a_problem(case, brats):
    case(parts=("seg",))
    dataset = brats()
    assert "has no scan of its case" in dataset.subjects()[0].problem
    with pytest.raises(DataError, match="has no scan of its case"):
        dataset.load(MET, "t2f")
    assert "has no scan of its case" in dataset.check(MET)


def test_a_case_in_two_places_is_a_problem_and_neither_is_taken(case, brats):
    case(parts=("t2f", "seg"), below="TrainingData_2")
    case(parts=("t2f",), below="fixed-cases", suffix=".nii")
    problem = brats().subjects()[0].problem
    assert problem.startswith(f"{MET} has t2f 2 times, ")
    assert "TrainingData_2" in problem
    assert "fixed-cases" in problem


def test_folder_links_are_followed_without_end(tmp_path, case, brats):
    (case() / "up").symlink_to(tmp_path)
    assert [subject.problem for subject in brats().subjects()] == [""]


@pytest.mark.parametrize(
    "name", ["BraTS-MET-Müller-001", "BraTS-MET-हिन्दी-001", "BraTS-GLI-a b-[1]", "BraTS-GLI-a\nb-1"]
)
def test_a_case_may_be_named_in_any_script(tmp_path, name, write, scan, brats):
    write(tmp_path / f"{name}-t2f.nii.gz", scan)
    write(tmp_path / f"{normalize('NFD', name)}-t1c.nii.gz", scan)
    (subject,) = brats().subjects()
    assert (subject.id, subject.modalities, subject.problem) == (name, ("t2f", "t1c"), "")


def test_a_name_that_is_no_text_is_said_and_the_others_are_used(tmp_path, case, brats, write, scan):
    case()
    write(tmp_path / "x.nii.gz", scan)
    os.rename(tmp_path / "x.nii.gz", os.fsencode(tmp_path) + b"/BraTS-MET-M\xfcller-t2f.nii.gz")
    good, bad = brats().subjects()
    assert (good.id, good.problem) == (MET, "")
    assert bad.id == "BraTS-MET-M\\xfcller"
    assert "is no text (UTF-8); rename it." in bad.problem


def test_other_files_are_no_cases(tmp_path, case, brats, write, scan):
    case()
    for name in ("notes-t2f.nii.gz", f"._{MET}-t1c.nii.gz", f"{MET}-t2f-pred.nii.gz"):
        write(tmp_path / name, scan)
    assert len(brats().subjects()) == 1


def test_progress_is_called_and_may_stop(case, brats):
    case()
    calls = []
    brats().load(MET, "t2f", lambda done, total: calls.append((done, total)))
    assert calls == [(0, 1), (1, 1)]


def test_only_demo_cases_are_synthetic(case, brats):
    case("DEMO-MET-001-000")
    assert brats().synthetic
    case()
    assert not brats().synthetic


def test_a_root_without_cases_says_which_names_are_expected(tmp_path):
    with pytest.raises(
        DataError, match=r"holds no BraTS case; .* BraTS-MET-00001-000-t2f\.nii\.gz"
    ):
        indexed(DataSpec("brats", str(tmp_path)))
    for root in (str(tmp_path / "gone"), ""):
        with pytest.raises(DataError, match=f"There is no folder '{root}'"):
            indexed(DataSpec("brats", root))


def test_labels_are_named_by_the_naming_of_the_files(case, brats):
    case(MET)
    assert brats().label_names[4] == "resection cavity"
    case("BraTS2021_00001")
    assert brats().label_names[4] == "enhancing"  # in both namings, within the whole tumour


def test_chosen_labels_are_named_where_they_are_not_those_of_the_data(case, brats):
    case(MET, drop=())
    own = brats()
    for labels in ("2023", "1,2,3", "3, 2,1"):
        same = brats(labels)
        assert (same.chosen_labels, same.stamp(MET, "t2f")) == ("", own.stamp(MET, "t2f"))
        assert same.load(MET, "t2f").digest == own.load(MET, "t2f").digest
    assert [brats(labels).chosen_labels for labels in ("2021", "1,2,4", "3")] == [
        *("1,2,4", "1,2,4", "3")
    ]
    case("BraTS2021_00001")  # another convention, so that a year is not what all names say
    assert (brats().chosen_labels, brats("2023").chosen_labels) == ("", "1,2,3")


def test_the_labels_of_the_lesion_can_be_chosen(tmp_path, write, scan, seg):
    for end, values in (("t2f", scan), ("seg", seg)):
        write(tmp_path / f"BraTS-MET-00001-000-{end}.nii.gz", values)
    scans = {}
    for labels in ("auto", "3", "1,2,3,4"):
        dataset = indexed(DataSpec("brats", str(tmp_path), labels))
        scans[labels] = dataset.load("BraTS-MET-00001-000", "t2f")
    np.testing.assert_array_equal(scans["3"].truth, seg == 3)
    np.testing.assert_array_equal(scans["1,2,3,4"].truth, seg > 0)
    assert len({scan.digest for scan in scans.values()}) == 3
    assert dataset.label_names[4] == "enhancing (2021) or resection cavity (from 2023)"
    with pytest.raises(DataError, match="'5' are none that a lesion can have here"):
        indexed(DataSpec("brats", str(tmp_path), "5"))

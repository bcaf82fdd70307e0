"""NIfTI files from a browser: what is taken, and what is refused in one sentence."""

import gzip

import numpy as np
import pytest

from zsad_core.base.store import Store
from zsad_core.imaging import datasets
from zsad_core.imaging.uploads import folders, limits
from zsad_core.types import DataSpec


def dataset_of(place):
    return datasets.open_dataset(DataSpec("upload", str(place)))


def test_a_scan_and_its_mask_become_a_subject_with_truth(use, place, nifti, values):
    scan, mask = nifti(values), nifti((values > 2000).astype(np.uint8))
    (found,) = use({"p1_flair.nii.gz": scan, "p1_seg.nii.gz": mask})
    assert found.subject == "p1"
    size = "t2f, 12 x 14 x 10 voxels of 1 x 1 x 2 mm"
    assert f"{size}, {(values > 2000).sum()} voxels" in found.message
    (subject,) = dataset_of(place).subjects()
    assert (subject.id, subject.modalities, subject.has_truth) == ("p1", ("t2f",), True)
    volume = dataset_of(place).load("p1", "t2f")
    np.testing.assert_array_equal(volume.intensity, values[::-1, ::-1])
    np.testing.assert_array_equal(volume.truth, values[::-1, ::-1] > 2000)


def test_files_named_as_in_brats_share_their_mask(use, place, nifti, values):
    name, seg = "BraTS-MET-00001-000", nifti((values > 2000).astype(np.uint8))
    parts = {f"{name}-{part}.nii.gz": nifti(values) for part in ("t2f", "t1c")}
    (found,) = use({**parts, f"{name}-seg.nii.gz": seg})
    assert found.subject == name
    assert dataset_of(place).subjects()[0].modalities == ("t2f", "t1c")
    assert dataset_of(place).load(name, "t1c").truth.any()


def test_subjects_are_told_apart_by_every_letter_and_by_their_folder(
    use, place, nifti, zipped, values
):
    first, second, mask = (
        nifti(values),
        nifti(values + (values > 0)),
        nifti((values > 2000).astype("u1")),
    )
    scan, other = use({"Иванов_FLAIR.nii.gz": first, "Петров_FLAIR_mask.nii.gz": mask})
    assert (scan.subject, other.subject) == ("Иванов", "")
    assert "A mask without its scan" in other.message
    found = use({"Иванов_FLAIR.nii.gz": first, "Петров_FLAIR.nii.gz": second})
    assert [one.subject for one in found] == ["Иванов-2", "Петров"]
    parts = {"A/flair.nii.gz": first, "B/t1c.nii.gz": second, "B/seg.nii.gz": mask}
    assert [one.subject for one in use({"two.zip": zipped(parts)})] == ["A", "B"]
    truths = [one.has_truth for one in dataset_of(place).subjects()]
    assert truths == [one == "B" for one in folders.subjects(place)]


def test_a_mask_of_another_archive_joins_no_scan(use, nifti, zipped, values):
    mask = nifti((values > 2000).astype("u1"))
    one, other = zipped({"flair.nii.gz": nifti(values)}), zipped({"seg.nii.gz": mask})
    found = use({"p1.zip": one, "p2.zip": other})
    assert [one.subject for one in found] == ["p1", ""]


def test_names_drawn_from_all_of_unicode_stay_apart(use, place, nifti, values):
    letters = [chr(at) for at in range(0x21, 0x110000) if chr(at).isprintable()]
    drawn = np.random.default_rng(0).choice([one for one in letters if one not in "/\\"], (12, 2))
    names = ["".join(pair) + "x" for pair in drawn]
    files = {f"{name}_t2f.nii.gz": nifti(values) for name in names}
    files |= {f"{names[0]}_seg.nii.gz": nifti((values > 2000).astype("u1"))}
    found = use(files)
    assert len({one.subject for one in found}) == len(found) == len(names)
    assert [one.has_truth for one in dataset_of(place).subjects()].count(True) == 1


def test_one_name_composed_and_decomposed_is_one_subject(use, nifti, values):
    mask = nifti((values > 2000).astype("u1"))
    (found,) = use({"Zo\u00eb_t2f.nii.gz": nifti(values), "Zoe\u0308_seg.nii.gz": mask})
    assert found.subject == "Zo\u00eb"


def test_a_scan_with_its_skull_is_said_to_have_one(use, nifti, values):
    (found,) = use({"head.nii": nifti(values + 50, packed=False)})
    assert "scan, 12 x 14 x 10" in found.message
    assert "Not skull-stripped" in found.message


def test_a_name_is_never_used_twice(use, place, nifti, values):
    names = [use({"a.nii.gz": nifti(values)})[0].subject for _ in range(2)]
    folders.remove(Store(place.parent / "store"), place, "a")
    names += [use({"a.nii.gz": nifti(values)})[0].subject]
    assert names == ["a", "a-2", "a-3"]
    assert folders.subjects(place) == ["a-2", "a-3"]


def test_hostile_names_are_cleaned_and_stay_inside(use, place, nifti, values):
    scan = nifti(values)
    hostile = [
        "../../x.nii.gz",
        "<script>alert(1)</script>.nii.gz",
        "a\x00\n*b*.nii.gz",
        "….nii.gz",
    ]
    found = use(dict.fromkeys(hostile, scan))
    assert {one.subject for one in found} == {"x", "script", "a-b", "scan"}
    assert not any(set("<>/*\n\0") & set(one.files + one.message) for one in found)
    outside = [path for path in place.parents[1].rglob("*.nii.gz") if place not in path.parents]
    assert outside == []


def header(nifti, values, **fields):
    """The file with fields of its header changed, its voxels as they were."""
    raw = bytearray(nifti(values, packed=False))
    for at, data in fields.values():
        raw[at : at + len(data)] = data
    return bytes(raw)


def dims(*sides):
    return {"dim": (40, np.array([3, *sides, 1, 1, 1, 1], "<i2").tobytes())}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (dims(30000, 30000, 30000), "before the 30000 x 30000 x 30000 voxels that its header"),
        (dims(-5, 14, 10), "s.nii: "),
        (dims(14, 12, 2), "14 x 12 x 2 voxels; each side takes 8 to 1024"),
        ({"slope": (112, np.array([3e38], "<f4").tobytes())}, "NaN or infinite"),
        ({"offset": (108, np.array([1e30], "<f4").tobytes())}, "s.nii: "),
        ({"type": (70, np.array([128], "<i2").tobytes())}, "colours"),
        ({"sform": (280, np.full(12, np.nan, "<f4").tobytes())}, "affine that is not finite"),
        ({"sform": (280, np.diag([9e9, 1, 1, 1])[:3].astype("<f4").tobytes())}, "correct its head"),
    ],
)
def test_a_hostile_header_is_refused(refused, nifti, values, change, sentence):
    assert sentence in refused({"s.nii": header(nifti, values, **change)})


def packed(content):
    """The same bytes at any time, as they name a test."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.nii.gz", b"hello", "a.nii.gz: cannot be read as NIfTI"),
        ("a.nii.gz", packed(b"hello"), "a.nii.gz: cannot be read as NIfTI"),
        ("a.nii.gz", packed(bytes(9000))[:-20], "a.nii.gz: is a truncated gzip file"),
        ("a.nii", b"", "a.nii: cannot be read as NIfTI"),
        ("a.png", b"\x89PNG", "a.png: Neither NIfTI"),
        ("a_mask.nii.gz", b"", "A mask without its scan"),
    ],
)
def test_what_is_no_image_is_refused(refused, name, content, sentence):
    assert sentence in refused({name: content})


def test_a_subject_is_taken_whole_or_not_at_all(refused, nifti, values):
    mask = nifti((values > 2000).astype(np.uint8)[1:])
    said = refused({"p.nii.gz": nifti(values), "p_mask.nii.gz": mask})
    assert "'p_mask.nii.gz' has shape (11, 14, 10) but 'p.nii.gz' (12, 14, 10)" in said
    said = refused({"p_t2f.nii.gz": nifti(values), "p_flair.nii.gz": nifti(values)})
    assert "p_t2f.nii.gz and p_flair.nii.gz are both its t2f" in said
    elsewhere = nifti((values > 2000).astype(np.uint8), np.diag([-1.0, -1.0, 2.5, 1.0]))
    assert "lies elsewhere" in refused({"p.nii.gz": nifti(values), "p_mask.nii.gz": elsewhere})


def test_too_many_voxels_are_refused_before_any_is_read(refused, nifti):
    scan = nifti(np.zeros((1024, 1024, 101), np.uint8))
    assert "1024 x 1024 x 101 voxels; at most 105 million" in refused({"s.nii.gz": scan})


def test_a_user_keeps_no_more_than_a_share(use, place, nifti, values, monkeypatch):
    scan = nifti(values)
    monkeypatch.setattr(limits, "SESSION", 2 * len(scan) + 100)
    found = use({"a.nii.gz": scan, "b.nii.gz": scan, "c.nii.gz": scan})
    assert [one.subject for one in found] == ["", "a", "b"]
    assert found[0].files == "c.nii.gz"
    assert "More than may be used at once or kept" in found[0].message
    monkeypatch.setattr(limits, "EVERYBODY", 2 * len(scan) + 100)
    other = folders.own_folder(folders.new_token())
    assert folders.room(other) < len(scan)


def test_more_scans_than_can_be_looked_at_are_refused(refused, nifti, values):
    scan = nifti(values)
    few = refused({f"{k}.nii.gz": scan for k in range(limits.SCANS + 1)})
    assert few == f"0.nii.gz and {limits.SCANS} more: More than 64 NIfTI files; use fewer at once."


def test_scan_and_mask_may_be_named_by_what_they_are_alone(use, nifti, values):
    (found,) = use({"flair.nii.gz": nifti(values), "seg.nii.gz": nifti((values > 9).astype("u1"))})
    assert found.subject == "scan"
    assert "voxels marked" in found.message

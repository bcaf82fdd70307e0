"""What every registered data set and shipped prompt set keeps, from its first day."""

from collections import Counter
from dataclasses import replace

import nibabel as nib
import numpy as np
import open_clip
import pytest

from zsad_core.errors import DataError
from zsad_core.imaging.datasets import DATASETS
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec

TOKENS = 77
# The published WinCLIP list holds this template twice, and its mean counts it twice.
TWICE = {"winclip": {"a jpeg corrupted photo of the {}."}}
# Scan and mask of one subject, for each kind that reads files.
FILES = {
    "brats": ("BraTS-MET-00001-000-t2f", "BraTS-MET-00001-000-seg"),
    "nnunet": ("imagesTr/a_0000", "labelsTr/a"),
    "bids": ("sub-1/anat/sub-1_FLAIR", "derivatives/x/sub-1_dseg"),
    "folder": ("a", "a_seg"),
    "upload": ("scans/a/t2f", "scans/a/seg"),
}


@pytest.fixture(params=DATASETS)
def kind(request):
    return request.param


@pytest.fixture(params=prompt_sets.shipped())
def prompts(request):
    return prompt_sets.shipped()[request.param]


def files_of(kind, folder):
    """The spec of a small data set of that kind, its files written where it reads any."""
    if kind.startswith("demo"):
        return DataSpec(kind)
    scan, seg = FILES[kind]
    x, y, z = np.indices((8, 9, 10))
    values = np.where((x > 0) & (y > 0) & (z > 0), 100 + x + 10 * y + 100 * z, 0)
    affine = np.diag([-1.0, 2.0, 3.0, 1.0])  # LAS on disk
    for name, array in ((scan, values.astype(np.int16)), (seg, (values > 1000).astype(np.uint8))):
        path = folder / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(array, affine), path)
    return DataSpec(kind, str(folder))


def loaded(kind, folder):
    dataset = DATASETS[kind](files_of(kind, folder))
    subject = next(one for one in dataset.subjects() if not one.problem)
    return subject, dataset.load(subject.id, subject.modalities[0])


def test_an_index_reads_no_voxel_and_makes_nothing(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path / "cache"))
    spec = files_of(kind, tmp_path)
    for path in tmp_path.rglob("*.nii.gz"):
        path.write_bytes(b"")  # whoever reads it fails
    dataset = DATASETS[kind](spec)
    assert all(one.id and one.modalities for one in dataset.subjects())
    assert dataset.subjects()
    assert dataset.title
    assert not (tmp_path / "cache").exists()


def test_a_scan_is_ras_in_one_shape_and_read_only(kind, tmp_path):
    subject, volume = loaded(kind, tmp_path)
    assert nib.aff2axcodes(volume.affine) == ("R", "A", "S")
    assert volume.spacing_mm == pytest.approx(nib.affines.voxel_sizes(volume.affine))
    assert subject.has_truth
    arrays = [volume.intensity, volume.brain, volume.truth, volume.labels]
    assert {array.shape for array in arrays} == {volume.intensity.shape}
    assert [array.dtype for array in arrays] == [np.float32, bool, bool, np.uint8]
    assert not any(array.flags.writeable for array in (*arrays, volume.affine))
    assert np.isfinite(volume.intensity).all()
    assert volume.brain.any()
    assert volume.truth.any()
    again = loaded(kind, tmp_path)[1]
    assert len(again.digest) == 64
    assert again.digest == volume.digest


def test_the_file_of_a_scan_lies_on_its_volume(kind, tmp_path):
    subject, volume = loaded(kind, tmp_path)
    dataset = DATASETS[kind](files_of(kind, tmp_path))
    scan = nib.as_closest_canonical(nib.load(dataset.file(subject.id, subject.modalities[0])))
    assert scan.shape == volume.intensity.shape
    np.testing.assert_allclose(scan.affine, volume.affine)


def test_an_unknown_subject_is_refused(kind, tmp_path):
    dataset = DATASETS[kind](files_of(kind, tmp_path))
    with pytest.raises(DataError, match="no subject 'nobody'"):
        dataset.load("nobody", "t2f")


def test_an_unknown_modality_is_refused(kind, tmp_path):
    dataset = DATASETS[kind](files_of(kind, tmp_path))
    with pytest.raises(DataError, match="no scan 'ct'"):
        dataset.load(next(one for one in dataset.subjects() if not one.problem).id, "ct")


def test_a_prompt_set_lies_under_its_name_and_says_its_source(prompts):
    folder = prompt_sets.BANK.parents[1]
    own, shared = folder / "methods" / prompts.name / "prompts.yaml", folder / "prompts"
    path = own if own.exists() else shared / f"{prompts.name}.yaml"
    assert prompt_sets.load(path) == prompts
    assert prompts.source


def test_sentences_are_whole_for_clip_and_said_once(prompts):
    encode = open_clip.SimpleTokenizer().encode
    repeated = {name for name, n in Counter(prompts.templates).items() if n > 1}
    assert repeated == TWICE.get(prompts.name, set())
    templates = tuple(dict.fromkeys(prompts.templates))
    for side in prompt_sets.sentences(replace(prompts, templates=templates)):
        assert all(text.strip() for text in side)
        assert len(set(side)) == len(side)
        assert max(len(encode(text)) + 2 for text in side) <= TOKENS  # start and end count too

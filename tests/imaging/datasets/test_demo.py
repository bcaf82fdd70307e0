"""The synthetic cohort, at 2 mm: what is drawn is what is written, and every oddity is one."""

import numpy as np
import pytest
from scipy import ndimage

from zsad_core.errors import DataError
from zsad_core.imaging import datasets, slicing
from zsad_core.imaging.datasets.demo import COHORT
from zsad_core.types import DataSpec


@pytest.fixture(scope="module")
def demo():
    return datasets.open_dataset(DataSpec("demo-2mm"))


def test_splits(demo):
    split = [subject.split for subject in demo.subjects()]
    assert [split.count(name) for name in ("train", "validation", "test")] == [8, 4, 12]
    assert len({recipe.seed for recipe in COHORT.values()}) == len(COHORT)


def test_the_same_seed_gives_the_same_bytes(demo, tmp_path, monkeypatch):
    first = demo.load("DEMO-MET-013-000", "t2f").digest
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    from zsad_core.imaging.datasets.demo import Demo

    assert Demo(DataSpec("demo-2mm"), 2.0).load("DEMO-MET-013-000", "t2f").digest == first
    assert demo.load("DEMO-MET-014-000", "t2f").digest != first


def test_a_plain_subject(demo):
    volume = demo.load("DEMO-MET-013-000", "t2f")
    assert set(np.unique(volume.labels)) == {0, 1, 2, 3}
    assert not (volume.truth & ~volume.brain).any()
    assert 127 <= 2 * volume.brain.any(axis=(0, 1)).sum() <= 140
    assert any("Synthetic" in note for note in volume.notes)
    oedema = volume.intensity[volume.labels == 2].mean()
    assert oedema > 1.1 * volume.intensity[volume.brain & ~volume.truth].mean()


def test_the_core_lies_inside_the_ring(demo):
    volume = demo.load("DEMO-MET-014-000", "t1c")
    core = volume.labels == 1
    beside = ndimage.binary_dilation(core) & ~core & volume.brain
    assert (volume.labels[beside] == 3).mean() > 0.9


def test_a_lesion_free_subject(demo):
    assert not demo.load("DEMO-MET-025-000", "t2f").truth.any()


def test_tiny_lesions_are_tiny(demo):
    volume = demo.load("DEMO-MET-026-000", "t2f")
    lesions, count = ndimage.label(volume.truth, np.ones((3, 3, 3)))
    assert count >= 3
    assert (np.bincount(lesions.ravel())[1:] * 8 < 4 / 3 * np.pi * 4**3).all()


def test_another_axis_order_is_read_upright(demo):
    volume = demo.load("DEMO-MET-027-000", "t2f")
    assert volume.spacing_mm == (2.5, 2.5, 2.5)
    stack = slicing.to_slices(volume)
    width, height = (stack.brain.any(axis=(0, axis)).sum() for axis in (1, 2))
    assert height > 1.15 * width  # longer from front to back than from side to side
    area = stack.brain.sum(axis=(1, 2))
    filled = np.flatnonzero(area)
    assert area[filled[len(filled) // 5]] < 0.8 * area.max()  # cerebellum below, hemispheres above
    assert area.argmax() > filled[len(filled) // 3]


def test_a_missing_modality_is_refused_and_noted(demo):
    subject = next(s for s in demo.subjects() if s.id == "DEMO-MET-028-000")
    assert "t2w" not in subject.modalities
    with pytest.raises(DataError, match="has no scan 't2w'"):
        demo.load("DEMO-MET-028-000", "t2w")


def test_naming_and_labels_of_2021(demo):
    volume = demo.load("BraTS2021_90001", "t2f")
    assert set(np.unique(volume.labels)) == {0, 1, 2, 4}
    assert (volume.truth == (volume.labels > 0)).all()


def test_a_resection_cavity_is_no_tumour(demo):
    volume = demo.load("DEMO-MET-029-000", "t2f")
    assert (volume.labels == 4).any()
    assert not volume.truth[volume.labels == 4].any()
    assert any("cavity" in note for note in volume.notes)


@pytest.mark.parametrize(
    ("subject", "finding"), [("DEMO-MET-030-000", "7"), ("DEMO-MET-031-000", "gz")]
)
def test_a_damaged_subject_is_refused_and_stays_listed(demo, subject, finding):
    listed = next(s for s in demo.subjects() if s.id == subject)
    assert listed.problem
    with pytest.raises(DataError, match=finding):
        demo.load(subject, "t2f")


def test_an_unknown_subject_is_refused(demo):
    with pytest.raises(DataError, match="no subject 'nobody'"):
        demo.load("nobody", "t2f")

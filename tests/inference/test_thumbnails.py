"""Pictures of a case: rings around what was missed, and what is shown without a map."""

import numpy as np
import pytest

from zsad_core.base.overlay import rings
from zsad_core.base.store import Store
from zsad_core.inference import pipeline, thumbnails, views
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, ReadoutSpec, SliceSpec, Threshold

SLICES = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-013-000")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """With a store of its own, in which nothing is stored yet."""
    return Engine(Store(tmp_path_factory.mktemp("store")))


def view(engine, method="intensity", value=1.0, **read):
    prompts = prompt_sets.shipped()["appearance"]
    spec = pipeline.map_spec(engine, SLICES, method, "zero-shot", prompts)
    stack = engine.stack(SLICES)
    bright = ((stack.image >= 255) & stack.truth).any((1, 2))
    index = int(np.where(bright, 0, stack.truth.sum((1, 2))).argmax())
    return View(spec, index, Threshold(value, "fixed"), ReadoutSpec(value, **read))


def test_a_ring_is_around_missed_parts_and_away_from_them():
    mask = np.zeros((31, 31), bool)
    mask[14:17, 14:17] = True
    ring = rings(mask, ~mask)
    assert ring[15, 20]
    assert not ring[12:19, 12:19].any()
    assert not ring[15, 24:].any()
    assert not rings(mask, mask).any()


def test_a_picture_has_a_ring_only_where_lesion_is_missed_entirely(engine):
    missed = view(engine)  # at 1 nothing of this slice's lesion is predicted
    ringed, plain = thumbnails.draw(engine, missed), thumbnails.without_map(engine, missed)
    white = (ringed.min(axis=-1) > 200).sum() - (plain.min(axis=-1) > 200).sum()
    assert ringed.shape == (thumbnails.SIDE, thumbnails.SIDE, 3)
    assert white > 50


def test_a_picture_is_kept_for_its_threshold(engine):
    here = view(engine, value=150 / 255)
    assert thumbnails.stored_thumbnail(engine, here) is None
    picture = thumbnails.thumbnail(engine, here)
    np.testing.assert_array_equal(thumbnails.stored_thumbnail(engine, here), picture)
    assert thumbnails.stored_thumbnail(engine, view(engine, value=151 / 255)) is None


def test_without_a_stored_map_the_truth_is_outlined(engine):
    unread = view(engine, "winclip")
    assert not views.stored(engine, unread)
    assert not views.stored(engine, view(engine, "winclip", min_component_voxels=5))
    assert views.stored(engine, view(engine))
    picture = thumbnails.without_map(engine, unread)
    assert picture.shape == (thumbnails.SIDE, thumbnails.SIDE, 3)
    amber = (picture[..., 0] > 200) & (picture[..., 2] < 100)
    assert amber.sum() > 20
    pipeline.encode(engine, unread.map, [unread.index])
    assert views.stored(engine, unread)
    assert not views.stored(engine, view(engine, "winclip", min_component_voxels=5))

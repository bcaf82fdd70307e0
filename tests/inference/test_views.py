"""A view's mask, its Dice and its thumbnail."""

from dataclasses import replace

import numpy as np
import pytest

from zsad_core.base.overlay import OPACITY
from zsad_core.base.palette import CLASSES
from zsad_core.errors import DataError
from zsad_core.inference import pipeline, thumbnails, views
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.metrics.readout import readout
from zsad_core.metrics.scoring import predicted_mask
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, ReadoutSpec, SliceSpec, Threshold

DATA = DataSpec("demo-2mm")


@pytest.fixture(scope="module")
def engine():
    return Engine()


def view(engine, subject="DEMO-MET-013-000", value=200 / 255, **read):
    prompts = prompt_sets.shipped()["appearance"]
    spec = pipeline.map_spec(engine, SliceSpec(DATA, subject), "intensity", "zero-shot", prompts)
    truth = engine.stack(spec.features.slices).truth
    index = int(truth.sum((1, 2)).argmax()) if truth.any() else 38
    return View(spec, index, Threshold(value, "fixed"), ReadoutSpec(**read))


@pytest.mark.parametrize("smallest", [0, 50])
def test_mask_and_dice_are_those_of_the_whole_volume(engine, smallest):
    shown = view(engine, min_component_voxels=smallest)
    stack, anomaly = (
        engine.stack(shown.map.features.slices),
        pipeline.anomaly_map(engine, shown.map),
    )
    read = ReadoutSpec(200 / 255, min_component_voxels=smallest)
    mask, numbers = predicted_mask(anomaly.values, stack.brain, read), readout(stack, anomaly, read)
    assert np.array_equal(views.mask_of(engine, shown), mask[shown.index])
    one, volume = views.dice_of(engine, shown)
    assert one == pytest.approx(numbers.dice[shown.index])
    assert volume == numbers.dice_3d


def test_without_lesion_there_is_no_dice(engine):
    assert views.dice_of(engine, view(engine, "DEMO-MET-025-000")) == (None, None)


def test_a_slice_beyond_the_scan_is_refused(engine):
    with pytest.raises(DataError, match="none of number 1000"):
        thumbnails.thumbnail(engine, replace(view(engine), index=999))


def test_a_thumbnail_shows_the_classes_and_is_kept(engine):
    shown = view(engine)
    mask, stack = views.mask_of(engine, shown), engine.stack(shown.map.features.slices)
    truth = stack.truth[shown.index]
    drawn = thumbnails.classes(stack.image[shown.index], truth, mask)
    for where, colour in zip(
        (mask & truth, mask & ~truth, truth & ~mask), CLASSES["classic"][:3], strict=True
    ):
        grey = stack.image[shown.index][where][:, None] * (1 - OPACITY)
        assert where.any()
        assert np.abs(drawn[where] - grey - OPACITY * np.array(colour)).max() <= 1
    picture = thumbnails.thumbnail(engine, shown)
    assert picture.shape == (thumbnails.SIDE, thumbnails.SIDE, 3)
    assert (picture.any(axis=2).mean(axis=0) > 0).mean() > 0.6  # the brain fills it
    again = Engine(store=engine.store)
    assert np.array_equal(thumbnails.thumbnail(again, shown), picture)
    assert not again._stacks.peek(shown.map.features.slices)  # no scan was read for it
    other = thumbnails.thumbnail(engine, replace(shown, threshold=Threshold(90 / 255, "fixed")))
    assert not np.array_equal(other, picture)


def test_the_safe_palette_has_a_second_cue():
    truth, mask = np.zeros((12, 12), bool), np.zeros((12, 12), bool)
    truth[1:6, 1:6] = mask[6:11, 6:11] = True
    picture = thumbnails.classes(np.full((12, 12), 100, np.uint8), truth, mask, "safe")
    assert (picture[3, 3] == 100).all()  # missed: outlined only
    assert (picture[1, 1] == CLASSES["safe"][2]).all()
    assert len(np.unique(picture[6:11, 6:11].reshape(-1, 3), axis=0)) == 2  # hatched

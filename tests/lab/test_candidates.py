"""The quick measure: hand-made maps, the fast ways beside `maps`, and nothing computed twice."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import f1_score, roc_auc_score

from tests.helpers.encoded import encoded
from tests.helpers.tensors import fresh_tensors, maps_of, mean_values_of, values_of
from zsad_core import backbones, methods
from zsad_core.errors import Cancelled, SettingError
from zsad_core.imaging import slicing
from zsad_core.inference.sources import resolve
from zsad_core.lab import candidates, null_test
from zsad_core.methods import grids
from zsad_core.methods.clipad import method as clipad
from zsad_core.methods.texts import Remembered, TowerTexts, unit
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import BackboneSpec, PromptSet, Reference

OF_SLICES = [one for one in methods.METHODS.values() if issubclass(one, methods.Method)]
AT_ONCE = [one.name for one in OF_SLICES if one().texts_at_once]
PAIR = prompt_sets.shipped()["minimal-pair"]
OTHERS = tuple(PromptSet("", (n,), (a,)) for n, a in (("a cat", "a dog"), ("a dog", "a cat")))


def test_pixels_of_a_patch_are_counted_once():
    mask = np.ones((5, 3), bool)
    assert slicing.pixels_per_patch(mask, 2).tolist() == [[2, 4], [3, 6]]
    assert slicing.pixels_per_patch(mask, 6).sum() == 15


def one_by_one(method, features, kept, text, learned, recipe):
    """Values (P,) of one text before the map is enlarged and smoothed.

    At an input side of one pixel a patch `maps` enlarges nothing, but some smooth all the same.
    """
    small = replace(recipe, image_size=recipe.grid)
    aligned = method.align([features], kept[None], learned, small, (), "cpu")
    if method.name == "anomalyclip":
        apart = (unit(text)[1] - unit(text)[0]) / 0.07
        taps = [unit(features[f"tap{t}"]) @ apart for t in recipe.taps]
        return np.sum([expit(tap) for tap in taps], axis=0)
    if method.name.startswith("clipad"):
        total = clipad.surgery(aligned, text[None])[0].numpy()
        if method.name == "clipad":
            return 0.5 + np.sign(total) * np.sqrt(np.abs(total / 4)) / 2
        apart = grids.apart_by_100(aligned.text(text[None]))[0]
        layers = grids.summed_maps(aligned.taps, apart, aligned.retained, small.image_size)
        return total + 4 + layers[0].numpy()[kept]
    maps, _ = maps_of(method, [features], kept[None], text, learned, small)
    return maps[0][kept]


@pytest.mark.parametrize("name", AT_ONCE)
def test_many_texts_at_once_equal_one_after_the_other(name):
    options = [one for one in methods.METHODS[name].setups[0].options if one[0] != "image_size"]
    method = methods.build(name, options)  # on the demo AA-CLIP does not blur the grid
    tower = backbones.load(BackboneSpec("demo"), "cpu", "float32")
    recipe, learned = method.recipe(tower.info), fresh_tensors(method, tower)
    rng = np.random.default_rng(2)
    image = rng.integers(0, 256, (1, 224, 224), np.uint8)
    kept = np.zeros((1, recipe.grid, recipe.grid), bool)
    kept[0, 5:9, 6:20] = True
    features = encoded(method, tower, image, recipe, kept, learned)[0]
    texts = rng.normal(size=(3, 2, tower.info.embed_dim)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=-1, keepdims=True)
    found = values_of(method, features, kept[0], texts, learned, recipe)
    assert (found.shape, found.dtype) == ((3, kept.sum()), np.float32)
    assert np.ptp(found, axis=0).max() > 0.01
    for text, values in zip(texts, found, strict=True):
        expected = one_by_one(method, features, kept[0], text, learned, recipe)
        np.testing.assert_allclose(values, expected, atol=1e-5)


def test_a_method_without_a_fast_way_gives_the_mean_of_each_patch():
    method, tower = (
        methods.METHODS["winclip"](),
        backbones.load(BackboneSpec("demo"), "cpu", "float32"),
    )
    recipe = method.recipe(tower.info)
    rng = np.random.default_rng(2)
    kept = np.ones((1, recipe.grid, recipe.grid), bool)
    features = encoded(
        method, tower, rng.integers(0, 256, (1, 224, 224), np.uint8), recipe, kept, None
    )
    texts = rng.normal(size=(2, 2, tower.info.embed_dim)).astype(np.float32)
    found = mean_values_of(method, features[0], kept[0], texts, None, recipe)
    maps, _ = maps_of(method, features, kept, texts[1], None, recipe)
    np.testing.assert_allclose(found[1][28], maps[0][8:16, 0:8].mean(), rtol=1e-5)


def test_sentences_that_come_are_encoded_together():
    asked = []

    class Encoder:
        def sentences(self, texts):
            asked.append(list(texts))
            return np.array([[float(text)] for text in texts])

    encoder = Remembered(Encoder(), (str(n) for n in range(100)))
    assert encoder.sentences(["0", "1", "0"]).ravel().tolist() == [0, 1, 0]
    assert encoder.sentences(["40", "2"]).ravel().tolist() == [40, 2]
    assert encoder.sentences(["99", "200"]).ravel().tolist() == [99, 200]
    assert [len(texts) for texts in asked] == [64, 37]
    assert sorted(int(text) for texts in asked for text in texts) == [*range(100), 200]


def test_sentences_read_a_methods_own_way_are_read_once():
    tower, asked = backbones.load(BackboneSpec("demo"), "cpu", "float32"), []

    def work(tower, activation, texts):
        asked.append(list(texts))
        return tower.sentences(texts, activation)

    encoder = Remembered(TowerTexts(tower, "gelu"), (f"a lesion {n}" for n in range(4)))
    found = [encoder.each([f"a lesion {n}"], work)[0] for n in (1, 3, 1)]
    assert asked == [["a lesion 1", "a lesion 0", "a lesion 2", "a lesion 3"]]
    np.testing.assert_allclose(found[1], tower.sentences(["a lesion 3"], "gelu")[0], atol=1e-4)


def of_patches(engine, spec, prompts, n, every):
    """Lesion or not, and value, of every brain pixel looked at under the n-th of some prompts."""
    source, recipe = resolve(engine, spec), spec.features.recipe
    stack, lesion, values = engine.stack(spec.features.slices), [], []
    slices = candidates.slices_of(engine, spec, every)
    texts = np.stack([source.texts.of(one) for one in prompts])
    found = source.method.patch_values(source.aligned(slices), texts)[n].numpy()
    retained = source.features.retained(slices)
    of_slices = np.split(found, np.cumsum(retained.sum(axis=(1, 2)))[:-1])
    for index, near, of_slice in zip(slices, retained, of_slices, strict=True):
        for mask in (False, True):
            inside = stack.brain[index] & (stack.truth[index] == mask)
            pixels = slicing.pixels_per_patch(inside, recipe.grid)[near]
            lesion.append(np.full(int(pixels.sum()), mask))
            values.append(np.repeat(of_slice, pixels.astype(int)))
    return np.concatenate(lesion), np.concatenate(values).astype(np.float32)


def test_the_quick_measure_is_that_of_the_pixels_looked_at(engine, spec):
    found = candidates.measured(engine, spec, ["a"], OTHERS, every=4)
    assert candidates.slices_of(engine, spec, 4) == [3, 7]
    for n in range(len(OTHERS)):
        lesion, values = of_patches(engine, spec, OTHERS, n, 4)
        assert found.auroc[0, n] == pytest.approx(roc_auc_score(lesion, values), abs=1e-6)
        every = {v: f1_score(lesion, values >= v) for v in np.unique(values)}
        assert found.best_dice[0, n] == pytest.approx(max(every.values()), abs=1e-6)
        assert found.dice[0, n] == pytest.approx(max(every.values()), abs=1e-6)
        assert every[np.float32(found.threshold[n])] == pytest.approx(max(every.values()))


def test_another_threshold_can_be_asked_for(engine, spec):
    lesion, values = of_patches(engine, spec, OTHERS[:1], 0, 4)
    asked = float(np.median(values))
    found = candidates.measured(engine, spec, ["a"], OTHERS[:1], every=4, at=[asked])
    assert found.dice[0, 0] == pytest.approx(f1_score(lesion, values >= np.float32(asked)))
    assert found.threshold.tolist() == [asked]


def test_swapped_texts_of_a_symmetric_method_turn_the_ranking_round(engine, spec):
    """1 - p for every window is not 1 - the harmonic mean, but ranks nearly turn round."""
    found = candidates.measured(engine, spec, ["a"], OTHERS, every=4)
    assert abs(found.auroc[0].sum() - 1) < 0.05
    assert (found.best_dice > 0).all()


def test_a_second_run_computes_nothing(engine, spec, monkeypatch):
    first = candidates.measured(engine, spec, ["a"], OTHERS)
    monkeypatch.setattr(methods.METHODS[spec.method], "patch_values", None)
    renamed = [replace(one, name="else", source="else") for one in OTHERS]
    again = candidates.measured(engine, spec, ["a"], renamed)
    for name, values in vars(first).items():
        np.testing.assert_array_equal(getattr(again, name), values)
    with pytest.raises(TypeError):
        candidates.measured(engine, spec, ["a"], OTHERS[:1])


def test_progress_counts_candidates_and_cancels(engine, spec):
    seen = []
    candidates.measured(engine, spec, ["a"], OTHERS, 1, lambda *at: seen.append(at))
    assert seen[0] == (0, 2)
    assert seen[-1] == (2, 2)
    assert seen == sorted(seen)

    def stop(done, total):
        if done:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        candidates.measured(engine, spec, ["a"], (*OTHERS, PAIR), 1, stop)


def test_what_cannot_be_judged_is_said(engine, spec):
    with pytest.raises(SettingError, match="b has no segmentation"):
        candidates.measured(engine, spec, ["b"], OTHERS)
    picked = replace(spec, references=(Reference(spec.features.slices, 3),))
    with pytest.raises(SettingError, match="1 normal slices are picked"):
        candidates.measured(engine, picked, ["a"], OTHERS)


def test_the_null_test_places_the_prompt(engine, spec):
    pairs = null_test.random_pairs(PAIR, ["a cat", "a dog", "a tree"], 5)
    assert null_test.random_pairs(PAIR, ["a cat", "a dog", "a tree"], 5) == pairs
    found = null_test.null_test(engine, spec, ["a"], pairs, 4)
    assert found.auroc.shape == found.best_dice.shape == (1, 5)
    own = candidates.measured(engine, spec, ["a"], (PAIR,), 4)
    assert (found.own_auroc, found.own_best_dice) == (own.auroc[:, 0], own.best_dice[:, 0])


def test_the_place_is_counted_by_hand():
    random = np.array([0.2, 0.4, 0.4, np.nan])
    assert null_test.place(0.5, random) == null_test.Place(3.0, 3, 0.25)
    assert null_test.place(0.4, random) == null_test.Place(2.0, 3, 0.75)
    assert null_test.place(0.1, random) == null_test.Place(0.0, 3, 1.0)
    over = null_test.over_subjects(np.array([[0.2, 0.4], [0.6, 0.8], [np.nan, np.nan]]))
    np.testing.assert_allclose(over, [0.4, 0.6])
    assert np.isnan(null_test.over_subjects(np.array([np.nan])))


def test_random_sets_may_have_as_many_texts_as_the_prompt():
    (one,) = null_test.random_pairs(PAIR, list("abcdef"), 1, sizes=(3, 2))
    assert (len(one.normal), len(one.abnormal)) == (3, 2)
    assert len({*one.normal, *one.abnormal}) == 5


def test_a_pair_needs_two_phrases():
    with pytest.raises(SettingError, match="there are 1"):
        null_test.random_pairs(PAIR, ["a", "a"], 5)

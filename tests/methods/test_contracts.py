"""What every registered method, backbone and setup keeps, from its first day."""

import dataclasses
import re

import numpy as np
import pytest

from tests.helpers.encoded import encoded
from tests.helpers.tensors import fresh_tensors, maps_of, values_of
from tests.helpers.weights import recipe as golden_recipe
from tests.helpers.weights import write_backbone
from zsad_core import backbones, methods, setups
from zsad_core.backbones.clip_internals import written_out
from zsad_core.backbones.fetching import hub_files
from zsad_core.imaging import slicing
from zsad_core.methods.base import NO_TOWER
from zsad_core.methods.texts import unit
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import BackboneSpec, Recipe

CLIP = golden_recipe("recipe_clip_random")
SIZES = golden_recipe("recipe_zsad_adapters").TINY_SQUARE  # AdaCLIP's embedding is as wide as words
WITH_TOWER = [name for name, method in methods.METHODS.items() if method.needs_tower]
OF_SLICES = [name for name, one in methods.METHODS.items() if not one.compares]
SHIPPED = [k for k, one in setups.shipped().items() if one.backbone.name in backbones.BACKBONES]
DEPTHS = ((4, 2), (8, 4), (12, 6))
RNG = np.random.default_rng(3)
SLICES = RNG.integers(0, 256, (2, 40, 30), np.uint8)
TEXT, OTHER_TEXT = unit(RNG.normal(size=(2, 2, SIZES["embed_dim"])))


@pytest.fixture(scope="module", params=DEPTHS, ids=lambda depth: f"{depth[0]} blocks")
def tower(request, tmp_path_factory):
    """A random CLIP of 8 x 8 patches with other numbers of blocks than the shipped ones."""
    visual, text = request.param
    sizes = {**SIZES, "v_layers": visual, "t_layers": text}
    files = write_backbone(tmp_path_factory.mktemp("clip"), sizes, CLIP.clip_state(sizes))
    return backbones.load(BackboneSpec(*(str(path) for path in files)), "cpu", "float32")


@pytest.fixture(params=OF_SLICES)
def method(request):
    """Methods for slices; those for whole volumes have contracts of their own."""
    return methods.METHODS[request.param]()


@pytest.fixture(params=backbones.BACKBONES)
def shipped(request):
    return BackboneSpec(request.param)


@pytest.fixture(params=setups.shipped(), ids=" ".join)
def entry(request):
    return setups.shipped()[request.param]


def text_of(method, text, slices):
    """The same text for every slice, in the form in which the method wants it."""
    return np.stack([text] * slices) if method.text_by_slice else text


def mapped(method, tower, images, kept=None, text=TEXT):
    """(maps, scores) of slices, from all patches or from some."""
    recipe = method.recipe(tower.info) if method.needs_tower else NO_TOWER
    if kept is None:
        kept = np.ones((len(images), recipe.grid, recipe.grid), bool)
    learned = fresh_tensors(method, tower)
    features = encoded(method, tower, images, recipe, kept, learned)
    return maps_of(method, features, kept, text_of(method, text, len(images)), learned, recipe, ())


@pytest.mark.parametrize("name", methods.METHODS)
def test_a_method_is_a_frozen_value_with_its_facts(name):
    method = methods.METHODS[name]()
    assert dataclasses.is_dataclass(method)
    assert type(method)() == method
    assert hash(type(method)()) == hash(method)
    for field in dataclasses.fields(method):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(method, field.name, 1)
    for fact in ("name", "title", "source"):
        assert getattr(method, fact)
    for fact, default in vars(methods.BaseMethod).items():
        if fact in methods.BaseMethod.__annotations__:
            assert type(getattr(method, fact)) is type(default)
    assert type(method.high) is float
    assert method.learned or not (method.official or method.in_tower)
    assert methods.METHODS[method.name] is type(method)
    assert method.high > 0
    assert not method.prompts or method.prompts in prompt_sets.shipped()
    assert {one.method for one in (*method.setups, *method.published)} == {method.name}


@pytest.mark.parametrize("name", WITH_TOWER)
def test_a_recipe_is_a_key_that_fits_the_backbone(name, tower):
    method, info = methods.METHODS[name](), tower.info
    recipe = method.recipe(info)
    assert method.recipe(info) == recipe
    assert hash(method.recipe(info)) == hash(recipe)
    assert recipe.grid == recipe.image_size // info.patch_size
    assert 0 <= recipe.reach <= recipe.grid
    assert list(recipe.taps) == sorted(set(recipe.taps))
    assert all(1 <= tap <= info.visual_blocks for tap in recipe.taps)
    assert all(1 <= side <= recipe.grid for side in recipe.windows)


def test_many_texts_give_a_patch_what_each_gives_it_alone(method, tower):
    """And without a way of its own the mean of the map. `test_candidates` has the other ways."""
    if not method.prompts:
        return
    recipe, learned = method.recipe(tower.info), fresh_tensors(method, tower)
    kept = np.ones((1, recipe.grid, recipe.grid), bool)
    kept[0, 0] = False
    features = encoded(method, tower, SLICES[:1], recipe, kept, learned)
    texts = np.stack([text_of(method, text, 1) for text in (TEXT, OTHER_TEXT)])
    found = values_of(method, features[0], kept[0], texts, learned, recipe)
    assert (found.shape, found.dtype) == ((2, kept.sum()), np.float32)
    assert (found >= 0).all()
    assert (found <= method.high * (1 + 1e-6)).all()
    for n, text in enumerate(texts):
        alone = values_of(method, features[0], kept[0], texts[n : n + 1], learned, recipe)
        np.testing.assert_allclose(alone[0], found[n], atol=1e-5)
        if not method.texts_at_once:
            maps, _ = maps_of(method, features, kept, text, learned, recipe)
            grid, side = recipe.grid, recipe.image_size // recipe.grid
            patches = maps[0].reshape(grid, side, grid, side).mean(axis=(1, 3))[kept[0]]
            np.testing.assert_allclose(found[n], patches, rtol=1e-5)


def test_features_maps_and_scores_have_the_promised_form(method, tower):
    recipe = method.recipe(tower.info) if method.needs_tower else NO_TOWER
    kept = np.ones((len(SLICES), recipe.grid, recipe.grid), bool)
    learned = fresh_tensors(method, tower)
    features = encoded(method, tower, SLICES, recipe, kept, learned)
    parts = method.parts(recipe)
    assert [tuple(one) for one in features] == [parts] * len(SLICES)
    text = text_of(method, TEXT, len(SLICES))
    maps, scores = maps_of(method, features, kept, text, learned, recipe)
    shape = (recipe.image_size,) * 2 if method.needs_tower else SLICES.shape[1:]
    assert (maps.shape, maps.dtype) == ((len(SLICES), *shape), np.float32)
    assert (scores.shape, scores.dtype) == ((len(SLICES),), np.float32)
    assert np.isfinite(maps).all()
    assert np.isfinite(scores).all()
    assert 0 <= maps.min() < maps.max() <= method.high


@pytest.fixture
def attention_written_out():
    """Without the rounding of attention in blocks, which is torch's and no slice's beside it."""
    token = written_out.set(True)
    yield
    written_out.reset(token)


@pytest.mark.usefixtures("attention_written_out")
def test_slices_together_give_what_each_gives_alone(method, tower):
    # Prompts made from the slice are rounded to float16: a last bit that a processor sums otherwise
    # for a batch grows to 1e-4 there. What one slice took from another would be far more.
    rounding = 1e-3 if method.text_by_slice else 1e-5
    maps, scores = mapped(method, tower, SLICES)
    for index in range(len(SLICES)):
        alone, score = mapped(method, tower, SLICES[index : index + 1])
        np.testing.assert_allclose(alone[0], maps[index], atol=rounding * method.high)
        np.testing.assert_allclose(score[0], scores[index], atol=rounding)


def test_a_grey_slice_in_three_channels_gives_the_same_map(method, tower):
    colour = np.repeat(SLICES[..., None], 3, axis=3)
    found, grey = mapped(method, tower, colour)[0], mapped(method, tower, SLICES)[0]
    np.testing.assert_allclose(found, grey, atol=1e-5 * method.high)


def test_text_moves_the_map_where_the_method_reads_text_and_only_there(method, tower):
    first = mapped(method, tower, SLICES)[0]
    other = mapped(method, tower, SLICES, text=OTHER_TEXT)[0]
    moved = np.abs(first - other).max() / method.high
    assert (moved > 1e-3) == bool(method.prompts)
    assert (moved == 0) == (not method.prompts)


@pytest.mark.parametrize("name", [name for name in WITH_TOWER if name in OF_SLICES])
@pytest.mark.parametrize("shipped", [False, True], ids=["as it is", "as shipped"])
def test_what_is_left_out_does_not_change_what_is_kept(name, shipped, tower):
    """The map inside the brain is the same from patches near it as from all patches."""
    options = methods.METHODS[name].setups[0].options if shipped else ()
    size = str(2 * tower.info.image_size)
    method = methods.build(name, {**dict(options), "image_size": size}.items())
    recipe = method.recipe(tower.info)
    brain = np.zeros((1, recipe.image_size, recipe.image_size), bool)
    brain[0, 45:66, 43:55] = True
    kept = slicing.patches_near(brain, recipe.grid, recipe.reach)
    whole, near = (mapped(method, tower, SLICES[:1], which)[0] for which in (None, kept))
    np.testing.assert_allclose(near[brain], whole[brain], atol=1e-4)
    assert kept.all() or np.abs(near - whole).max() > 1e-3


def test_a_backbone_has_taps_windows_and_texts(shipped):
    tower, info = backbones.load(shipped, "cpu", "float32"), backbones.info(shipped)
    assert tower.info == info
    assert info.visual_blocks % 4 == 0
    texts = tower.sentences(["a dark area", "a bright spot"], "gelu")
    assert texts.shape == (2, info.embed_dim)
    assert np.abs(texts[0] - texts[1]).max() > 1e-3
    grid = info.image_size // info.patch_size
    assert grid * info.patch_size == info.image_size
    recipe = Recipe("taps", info.image_size, grid, taps=(info.visual_blocks,))
    taps, first = tower.taps(SLICES, recipe)
    assert [tap.shape for tap in taps] == [(len(SLICES), grid * grid, info.width)]
    window = np.arange(4)[None]
    windows, patches, again = tower.windows(SLICES, recipe, [[window]] * len(SLICES))
    assert patches.shape == (len(SLICES), grid * grid, info.width)
    assert [one[0].shape for one in windows] == [(1, info.embed_dim)] * len(SLICES)
    np.testing.assert_allclose(again, first, atol=1e-4)


def test_a_setup_says_where_it_comes_from_and_needs_what_its_method_needs(entry):
    method = methods.build(entry.method, entry.options)
    assert entry.provenance
    assert bool(entry.checkpoint) == method.learned
    assert entry.backbone.name in backbones.BACKBONES or hub_files(entry.backbone)


@pytest.mark.parametrize("name", SHIPPED, ids=" ".join)
def test_a_shipped_setup_is_complete_and_fits_its_backbone(name):
    entry = setups.shipped()[name]
    assert setups.missing(entry) == ""
    method = methods.build(entry.method, entry.options)
    assert bool(setups.digest(entry)) == method.learned
    if method.learned:
        tower = backbones.load(entry.backbone, "cpu", "float32")
        recipe = method.recipe(tower.info)
        kept = np.ones((1, recipe.grid, recipe.grid), bool)
        learned = setups.learned(entry)
        features = encoded(method, tower, SLICES[:1], recipe, kept, learned)
        text = np.eye(2, tower.info.embed_dim, dtype=np.float32)
        maps, _ = maps_of(method, features, kept, text_of(method, text, 1), learned, recipe)
        assert np.isfinite(maps).all()


def test_a_missing_file_is_named_with_the_command_that_gets_it(entry, tmp_path, monkeypatch):
    monkeypatch.setattr(setups, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr("zsad_core.backbones.sources.WEIGHTS", tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    found = setups.missing(entry)
    if methods.METHODS[entry.method].needs_tower:
        assert str(tmp_path) in found
        command = r"zsad (train|fetch) --(backbone|method) \S+"
        assert re.search(rf"{command}|Get \S+ from .*github.com/\S+", found)
    else:
        assert found == ""

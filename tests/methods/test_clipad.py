"""CLIP-AD against plain operations on seeded weights; no golden of it exists."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch.nn import functional

from tests.helpers.encoded import encoded
from tests.helpers.reference_clip import ReferenceClip, visual
from tests.helpers.tensors import maps_of
from tests.helpers.weights import recipe, write_backbone
from zsad_core import backbones, setups
from zsad_core.errors import SettingError, WeightsError
from zsad_core.methods.clipad.method import ClipAd
from zsad_core.methods.clipad_plus.method import ClipAdPlus
from zsad_core.methods.texts import TowerTexts, unit
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import BackboneSpec

CLIP = recipe("recipe_clip_random")
SIZES = {**CLIP.TINY, "v_layers": 8, "t_layers": 2}
RNG = np.random.default_rng(7)
IMAGES = RNG.integers(0, 256, (2, 112, 112), np.uint8)
TEXT = unit(RNG.normal(size=(2, SIZES["embed_dim"])))
EVERYWHERE = np.ones((2, 8, 8), bool)


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    files = write_backbone(tmp_path_factory.mktemp("clip"), SIZES, CLIP.clip_state(SIZES))
    return backbones.load(BackboneSpec(*(str(path) for path in files)), "cpu", "float32")


def in_official_order(plain, images, taps):
    """Original and V-V stream as the official code leaves them: it stores, then adds in place."""
    x, path, stored = plain.embedded(images), None, []
    for number in range(8):
        block = visual(number)
        vv, added = plain.attention(x, block, values_only=True), plain.attention(x, block)
        path = vv if number in (0, 2, 4, 6) else path + vv
        x += added  # also in what was stored of the block before
        x = x + plain.feed_forward(x, block)
        if number + 1 in taps:
            stored.append((x, path))
    return stored


def local_features(plain, stored):
    """Unit vectors (B, 1 + P, E) of each tap: the original class token, V-V patches."""
    for original, path in stored:
        tokens = torch.cat([original[:, :1], path[:, 1:]], dim=1)
        found = plain.norm(tokens, "visual.ln_post") @ plain.state["visual.proj"]
        yield functional.normalize(found, dim=2)


def surgery(features):
    """CLIP-Surgery's similarity as published: weighted products less their mean over texts."""
    total = 0
    text = torch.from_numpy(TEXT)
    for z in features:
        p = (z[:, :1] @ text.T).softmax(dim=2)
        weight = p / p.mean(dim=2, keepdim=True)  # (B, 1, K)
        products = z[:, :, None] * text * weight[..., None]  # (B, 1 + P, K, E)
        total = total + (products - products.mean(dim=2, keepdim=True)).sum(dim=3)
    grid = total[:, 1:, 1].unflatten(1, (1, 8, 8))
    return functional.interpolate(grid, (112, 112), mode="bilinear")[:, 0].numpy()


def test_sdp_is_what_plain_operations_give(tower):
    method, plain = ClipAd(), ReferenceClip(SIZES)
    made = method.recipe(tower.info)
    assert made.taps == (2, 4, 6, 8)
    features = encoded(method, tower, IMAGES, made, EVERYWHERE, None)
    maps, scores = maps_of(method, features, EVERYWHERE, TEXT, None, made)
    wanted = list(local_features(plain, in_official_order(plain, IMAGES, made.taps)))
    smooth = np.stack([gaussian_filter(one, 8) for one in surgery(wanted)]) / 4
    np.testing.assert_allclose(np.sign(2 * maps - 1) * (2 * maps - 1) ** 2, smooth, atol=1e-5)
    logits = 100 * wanted[-1][:, 0].numpy() @ TEXT.T
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(logits[:, 0] - logits[:, 1])), atol=1e-4)


def test_sdp_plus_adds_the_linear_layers_on_the_original_stream(tower):
    method, plain, layers = (
        ClipAdPlus(sigma=2),
        ReferenceClip(SIZES),
        CLIP.april_linear_state("tiny"),
    )
    made = method.recipe(tower.info)
    features = encoded(method, tower, IMAGES, made, EVERYWHERE, None)
    maps, _ = maps_of(method, features, EVERYWHERE, TEXT, layers, made)
    stored, total = in_official_order(plain, IMAGES, made.taps), 0
    for i, (original, _) in enumerate(stored):
        weight, bias = (torch.from_numpy(layers[f"fc.{i}.{n}"]) for n in ("weight", "bias"))
        z = functional.normalize(functional.linear(original[:, 1:], weight, bias), dim=2)
        logits = (100 * z @ torch.from_numpy(TEXT).T).transpose(1, 2).unflatten(2, (8, 8))
        up = functional.interpolate(logits, (112, 112), mode="bilinear", align_corners=True)
        total = total + up.softmax(dim=1)[:, 1].numpy()
    total = total + surgery(local_features(plain, stored))
    smooth = np.stack([gaussian_filter(one, 2) for one in total])
    np.testing.assert_allclose(maps, smooth + 4, atol=2e-4)


def test_both_share_features_and_name_their_own(tower):
    plus, made = ClipAdPlus(), ClipAd().recipe(tower.info)
    assert plus.recipe(tower.info) == made
    some = encoded(plus, tower, IMAGES, made, EVERYWHERE, None)[0]
    for part, array in encoded(ClipAd(), tower, IMAGES, made, EVERYWHERE, None)[0].items():
        np.testing.assert_array_equal(array, some[part])
    assert set(ClipAd().parts(made)) < set(plus.parts(made))


def test_a_text_that_says_the_same_of_both_sides_leaves_one_half(tower):
    method, made = ClipAd(), ClipAd().recipe(tower.info)
    features = encoded(method, tower, IMAGES, made, EVERYWHERE, None)
    maps, scores = maps_of(method, features, EVERYWHERE, TEXT[[0, 0]], None, made)
    np.testing.assert_allclose(maps, 0.5, atol=1e-3)  # the root of a rounding error
    np.testing.assert_allclose(scores, 0.5, atol=1e-6)


def test_its_texts_are_the_official_number(tower):
    prompts = prompt_sets.shipped()["clipad"]
    sides = prompt_sets.sentences(prompts)
    assert [len(side) for side in sides] == [9 * 22, 10 * 22]
    swapped = replace(prompts, normal=prompts.abnormal, abnormal=prompts.normal)
    encoder = TowerTexts(tower, "gelu")
    text = ClipAd().texts(prompts, encoder, None, ())
    np.testing.assert_allclose(text[::-1], ClipAd().texts(swapped, encoder, None, ()), atol=1e-6)


def test_the_official_file_is_read_and_another_refused(tower, tmp_path):
    layers = {k: torch.from_numpy(v) for k, v in CLIP.april_linear_state("tiny").items()}
    torch.save({"linear_layers": layers}, tmp_path / "train_on_visa.pth")
    found = setups.read_checkpoint("clipad-plus", tmp_path / "train_on_visa.pth")
    np.testing.assert_array_equal(found["fc.2.weight"], layers["fc.2.weight"].numpy())
    assert ClipAdPlus().checkpoint(found, tower.info).keys() == layers.keys()
    with pytest.raises(WeightsError, match=r"fc.0.weight is \(32, 128\), expected \(32, 64\)"):
        ClipAdPlus().checkpoint(found, replace(tower.info, width=64))


def test_a_gaussian_of_no_width_is_refused(tower):
    with pytest.raises(SettingError, match="sigma is 0"):
        ClipAd(sigma=0).recipe(tower.info)

"""AA-CLIP against plain operations on seeded weights; no golden of it exists."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.helpers.encoded import encoded
from tests.helpers.reference_clip import ReferenceClip, text, visual
from tests.helpers.tensors import maps_of
from tests.helpers.weights import recipe, write_backbone
from zsad_core import backbones, setups
from zsad_core.errors import SettingError, WeightsError
from zsad_core.methods.aaclip import adapters as aaclip_adapters
from zsad_core.methods.aaclip.method import AaClip
from zsad_core.methods.texts import TowerTexts, unit
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import BackboneSpec, Recipe

CLIP = recipe("recipe_clip_random")
SIZES = {**CLIP.TINY, "v_layers": 8, "t_layers": 8}
RNG = np.random.default_rng(7)
IMAGES = RNG.integers(0, 256, (2, 112, 112), np.uint8)
TEXT = unit(RNG.normal(size=(2, SIZES["embed_dim"])))
EVERYWHERE = np.ones((2, 8, 8), bool)


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    files = write_backbone(tmp_path_factory.mktemp("clip"), SIZES, CLIP.clip_state(SIZES))
    return backbones.load(BackboneSpec(*(str(path) for path in files)), "cpu", "float32")


@pytest.fixture(scope="module")
def learned(tower):
    found = aaclip_adapters.shapes(tower.info)
    return {name: RNG.normal(0, 0.1, shape).astype(np.float32) for name, shape in found.items()}


def weight_of(learned, name):
    return torch.from_numpy(learned[name])


def mixed(x, weight):
    """The residual adapter: a tenth of it, at the length of each token."""
    added = functional.leaky_relu(x @ weight.T, 0.01)
    return 0.9 * x + 0.1 * added / added.norm(dim=-1)[..., None] * x.norm(dim=-1)[..., None]


def plain_features(learned):
    """Unit patches of each tap, and the detection feature, in plain operations."""
    plain, taps = ReferenceClip(SIZES), []
    x = plain.embedded(IMAGES)
    for number in range(8):
        x = plain.block(x, visual(number))
        if number < 2:
            x = mixed(x, weight_of(learned, f"image_adapter.layer_adapters.{number}.fc.0.weight"))
        if number in (1, 3, 5, 7):
            taps.append(plain.norm(x[:, 1:], "visual.ln_post"))
    unit_taps = [
        functional.normalize(
            tap @ weight_of(learned, f"image_adapter.seg_proj.{k}.fc.weight").T, dim=2
        )
        for k, tap in enumerate(taps)
    ]
    whole = taps[-1] @ weight_of(learned, "image_adapter.det_proj.fc.weight").T
    return unit_taps, functional.normalize(whole, dim=2).mean(dim=1)


def test_the_image_side_is_what_plain_operations_give(tower, learned):
    made = AaClip().recipe(tower.info)
    assert made.taps == (2, 4, 6, 8)
    features = encoded(AaClip(), tower, IMAGES, made, EVERYWHERE, learned)
    taps, whole = plain_features(learned)
    for block, tap in zip(made.taps, taps, strict=True):
        found = np.stack([one[f"tap{block}"] for one in features])
        np.testing.assert_allclose(found, tap.numpy(), atol=1e-5)
    np.testing.assert_allclose([one["class"] for one in features], whole.numpy(), atol=1e-5)


def test_the_text_side_is_what_plain_operations_give(tower, learned):
    plain = ReferenceClip(SIZES)
    sides = [["a scan.", "the scan, whole."], ["a damaged scan."]]
    prompts = replace(prompt_sets.shipped()["aaclip"], normal=tuple(sides[0]), templates=())
    prompts = replace(prompts, abnormal=tuple(sides[1]))
    found = AaClip().texts(prompts, TowerTexts(tower, "gelu"), learned, ())
    wanted = []
    for side in sides:
        tokens, words = tower.words(side)
        x = words + plain.state["positional_embedding"]
        for number in range(8):
            x = plain.block(x, text(number), causal=True)
            if number < 2:
                x = mixed(x, weight_of(learned, f"text_adapter.{number}.fc.0.weight"))
        last = plain.norm(x, "ln_final")[range(len(side)), tokens.argmax(dim=1)]
        last = functional.leaky_relu(last @ weight_of(learned, "text_adapter.2.fc.0.weight").T)
        wanted.append(functional.normalize(functional.normalize(last).mean(dim=0), dim=0))
    np.testing.assert_allclose(found, torch.stack(wanted).numpy(), atol=1e-5)


def kornia_blur(grid, radius, sigma):
    """A Gaussian cut at its radius over mirrored borders, as a two-dimensional convolution."""
    axis = torch.exp(-(torch.arange(-radius, radius + 1.0) ** 2) / (2 * sigma**2))
    axis = axis / axis.sum()
    padded = functional.pad(grid[:, None], (radius,) * 4, mode="reflect")
    return functional.conv2d(padded, (axis[:, None] * axis)[None, None])[:, 0]


@pytest.mark.parametrize(("domain", "blur"), [("medical", (4, 1.5)), ("industrial", (3, 1.0))])
def test_maps_and_scores_keep_the_official_order_of_operations(tower, learned, domain, blur):
    method = AaClip(domain=domain)
    made = method.recipe(tower.info)
    features = encoded(method, tower, IMAGES, made, EVERYWHERE, learned)
    maps, scores = maps_of(method, features, EVERYWHERE, TEXT, learned, made)
    taps, whole = plain_features(learned)
    total = 0
    for tap in taps:
        logits = 100 * tap @ torch.from_numpy(TEXT).T  # (B, P, K)
        grid = ((logits[..., 1] + 1 - logits[..., 0]) / 2).unflatten(1, (8, 8))
        up = kornia_blur(grid, *blur)[:, None]
        total += functional.interpolate(up, (112, 112), mode="bilinear", align_corners=True)[:, 0]
    np.testing.assert_allclose(maps, ((total / 2 - 1) / 10).sigmoid().numpy(), atol=1e-4)
    peak = maps.max(axis=(1, 2))
    about = (whole @ torch.from_numpy(TEXT[1]) + 1).numpy() / 2
    wanted = peak if domain == "medical" else (peak + about) / 2
    np.testing.assert_allclose(scores, wanted, atol=1e-5)


def test_without_a_share_of_the_adapters_the_tower_is_the_backbones_own(
    tower, learned, monkeypatch
):
    monkeypatch.setattr(aaclip_adapters, "MIX", 0.0)
    made = AaClip().recipe(tower.info)
    own, _ = tower.taps(IMAGES, Recipe("taps", 112, 8, taps=made.taps))
    features = encoded(AaClip(), tower, IMAGES, made, EVERYWHERE, learned)
    plain = ReferenceClip(SIZES)
    for k, block in enumerate(made.taps):
        closed = plain.norm(own[k].clone(), "visual.ln_post")
        projected = closed @ weight_of(learned, f"image_adapter.seg_proj.{k}.fc.weight").T
        found = np.stack([one[f"tap{block}"] for one in features])
        np.testing.assert_allclose(found, functional.normalize(projected, dim=2), atol=1e-5)


def test_official_names_and_shapes():
    info = backbones.TowerInfo("l14", "", 336, 14, 24, 12, 1024, 768, None, 768)
    found = aaclip_adapters.shapes(info)
    text_side = {n: s for n, s in found.items() if n.startswith("text_adapter.")}
    assert text_side == {f"text_adapter.{i}.fc.0.weight": (768, 768) for i in range(4)}
    layers = [n for n in found if "layer_adapters" in n]
    assert layers == [f"image_adapter.layer_adapters.{i}.fc.0.weight" for i in range(6)]
    assert {found[n] for n in layers} == {(1024, 1024)}
    ends = [f"image_adapter.seg_proj.{k}.fc.weight" for k in range(4)]
    assert [found[n] for n in [*ends, "image_adapter.det_proj.fc.weight"]] == [(768, 1024)] * 5
    assert sum(np.prod(shape) for shape in text_side.values()) == 2_359_296  # 2.36 M
    assert len(found) == 4 + 6 + 5


def test_the_two_official_files_are_read_together(learned, tower, tmp_path):
    for side in ("text_adapter", "image_adapter"):
        state = {
            name.removeprefix(f"{side}."): torch.from_numpy(value)
            for name, value in learned.items()
            if name.startswith(side)
        }
        moments = {"state": {0: {"exp_avg": torch.zeros(2)}}}
        saved = {"epoch": 20, side: state, f"{side.partition('_')[0]}_optimizer": moments}
        number = "" if side == "text_adapter" else "_20"
        torch.save(saved, tmp_path / f"{side}{number}.pth")
    found = setups.read_checkpoint("aaclip", tmp_path / "image_adapter_20.pth")
    assert AaClip().checkpoint(found, tower.info).keys() == learned.keys()
    for name, value in learned.items():
        np.testing.assert_array_equal(found[name], value)
    (tmp_path / "text_adapter.pth").unlink()
    with pytest.raises(WeightsError, match=r"text_adapter.0.fc.0.weight is missing"):
        setups.read_checkpoint("aaclip", tmp_path / "image_adapter_20.pth")


def test_adapters_of_another_depth_are_refused(learned, tower):
    deeper = replace(tower.info, visual_blocks=12)
    with pytest.raises(WeightsError, match=r"layer_adapters.2.fc.0.weight is missing"):
        AaClip().checkpoint(learned, deeper)
    shallower = replace(tower.info, text_blocks=4)
    with pytest.raises(WeightsError, match=r"text_adapter.1.fc.0.weight is \(64, 64\), expected"):
        AaClip().checkpoint(learned, shallower)


def test_an_unknown_domain_is_refused(tower):
    with pytest.raises(SettingError, match="domain is 'mars'; choose medical, industrial, none"):
        AaClip(domain="mars").recipe(tower.info)


def test_a_word_moves_the_text(tower, learned):
    prompts, encoder = prompt_sets.shipped()["aaclip"], TowerTexts(tower, "gelu")
    first = AaClip().texts(prompts, encoder, learned, ())
    other = AaClip().texts(replace(prompts, class_name="brain"), encoder, learned, ())
    assert np.abs(first - other).max(axis=1).min() > 1e-3
    assert prompts.class_name == "scan"
    with pytest.raises(WeightsError, match="AA-CLIP needs its learned part"):
        AaClip().texts(prompts, encoder, None, ())

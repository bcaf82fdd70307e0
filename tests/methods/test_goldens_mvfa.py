"""MVFA as its official code on seeded weights, float32 on the CPU: maps within 1e-4."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.weights import golden, recipe, write_backbone
from zsad_core import backbones, setups
from zsad_core.cli.main import main
from zsad_core.methods.memory import turned, views
from zsad_core.methods.mvfa.adapters import bottlenecks, streams
from zsad_core.methods.mvfa.method import Mvfa
from zsad_core.methods.texts import TowerTexts, unit
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import BackboneSpec

IMAGES = golden("inputs")["pillow_13_at_154"][:4]
STORED = golden("mvfa_tiny")
HIGH = Mvfa.high


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    clip, adapters = recipe("recipe_clip_random"), recipe("recipe_zsad_adapters")
    folder, sizes = tmp_path_factory.mktemp("tiny"), adapters.TINY_SQUARE
    files = write_backbone(folder, sizes, clip.clip_state(sizes))
    state = {
        group: {name: torch.from_numpy(value) for name, value in tensors.items()}
        for group, tensors in adapters.mvfa_state(sizes).items()
    }
    torch.save(state, folder / "official.pth")
    return BackboneSpec(*(str(path) for path in files)), folder / "official.pth"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for index, image in enumerate(IMAGES):
        Image.fromarray(image).save(folder / f"{index}.png")
    return [str(folder / f"{index}.png") for index in range(len(IMAGES))]


def mapped(folder, tiny, pictures, *more):
    """(maps, scores) as the command line makes them."""
    backbone, out = tiny[0], folder / "maps.npz"
    asked = ["map", *pictures, "--method", "mvfa", "--image-size", "154", "--out", str(out)]
    asked += ["--backbone", backbone.name, "--weights", backbone.weights]
    assert main([*asked, "--checkpoint", str(tiny[1]), *more]) == 0
    with np.load(out) as found:
        return found["maps"], found["scores"]


def few_shot(folder, tiny, pictures, *more):
    """With pictures 1 and 3 as the normal ones, not augmented."""
    normal = [part for index in (1, 3) for part in ("--reference", pictures[index])]
    return mapped(folder, tiny, pictures, "--option", "augment=no", *normal, *more)


def test_texts_and_logits(tiny):
    tower = backbones.load(tiny[0], "cpu", "float32")
    made = Mvfa(image_size=154).recipe(tower.info)
    assert (made.taps, made.grid) == ((6, 12, 18, 24), 11)
    prompts = prompt_sets.shipped()["mvfa"]
    assert prompts.class_name == str(STORED["class_name"])
    text = Mvfa().texts(prompts, TowerTexts(tower, "gelu"), None, ())
    np.testing.assert_allclose(text.T, STORED["text_features"], atol=1e-5)
    learned = setups.read_checkpoint("mvfa", tiny[1])
    assert not any(name.endswith("3.fc2.0.weight") for name in learned)
    weights = {name: torch.from_numpy(value) for name, value in learned.items()}
    with torch.no_grad():
        found = streams(tower, IMAGES[:1], made, weights)
    for head, stored in zip(("seg", "det"), STORED["logits_seg_det"], strict=True):
        for tap, logits in zip(bottlenecks(found, head, weights), stored, strict=True):
            cosine = unit(tap[0, 1:].numpy()) @ text.T
            np.testing.assert_allclose(100 * cosine, logits, atol=1e-3)


def test_maps_and_scores(tiny, pictures, tmp_path):
    maps, scores = mapped(tmp_path, tiny, pictures)
    np.testing.assert_allclose(maps, STORED["maps"], atol=1e-4)
    np.testing.assert_allclose(scores, STORED["scores"], atol=1e-5)


@pytest.mark.parametrize(("rule", "stored"), [("map", "brain"), ("det", "chest")])
def test_maps_and_scores_with_normal_slices(tiny, pictures, tmp_path, rule, stored):
    maps, scores = few_shot(tmp_path, tiny, pictures, "--option", f"score={rule}")
    np.testing.assert_allclose(maps / HIGH, STORED["few_maps_normalised"], atol=1e-4)
    np.testing.assert_allclose(scores, STORED[f"few_scores_{stored}"], atol=1e-5)


def test_turned_normal_slices_are_remembered_too(tiny, pictures, tmp_path):
    plain, _ = few_shot(tmp_path, tiny, pictures)
    turned_too, _ = few_shot(tmp_path, tiny, pictures, "--option", "augment=yes")
    assert np.abs(plain - turned_too).max() > 1e-2


def test_views_are_those_of_the_official_augmentation():
    found = torch.from_numpy(STORED["augmented"])
    np.testing.assert_allclose(turned(found[:1])[:, 0], found, atol=1e-5)
    mask = torch.from_numpy(STORED["augmented_mask"])
    np.testing.assert_allclose(turned(mask[:1])[:, 0] > 0.5, mask > 0.5)
    image = (found[0].permute(1, 2, 0) * 255).round().numpy().astype(np.uint8)
    colour = np.stack([one.permute(1, 2, 0).numpy() for one in found])
    near = views(image, 24, augment=True) / 255
    np.testing.assert_allclose(near, colour, atol=1.01 / 255)
    grey = views(image[..., 0], 24, augment=True)
    np.testing.assert_array_equal(grey, views(image, 24, augment=True)[..., 0])

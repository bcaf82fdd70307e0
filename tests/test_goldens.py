"""Outputs of the official code on seeded weights, float32 on the CPU: maps within 1e-4."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from tests.goldens_of import golden, recipe, write_backbone
from zsad_core import backbones, map_files, prompt_sets
from zsad_core.map_files import MapRequest
from zsad_core.methods.aprilgan import AprilGan
from zsad_core.methods.winclip import WinClip
from zsad_core.types import BackboneSpec


@pytest.fixture(scope="module")
def inputs():
    return golden("inputs")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    clip = recipe("recipe_clip_random")
    folder = tmp_path_factory.mktemp("tiny")
    files = write_backbone(folder, clip.TINY, clip.clip_state("tiny"))
    checkpoint = folder / "official.pth"
    layers = {k: torch.from_numpy(v) for k, v in clip.april_linear_state("tiny").items()}
    torch.save({"trainable_linearlayer": layers}, checkpoint)
    return BackboneSpec(*(str(path) for path in files)), checkpoint


@pytest.fixture(scope="module")
def winclip_tiny(tmp_path_factory):
    clip, sizes = recipe("recipe_clip_random"), recipe("recipe_zsad_adapters").WIN_TINY
    files = write_backbone(tmp_path_factory.mktemp("win"), sizes, clip.clip_state(sizes))
    return BackboneSpec(*(str(path) for path in files))


def pictures(folder, images):
    paths = []
    for index, image in enumerate(images):
        paths.append(folder / f"{index}.png")
        Image.fromarray(image).save(paths[-1])
    return tuple(paths)


def mapped(tmp_path, images, **asked):
    request = MapRequest(pictures(tmp_path, images), out=tmp_path / "maps.npz", **asked)
    map_files.run(request)
    with np.load(request.out) as found:
        return found["maps"], found["scores"]


def test_aprilgan_taps_and_texts(tiny, inputs):
    stored = golden("aprilgan_tiny")
    tower = backbones.load(tiny[0], "cpu", "float32")
    method = AprilGan(image_size=154)
    made = method.recipe(tower.info)
    assert made.taps == (6, 12, 18, 24)
    taps, first = tower.taps(inputs["pillow_11_at_154"], made)
    np.testing.assert_allclose(first, stored["cls_feature"], atol=1e-4)
    for tap in range(4):  # stored: tokens ::9 with the class token first, channels ::8
        with_class = np.concatenate([np.zeros_like(taps[tap][:, :1]), taps[tap]], axis=1)
        found = with_class[:, ::9, ::8][:, 1:]
        np.testing.assert_allclose(found, stored["tap_sample"][:, tap, 1:], atol=1e-4)
    prompts = prompt_sets.shipped()["aprilgan"]
    for name in ("brain", "pcb1"):
        sides = prompt_sets.sentences(replace(prompts, class_name=name))
        text = [method.pool(tower.sentences(side, "gelu")) for side in sides]
        np.testing.assert_allclose(np.stack(text, axis=1), stored[f"text_{name}"], atol=1e-5)


@pytest.mark.parametrize("class_name", ["brain", "pcb1"])
def test_aprilgan_maps_and_scores(tiny, inputs, tmp_path, class_name):
    stored = golden("aprilgan_tiny")
    chosen = np.flatnonzero(stored["classes"] == class_name)
    maps, scores = mapped(
        tmp_path,
        inputs["pillow_11_at_154"][chosen],
        method="aprilgan",
        backbone=tiny[0],
        checkpoint=str(tiny[1]),
        class_name=class_name,
        image_size=154,
    )
    np.testing.assert_allclose(maps, stored["maps"][chosen], atol=1e-4)
    np.testing.assert_allclose(scores, stored["scores"][chosen], atol=1e-4)


def test_aprilgan_reads_its_layers_from_safetensors_too(tiny, inputs, tmp_path):
    layers = recipe("recipe_clip_random").april_linear_state("tiny")
    save_file(layers, tmp_path / "layers.safetensors")
    asked = {"method": "aprilgan", "backbone": tiny[0], "class_name": "brain", "image_size": 154}
    first = inputs["pillow_11_at_154"][:1]
    official, _ = mapped(tmp_path, first, checkpoint=str(tiny[1]), **asked)
    own, _ = mapped(tmp_path, first, checkpoint=str(tmp_path / "layers.safetensors"), **asked)
    np.testing.assert_array_equal(own, official)


def test_winclip_embeddings_windows_and_texts(winclip_tiny, inputs):
    stored = golden("winclip_tiny")
    tower = backbones.load(winclip_tiny, "cpu", "float32")
    method = WinClip()
    made = method.recipe(tower.info)
    images = inputs["at_240"][stored["images"]]
    kept = np.ones((len(images), made.grid, made.grid), bool)
    features = method.encode(tower, images, made, kept)
    np.testing.assert_allclose(
        np.stack([one["class"] for one in features]), stored["image_embeddings"], atol=1e-4
    )
    for scale in (2, 3):
        found = features[0][f"windows{scale}"][::7]
        np.testing.assert_allclose(found, stored[f"window{scale}_image0"], atol=1e-4)
    prompts = replace(prompt_sets.shipped()["winclip"], class_name=str(stored["class_name"]))
    text = [method.pool(tower.sentences(s, "gelu")) for s in prompt_sets.sentences(prompts)]
    np.testing.assert_allclose(text, stored["text_embeddings"], atol=1e-5)


def test_winclip_maps_and_scores(winclip_tiny, inputs, tmp_path):
    stored = golden("winclip_tiny")
    maps, scores = mapped(
        tmp_path,
        inputs["at_240"][stored["images"]],
        method="winclip",
        backbone=winclip_tiny,
        class_name=str(stored["class_name"]),
    )
    np.testing.assert_allclose(maps, stored["zero_map"], atol=1e-4)
    np.testing.assert_allclose(scores, stored["zero_score"], atol=1e-5)

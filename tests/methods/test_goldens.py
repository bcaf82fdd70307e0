"""Outputs of the official code on seeded weights, float32: maps within 1e-4, on a GPU too."""

import ast
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from tests.helpers.encoded import encoded
from tests.helpers.tensors import maps_of
from tests.helpers.weights import golden, recipe, write_backbone
from zsad_core import backbones, setups
from zsad_core.cli import map as command
from zsad_core.cli.map import MapRequest
from zsad_core.errors import WeightsError
from zsad_core.methods.anomalyclip.method import AnomalyClip
from zsad_core.methods.aprilgan.method import AprilGan
from zsad_core.methods.texts import TowerTexts, unit
from zsad_core.methods.winclip.method import WinClip
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import BackboneSpec


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    return request.param


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
def prompt_learner(tmp_path_factory):
    """A published checkpoint of AnomalyCLIP: every entry it must contain, from the recipe."""
    clip, stored = recipe("recipe_clip_random"), golden("anomalyclip_tiny")
    learned, table = clip.anomalyclip_prompt_state("tiny"), clip.clip_state("tiny")
    words, state = table["token_embedding.weight"], {}
    for name, shape in zip(stored["checkpoint_keys"], stored["checkpoint_shapes"], strict=True):
        state[str(name)] = torch.full(ast.literal_eval(str(shape)), np.nan)
    for side in ("pos", "neg"):
        tokens = stored[f"tokenized_{side}"]
        state[f"tokenized_prompts_{side}"] = torch.from_numpy(tokens)
        state[f"token_prefix_{side}"] = torch.from_numpy(words[tokens[:, :, :1]])
        state[f"token_suffix_{side}"] = torch.from_numpy(words[tokens[:, :, 13:]])
    state |= {name: torch.from_numpy(value) for name, value in learned.items()}
    path = tmp_path_factory.mktemp("prompts") / "epoch_15.pth"
    torch.save({"prompt_learner": state}, path)
    return path


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
    command.run(request)
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
        text = method.texts(replace(prompts, class_name=name), TowerTexts(tower, "gelu"), None, ())
        np.testing.assert_allclose(text.T, stored[f"text_{name}"], atol=1e-5)


@pytest.mark.parametrize("class_name", ["brain", "pcb1"])
def test_aprilgan_maps_and_scores(tiny, inputs, tmp_path, class_name, device):
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
        device=device,
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


@pytest.mark.parametrize(("taps", "setting"), [(1, "L24"), (4, "L6_12_18_24")])
def test_anomalyclip_maps_and_scores(tiny, prompt_learner, inputs, tmp_path, taps, setting, device):
    stored = golden("anomalyclip_tiny")
    maps, scores = mapped(
        tmp_path,
        inputs["pillow_11_at_154"],
        method="anomalyclip",
        backbone=tiny[0],
        checkpoint=str(prompt_learner),
        image_size=154,
        options=(f"taps={taps}",),
        device=device,
    )
    np.testing.assert_allclose(maps, stored[f"{setting}/maps"], atol=1e-4)
    np.testing.assert_allclose(scores, stored[f"{setting}/scores"], atol=1e-4)


def test_anomalyclip_taps_and_texts(tiny, prompt_learner, inputs):
    stored = golden("anomalyclip_tiny")
    tower = backbones.load(tiny[0], "cpu", "float32")
    made = AnomalyClip(image_size=154, taps=4).recipe(tower.info)
    assert made.taps == (6, 12, 18, 24)
    assert AnomalyClip(image_size=154).recipe(tower.info).taps == (24,)
    taps, first = tower.vv_taps(inputs["pillow_11_at_154"], made)
    np.testing.assert_allclose(first, stored["cls_feature"], atol=1e-4)
    for tap in range(4):  # stored: tokens ::9 with the class token first, channels ::8
        found = stored["L6_12_18_24/tap_sample"][:, tap, 1:]
        np.testing.assert_allclose(taps[tap][:, 8::9, ::8], found, atol=1e-4)
    learned = setups.read_checkpoint("anomalyclip", prompt_learner)
    assert not any("projection" in name or "tokenized" in name for name in learned)
    prompts = prompt_sets.shipped()["anomalyclip"]
    encoder = TowerTexts(tower, "quick_gelu")
    text = AnomalyClip().texts(prompts, encoder, learned, ())
    np.testing.assert_allclose(text, unit(stored["text_features"]), atol=1e-5)
    other = AnomalyClip().texts(replace(prompts, class_name="brain"), encoder, learned, ())
    assert np.abs(other - text).max(axis=1).min() > 1e-3


def test_words_of_the_checkpoint_are_read_where_the_text_is_the_published_one(tiny, prompt_learner):
    tower = backbones.load(tiny[0], "cpu", "float32")
    learned = setups.read_checkpoint("anomalyclip", prompt_learner)
    changed = {n: v + 1 if "suffix_neg" in n else v for n, v in learned.items()}
    encoder, method = TowerTexts(tower, "quick_gelu"), AnomalyClip()
    published = prompt_sets.shipped()["anomalyclip"]
    for prompts, same in ((published, False), (replace(published, class_name="brain"), True)):
        normal, abnormal = method.texts(prompts, encoder, changed, ()) == method.texts(
            prompts, encoder, learned, ()
        )
        assert normal.all()
        assert abnormal.all() == same


def test_texts_of_a_side_are_averaged_after_normalisation(tiny, prompt_learner):
    tower = backbones.load(tiny[0], "cpu", "float32")
    learned = setups.read_checkpoint("anomalyclip", prompt_learner)
    encoder, method = TowerTexts(tower, "quick_gelu"), AnomalyClip()
    base = prompt_sets.shipped()["anomalyclip"]
    one, two, both = (
        method.texts(replace(base, abnormal=texts), encoder, learned, ())[1]
        for texts in (("damaged {}.",), ("a stain.",), ("damaged {}.", "a stain."))
    )
    np.testing.assert_allclose(both, unit(one + two), atol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ctx_neg": None}, r"ctx_neg is missing, expected \(1, 1, any, 64\)"),
        ({"compound_prompts_text.3": None}, r"compound_prompts_text.3 is missing"),
        ({"ctx_pos": (1, 1, 12, 96)}, r"ctx_pos is \(1, 1, 12, 96\), expected \(1, 1, any, 64\)"),
        ({f"compound_prompts_text.{i}": (4, 64) for i in range(8, 12)}, "12 sets of deep prompts"),
        ({"token_suffix_pos": (1, 1, 9, 64)}, r"expected \(1, 1, 64, 64\)"),
    ],
)
def test_prompts_of_another_backbone_are_refused(tiny, prompt_learner, change, words):
    learned = setups.read_checkpoint("anomalyclip", prompt_learner)
    for name, shape in change.items():
        learned.pop(name, None)
        if shape:
            learned[name] = np.zeros(shape, np.float32)
    with pytest.raises(WeightsError, match=words):
        AnomalyClip().checkpoint(learned, backbones.info(tiny[0]))


def test_a_checkpoint_of_another_method_is_refused(tiny, prompt_learner):
    with pytest.raises(
        WeightsError, match=r"holds trainable_linearlayer; expected tensors named promp"
    ):
        setups.read_checkpoint("anomalyclip", tiny[1])


def test_winclip_embeddings_windows_and_texts(winclip_tiny, inputs):
    stored = golden("winclip_tiny")
    tower = backbones.load(winclip_tiny, "cpu", "float32")
    method = WinClip()
    made = method.recipe(tower.info)
    images = inputs["at_240"][stored["images"]]
    kept = np.ones((len(images), made.grid, made.grid), bool)
    features = encoded(method, tower, images, made, kept, None)
    np.testing.assert_allclose(
        np.stack([one["class"] for one in features]), stored["image_embeddings"], atol=1e-4
    )
    for scale in (2, 3):
        found = features[0][f"windows{scale}"][::7]
        np.testing.assert_allclose(found, stored[f"window{scale}_image0"], atol=1e-4)
    prompts = replace(prompt_sets.shipped()["winclip"], class_name=str(stored["class_name"]))
    text = method.texts(prompts, TowerTexts(tower, "gelu"), None, ())
    np.testing.assert_allclose(text, stored["text_embeddings"], atol=1e-5)


def test_winclip_with_normal_slices(winclip_tiny, inputs, tmp_path):
    stored, images = golden("winclip_tiny"), inputs["at_240"]
    tower, method = backbones.load(winclip_tiny, "cpu", "float32"), WinClip()
    made = method.recipe(tower.info)
    kept = np.ones((2, made.grid, made.grid), bool)
    features, normal = (
        encoded(method, tower, images[stored[which]], made, kept, None)
        for which in ("images", "references")
    )
    np.testing.assert_allclose(features[0]["patches"][::15], stored["patch_image0"], atol=1e-4)
    prompts = replace(prompt_sets.shipped()["winclip"], class_name=str(stored["class_name"]))
    text = method.texts(prompts, TowerTexts(tower, "gelu"), None, ())
    maps, scores = maps_of(method, features, kept, text, None, made, normal)
    np.testing.assert_allclose(maps, stored["few_map"], atol=1e-4)
    np.testing.assert_allclose(scores, stored["few_score"], atol=1e-5)
    (tmp_path / "normal").mkdir()
    asked, again = mapped(
        tmp_path,
        images[stored["images"]],
        method="winclip",
        backbone=winclip_tiny,
        class_name=str(stored["class_name"]),
        references=tuple(map(str, pictures(tmp_path / "normal", images[stored["references"]]))),
    )
    np.testing.assert_allclose(asked, stored["few_map"], atol=1e-4)
    np.testing.assert_allclose(again, stored["few_score"], atol=1e-5)


def test_winclip_is_calm_where_a_slice_is_one_of_the_normal_ones(winclip_tiny, inputs):
    tower, method = backbones.load(winclip_tiny, "cpu", "float32"), WinClip()
    made = method.recipe(tower.info)
    kept = np.ones((2, made.grid, made.grid), bool)
    features = encoded(method, tower, inputs["at_240"][:2], made, kept, None)
    text = golden("winclip_tiny")["text_embeddings"]
    zero, _ = maps_of(method, features, kept, text, None, made)
    few, _ = maps_of(method, features, kept, text, None, made, features[:1])
    np.testing.assert_allclose(few[0], zero[0] / 2, atol=1e-5)
    assert (few[1] > zero[1] / 2 + 1e-3).any()


def test_winclip_maps_and_scores(winclip_tiny, inputs, tmp_path, device):
    stored = golden("winclip_tiny")
    maps, scores = mapped(
        tmp_path,
        inputs["at_240"][stored["images"]],
        method="winclip",
        backbone=winclip_tiny,
        class_name=str(stored["class_name"]),
        device=device,
    )
    np.testing.assert_allclose(maps, stored["zero_map"], atol=1e-4)
    np.testing.assert_allclose(scores, stored["zero_score"], atol=1e-5)

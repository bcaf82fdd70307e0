"""MVFA's training: losses and gradients of the official code, and what is stored."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.weights import golden, recipe, write_backbone
from zsad_core import backbones, setups
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.learner import Batch, Examples
from zsad_core.methods.mvfa.adapters import HEADS, bottlenecks, streams
from zsad_core.methods.mvfa.method import Mvfa
from zsad_core.methods.mvfa.training import Adapters
from zsad_core.methods.texts import unit
from zsad_core.types import BackboneSpec

SIZES = recipe("recipe_zsad_adapters").TINY_SQUARE
STORED, INPUTS = golden("mvfa_tiny"), golden("inputs")
EXAMPLES = Examples(
    INPUTS["pillow_13_at_154"][:4],
    INPUTS["masks_154_nearest"][:4],
    np.zeros((4, 0), np.float32),
    STORED["text_features"].T,
)


@pytest.fixture(scope="module")
def learner(tmp_path_factory):
    state = recipe("recipe_clip_random").clip_state(SIZES)
    files = write_backbone(tmp_path_factory.mktemp("tiny"), SIZES, state)
    spec = BackboneSpec(*(str(path) for path in files))
    method, tower = Mvfa(image_size=154), backbones.load(spec, "cpu", "float32")
    return Adapters(Encoder(method, tower, method.recipe(tower.info), 154, frozen=False))


@pytest.fixture
def tensors():
    groups = recipe("recipe_zsad_adapters").mvfa_state(SIZES)
    flat = {
        f"{g}.{n}": torch.from_numpy(v) for g, state in groups.items() for n, v in state.items()
    }
    return {name: value.clone().requires_grad_() for name, value in flat.items()}


def batch(images, masks, labels):
    text = torch.from_numpy(STORED["text_features"].T.copy())
    nothing, found = torch.zeros(len(images), 0), torch.from_numpy(np.asarray(masks, np.float32))
    labels = torch.tensor(labels, dtype=torch.float32)
    return Batch(torch.from_numpy(images), found, nothing, text, labels)


def test_losses_and_gradients_of_the_official_code(learner, tensors):
    images, masks = INPUTS["pillow_13_at_154"][:1], INPUTS["masks_154_nearest"][:1]
    terms = learner.outcome(tensors, batch(images, masks, [1])).terms
    det, seg = float(terms[:, 2].detach().sum()), float(terms[:, :2].detach().sum())
    np.testing.assert_allclose((det, seg), STORED["train_losses_det_seg"], atol=1e-4)
    terms.sum().backward()
    for name, value in tensors.items():
        norm = 0.0 if value.grad is None else float(value.grad.norm())
        np.testing.assert_allclose(norm, STORED[f"gradnorm/{name}"], rtol=1e-3, err_msg=name)


def test_an_abnormal_image_without_a_drawn_mask_teaches_the_det_heads_alone(learner, tensors):
    images, masks = INPUTS["pillow_13_at_154"][:2], INPUTS["masks_154_nearest"][:2]
    both = learner.outcome(tensors, batch(images, masks * [[[1]], [[0]]], [1, 1])).terms
    alone = learner.outcome(tensors, batch(images[:1], masks[:1], [1])).terms
    np.testing.assert_allclose(both[:, :2].detach(), alone[:, :2].detach(), rtol=1e-4)
    terms = learner.outcome(tensors, batch(images[1:], masks[1:] * 0, [1])).terms
    assert (terms[:, :2] == 0).all()
    terms.sum().backward()
    assert all(torch.isfinite(v.grad).all() for v in tensors.values() if v.grad is not None)


def test_the_first_stage_teaches_fc1_alone_and_passes_the_tower_once(learner, monkeypatch):
    tensors = {
        n: torch.from_numpy(v).requires_grad_() for n, v in learner.initial(0, EXAMPLES).items()
    }
    images, masks = INPUTS["pillow_13_at_154"][:2], INPUTS["masks_154_nearest"][:2]
    early = replace(batch(images, masks, [1, 0]), first_stage=True)
    whole = learner.outcome(tensors, early).terms
    late = learner.outcome(tensors, replace(early, first_stage=False)).terms
    np.testing.assert_allclose(whole.detach(), late.detach(), atol=2e-3)  # float16
    monkeypatch.setattr(learner.encoder.tower, "walk", None)
    again = learner.outcome(tensors, early).terms
    np.testing.assert_array_equal(again.detach(), whole.detach())
    again.sum().backward()
    moved = {name for name, value in tensors.items() if value.grad is not None}
    assert moved == {name for name in tensors if "fc1" in name}


def test_the_first_logits_are_calm_and_those_of_seg_see_the_defects(learner):
    tensors = {n: torch.from_numpy(v) for n, v in learner.initial(0, EXAMPLES).items()}
    text, grid = STORED["text_features"].T, learner.encoder.recipe.grid
    masks = torch.from_numpy(EXAMPLES.masks).float()[:, None]
    ill = torch.nn.functional.adaptive_avg_pool2d(masks, grid).flatten(1).numpy() > 0.5  # (N, P)
    with torch.no_grad():
        found = streams(learner.encoder.tower, EXAMPLES.tokens, learner.encoder.recipe, tensors)
        for head in HEADS:
            for tap in bottlenecks(found, head, tensors):
                logits = 100 * unit(tap.numpy()) @ (text[1] - text[0])
                assert 0.1 < logits.std() < 6
                assert np.abs(logits.mean()) < 6
                if head == "seg":
                    assert logits[:, 1:][ill].mean() > logits[:, 1:][~ill].mean()


def test_the_official_file_is_read_back(learner, tmp_path):
    first, again, other = (learner.initial(seed, EXAMPLES) for seed in (0, 0, 1))
    assert all((first[name] == again[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)
    official = learner.official(first)
    groups = recipe("recipe_zsad_adapters").mvfa_state(SIZES)
    assert {(g, n): tuple(v.shape) for g, state in official.items() for n, v in state.items()} == {
        (g, n): v.shape for g, state in groups.items() for n, v in state.items()
    }
    torch.save(official, tmp_path / "mvfa.pth")
    found = setups.read_checkpoint("mvfa", tmp_path / "mvfa.pth")
    assert found.keys() == first.keys()
    assert all((found[name] == first[name]).all() for name in first)

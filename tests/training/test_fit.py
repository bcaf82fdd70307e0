"""The training loop: the official steps, a toy problem, what is kept and what is refused."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.helpers.trainings import layers, toy
from tests.helpers.weights import golden as golden_of
from tests.helpers.weights import write_backbone
from zsad_core import backbones
from zsad_core.errors import WeightsError
from zsad_core.methods.anomalyclip.method import AnomalyClip
from zsad_core.methods.anomalyclip.training import WEIGHT, PromptVectors
from zsad_core.methods.aprilgan.training import LinearLayers, probabilities
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.learner import Examples, TrainingPlan
from zsad_core.training import fit
from zsad_core.types import BackboneSpec, Recipe

GOLDENS = Path(__file__).parents[1] / "goldens"
NO_CLASS = np.zeros((6, 1), np.float16)
PIXEL_MEAN, PIXEL_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@pytest.fixture(scope="module")
def recipe():
    spec = importlib.util.spec_from_file_location("recipe", GOLDENS / "recipe_clip_random.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@torch.no_grad()
def tap_tokens(state, images, taps, native):
    """A plain CLIP image tower, exact GELU: tokens (N, L, P, width) after the given blocks."""
    state = {name[7:]: torch.tensor(v) for name, v in state.items() if name.startswith("visual.")}
    width, grid = len(state["class_embedding"]), images.shape[1] // 14
    pixels = torch.from_numpy(images).float() / 255
    pixels = ((pixels - torch.tensor(PIXEL_MEAN)) / torch.tensor(PIXEL_STD)).permute(0, 3, 1, 2)
    x = functional.conv2d(pixels, state["conv1.weight"], stride=14).flatten(2).transpose(1, 2)
    x = torch.cat([state["class_embedding"].expand(len(x), 1, width), x], dim=1)
    table = state["positional_embedding"]
    rows = table[1:].T.reshape(1, width, native, native)
    rows = functional.interpolate(rows, (grid, grid), mode="bicubic", antialias=True)
    x = x + torch.cat([table[:1], rows.flatten(2)[0].T])

    def norm(x, name):
        return functional.layer_norm(x, (width,), state[f"{name}.weight"], state[f"{name}.bias"])

    x, found = norm(x, "ln_pre"), []
    for i in range(max(taps)):
        b = f"transformer.resblocks.{i}."
        weights = {n[len(b) :]: v for n, v in state.items() if n.startswith(b)}
        qkv = norm(x, b + "ln_1") @ weights["attn.in_proj_weight"].T + weights["attn.in_proj_bias"]
        q, k, v = qkv.unflatten(2, (3, -1, 64)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + mixed @ weights["attn.out_proj.weight"].T + weights["attn.out_proj.bias"]
        hidden = norm(x, b + "ln_2") @ weights["mlp.c_fc.weight"].T + weights["mlp.c_fc.bias"]
        hidden = functional.gelu(hidden)
        x = x + hidden @ weights["mlp.c_proj.weight"].T + weights["mlp.c_proj.bias"]
        if i + 1 in taps:
            found.append(x[:, 1:])
    return torch.stack(found, dim=1).numpy()


def test_three_official_steps(recipe):
    golden, plain = (np.load(GOLDENS / f"aprilgan{part}_tiny.npz") for part in ("_train", ""))
    inputs, order = np.load(GOLDENS / "inputs.npz"), golden["order"]
    tokens = tap_tokens(
        recipe.clip_state("tiny"), inputs["pillow_11_at_154"][order], plain["layers"].tolist(), 8
    )
    text = np.stack([plain[f"text_{plain['classes'][i]}"].T for i in order])
    examples = Examples(tokens, inputs["masks_154"][order], NO_CLASS, text)
    plan = TrainingPlan(epochs=1, batch=2, rate=float(golden["lr"]), shuffle=False)
    start = recipe.april_linear_state("tiny")
    found = fit.fit(layers(128, 32, 4), (examples, None), plan, start)
    np.testing.assert_allclose(found.terms.ravel(), golden["term_values"], atol=1e-4)
    for name, value in found.tensors.items():
        np.testing.assert_allclose(value, golden[f"trained/{name}"], atol=1e-4)


def test_three_official_steps_of_anomalyclip(recipe, tmp_path):
    golden, inputs = np.load(GOLDENS / "anomalyclip_train_tiny.npz"), golden_of("inputs")
    files = write_backbone(tmp_path, recipe.TINY, recipe.clip_state("tiny"))
    spec = BackboneSpec(*(str(path) for path in files))
    method, tower = AnomalyClip(image_size=154), backbones.load(spec, "cpu", "float32")
    encoder = Encoder(method, tower, method.recipe(tower.info), 154)
    order = golden["order"]
    images, masks = inputs["pillow_11_at_154"][order], inputs["masks_154"][order]
    tokens, first = tower.vv_taps(images, encoder.recipe)
    examples = Examples(np.stack(tokens, axis=1), masks, first.numpy())
    plan = TrainingPlan(epochs=1, batch=2, rate=float(golden["lr"]), shuffle=False)
    learner, start = PromptVectors(encoder), recipe.anomalyclip_prompt_state("tiny")
    found = fit.fit(learner, (examples, None), plan, start)
    terms = found.terms / [1, WEIGHT, WEIGHT, WEIGHT]
    np.testing.assert_allclose(terms.ravel(), golden["term_values"], atol=1e-4)
    for name, value in found.tensors.items():
        np.testing.assert_allclose(value, golden[f"trained/{name}"], atol=1e-4)

    stored, state = golden_of("anomalyclip_tiny"), learner.official(found.tensors)["prompt_learner"]
    assert {n: str(tuple(v.shape)) for n, v in state.items()} == dict(
        zip(stored["checkpoint_keys"], stored["checkpoint_shapes"], strict=True)
    )
    for side in ("pos", "neg"):
        assert (state[f"tokenized_prompts_{side}"].numpy() == stored[f"tokenized_{side}"]).all()
    assert {n: v.shape for n, v in learner.initial(0, examples).items()} == {
        n: v.shape for n, v in start.items()
    }


def test_training_lowers_the_loss_and_finds_the_lesions():
    plan = TrainingPlan(epochs=30, batch=8, rate=1e-2, patience=30)
    found = fit.fit(layers(), (toy(), toy(8, seed=1)), plan)
    per_step = found.terms.sum(axis=(1, 2))
    assert found.loss < 0.5 * per_step[0]
    assert found.validation_dice > 0.8


def test_first_logits_are_calm_however_far_apart_the_texts_lie():
    examples = replace(toy(), text=np.array([[1, 0, 0, 0], [0, 1, 0, 0]], np.float32))
    start = {n: torch.from_numpy(v) for n, v in layers().initial(0, examples).items()}
    tokens, text = torch.from_numpy(examples.tokens).float(), torch.from_numpy(examples.text)
    for found in probabilities(start, tokens, text, 4):
        assert 1 < found.logit().std() < 5


def test_a_seed_gives_the_same_tensors():
    plan = TrainingPlan(epochs=2, batch=8, seed=3)
    first, again = (fit.fit(layers(), (toy(), None), plan) for _ in range(2))
    other = fit.fit(layers(), (toy(), None), replace(plan, seed=4))
    for name, value in first.tensors.items():
        np.testing.assert_array_equal(value, again.tensors[name])
        assert not np.array_equal(value, other.tensors[name])


def test_the_best_epoch_on_validation_is_kept():
    """Validation truth is the opposite of what is trained, so every epoch makes it worse."""
    against = toy(8, seed=1)
    against = replace(against, masks=~against.masks)
    plan = TrainingPlan(epochs=20, batch=8, rate=1e-2, patience=2)
    steps = []
    found = fit.fit(
        layers(), (toy(), against), plan, report=lambda done, total, loss, left: steps.append(done)
    )
    assert len(steps) == 3 * (found.epoch + 2) < 3 * plan.epochs
    alone = fit.fit(layers(), (toy(), None), replace(plan, epochs=found.epoch))
    for name, value in found.tensors.items():
        np.testing.assert_array_equal(value, alone.tensors[name])


def test_validation_dice_by_hand():
    """One tap, one patch value everywhere: all pixels alike, so Dice is that of a full mask."""
    tokens = np.tile(np.array([1, 0, 0], np.float32), (2, 1, 4, 1))
    masks = np.zeros((2, 4, 4), bool)
    masks[0, :2] = True
    examples = Examples(tokens, masks, NO_CLASS, np.eye(2, 3, dtype=np.float32))
    tensors = {"fc.0.weight": torch.eye(3), "fc.0.bias": torch.zeros(3)}
    _, dice = fit.validate(layers(3, 3, 1), tensors, examples, TrainingPlan())
    assert dice == pytest.approx(2 * 8 / (32 + 8))


def test_validation_dice_tells_values_apart_that_hardly_differ():
    """Lesions' patches differ from the others' by less than a 256th of the range."""
    tokens = np.tile(np.array([1, 0, 0], np.float32), (2, 1, 4, 1))
    tokens[0, :, :2, 1] = 2e-5
    masks = np.zeros((2, 2, 2), bool)
    masks[0, 0] = True
    examples = Examples(tokens, masks, NO_CLASS, np.eye(2, 3, dtype=np.float32) / 100)
    tensors = {"fc.0.weight": torch.eye(3), "fc.0.bias": torch.zeros(3)}
    grid = Recipe("taps", 16, 2, (1,))
    learner = LinearLayers(replace(layers(3, 3, 1).encoder, recipe=grid))
    assert fit.validate(learner, tensors, examples, TrainingPlan())[1] == 1
    none = replace(examples, masks=np.zeros_like(masks))
    assert np.isnan(fit.validate(learner, tensors, none, TrainingPlan())[1])


def test_report_and_refusals():
    told = []
    plan = TrainingPlan(epochs=2, batch=4)
    fit.fit(layers(), (toy(9), None), plan, report=lambda *values: told.append(values))
    assert [values[:2] for values in told] == [(done, 6) for done in range(1, 7)]
    assert told[-1][3] == 0
    with pytest.raises(ValueError, match="nothing to train"):
        fit.fit(layers(), (toy(), None), TrainingPlan(epochs=0))
    one_tap = replace(toy(), tokens=toy().tokens[:, :1])
    with pytest.raises(WeightsError, match=r"fc.1.weight is missing, expected \(4, 6\)"):
        fit.fit(layers(), (toy(), None), TrainingPlan(), layers().initial(0, one_tap))

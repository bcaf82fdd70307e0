"""AA-CLIP's two stages and SDP+'s layers: what learns when, from which loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.helpers.encoded import encoded
from tests.helpers.tensors import maps_of
from tests.helpers.trainings import bright_squares
from tests.helpers.weights import small_backbone
from zsad_core import backbones
from zsad_core.methods.aaclip.adapters import shapes
from zsad_core.methods.aaclip.method import AaClip
from zsad_core.methods.aaclip.training import BothAdapters
from zsad_core.methods.aprilgan.training import LinearLayers
from zsad_core.methods.clipad_plus.method import ClipAdPlus
from zsad_core.methods.clipad_plus.training import StagedLayers
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.learner import TrainingPlan
from zsad_core.methods.losses import dice, focal
from zsad_core.methods.texts import TowerTexts
from zsad_core.prompts import sets as prompt_sets
from zsad_core.training import fit
from zsad_core.types import BackboneSpec

PLAN = replace(BothAdapters.plan, epochs=2, first=1, first_rate=1e-3, rate=3e-3, batch=4)


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    spec = BackboneSpec(*(str(p) for p in small_backbone(tmp_path_factory.mktemp("clip"))))
    return backbones.load(spec, "cpu", "float32")


@pytest.fixture(scope="module")
def learner(tower):
    method = AaClip()
    return BothAdapters(Encoder(method, tower, method.recipe(tower.info), 16, frozen=False))


@pytest.fixture(scope="module")
def examples():
    return replace(bright_squares(8), classes=("brain",) * 8)


def test_it_starts_from_the_backbones_own_projections(learner, examples):
    start, info = learner.initial(0, examples), learner.encoder.tower.info
    assert {name: value.shape for name, value in start.items()} == shapes(info)
    image, text = learner.encoder.tower.projections()
    np.testing.assert_array_equal(start["image_adapter.det_proj.fc.weight"], image)
    changed = start["text_adapter.0.fc.0.weight"] - text
    assert np.linalg.matrix_rank(changed, tol=1e-3) <= 1
    normal, abnormal = learner._text({n: torch.from_numpy(v) for n, v in start.items()}, "brain")
    assert 0.1 < float((abnormal - normal).norm()) <= 0.2
    np.testing.assert_array_equal(start["image_adapter.layer_adapters.0.fc.0.weight"], np.eye(64))


def test_its_first_map_already_sees_what_a_probe_of_the_patches_sees(learner):
    bright = replace(bright_squares(12), classes=("brain",) * 12)
    start = {n: torch.from_numpy(v) for n, v in learner.initial(0, bright).items()}
    found = learner.outcome(start, fit._batch(bright, np.arange(12), "cpu")).maps[0]
    masks = torch.from_numpy(bright.masks)
    assert found[masks].mean() > found[~masks].mean() + 0.1


def test_each_stage_moves_its_own_tensors(learner, examples):
    start = {n: torch.tensor(v).requires_grad_() for n, v in learner.initial(0, examples).items()}
    for first_stage, side in ((True, "text_adapter."), (False, "image_adapter.")):
        batch = fit._batch(examples, np.arange(4), "cpu", first_stage)
        for value in start.values():
            value.grad = None
        learner.outcome(start, batch).terms.sum().backward()
        with_gradient = {n for n, v in start.items() if v.grad is not None and v.grad.any()}
        assert with_gradient == {name for name in start if name.startswith(side)}


def test_the_second_stage_is_the_loss_of_the_methods_own_features(learner, examples):
    """From `encode` and `texts`, which hold against plain operations."""
    tower, method, recipe = learner.encoder.tower, learner.encoder.method, learner.encoder.recipe
    tensors = learner.initial(0, examples)
    found = learner.outcome(
        {n: torch.from_numpy(v) for n, v in tensors.items()},
        fit._batch(examples, np.arange(8), "cpu"),
    )
    prompts = prompt_sets.shipped()["aaclip"]
    text = method.texts(prompts, TowerTexts(tower, recipe.activation), tensors, ())
    kept = np.ones((8, recipe.grid, recipe.grid), bool)
    features = encoded(method, tower, examples.tokens, recipe, kept, tensors)
    masks, terms, ups = torch.from_numpy(examples.masks).float(), [], []
    for block in recipe.taps:
        tap = torch.tensor(np.stack([one[f"tap{block}"] for one in features]))
        logits = (100 * tap @ torch.from_numpy(text).T).transpose(1, 2).unflatten(2, (4, 4))
        up = torch.nn.functional.interpolate(logits, 16, mode="bilinear", align_corners=True)
        ups.append(up)
    for up in (*ups, sum(ups) / 4):
        normal, abnormal = up.softmax(dim=1).unbind(dim=1)
        terms += [focal(abnormal, masks), dice(abnormal, masks), dice(normal, 1 - masks)]
    own, _ = maps_of(replace(method, domain="none"), features, kept, text, tensors, recipe)
    np.testing.assert_allclose(found.maps[0][:, ::15, ::15], own[:, ::63, ::63], atol=1e-4)
    whole = torch.tensor(np.stack([one["class"] for one in features]))
    cosines = whole @ torch.from_numpy(text).T
    terms.append(torch.nn.functional.cross_entropy(cosines, torch.ones(8, dtype=torch.long)))
    np.testing.assert_allclose(found.terms.numpy(), [float(term) for term in terms], atol=1e-4)


def test_the_first_stage_pushes_texts_apart_and_reads_the_frozen_tower(learner, examples):
    start = {n: torch.from_numpy(v) for n, v in learner.initial(0, examples).items()}
    batch = fit._batch(examples, np.arange(4), "cpu", first_stage=True)
    found = learner.outcome(start, batch)
    text = learner._text(start, "brain")
    np.testing.assert_allclose(found.terms[-1], 0.1 * float(text[0] @ text[1]) ** 2, rtol=1e-5)
    changed = {n: v + 1 if n.startswith("image") else v for n, v in start.items()}
    np.testing.assert_array_equal(learner.outcome(changed, batch).terms, found.terms)


def test_training_lowers_the_loss_and_goes_on_after_a_stop(learner, examples, tmp_path):
    plan = replace(PLAN, epochs=4, state_file=tmp_path / "a.unfinished")
    pair = (examples, replace(bright_squares(4), classes=("brain",) * 4))
    whole = fit.fit(learner, pair, replace(plan, state_file=None))
    second = whole.terms[2:].sum(axis=1)  # two steps an epoch
    assert second[-2:].mean() < second[:2].mean()

    def stop(done, total, loss, left):
        assert total == 10
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit.fit(learner, pair, plan, report=stop)
    again = fit.fit(learner, pair, plan)
    np.testing.assert_array_equal(again.terms, whole.terms)
    for name, value in whole.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], value)


def test_the_official_form_has_both_sides(learner, examples):
    tensors = learner.initial(0, examples)
    found = learner.official(tensors)
    assert set(found) == {"text_adapter", "image_adapter"}
    assert {f"{side}.{n}" for side, state in found.items() for n in state} == set(tensors)


def test_the_staged_layers_learn_on_the_original_stream_alone(tower, examples):
    method = ClipAdPlus()
    encoder = Encoder(method, tower, method.recipe(tower.info), 16)
    tokens, first = encoder.features(examples.tokens)
    original, local = tower.two_stream_taps(examples.tokens, encoder.recipe)
    np.testing.assert_allclose(tokens, np.stack(original, axis=1), rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(first, local[-1][:, 0], atol=1e-5)
    stored = replace(examples, tokens=tokens, first=first)
    learner = StagedLayers(encoder)
    stored = replace(stored, text=encoder.text("brain"))
    start, plan = learner.initial(0, stored), TrainingPlan(epochs=1, batch=8, rate=1e-3)
    staged = fit.fit(learner, (stored, None), plan, start)
    plain = fit.fit(LinearLayers(encoder), (stored, None), plan, start)
    np.testing.assert_array_equal(staged.terms, plain.terms)
    assert set(learner.official(staged.tensors)) == {"linear_layers"}
    assert learner.plan.betas == (0.9, 0.999)

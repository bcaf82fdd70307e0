"""Training inside the tower: images stay images, and gradients reach what is learned."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from tests.helpers.trainings import bright_squares
from tests.helpers.weights import small_backbone
from zsad_core import backbones
from zsad_core.backbones.pixels import sized
from zsad_core.errors import Cancelled
from zsad_core.methods.aprilgan.method import AprilGan
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.learner import Examples, StepResult, TrainingPlan
from zsad_core.methods.losses import dice
from zsad_core.training import fit, material
from zsad_core.types import BackboneSpec


@dataclass(frozen=True)
class Shift:
    """Learns a vector added to the stream before the last block, and a direction after it."""

    encoder: Encoder

    plan: ClassVar[TrainingPlan] = TrainingPlan(optimiser="adamw", decay=0.01)
    through_tower: ClassVar[bool] = True
    learns_text: ClassVar[bool] = False

    def initial(self, seed, examples):
        width = self.encoder.tower.info.width
        drawn = np.random.default_rng(seed).normal(0, 0.1, (2, width)).astype(np.float32)
        return {"shift": drawn[0], "direction": drawn[1], "unused": np.ones(3, np.float32)}

    def outcome(self, tensors, batch):
        visual, recipe = self.encoder.tower._visual, self.encoder.recipe
        assert batch.tokens.dtype == torch.uint8
        x = visual.ln_pre(self.encoder.tower._embedded(batch.tokens.numpy(), recipe))
        *blocks, last = visual.transformer.resblocks
        for block in blocks:
            x = block(x)
        x = last(x + tensors["shift"])
        square = (x[:, 1:] @ tensors["direction"]).unflatten(1, (1, recipe.grid, recipe.grid))
        side = batch.masks.shape[-1]
        p = torch.nn.functional.interpolate(square, (side, side))[:, 0].sigmoid()
        return StepResult([p], dice(p, batch.masks)[None])

    def official(self, tensors):
        return {}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    spec = BackboneSpec(*(str(p) for p in small_backbone(tmp_path_factory.mktemp("clip"))))
    method, tower = AprilGan(), backbones.load(spec, "cpu", "float32")
    return Encoder(method, tower, method.recipe(tower.info), 16, frozen=False)


def test_images_are_kept_at_the_input_side_as_pil_resizes_them(encoder):
    colour = np.random.default_rng(1).integers(0, 256, (2, 50, 40, 3), np.uint8)
    kept, first = encoder.features(colour)
    assert kept.dtype == np.uint8
    assert kept.shape == (2, 64, 64, 3)
    assert first.shape == (2, 0)
    by_pil = Image.fromarray(colour[1]).resize((64, 64), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(kept[1], np.asarray(by_pil))
    assert sized(kept, 64) is kept
    assert encoder.room() == 3 * 2**30 // (64 * 64 * 3)


@pytest.fixture
def _lengths(monkeypatch):
    """A text of the class name's length, to see whose text an image has."""

    def text(_, class_name):
        return np.full((2, 3), len(class_name), np.float32)

    monkeypatch.setattr(Encoder, "text", text)


@pytest.mark.usefixtures("_lengths")
def test_gathered_images_are_left_to_the_learner(encoder, monkeypatch):
    monkeypatch.setattr(material, "TEXTURES", 8)
    frozen = replace(encoder, frozen=True)
    found = material.gather(material.Source(), frozen, Shift(frozen), lambda done, total: None)
    assert (found.train.tokens.dtype, found.train.tokens.shape) == (np.uint8, (8, 64, 64))
    assert len(found.held_out.tokens) == 2
    assert found.train.text.tolist() == [[len("surface")] * 3] * 2


@pytest.mark.usefixtures("_lengths")
def test_each_image_has_the_text_of_its_class(encoder):
    mixed = replace(bright_squares(3), classes=("nut", "brain", "nut"))
    text = material.with_text(mixed, encoder, Shift(encoder)).text
    assert text[:, 0, 0].tolist() == [3, 5, 3]


def test_gradients_reach_the_middle_of_the_tower(encoder):
    learner, plan = Shift(encoder), TrainingPlan(epochs=12, batch=4, rate=0.05, optimiser="adamw")
    found = fit.fit(learner, (bright_squares(), bright_squares(4)), plan)
    assert found.loss < 0.6 * found.terms[0].sum()
    start = learner.initial(0, None)
    assert np.abs(found.tensors["shift"] - start["shift"]).min() > 0
    np.testing.assert_array_equal(found.tensors["unused"], start["unused"])
    again = fit.fit(learner, (bright_squares(), bright_squares(4)), plan)
    np.testing.assert_array_equal(found.tensors["shift"], again.tensors["shift"])


def test_a_training_through_the_tower_goes_on_without_loss(encoder, tmp_path):
    """Also with a tensor that never had a gradient, of which the optimiser knows nothing."""
    learner, data = Shift(encoder), (bright_squares(), bright_squares(4))
    plan = TrainingPlan(epochs=3, batch=4, rate=0.05, optimiser="adamw", decay=0.1)
    unbroken = fit.fit(learner, data, plan)

    def stop(done, total, loss, left):
        if done == 5:
            raise Cancelled("stopped")

    keeping = replace(plan, state_file=tmp_path / "x.unfinished")
    with pytest.raises(Cancelled):
        fit.fit(learner, data, keeping, report=stop)
    found = fit.fit(learner, data, keeping)
    for name, value in unbroken.tensors.items():
        np.testing.assert_array_equal(found.tensors[name], value)
    np.testing.assert_array_equal(found.terms, unbroken.terms)


@pytest.mark.parametrize(
    ("optimiser", "decay", "kept"), [("adam", 0.0, 1.0), ("adamw", 0.5, 0.95)], ids=str
)
def test_the_first_step_is_that_of_the_optimiser_asked_for(encoder, optimiser, decay, kept):
    """Adam's first step is the rate, whatever the gradient; AdamW shrinks by rate x decay first."""
    learner = Shift(encoder)
    plan = TrainingPlan(epochs=1, batch=12, rate=0.1, optimiser=optimiser, decay=decay)
    found = fit.fit(learner, (bright_squares(), None), plan).tensors["direction"]
    moved = found - kept * learner.initial(0, None)["direction"]
    np.testing.assert_allclose(np.abs(moved), 0.1, rtol=1e-3)


def test_labels_are_told_by_the_mask_unless_given():
    masks = bright_squares(4).masks & (np.arange(4) < 2)[:, None, None]
    examples = replace(bright_squares(4), masks=masks)
    chosen = np.array([0, 3])
    assert fit._batch(examples, chosen, "cpu").labels.tolist() == [1, 0]
    told = replace(examples, labels=np.array([0, 0, 0, 1], bool), classes=tuple("abcd"))
    batch = fit._batch(told, chosen, "cpu")
    assert batch.labels.tolist() == [0, 1]
    assert batch.classes == ("a", "d")


def test_a_mask_that_nobody_drew_counts_in_no_dice(encoder):
    learner = Shift(encoder)
    tensors = {n: torch.from_numpy(v) for n, v in learner.initial(0, None).items()}
    masks = bright_squares(4).masks & (np.arange(4) < 3)[:, None, None]
    labelled = replace(bright_squares(4), masks=masks, labels=np.ones(4, bool))
    few = Examples(labelled.tokens[:3], masks[:3], labelled.first[:3])
    (_, dice), (_, expected) = (
        fit.validate(learner, tensors, e, TrainingPlan()) for e in (labelled, few)
    )
    assert dice == expected
    normal = replace(labelled, labels=np.arange(4) < 3)
    assert fit.validate(learner, tensors, normal, TrainingPlan())[1] != expected

"""Focal and Dice loss: numbers worked out by hand, and the official code's own."""

from pathlib import Path

import numpy as np
import pytest
import torch

from zsad_core.methods import losses
from zsad_core.methods.aprilgan import training as aprilgan

GOLDEN = Path(__file__).parents[1] / "goldens" / "aprilgan_train_tiny.npz"


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        (1, 0.2**2 * -np.log(0.8)),
        (0, 0.8**2 * -np.log(0.2)),
    ],
)
def test_focal_weighs_a_sure_answer_down(truth, expected):
    loss = losses.focal(torch.full((1, 1, 1), 0.8), torch.full((1, 1, 1), truth))
    assert float(loss) == pytest.approx(expected, abs=1e-4)


def test_focal_stays_finite_on_a_wholly_wrong_answer():
    loss = losses.focal(torch.zeros(1, 1, 1), torch.ones(1, 1, 1))
    assert float(loss) == pytest.approx(-np.log(2e-5), rel=1e-3)


def test_dice_counts_each_image_alone():
    probability = torch.tensor([[[1.0, 1.0]], [[0.0, 0.0]]])
    mask = torch.tensor([[[1, 0]], [[0, 0]]])
    first, second = 1 - (2 * 1 + 1) / (2 + 1 + 1), 1 - 1 / 1
    assert float(losses.dice(probability, mask)) == pytest.approx((first + second) / 2)


@pytest.mark.parametrize("count", [1, 3])
def test_the_official_losses(count):
    golden = np.load(GOLDEN)
    probability = torch.from_numpy(golden["loss_prob"][:count])
    mask = torch.from_numpy(golden["loss_mask"][:count])
    found = {
        "focal": losses.focal(probability[:, 1], mask),
        "dice": losses.dice(probability[:, 1], mask),
        "dice_inverse": losses.dice(probability[:, 0], 1 - mask),
    }
    for name, value in found.items():
        assert float(value) == pytest.approx(float(golden[f"{name}_{count}"]), abs=1e-4)


def test_shapes_must_belong_together():
    for loss in (losses.focal, losses.dice):
        with pytest.raises(ValueError, match="is not the shape"):
            loss(torch.ones(2, 3, 3), torch.ones(1, 3, 3))


def test_logits_are_upsampled_before_the_softmax():
    """Four patches on the line from normal to abnormal; corners keep their values exactly."""
    angles = np.radians([45, 45.2, 44.8, 45])
    tokens = torch.tensor(np.stack([np.cos(angles), np.sin(angles)], axis=1)).float()[None, None]
    layers = {"fc.0.weight": torch.eye(2), "fc.0.bias": torch.zeros(2)}
    (found,) = aprilgan.probabilities(layers, tokens, torch.eye(2), 3)
    logit = 100 * (np.sin(angles) - np.cos(angles))
    expected = 1 / (1 + np.exp(-np.array([logit[0], (logit[0] + logit[1]) / 2, logit[1]])))
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-4)

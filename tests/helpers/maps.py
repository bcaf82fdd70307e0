"""Random maps with some sense for their lesions."""

import numpy as np

from zsad_core.metrics import dice as metrics


def volume(seed, lesion=0.05, power=1.0):
    """A map (S, H, W) with some sense for its lesion, brain and truth; lesion outside too."""
    random = np.random.default_rng(seed)
    brain = random.random((6, 30, 30)) < 0.9
    truth = random.random(brain.shape) < lesion
    values = (random.random(brain.shape) + 0.5 * truth * random.random(brain.shape)) ** power
    return values.astype(np.float32), brain, truth


def dice_at(value, values, brain, truth):
    mask = brain & (values >= np.float32(value))
    return metrics.dice_3d(truth.sum(), mask.sum(), (mask & truth).sum())

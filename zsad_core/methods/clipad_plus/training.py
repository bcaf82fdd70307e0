"""CLIP-AD's training: SDP+'s linear layers on the original stream, as APRIL-GAN trains its own.

Loss and optimiser follow the official training (github.com/ByChelsea/CLIP-AD f004973): focal + Dice
over the taps, Adam with its usual betas, batches of 8, images in their order. SDP itself learns
nothing and takes no part. Differences: those of APRIL-GAN's training, the first bias among them;
images are shuffled; epochs and rate are the plan's (5 and 1e-4 there).
"""

from dataclasses import dataclass

from zsad_core.methods.aprilgan.training import LinearLayers
from zsad_core.methods.learner import TrainingPlan


@dataclass(frozen=True)
class StagedLayers(LinearLayers):
    """Learns `fc.i.weight` (E, width) and `fc.i.bias` (E,) of each tap i."""

    plan = TrainingPlan(epochs=14, batch=8, betas=(0.9, 0.999), further=0.3, patience=8)

"""Mutual 3D, which learns nothing, on the demo and on the CLIP of MuSc."""

from zsad_core.methods.setup import OPENAI_QUICK, untrained, untrained_on_the_demo

SETUPS = (
    *untrained_on_the_demo("mutual3d"),
    untrained("mutual3d", "openai-l14-336", OPENAI_QUICK,
              "The CLIP of MuSc, with the activation OpenAI trained it with, at its own 336 px"),
)  # fmt: skip

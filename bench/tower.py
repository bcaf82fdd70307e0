"""Seconds a slice of a full-size tower, with random weights: its speed does not depend on them."""

from collections.abc import Iterator

import numpy as np
import open_clip

from bench.core import seconds
from bench.report import Line
from zsad_core import backbones
from zsad_core.methods.aprilgan import AprilGan
from zsad_core.types import BackboneSpec, Precision

NAME, SIDE = "ViT-L-14-336", 518
ORDER: tuple[Precision, ...] = ("float32", "bfloat16")  # the model is converted in place


def measure() -> Iterator[Line]:
    """APRIL-GAN's image side on one slice, best of two after one to warm up."""
    info = backbones.info(BackboneSpec(NAME, "openai"))
    model = open_clip.CLIP(**open_clip.get_model_config(NAME))
    image, method = np.zeros((1, 240, 240), np.uint8), AprilGan(image_size=SIDE)
    recipe = method.recipe(info)
    kept = np.ones((1, recipe.grid, recipe.grid), bool)
    device = backbones.default_device()
    for precision in ORDER:
        tower = backbones.Tower(info, model, open_clip.SimpleTokenizer(), device, precision)
        method.encode(tower, image, recipe, kept, None)
        spent = min(seconds(lambda: method.encode(tower, image, recipe, kept, None)) for _ in "12")  # noqa: B023
        yield Line(f"{NAME} at {SIDE} px, random weights, {precision}", spent, "s/slice")

"""The plain way to a map, for ratios: one image at a time, float32, open_clip's own forward.

The map is made as APRIL-GAN's script makes it (ByChelsea/VAND-APRIL-GAN f13b8a6).
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import open_clip
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from bench.core import seconds
from bench.methods import LARGE, SUBJECT, MethodCase
from bench.report import Line
from zsad_core import backbones
from zsad_core.backbones.loading import built
from zsad_core.backbones.sources import source
from zsad_core.inference.engine import Engine
from zsad_core.methods.grids import TAPS
from zsad_core.types import BackboneSpec, ByteArray, FloatArray

RUNS = 3
SIDE = 518
SHARES = {"bfloat16": 100 / 3, "float32": 100 / 1.3}  # most of the plain way's time, in %


def measure() -> Iterator[Line]:
    """Seconds of a slice at ViT-L/14 with random weights, 518 px, and their share."""
    stack = Engine().stack(SUBJECT)
    middle = int(np.argmax(stack.brain.sum(axis=(1, 2))))
    device = backbones.default_device()
    precision = backbones.fastest_precision(device)
    scan = stack.image[[middle]], stack.brain[[middle]]
    case = MethodCase(*scan, "aprilgan", LARGE.name, precision)
    own = min(case.timed()[0] for _ in range(RUNS))
    assert case.learned is not None  # the method learns
    assert case.text is not None  # it was read in the runs
    given = case.learned, case.text, case.recipe.taps
    model = model_of(LARGE, SIDE).to(device)
    plain = plain_seconds(model, stack.image[middle], *given)
    what = f"aprilgan, {LARGE.name} at {SIDE} px, a slice"
    yield Line(f"{what}: the plain way, float32", plain, "s")
    yield Line(f"{what}: here, {precision}", own, "s")
    yield Line(f"{what}: share of the plain way's time", 100 * own / plain, "%", SHARES[precision])


def model_of(backbone: BackboneSpec, side: int) -> open_clip.CLIP:
    """A shipped model, at its own side, or one of that shape and side with random weights."""
    if backbone.name in backbones.BACKBONES:
        return built(source(backbone))[0].eval()
    config = open_clip.get_model_config(backbone.name)
    config["vision_cfg"]["image_size"] = side
    return open_clip.CLIP(**config).eval()


def plain_seconds(
    model: open_clip.CLIP,
    image: ByteArray,
    learned: dict[str, FloatArray],
    text: FloatArray,
    taps: Sequence[int],
) -> float:
    """Of the map of a slice (H, W)."""
    given = learned, text, taps
    return min(seconds(lambda: plain_map(model, image, *given).cpu()) for _ in range(RUNS))


@torch.no_grad()
def plain_map(
    model: open_clip.CLIP,
    image: ByteArray,
    learned: dict[str, FloatArray],
    text: FloatArray,
    taps: Sequence[int],
) -> Tensor:
    """(S, S), 0 … 4: the map of a slice (H, W), for texts (K, E), at the model's own size S."""
    side, device = model.visual.image_size[0], next(model.parameters()).device
    pixels = open_clip.image_transform(side, is_train=False)(Image.fromarray(image))
    blocks = [tap - 1 for tap in taps]
    found = model.visual.forward_intermediates(
        pixels[None].to(device), indices=blocks, output_fmt="NLC"
    )
    total, classes = torch.zeros(side, side, device=device), torch.from_numpy(text).to(device)
    for i, stream in zip(range(TAPS), found["image_intermediates"], strict=True):
        weight, bias = (
            torch.from_numpy(learned[f"fc.{i}.{name}"]).to(device) for name in ("weight", "bias")
        )
        tokens = functional.linear(stream, weight, bias)
        tokens = tokens / tokens.norm(dim=-1, keepdim=True)
        logits = 100 * tokens @ classes.T  # (1, P, K)
        grid = math.isqrt(logits.shape[1])
        planes = logits.transpose(1, 2).reshape(1, -1, grid, grid)
        large = functional.interpolate(planes, side, mode="bilinear", align_corners=True)
        total += large.softmax(dim=1)[0, 1]
    return total

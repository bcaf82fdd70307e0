"""Where learned projections start: calm, or from a linear probe put where the texts differ.

Where the texts lie far apart, as in a small CLIP, fresh projections answer 0 or 1 everywhere, and
few small lesions teach them nothing. What is added to them across the texts' difference changes no
sign and brings the first logits to a spread of about `CALM`.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zsad_core.types import ByteArray, FloatArray, MaskArray

CALM = 3.0
RIDGE = 1e-4  # weight of the squared length
STEPS = 40


@torch.no_grad()
def by_tap(images: ByteArray, read: Callable[[ByteArray], list[Tensor]]) -> list[Tensor]:
    """What `read` makes of images, four at once, L x (B, …), joined on the CPU."""
    batches = [read(images[start : start + 4]) for start in range(0, len(images), 4)]
    return [torch.cat(taps).cpu() for taps in zip(*batches, strict=True)]


def covered(masks: MaskArray, grid: int) -> Tensor:
    """(N R C,): the share of each patch of a grid that masks (N, M, M) cover."""
    areas = torch.from_numpy(masks).float()[:, None]
    return functional.adaptive_avg_pool2d(areas, grid).flatten()


def probe(tokens: Tensor, abnormal: Tensor) -> Tensor:
    """(width,): the logistic regression, without bias, of patches (N, width) on truth (N,), 0 … 1.

    >>> tokens = torch.tensor([[1.0, 0.2], [-1.0, 0.1]]).repeat(8, 1)
    >>> bool(probe(tokens, torch.tensor([1.0, 0.0]).repeat(8))[0] > 1)
    True
    """
    weight = torch.zeros(tokens.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(tokens @ weight, abnormal)
        loss = loss + RIDGE * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.enable_grad():
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach()


def seeing(own: FloatArray, apart: FloatArray, tokens: Tensor, weight: Tensor) -> FloatArray:
    """A projection (E, width) by which 100 cos differs between the texts as the probe says.

    What `own` has along the texts' difference `apart` (E,) gives way to the probe; the rest keeps
    the length of projected tokens (N, width) about the same.
    """
    along = apart / np.linalg.norm(apart)
    rest = own - np.outer(along, along @ own)
    length = float((tokens @ torch.from_numpy(rest).float().T).norm(dim=1).mean())
    share = length / (100 * np.linalg.norm(apart))
    return np.asarray(rest + np.outer(along, weight.numpy()) * share, np.float32)

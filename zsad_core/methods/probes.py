"""Where learned projections start: a linear probe of the patches, put where the texts differ."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zsad_core.types import FloatArray

RIDGE = 1e-4  # weight of the squared length
STEPS = 40


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

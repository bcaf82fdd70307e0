"""Tensors of slices on their way from the device to the host, while the device goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zsad_core.backbones.lazy import torch
from zsad_core.types import SliceFeatures

if TYPE_CHECKING:
    from torch import Tensor


class HostCopy:
    """Of each slice its tensors by name, on one device, as float32 or as float16.

    On a GPU the copies are queued behind what makes the tensors; only `arrays` waits for them.
    """

    def __init__(self, slices: Sequence[Mapping[str, Tensor]], half: bool = False) -> None:
        dtype = torch.float16 if half else torch.float32
        self._copies = [
            {
                name: tensor.to(dtype).to("cpu", non_blocking=tensor.is_cuda)
                for name, tensor in tensors.items()
            }
            for tensors in slices
        ]
        on_gpu = next((t for tensors in slices for t in tensors.values() if t.is_cuda), None)
        self._end = None
        if on_gpu is not None:
            self._end = torch.cuda.current_stream(on_gpu.device).record_event()

    def arrays(self) -> list[SliceFeatures]:
        """The copies, once they are whole."""
        if self._end is not None:
            self._end.synchronize()
        return [{name: copy.numpy() for name, copy in copies.items()} for copies in self._copies]

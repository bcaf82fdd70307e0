"""Which device and which precision: timed once, never assumed."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from collections.abc import Iterator
from pathlib import Path

from zsad_core.backbones.lazy import functional, torch
from zsad_core.base.paths import kept
from zsad_core.errors import SettingError
from zsad_core.types import Precision

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")  # as torch names them
TIMED = ((50, 2), (400, 8))  # tokens of a slice, runs; the next ones where these do not tell
PLAIN = 8  # times as long as the other is no chance
MANY = 64  # slices that keep a GPU busy


def default_device() -> str:
    """ "cuda" where torch sees a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def threads() -> int:
    """Threads of torch in this process."""
    return torch.get_num_threads()


def device_memory(device: str) -> str:
    """Memory of the GPU as words, "" on a CPU."""
    if device == "cpu":
        return ""
    free, total = torch.cuda.mem_get_info(device)
    return f"{free / 2**30:.0f} of {total / 2**30:.0f} GB free on {torch.cuda.get_device_name()}"


def device_name(device: str) -> str:
    """Name of the GPU, or of the processor."""
    if device != "cpu":
        return torch.cuda.get_device_name(device)
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


@contextlib.contextmanager
def out_of_memory(batch: int) -> Iterator[None]:
    """Turn a lack of memory, of the GPU or the machine, into a SettingError with advice."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and "DefaultCPUAllocator" not in str(error):
            raise
        raise SettingError(
            f"Memory ran out at {batch} slices at once; start again with a smaller --batch, or "
            "close what else uses the memory. What was done is kept."
        ) from error


def fastest_precision(device: str) -> Precision:
    """The faster of float32 and bfloat16 for a transformer's products, kept in `device.json`."""
    times = kept(
        "device.json",
        f"{device_name(device)}, torch {torch.__version__}",
        lambda: _seconds(device),
    )
    return min(times, key=lambda name: times[name])


def _seconds(device: str) -> dict[Precision, float]:
    """Of a block's attention and MLP on slices, the quickest run of each precision.

    A processor without units for bfloat16 takes thirty times as long for it: few tokens tell.
    """
    for tokens, runs in TIMED:
        quickest = _quickest(device, tokens, runs)
        if max(quickest.values()) > PLAIN * min(quickest.values()):
            break
    return quickest


def _quickest(device: str, number: int, runs: int) -> dict[Precision, float]:
    """Of so many tokens; precisions take turns, so that what else is at work falls on all.

    On a processor the time of this thread alone counts, its share of the work: a busy machine halts
    threads for ten times as long as a run takes. (Windows tells it in steps of 16 ms.)
    """
    slices = 1 if device == "cpu" else MANY
    clock = time.thread_time if device == "cpu" and os.name == "posix" else time.perf_counter
    spent: dict[Precision, list[float]] = {name: [] for name in PRECISIONS}
    for _ in range(runs):  # the first finds the kernels
        for name in PRECISIONS:
            dtype = getattr(torch, name)
            tokens = torch.ones(slices, number, 256, device=device, dtype=dtype)
            heads = tokens.reshape(slices, number, 4, 64).transpose(1, 2)
            wide = torch.ones(1024, 256, device=device, dtype=dtype)
            _wait(device)
            start = clock()
            with torch.inference_mode():
                functional.scaled_dot_product_attention(heads, heads, heads)
                functional.linear(functional.gelu(functional.linear(tokens, wide)), wide.T)
            _wait(device)
            spent[name].append(clock() - start)
    return {name: min(times) for name, times in spent.items()}


def _wait(device: str) -> None:
    """For what was asked of a GPU, which answers before it has done it."""
    if device != "cpu":
        torch.cuda.synchronize()

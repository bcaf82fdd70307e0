"""The device, and the faster precision on it, timed once."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import time
from collections.abc import Iterator
from pathlib import Path

from zsad_core.backbones.lazy import functional, torch
from zsad_core.base.paths import cached
from zsad_core.errors import SettingError
from zsad_core.types import Precision

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")  # as torch names them
TRIALS = ((50, 2), (400, 8))  # tokens of a slice, runs; the second only if the first is unclear
CLEAR_FACTOR = 8  # a ratio of times that cannot be chance
GPU_SLICES = 64  # slices that keep a GPU busy
FEWEST, MOST = 4, 64  # slices that are encoded at once


def default_device() -> str:
    """ "cuda" where torch sees a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def devices(device: str) -> list[str]:
    """Each GPU where "cuda" has several, else the device itself."""
    count = torch.cuda.device_count() if device == "cuda" else 1
    return [f"{device}:{index}" for index in range(count)] if count > 1 else [device]


def threads() -> int:
    """Threads of torch in this process."""
    return torch.get_num_threads()


def device_memory(device: str) -> str:
    """Memory of the GPU as words, "" on a CPU."""
    if device == "cpu":
        return ""
    free, total = torch.cuda.mem_get_info(device)
    return f"{free / 2**30:.0f} of {total / 2**30:.0f} GB free on {torch.cuda.get_device_name()}"


def memory_bytes(device: str) -> int:
    """Memory of the GPU, or of the machine; 0 where the system does not tell."""
    if device != "cpu":
        return int(torch.cuda.mem_get_info(device)[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0


def slices_at_once(device: str) -> int:
    """How many slices a tower is given: few on a CPU, on a GPU one for each GB that is free."""
    if device == "cpu":
        return FEWEST
    return min(max(torch.cuda.mem_get_info(device)[0] // 2**30, FEWEST), MOST)


def device_name(device: str) -> str:
    """Name of the GPU, or of the processor."""
    if device != "cpu":
        return torch.cuda.get_device_name(device)
    try:
        match = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        match = None
    return match[1] if match else platform.processor() or platform.machine()


def ran_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, of the GPU or the machine."""
    memory_error = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return memory_error or "DefaultCPUAllocator" in str(error)


@contextlib.contextmanager
def out_of_memory(batch: int) -> Iterator[None]:
    """Raise a SettingError with advice if memory runs out, of the GPU or the machine."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not ran_out_of_memory(error):
            raise
        raise SettingError(
            f"Memory ran out at {batch} slices at once; start again with a smaller --batch, or "
            "close what else uses the memory. What was done is kept."
        ) from error


def fastest_precision(device: str) -> Precision:
    """The faster of float32 and bfloat16 for a transformer, remembered in `device.json`."""
    key = f"{device_name(device)}, torch {torch.__version__}"
    times = cached("device.json", key, lambda: _seconds(device))
    return min(times, key=times.__getitem__)


def _seconds(device: str) -> dict[Precision, float]:
    """The shortest time of a block's attention and MLP on slices, in each precision.

    Without units for bfloat16 a processor takes thirty times as long: few tokens suffice.
    """
    for tokens, runs in TRIALS:
        times = _shortest_times(device, tokens, runs)
        if max(times.values()) > CLEAR_FACTOR * min(times.values()):
            break
    return times


def _shortest_times(device: str, count: int, runs: int) -> dict[Precision, float]:
    """The shortest time with that many tokens; precisions take turns, to share other load.

    On a CPU only this thread's time counts: a busy machine suspends threads for ten times as long
    as a run takes. (On Windows the thread's clock has steps of 16 ms, so wall time counts.)
    """
    slices = 1 if device == "cpu" else GPU_SLICES
    clock = time.thread_time if device == "cpu" and os.name == "posix" else time.perf_counter
    times: dict[Precision, list[float]] = {name: [] for name in PRECISIONS}
    for _ in range(runs):  # the first finds the kernels
        for name in PRECISIONS:
            dtype = getattr(torch, name)
            tokens = torch.ones(slices, count, 256, device=device, dtype=dtype)
            heads = tokens.reshape(slices, count, 4, 64).transpose(1, 2)
            wide = torch.ones(1024, 256, device=device, dtype=dtype)
            _synchronise(device)
            start = clock()
            with torch.inference_mode():
                functional.scaled_dot_product_attention(heads, heads, heads)
                functional.linear(functional.gelu(functional.linear(tokens, wide)), wide.T)
            _synchronise(device)
            times[name].append(clock() - start)
    return {name: min(durations) for name, durations in times.items()}


def _synchronise(device: str) -> None:
    """Wait until a GPU has done its work, which it does asynchronously."""
    if device != "cpu":
        torch.cuda.synchronize()

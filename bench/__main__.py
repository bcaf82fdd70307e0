"""`make bench`: the times that a user waits on this machine, on a fresh store, with their aims.

`make bench ARGS="browser core"` measures some parts only.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from bench import (
    browser,
    cohort,
    cohort_page,
    core,
    gpu,
    large,
    large_volume,
    long_use,
    methods,
    plain,
    readout,
    store,
)
from bench.report import Section
from zsad_core import backbones

# What a processor multiplies bfloat16 with, the fastest first.
UNITS = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512"}


@contextmanager
def fresh_folders() -> Iterator[None]:
    """An empty cache and an empty home."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZSAD_CACHE"] = str(Path(folder) / "cache")
        os.environ["ZSAD_HOME"] = str(Path(folder) / "home")
        yield


def machine() -> str:
    """CPU, cores, device, torch and the faster precision."""
    device = backbones.default_device()
    cpu = backbones.device_name("cpu")
    has = torch.cpu.get_capabilities()
    units = next((name for key, name in UNITS.items() if has.get(key)), "no units")
    gpu = f"{backbones.device_name(device)}, " if device != "cpu" else "no GPU, "
    precision = backbones.fastest_precision(device)
    return (
        f"{cpu}, {os.cpu_count()} cores, {units} for bfloat16, {gpu}"
        f"torch {torch.__version__}, {precision}"
    )


# In this order: `cohort_page` runs pages in this process, which then can spawn no others.
PARTS = {
    "browser": browser.measure,
    "large_volume": large_volume.measure,
    "long_use": long_use.measure,
    "core": core.measure,
    "store": store.measure,
    "methods": methods.measure,
    "plain": plain.measure,
    "large": large.measure,
    "gpu": gpu.measure,
    "readout": readout.measure,
    "cohort": cohort.measure,
    "cohort_page": cohort_page.measure,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parts = set(parser.parse_args().parts or PARTS)
    if unknown := parts - set(PARTS):
        parser.error(
            f"no part is called {', '.join(sorted(unknown))}; the parts: {', '.join(PARTS)}."
        )
    with fresh_folders():
        machine_name = machine()
    on_cpu = backbones.default_device() == "cpu"
    if on_cpu and "gpu" in parts:
        print("The part gpu is not measured: torch sees no GPU here.")
        parts.remove("gpu")
    print(machine_name, flush=True)
    for part in filter(parts.__contains__, PARTS):
        print(f"\n{part}", flush=True)
        named = on_cpu or part == "gpu"
        section = Section(part if named else f"{part} on a GPU", machine_name)
        with fresh_folders():
            for line in PARTS[part]():
                section.add(line)
        section.keep(Path(__file__).with_name("last.md"))

"""`make bench`: what a user waits for on this machine, on a fresh store, each line with its aim."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from bench import browser, cohort, cohort_page, core, large_volume, methods, readout, store
from bench.report import Report
from zsad_core import backbones


@contextmanager
def fresh() -> Iterator[None]:
    """An empty cache and an empty home."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZSAD_CACHE"] = str(Path(folder) / "cache")
        os.environ["ZSAD_HOME"] = str(Path(folder) / "home")
        yield


def machine() -> str:
    """CPU, cores, device, torch and the precision that is the faster one here."""
    device = backbones.default_device()
    cpu = backbones.device_name("cpu")
    gpu = f"{backbones.device_name(device)}, " if device != "cpu" else "no GPU, "
    precision = backbones.fastest_precision(device)
    return f"{cpu}, {os.cpu_count()} cores, {gpu}torch {torch.__version__}, {precision}"


if __name__ == "__main__":
    with fresh():
        report = Report(machine())
    print(f"{report.machine}\n", flush=True)
    parts = (browser, large_volume, core, store, methods, readout, cohort, cohort_page)
    for part in parts:
        with fresh():
            for line in part.measure():
                report.add(line)
    report.write(Path(__file__).with_name("last.md"))

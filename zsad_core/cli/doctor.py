"""A check of this machine: device, data, weights, cache."""

import os
import shutil
from collections.abc import Iterator

from zsad_core import backbones, setups
from zsad_core.base import settings
from zsad_core.base.atomic import write_whole
from zsad_core.base.paths import cache_root, home
from zsad_core.errors import StorageError, ZsadError
from zsad_core.imaging import datasets
from zsad_core.inference.engine import feature_limit
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, Precision


def report() -> Iterator[tuple[bool, str]]:
    """(works, sentence) for each item; the sentence on a missing one says what to do."""
    device = backbones.default_device()
    for line in device_lines(device, backbones.fastest_precision(device)):
        yield True, line
    for message in (
        *settings.unreadable("data", DataSpec),
        *settings.unreadable("setups", setups.Setup),
        *prompt_sets.unreadable(settings.prompt_folder()),
    ):
        yield False, message
    for name, spec in settings.data_roots().items():
        try:
            dataset = datasets.open_dataset(spec)
            subjects = dataset.subjects()
        except ZsadError as error:
            yield False, f"data {name}: {error}"
            continue
        usable = sum(not subject.problem for subject in subjects)
        yield bool(usable), f"data {dataset.title}: {usable} of {len(subjects)} subjects usable"
        yield from ((False, f"  {s.id}: {s.problem}") for s in subjects if s.problem)
    for (method, name), entry in setups.entries().items():
        problem = setups.missing(entry)
        optional = bool(problem) and problem == backbones.unfetched(entry.backbone)
        state = f"optional, {problem}" if optional else problem or "found"
        yield optional or not problem, f"weights {method} · {name}: {state}"
    free = shutil.disk_usage(cache_root().parent).free / 2**30
    yield free > 2, f"cache {cache_root()}: {free:.0f} GB free on its disk"
    yield True, f"home {home()}: settings and prompt sets"
    for folder in (cache_root(), home()):
        try:
            write_whole(folder / ".doctor", bytes(2**16))
            (folder / ".doctor").unlink()
        except (StorageError, OSError) as error:
            yield False, str(error)


def device_lines(device: str, precision: Precision) -> list[str]:
    """Sentences on device, precision and memory."""
    size, memory = backbones.memory_bytes("cpu") / 2**30, backbones.device_memory(device)
    features = feature_limit(device) / 2**30
    return [
        f"device {device}, {precision} (the faster one here), {os.cpu_count()} CPU cores",
        f"memory {size:.0f} GB" + (f"; {memory}" if memory else ""),
        f"features held in memory: at most {features:.1f} GB (ZSAD_FEATURES_GB)",
    ]

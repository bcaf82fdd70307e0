"""`make bench`: what a user waits for on this machine, on a fresh store, each line with its aim."""

import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
SUBJECT = "DEMO-MET-014-000"


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def line(name: str, value: str, aim: str = "") -> None:
    """One row of the report."""
    print(f"{name:<62}{value:>14}   {aim}", flush=True)


def core() -> None:
    """From a subject that was never made to its map, and a prompt edit after that."""
    from zsad_core import pipeline, prompt_sets
    from zsad_core.engine import Engine
    from zsad_core.readout import readout
    from zsad_core.types import DataSpec, ReadoutSpec, SliceSpec

    engine = Engine()
    line("precision chosen here", f"{engine.precision()}")
    slices = SliceSpec(DataSpec("demo"), SUBJECT)
    prompts = prompt_sets.shipped()["appearance"]
    made = timed(lambda: engine.stack(slices))
    line("a subject made and read", f"{made:.1f} s", "<= 6 s")
    stack = engine.stack(slices)
    middle = int(np.argmax(stack.brain.sum(axis=(1, 2))))
    for method, setup in (("aprilgan", "brats"), ("winclip", "zero-shot")):
        spec = pipeline.map_spec(engine, slices, method, setup, prompts)
        first = timed(lambda spec=spec: pipeline.slice_levels(engine, spec, [middle]))
        line(f"{method}: first slice of that subject", f"{made + first:.1f} s", "<= 8 s, made too")
        whole = timed(lambda spec=spec: pipeline.anomaly_map(engine, spec))
        aim = "<= 15 s, made too" if method == "aprilgan" else "reported"
        line(f"{method}: whole volume", f"{made + first + whole:.1f} s", aim)
        label = f"{method}: prompt edit to new map"
        for number, (what, work, limit) in enumerate(
            (
                ("slice", lambda spec: pipeline.slice_levels(engine, spec, [middle]), "<= 300 ms"),
                ("volume", lambda spec: pipeline.anomaly_map(engine, spec), "<= 1000 ms"),
            )
        ):
            edited = replace(prompts, abnormal=(*prompts.abnormal, f"a new word {number}"))
            spent = timed(lambda: work(replace(spec, prompts=edited)))  # noqa: B023
            line(f"{label}, {what}", f"{spent * 1000:.0f} ms", limit)
        anomaly = pipeline.anomaly_map(engine, spec)
        spent = min(timed(lambda: readout(stack, anomaly, ReadoutSpec())) for _ in range(5))  # noqa: B023
        line(f"{method}: readout of the volume", f"{spent * 1000:.0f} ms", "<= 100 ms")
    line("store, one subject under two methods", f"{engine.store.size_bytes() / 2**20:.0f} MB")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    line("peak memory", f"{peak:.1f} GB")


def tower() -> None:
    """Seconds a slice of ViT-L-14-336 with random weights, in both precisions."""
    from zsad_core.backbones.random_weights import random_tower

    from zsad_core.methods.aprilgan import AprilGan

    image = np.zeros((1, 240, 240), np.uint8)
    for precision in ("float32", "bfloat16"):
        made = random_tower("ViT-L-14-336", precision)
        method = AprilGan(image_size=518)
        recipe = method.recipe(made.info)
        kept = np.ones((1, recipe.grid, recipe.grid), bool)
        method.encode(made, image, recipe, kept)
        spent = min(timed(lambda: method.encode(made, image, recipe, kept)) for _ in range(3))  # noqa: B023
        line(f"ViT-L-14-336 at 518 px, random weights, {precision}", f"{spent:.2f} s/slice")


def browser() -> None:
    """Cold start to the first page, then slice steps and threshold drags in headless Chromium."""
    from bench.browser import measure

    for name, value, aim in measure(ROOT, SUBJECT):
        line(name, value, aim)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ZSAD_CACHE"] = folder
        os.environ["ZSAD_HOME"] = str(Path(folder) / "home")
        print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, CPU only\n")
        browser()
        core()
        tower()

"""A GPU at the shape of ViT-L/14 with random weights and 518 px: `python -m bench gpu`.

No speed depends on the weights. Everything is made by the engine that the app has.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import safetensors.numpy
import torch

from bench import blocks
from bench.core import seconds
from bench.methods import LARGE, MethodCase, tower_of
from bench.plain import model_of, plain_seconds
from bench.report import Line
from zsad_core import backbones, setups
from zsad_core.backbones.tower import Tower
from zsad_core.base.paths import cache_root
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import text_source
from zsad_core.lab import candidates, null_test
from zsad_core.metrics import levels
from zsad_core.prompts import sets as prompt_sets
from zsad_core.setups import Setup, user
from zsad_core.types import BackboneSpec, DataSpec, MapSpec, Precision, SliceSpec
from zsad_core.workspace import phrase_bank

NAME = "bench"  # of the setups
WARM_UP = "DEMO-MET-013-000"
RUNS = 5
MINUTE = 60


@dataclass(frozen=True)
class Workload:
    """What is measured: a backbone at a side in pixels, a subject, how many prompts are judged."""

    backbone: BackboneSpec = LARGE
    side: int = 518
    slices: SliceSpec = SliceSpec(DataSpec("demo"), "DEMO-MET-014-000")
    prompts: int = 4000
    limits: dict[str, float] = field(
        default_factory=lambda: {"aprilgan": 0.8, "anomalyclip": 1.2, "winclip": 3.0}
    )


class RandomEngine(Engine):
    """An engine whose towers need no published weights."""

    def tower(self, backbone: BackboneSpec, precision: Precision) -> Tower:
        """The tower of the shape, with random weights where they are not shipped."""
        key = (backbone, precision)
        return self._towers.get(key, lambda: tower_of(backbone.name, precision, self.device))


def measure(workload: Workload | None = None, device: str = "") -> Iterator[Line]:
    """Every line of a GPU; on another device the same, at its pace."""
    workload, device = workload or Workload(), device or backbones.default_device()
    for method, limit in workload.limits.items():
        engine = RandomEngine(device=device)
        spec = spec_of(engine, workload, method)
        source = text_source(engine, spec)
        what = f"{method}, {workload.backbone.name} at {source.recipe.image_size} px"
        _warm_up(engine, spec)
        engine.stack(spec.features.slices)
        pipeline.read_texts(engine, spec)
        with blocks.timed() as passes:
            own = seconds(lambda: pipeline.anomaly_map(engine, spec))  # noqa: B023
        yield Line(f"{what}: a volume, stored and mapped", own, "s", limit)
        if method != "aprilgan":
            continue
        rate = _operations(engine, spec) / sum(passes)
        ceiling = _ceiling(engine.device, spec.features.precision)
        yield Line(f"{what}: products alone, as measured", ceiling / 1e12, "TFLOP/s")
        yield Line(f"{what}: those by the tower's own rate", ceiling / rate, "times", 2)
        yield from _edits(engine, spec, what)
        yield _judged(engine, spec, workload.prompts, what, 100_000)
        images, learned = engine.stack(spec.features.slices).image, setups.learned(source.setup)
        assert learned is not None  # it learns
        model = model_of(workload.backbone, workload.side).to(engine.device)
        tensors = {name: array.copy() for name, array in learned.items()}
        given = tensors, source.texts.embeddings().copy(), source.recipe.taps
        one = plain_seconds(model, images[len(images) // 2], *given)
        share = 100 * own / (one * len(images))
        yield Line(f"{what}: a volume, share of the plain way's time", share, "%", 5)
    demo = Engine(device=device)
    prompts = prompt_sets.shipped()["appearance"]
    spec = pipeline.map_spec(demo, workload.slices, "aprilgan", "brats", prompts)
    yield _judged(demo, spec, workload.prompts, "aprilgan, demo", 1_000_000)


def spec_of(engine: Engine, workload: Workload, method: str) -> MapSpec:
    """The map of the subject in a setup of random weights, which is made."""
    side = "" if method == "winclip" else str(workload.side)  # it has a side of its own
    options = (("image_size", side),) if side else ()
    blank = np.zeros((1, 64, 64), np.uint8)
    name, checkpoint = workload.backbone.name, ""
    case = MethodCase(blank, blank > 0, method, name, "float32", None, options, engine.device)
    if case.learned is not None:
        cache_root().mkdir(parents=True, exist_ok=True)
        checkpoint = str(cache_root() / f"bench-{method}.safetensors")
        safetensors.numpy.save_file(case.learned, checkpoint)
    user.add(Setup(method, NAME, workload.backbone, checkpoint, "random weights", options))
    prompts = prompt_sets.shipped()["appearance"]
    return pipeline.map_spec(engine, workload.slices, method, NAME, prompts)


def _warm_up(engine: Engine, spec: MapSpec) -> None:
    """Map a batch of another subject, so that kernels are found and the tower is loaded."""
    slices = replace(spec.features.slices, subject=WARM_UP)
    other = replace(spec, features=replace(spec.features, slices=slices))
    middle = len(engine.stack(slices).image) // 2
    pipeline.slice_maps(engine, other, range(middle, middle + 2))


def _operations(engine: Engine, spec: MapSpec) -> float:
    """Floating-point operations of the blocks for the slices of a volume with brain."""
    recipe, about = spec.features.recipe, backbones.info(spec.features.backbone)
    assert recipe is not None  # it reads a tower
    tokens, width = recipe.grid**2 + 1, about.width
    block = 24 * tokens * width**2 + 4 * tokens**2 * width
    filled = engine.stack(spec.features.slices).brain.any(axis=(1, 2)).sum()
    return float(block * about.visual_blocks * filled)


def _ceiling(device: str, precision: Precision) -> float:
    """Operations a second of products of large matrices."""
    size = 8192 if device != "cpu" else 512
    factor = torch.ones(size, size, device=device, dtype=getattr(torch, precision))

    def multiply() -> None:
        (factor @ factor)[0, 0].item()  # which waits for it

    multiply()
    return 2 * size**3 / min(seconds(multiply) for _ in range(RUNS))


def _edits(engine: Engine, spec: MapSpec, what: str) -> Iterator[Line]:
    """From a text that was never encoded to the levels that the viewer is sent."""
    middle = len(engine.stack(spec.features.slices).image) // 2

    def volume(edited: MapSpec) -> None:
        values = pipeline.anomaly_map(engine, edited).values
        levels.quantise(values, levels.thresholds_of(values))

    def one_slice(edited: MapSpec) -> None:
        values, _ = pipeline.slice_maps(engine, edited, [middle])
        levels.quantise(values, levels.thresholds_of(values))

    one_slice(spec)  # what is aligned of it is then in memory
    for name, limit, work in (("slice", 20, one_slice), ("volume", 100, volume)):
        durations = []
        for number in range(RUNS):
            texts = (*spec.prompts.abnormal, f"{name} {number} with a new word")
            edited = replace(spec, prompts=replace(spec.prompts, name="edited", abnormal=texts))
            durations.append(seconds(lambda: work(edited)))  # noqa: B023
        median = 1000 * statistics.median(durations)
        yield Line(f"{what}: prompt edit to the viewer's levels, {name}", median, "ms", limit)


def _judged(engine: Engine, spec: MapSpec, count: int, what: str, a_minute: int) -> Line:
    """Seconds in which as many prompts are judged as are to be judged in a minute."""
    pairs = null_test.random_pairs(spec.prompts, phrase_bank.phrases(phrase_bank.bank()), count)
    subjects = [spec.features.slices.subject]
    candidates.measured(engine, spec, subjects, pairs[:2])  # what it reads is then in memory
    duration = seconds(lambda: candidates.measured(engine, spec, subjects, pairs))
    name = f"{what}: {a_minute} prompts judged on a subject, from {count}"
    return Line(name, duration * a_minute / count, "s", MINUTE)

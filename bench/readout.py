"""Dice of every slice of a volume at 101 thresholds: histograms, a plain loop, scikit-learn."""

import statistics
from collections.abc import Iterator

import numpy as np
from sklearn.metrics import f1_score

from bench.core import seconds
from bench.report import Line
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.metrics import levels
from zsad_core.metrics.dice import dice
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, FloatArray, SliceSpec

THRESHOLDS = np.linspace(0, 1, 101, dtype=np.float32)
SUBJECT = "DEMO-MET-017-000"
EVERY, LOOPS = 10, 5  # the slow two do every 10th lesion slice, and their time is scaled up


def measure() -> Iterator[Line]:
    """Lines for the intensity map of one demo subject; ValueError where the three differ."""
    engine = Engine()
    prompts = prompt_sets.shipped()["appearance"]
    slice_spec = SliceSpec(DataSpec("demo"), SUBJECT)
    spec = pipeline.map_spec(engine, slice_spec, "intensity", "zero-shot", prompts)
    stack, values = engine.stack(slice_spec), pipeline.anomaly_map(engine, spec).values
    if stack.truth is None:
        raise ValueError(f"{SUBJECT} has no truth")
    truth = stack.truth & stack.brain

    def all_slices() -> FloatArray:
        level = levels.quantise(values, THRESHOLDS)
        counts = levels.histograms(level, stack.brain, truth)[..., : len(THRESHOLDS)]
        healthy, lesion = np.moveaxis(np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1], 1, 0)
        return dice(lesion[:, :1], healthy + lesion, lesion)

    duration = statistics.median(seconds(all_slices) for _ in range(LOOPS))
    yield Line("Dice at 101 thresholds, all slices of a volume", duration * 1000, "ms", 150)
    slices = np.flatnonzero(truth.any(axis=(1, 2)))[::EVERY]
    pairs = [(values[s][stack.brain[s]], truth[s][stack.brain[s]]) for s in slices]
    scale = int(stack.brain.any(axis=(1, 2)).sum()) / len(slices)
    for name, slow in (("a plain loop", _loop_dice), ("scikit-learn", f1_score)):
        expected: list[list[float]] = []
        duration = seconds(
            lambda: expected.extend(  # noqa: B023
                [float(slow(lesion, inside >= value)) for value in THRESHOLDS]  # noqa: B023
                for inside, lesion in pairs
            )
        )
        np.testing.assert_allclose(all_slices()[slices], expected)
        yield Line(f"the same by {name} (of every {EVERY}th lesion slice)", duration * scale, "s")


def _loop_dice(lesion: np.ndarray, predicted: np.ndarray) -> float:
    return 2 * np.count_nonzero(lesion & predicted) / (lesion.sum() + predicted.sum())

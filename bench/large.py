"""ViT-L/14 at 518 px on this machine, where encoding a volume takes minutes: what follows it.

The tower has random weights and stored features are drawn at random; of a subject that is evaluated
the tower encodes a few slices itself. No speed and no memory depends on the values.
"""

import multiprocessing
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.core import EDITS, seconds
from bench.gpu import RandomEngine, Workload, spec_of
from bench.memory import peak_gb
from bench.report import Line
from zsad_core import backbones
from zsad_core.base.paths import cache_root
from zsad_core.base.store import Store
from zsad_core.evaluation.rows import Results, make
from zsad_core.inference import evaluation, pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import text_source
from zsad_core.inference.stored_features import filled_slices
from zsad_core.metrics.threshold_rules import Oracle
from zsad_core.types import MapSpec

ENCODED = 4  # slices that the tower encodes of a subject that is evaluated
SUBJECTS = ("DEMO-MET-015-000", "DEMO-MET-016-000", "DEMO-MET-017-000")
BATCH = 16  # slices whose features are drawn at once
METHOD = "aprilgan"


def measure() -> Iterator[Line]:
    """Lines of a prompt edit, and of the memory of an evaluation in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    for lines in (edits, evaluated):
        with ProcessPoolExecutor(1, spawn) as pool:
            yield from pool.submit(lines).result()


def edits() -> list[Line]:
    """The median over texts that were never encoded, from features that are aligned in memory."""
    engine = RandomEngine(Store(cache_root() / "store"))
    spec = spec_of(engine, Workload(), METHOD)
    _draw_features(engine, spec, 0)
    first = seconds(lambda: pipeline.anomaly_map(engine, spec))
    prompts, durations = spec.prompts, list[float]()
    for number in range(EDITS):
        texts = (*prompts.abnormal, f"{number} with a new word")
        edited = replace(spec, prompts=replace(prompts, name="edited", abnormal=texts))
        durations.append(seconds(lambda: pipeline.anomaly_map(engine, edited)))  # noqa: B023
    what = _what(engine, spec)
    return [
        Line(f"{what}: start to the first map, volume", first, "s"),
        Line(f"{what}: prompt edit to new map, volume", statistics.median(durations), "s", 2),
    ]


def evaluated() -> list[Line]:
    """Peak memory of subjects one after the other, of each the rows alone kept."""
    engine = RandomEngine(Store(cache_root() / "store"))
    spec = spec_of(engine, Workload(), METHOD)
    lines = []
    with TemporaryDirectory(dir=cache_root()) as folder:
        into = Results(Path(folder), hold=False, keep="rows")
        for number, subject in enumerate(SUBJECTS, 1):
            of_one = evaluation.of_subject(spec, subject)
            _draw_features(engine, of_one, ENCODED)
            make(engine, of_one, into, [Oracle().pending])
            engine.store.remove(text_source(engine, of_one).features.key)
            what = f"{_what(engine, spec)}: evaluation of {number}, peak memory"
            lines.append(Line(what, peak_gb(), "GB", 4))
    return lines


def _what(engine: Engine, spec: MapSpec) -> str:
    side = text_source(engine, spec).recipe.image_size
    return f"{METHOD}, {spec.features.backbone.name} at {side} px, random weights"


def _draw_features(engine: Engine, spec: MapSpec, lacking: int) -> None:
    """Store random features of the slices of a subject but the last few."""
    features, draw = text_source(engine, spec).features, np.random.default_rng(1)
    filled = filled_slices(engine, spec.features.slices)
    kept = filled[: len(filled) - lacking]
    about = backbones.info(spec.features.backbone)
    for start in range(0, len(kept), BATCH):
        batch = kept[start : start + BATCH]
        counts = features.retained(batch).sum(axis=(1, 2))
        rows = {
            f"{index:03d}": {
                part: draw.standard_normal(
                    about.embed_dim if part == "class" else (count, about.width), np.float32
                ).astype(np.float16)
                for part in features.method.parts(features.recipe)
            }
            for index, count in zip(batch, counts, strict=True)
        }
        engine.store.append(features.key, rows, spec.features)

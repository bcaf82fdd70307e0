"""What the demo reaches on its validation and test subjects: JSON beside the weights."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pydantic
from numpy.typing import NDArray

from zsad_core import methods, setups
from zsad_core.backbones import BACKBONES, WEIGHTS
from zsad_core.base.atomic import write_whole
from zsad_core.evaluation import rows
from zsad_core.evaluation.rows import Results
from zsad_core.evaluation.validation import app_rows, tuned_threshold
from zsad_core.imaging import datasets
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.evaluation import of_subject
from zsad_core.lab import null_test
from zsad_core.metrics.depth import third_of
from zsad_core.metrics.spread import deviation
from zsad_core.metrics.threshold_rules import Validation
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, FloatArray, MapSpec, Progress, PromptSet, SliceSpec, Split
from zsad_core.workspace import phrase_bank

RESULTS = WEIGHTS / "results.json"
CHANCE = WEIGHTS / "null_test.json"
DATA = DataSpec("demo")
NONSENSE = PromptSet("nonsense pair", ("a purple teapot",), ("seven quick ideas",))
SWAPPED = "appearance, swapped"


@dataclass(frozen=True)
class CardRow:
    """One map over one split: means over subjects (Dice also its sd), pooled 2D Dice by thirds.

    `dice` is the mean 3D Dice at the validation `threshold`, `oracle` at each subject's best;
    AUROC and AP are of voxels in the brain. Thirds of lesion slices are by lesion area, thirds of
    the brain by depth (cut at -1/3 and 1/3). `volumes` is the unlabelled set that each subject
    was scored against, itself excluded.
    """

    method: str
    setup: str
    prompts: str
    split: str
    subjects: int
    threshold: float
    dice: float
    dice_sd: float
    oracle: float
    auroc: float
    ap: float
    by_size: tuple[float, ...]
    by_depth: tuple[float, ...]
    precision: str
    device: str
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chance:
    """WinCLIP with random pairs of everyday phrases: voxel AUROC, means over test subjects.

    `near` is the share of pairs from 0.4 to 0.6, `below` that of pairs below the appearance set.
    """

    pairs: int
    mean: float
    sd: float
    near: float
    below: float


ROWS, CHANCES = pydantic.TypeAdapter(list[CardRow]), pydantic.TypeAdapter(Chance)


def measure(engine: Engine, progress: Progress) -> None:
    """Evaluate every method, setup and prompt set of the demo, and chance; writes both files.

    Raises StorageError, before the work, where they cannot be written.
    """
    write_whole(RESULTS, RESULTS.read_bytes() if RESULTS.is_file() else "[]")
    plans = list(_plans())
    measured = []
    for done, (method, setup, prompts) in enumerate(plans):
        progress(done, len(plans))
        spec = pipeline.map_spec(engine, SliceSpec(DATA), method, setup, prompts)
        measured += [_row(engine, spec, split) for split in ("validation", "test")]
    progress(len(plans), len(plans))
    write_whole(RESULTS, ROWS.dump_json(measured, indent=1))
    write_whole(CHANCE, CHANCES.dump_json(chance(engine), indent=1))


def chance(engine: Engine) -> Chance:
    """The null test of the appearance set on the test subjects."""
    prompts = prompt_sets.shipped()["appearance"]
    spec = pipeline.map_spec(engine, SliceSpec(DATA), "winclip", "zero-shot", prompts)
    everyday = phrase_bank.bank()[phrase_bank.EVERYDAY]
    pairs = null_test.random_pairs(prompts, everyday)
    test = null_test.null_test(engine, spec, _ids("test"), pairs)
    random = null_test.over_subjects(test.auroc)
    rank = null_test.place(float(null_test.over_subjects(test.own_auroc)), random)
    return Chance(
        pairs=len(pairs),
        mean=float(random.mean()),
        sd=deviation(random),
        near=float(np.mean(np.abs(random - 0.5) <= 0.1)),
        below=rank.below / rank.of,
    )


def read_chance() -> Chance | None:
    """The chance of `null_test.json`; None where it is not there."""
    return CHANCES.validate_json(CHANCE.read_bytes()) if CHANCE.is_file() else None


def read() -> list[CardRow]:
    """The rows of `results.json`; none where it is not there."""
    return ROWS.validate_json(RESULTS.read_bytes()) if RESULTS.is_file() else []


def validate(engine: Engine, backbone: str) -> float:
    """Mean voxel AUROC of WinCLIP on the validation subjects, with its best shipped prompt set."""
    setup = "zero-shot" if backbone == "demo" else "pmc"
    specs = (
        pipeline.map_spec(engine, SliceSpec(DATA), "winclip", setup, prompts)
        for prompts in prompt_sets.shipped().values()
    )
    return max(_row(engine, spec, "validation").auroc for spec in specs)


def _plans() -> Iterator[tuple[str, str, PromptSet]]:
    """What the card compares: (method, setup, prompts)."""
    shipped = prompt_sets.shipped()
    appearance = shipped["appearance"]
    swapped = replace(
        appearance, name=SWAPPED, normal=appearance.abnormal, abnormal=appearance.normal
    )
    for prompts in (*shipped.values(), swapped, NONSENSE):
        yield "winclip", "zero-shot", prompts
    for name in ("appearance", "medical"):
        yield "winclip", "pmc", shipped[name]
    for (method, setup), entry in setups.shipped().items():
        if method != "winclip" and entry.backbone.name in BACKBONES:
            yield method, setup, own_prompts(method)


def own_prompts(method: str) -> PromptSet:
    """What a method is measured with: its official texts, about a brain if they name no class."""
    return methods.of_region(prompt_sets.shipped()[methods.kind_of(method).prompts or "appearance"])


def _row(engine: Engine, spec: MapSpec, split: Split) -> CardRow:
    threshold = tuned_threshold(engine, spec, Validation(), _ids("validation"))
    out, names = app_rows(DATA), _ids(split)
    subjects, slices = [], []
    for name in names:
        (key,) = rows.make(engine, of_subject(spec, name), Results(out), [threshold])
        subjects += results.read(out, "subjects", key)
        slices += results.read(out, "slices", key)
    means = pd.DataFrame(subjects)[["dice_3d", "best_dice", "auroc", "ap"]]
    by_size, by_depth = _thirds(pd.DataFrame(slices))
    return CardRow(
        method=spec.method,
        setup=spec.setup,
        prompts=spec.prompts.name if methods.kind_of(spec.method).prompts else "none",
        split=split,
        subjects=len(names),
        threshold=threshold.value,
        dice=float(means["dice_3d"].mean()),
        dice_sd=deviation(means["dice_3d"]),
        oracle=float(means["best_dice"].mean()),
        auroc=float(means["auroc"].mean()),
        ap=float(means["ap"].mean()),
        by_size=by_size,
        by_depth=by_depth,
        precision=spec.features.precision,
        device=engine.device,
        volumes=spec.volumes,
    )


def _thirds(slices: pd.DataFrame) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean 2D Dice of lesion slices, by thirds of lesion area and by thirds of depth."""
    ill = slices[slices["truth"] > 0]
    area, depth = ill["truth"].to_numpy(float), ill["depth_middle"].to_numpy(float)
    cuts = np.quantile(area, [1 / 3, 2 / 3])
    size, third = np.digitize(area, cuts), third_of(depth)
    dice = ill["dice"].to_numpy(float)
    return _means(dice, size), _means(dice, third)


def _means(values: FloatArray, group: NDArray[np.int64]) -> tuple[float, ...]:
    parts = [values[group == third] for third in range(3)]
    return tuple(float(part.mean()) if part.size else 0.0 for part in parts)


def _ids(split: Split) -> list[str]:
    return [s.id for s in datasets.open_dataset(DATA).subjects() if s.split == split]

"""Every method with a tower, on the demo CLIP and at the shape of ViT-L-14 with random weights.

Each is measured in a process of its own, so that its peak memory is its own. Learned tensors are
fresh ones: no speed depends on them.
"""

import functools
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import open_clip

from bench import blocks
from bench.core import seconds
from bench.memory import peak_gb
from bench.report import Line
from zsad_core import backbones, methods, setups
from zsad_core.backbones.host_copy import HostCopy
from zsad_core.backbones.tower import Tower
from zsad_core.imaging import slicing
from zsad_core.inference.engine import Engine
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.setup import Options
from zsad_core.methods.texts import TowerTexts
from zsad_core.prompts import sets as prompt_sets
from zsad_core.training import examples, fit, material
from zsad_core.types import (
    BackboneSpec,
    ByteArray,
    DataSpec,
    FloatArray,
    Learned,
    Precision,
    SliceFeatures,
    SliceSpec,
)

SUBJECT = SliceSpec(DataSpec("demo"), "DEMO-MET-013-000")
LARGE = BackboneSpec("ViT-L-14-336", "openai")
SLICES = {"demo": 2, LARGE.name: 1}  # timed on each backbone
IMAGES = 16  # of an epoch
LONG_S = 30  # a first run as long as this counts, as its warm-up is negligible


def measure() -> Iterator[Line]:
    """Seconds a slice, share outside the blocks, memory, disk; on the demo also training epochs."""
    spawn = multiprocessing.get_context("spawn")
    for name, method in methods.METHODS.items():
        if methods.kind_of(name).compares:
            continue  # `bench.core` measures it, as it does not map slice by slice
        for backbone in SLICES if method.needs_tower else ():
            with ProcessPoolExecutor(1, spawn) as pool:
                yield from pool.submit(_method_lines, name, backbone).result()


@dataclass
class MethodCase:
    """A method ready to map slices; texts that do not depend on a slice are encoded once.

    Without learned tensors, fresh ones are used; without options those of the bench, without a
    device the default one.
    """

    images: ByteArray
    brain: np.ndarray
    name: str
    backbone: str
    precision: Precision
    learned: Learned = None
    options: Options | None = None
    device: str = ""

    def __post_init__(self) -> None:
        self.tower = tower_of(self.backbone, self.precision, self.device)
        options = _options(self.name, self.backbone) if self.options is None else self.options
        self.method = methods.slice_method(self.name, options)
        self.recipe = self.method.recipe(self.tower.info)
        self.retained = slicing.patches_near(self.brain, self.recipe.grid, self.recipe.reach)
        side, frozen = 96, not self.method.in_tower
        self.encoder = Encoder(self.method, self.tower, self.recipe, side, frozen)
        if self.method.learned and self.learned is None:
            self.learned = self._fresh()
        self.text: FloatArray | None = None
        self.features: list[SliceFeatures] = []  # of the last run

    def _fresh(self) -> dict[str, FloatArray]:
        learner = self.method.learner(self.encoder)
        few = examples.of_textures(self.encoder, 2, 0)
        return dict(learner.initial(0, material.with_text(few, self.encoder, learner)))

    def run(self) -> None:
        given = self.images, self.recipe, self.retained, self.learned
        features = HostCopy(self.method.encode(self.tower, *given)).arrays()
        self.features = features
        if self.text is None or self.method.text_by_slice:
            prompt_set = self.method.prompts if self.method.text_by_slice else "minimal-pair"
            prompts = prompt_sets.shipped()[prompt_set]
            encoder = TowerTexts(self.tower, self.recipe.activation)
            self.text = self.method.texts(prompts, encoder, self.learned, features)
        of_map = (features, self.retained, self.learned, self.recipe, (), self.tower.device)
        self.method.maps(self.method.align(*of_map), self.text)

    def timed(self) -> tuple[float, float]:
        """Seconds of a run, and its share in % that is spent outside the towers' blocks."""
        with blocks.timed() as block_times:
            duration = seconds(self.run)
        return duration, 100 * (1 - sum(block_times) / duration)


def _options(name: str, backbone: str) -> Options:
    """Those of the shipped setup on the demo; the official side in pixels elsewhere."""
    shipped = (setup for setup in setups.shipped().values() if setup.method == name)
    if backbone == "demo":
        return next(setup.options for setup in shipped if setup.backbone.name == "demo")
    return (("image_size", "518"),)


def _method_lines(name: str, backbone: str) -> list[Line]:
    what, lines, stack = f"{name}, {backbone}", list[Line](), Engine().stack(SUBJECT)
    learned: Learned = None
    filled = np.flatnonzero(stack.brain.any(axis=(1, 2)))
    indices = filled[[len(filled) // 2, len(filled) // 4][: SLICES[backbone]]]
    for precision in ("float32", "bfloat16"):  # in this order, the model is converted in place
        scan = stack.image[indices], stack.brain[indices]
        case = MethodCase(*scan, name, backbone, precision, learned)
        learned = case.learned
        duration, outside = case.timed()
        if duration < LONG_S:
            duration, outside = case.timed()
        lines.append(Line(f"{what}, {precision}", duration / len(indices), "s/slice"))
        lines.append(Line(f"{what}, {precision}, outside the towers' blocks", outside, "%"))
    values = sum(array.size for features in case.features for array in features.values())
    size = 2 * values / len(indices) * len(filled) / 2**20  # float16
    lines.append(Line(f"{what}: features of a subject, about", size, "MB"))
    if backbone == "demo" and case.method.learned:
        lines += _epochs(replace(case, precision="float32"))
    return [*lines, Line(f"{what}: peak memory", peak_gb(), "GB")]


def _epochs(case: MethodCase) -> Iterator[Line]:
    """One epoch of training; where the tower is frozen, also with the tower passed each time."""
    learner = case.method.learner(case.encoder)
    textures = examples.of_textures(case.encoder, IMAGES, 0)
    textures = material.with_text(textures, case.encoder, learner)
    plan = replace(learner.plan, epochs=1)
    epoch = seconds(lambda: fit.fit(learner, (textures, None), plan))
    what = f"{case.name}, demo: epoch of {IMAGES} images"
    if not case.encoder.frozen:
        yield Line(f"{what} through the tower", epoch, "s")
        return
    images = np.zeros((IMAGES, case.recipe.image_size, case.recipe.image_size), np.uint8)
    tower = seconds(lambda: case.encoder.features(images))
    yield Line(f"{what} on stored features", epoch, "s")
    yield Line(f"{what} through the tower", epoch + tower, "s")


def tower_of(backbone: str, precision: Precision, device: str = "") -> Tower:
    """A shipped backbone, or the shape of ViT-L-14 with random weights."""
    device = device or backbones.default_device()
    if backbone != LARGE.name:
        return backbones.load(BackboneSpec(backbone), device, precision)
    return Tower(backbones.info(LARGE), _large(), open_clip.SimpleTokenizer(), device, precision)


@functools.cache
def _large() -> open_clip.CLIP:
    """With random weights, which take half a minute."""
    return open_clip.CLIP(**open_clip.get_model_config(LARGE.name))

"""Many prompt sets judged on stored features: the quick measure of null test and search.

It looks at every k-th slice with brain, patch by patch: all of a patch's voxels have the patch's
value, so AUROC and Dice inside the brain are those of a map not smoothed between patches. All
candidates are judged alike; numbers elsewhere in the app are of whole maps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from zsad_core import (
    evaluation,
    methods,
    metrics,
    pipeline,
    prompt_sets,
    setups,
    slicing,
    stored_features,
)
from zsad_core.engine import Engine
from zsad_core.errors import SettingError
from zsad_core.methods.many_texts import AT_ONCE, patch_values
from zsad_core.methods.texts import Remembered
from zsad_core.metrics import Histogram
from zsad_core.store import key_of
from zsad_core.stored_texts import StoredTexts
from zsad_core.types import (
    ByteArray,
    FloatArray,
    MapSpec,
    MaskArray,
    Progress,
    PromptSet,
    SliceFeatures,
)

EVERY = 4
TOGETHER = 256  # candidates whose levels are held at once


def histograms(
    engine: Engine,
    spec: MapSpec,
    subjects: Sequence[str],
    candidates: Sequence[PromptSet],
    every: int = EVERY,
    progress: Progress | None = None,
) -> Histogram:
    """Voxels of the brain at each level, (subjects, N, 2, 256), for N candidates, from the store.

    Missing features of the slices looked at are encoded. The progress counts candidates, subject
    after subject; what has to be encoded first counts up to half of a subject's. Raises
    SettingError for a subject without truth, or where references are given.
    """
    if spec.references:
        raise SettingError(
            f"{len(spec.references)} normal slices are picked, and many prompts at once are judged "
            "zero-shot; remove them first."
        )
    texts, found = _Texts(engine, spec, candidates), []
    for at, subject in enumerate(subjects):
        of_subject = evaluation.of_subject(spec, subject)
        key = _key(engine, of_subject, candidates, every)
        histogram = engine.store.read(key, "histograms")
        if histogram is None:
            step = partial(_tell, progress, at * len(candidates), len(subjects) * len(candidates))
            histogram = _of_subject(engine, of_subject, texts, every, step)
            engine.store.write(
                key, "histograms", histogram.astype(np.int32), [of_subject.features, every]
            )
        found.append(np.asarray(histogram, np.int64))
    return np.stack(found) if found else np.zeros((0, len(candidates), 2, metrics.LEVELS), np.int64)


def measures(histograms: Histogram) -> tuple[FloatArray, FloatArray]:
    """Voxel AUROC and best (oracle) Dice of each, (…) from (…, 2, 256); NaN without lesion.

    >>> histogram = np.zeros((1, 2, 256), np.int64)
    >>> histogram[0, 0, 10], histogram[0, 1, [10, 20]] = 1, 1
    >>> [one.tolist() for one in measures(histogram)]
    [[0.75], [0.8]]
    """
    flat = histograms.reshape(-1, 2, metrics.LEVELS)
    auroc = np.array([metrics.auroc(one) for one in flat])
    dice = np.array([metrics.best_dice(one) for one in flat])
    return auroc.reshape(histograms.shape[:-2]), dice.reshape(histograms.shape[:-2])


def slices_of(engine: Engine, spec: MapSpec, every: int) -> list[int]:
    """Every k-th slice with brain in it, beginning in the middle of the first k."""
    filled = stored_features.filled_slices(engine, spec.features.slices)
    return filled[min(every // 2, len(filled) - 1) :: every]


def _key(engine: Engine, spec: MapSpec, candidates: Sequence[PromptSet], every: int) -> str:
    return key_of(
        stored_features.feature_key(engine, spec.features),
        method=spec.method,
        learned=setups.digest(setups.find(spec.method, spec.setup)),
        options=spec.options,
        candidates=[prompt_sets.content(one) for one in candidates],
        every=every,
        at_once=spec.method in AT_ONCE,
    )


class _Texts:
    """The candidates as the method reads them; each sentence is asked for once."""

    def __init__(self, engine: Engine, spec: MapSpec, candidates: Sequence[PromptSet]) -> None:
        self.candidates, self._method = candidates, methods.slice_method(spec.method, spec.options)
        self._learned = setups.learned(setups.find(spec.method, spec.setup))
        sentences = (s for one in candidates for side in prompt_sets.sentences(one) for s in side)
        self._encoder = Remembered(StoredTexts(engine, spec.features), sentences)
        self._fixed: FloatArray | None = None

    def of(self, part: slice, features: SliceFeatures, step: Callable[[], None]) -> FloatArray:
        """(n, K, E) of some candidates; (n, 1, K, E) where the text depends on the slice."""
        if self._method.text_by_slice:
            return self._read(self.candidates[part], (features,), step)
        if self._fixed is None:
            self._fixed = self._read(self.candidates, (), step)
        return self._fixed[part]

    def _read(
        self,
        candidates: Sequence[PromptSet],
        features: Sequence[SliceFeatures],
        step: Callable[[], None],
    ) -> FloatArray:
        found = []
        for one in candidates:
            step()
            found.append(self._method.texts(one, self._encoder, self._learned, features))
        return np.stack(found)


@dataclass(frozen=True)
class _Looked:
    """A slice that is looked at; `pixels` (2, P) are healthy and lesion pixels of kept patches."""

    features: SliceFeatures
    kept: MaskArray
    pixels: FloatArray


def _of_subject(
    engine: Engine, spec: MapSpec, texts: _Texts, every: int, step: Callable[[int], None]
) -> Histogram:
    """(N, 2, 256) of one subject, some candidates at a time."""
    step(0)
    count, encoded = len(texts.candidates), 0

    def encoding(done: int, total: int) -> None:
        nonlocal encoded
        encoded = count * done // (2 * total)
        step(encoded)

    looked = _look(engine, spec, every, encoding)
    method, recipe = methods.slice_method(spec.method, spec.options), spec.features.recipe
    learned = setups.learned(setups.find(spec.method, spec.setup))
    assert recipe is not None  # what reads text has a tower
    found = np.zeros((count, 2, metrics.LEVELS), np.int64)
    for first in range(0, count, TOGETHER):
        part = slice(first, min(first + TOGETHER, count))
        for done, one in enumerate(looked):
            now = max(encoded, first + (part.stop - first) * done // len(looked))
            step(now)
            text = texts.of(part, one.features, partial(step, now))
            values = patch_values(method, one.features, one.kept, text, learned, recipe)
            found[part] += _counted(pipeline.quantise(values, method.high), one.pixels)
    step(count)
    return found


def _look(engine: Engine, spec: MapSpec, every: int, progress: Progress) -> list[_Looked]:
    stack, recipe = engine.stack(spec.features.slices), spec.features.recipe
    subject = spec.features.slices.subject
    if stack.truth is None:
        raise SettingError(f"{subject} has no segmentation, so no prompt can be judged on it.")
    if recipe is None:
        raise SettingError(f"'{spec.method}' reads no text; choose another method.")
    chosen = slices_of(engine, spec, every)
    stored_features.encode(engine, spec, chosen, progress)
    kept, found = stored_features.kept_patches(engine, spec.features, chosen), []
    for index, near in zip(chosen, kept, strict=True):
        brain, truth = stack.brain[index], stack.truth[index]
        masks = (brain & ~truth, brain & truth)
        pixels = [slicing.pixels_per_patch(mask, recipe.grid)[near] for mask in masks]
        features = stored_features.read(engine, spec, index)
        found.append(_Looked(features, near, np.stack(pixels).astype(np.float64)))
    return found


def _counted(levels: ByteArray, pixels: FloatArray) -> Histogram:
    """(N, 2, 256): pixels (2, P) at the level of their patch, for levels (N, P)."""
    found = [[np.bincount(row, side, metrics.LEVELS) for side in pixels] for row in levels]
    return np.rint(found).astype(np.int64)


def _tell(progress: Progress | None, before: int, total: int, done: int) -> None:
    if progress:
        progress(before + done, total)

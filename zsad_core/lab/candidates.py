"""Many prompt sets judged on stored features: the quick measure of null test and search.

It looks at every k-th slice with brain, patch by patch: all of a patch's voxels have the patch's
value, so AUROC and Dice inside the brain are exactly those of a map not smoothed between patches.
All candidates are judged alike; numbers elsewhere in the app are of whole maps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from zsad_core import setups
from zsad_core.base.store import key_of
from zsad_core.errors import SettingError
from zsad_core.imaging import slicing
from zsad_core.inference import evaluation, stored_features
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import SliceSource, text_source
from zsad_core.methods.texts import Remembered
from zsad_core.metrics.ranking import auroc, best_dice, rank_weighted
from zsad_core.metrics.thresholds import validation_threshold, weighted_curve
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import FloatArray, MapSpec, Progress, PromptSet, SliceFeatures

EVERY = 4
TOGETHER = 256  # candidates whose values are held at once


@dataclass(frozen=True)
class Measured:
    """What N candidates reach on each subject: AUROC and best (oracle) Dice, (subjects, N).

    `threshold` (N,) has the best mean Dice over the subjects, `dice` (subjects, N) is there. NaN
    for a subject without lesion in the slices looked at.
    """

    auroc: FloatArray
    best_dice: FloatArray
    dice: FloatArray
    threshold: FloatArray


def measured(
    engine: Engine,
    spec: MapSpec,
    subjects: Sequence[str],
    candidates: Sequence[PromptSet],
    every: int = EVERY,
    progress: Progress | None = None,
    at: Sequence[float] | None = None,
) -> Measured:
    """Judge N candidates on subjects, from stored features; what was judged before is read.

    `at` takes the place of the best thresholds, one for each candidate. Missing features of the
    slices looked at are encoded. The progress counts candidates on every subject; reading the
    subjects first, and encoding what is missing, is half of the first of them. Raises SettingError
    for a subject without truth, or where references are given.
    """
    if spec.references:
        raise SettingError(
            f"{len(spec.references)} normal slices are picked, and many prompts at once are judged "
            "zero-shot; remove them first."
        )
    source = text_source(engine, spec)
    sources = [text_source(engine, evaluation.of_subject(spec, name)) for name in subjects]
    texts, parts = _Texts(source, candidates), []
    looked: list[_Looked] = []
    for first in range(0, len(candidates), TOGETHER):
        part = slice(first, min(first + TOGETHER, len(candidates)))
        chosen = None if at is None else tuple(at[part])
        key = _key(source, sources, candidates[part], every, chosen)
        scores = engine.store.read(key, "measured")
        if scores is None:
            step, looks = _step(progress, len(candidates), len(subjects), part), not looked
            step(0.0, 0.0, 0, 0, 1)
            if looks:
                first_half = partial(step, 0.0, 0.5)
                looked = [_look(s, every, partial(first_half, n)) for n, s in enumerate(sources)]
            rest = partial(step, 0.5 * looks, 1.0)
            values = [
                _values(s, texts, part, seen, partial(rest, n))
                for n, (s, seen) in enumerate(zip(sources, looked, strict=True))
            ]
            scores = _measure(values, looked, chosen)
            engine.store.write(key, "measured", scores, [spec.features, every])
        parts.append(scores)
        if progress:
            progress(part.stop * len(subjects), len(candidates) * len(subjects))
    every_part = np.concatenate(parts, axis=1) if parts else np.zeros((len(sources) * 3 + 1, 0))
    auroc, best, dice = every_part[1:].reshape(3, len(sources), -1)
    return Measured(auroc, best, dice, every_part[0])


def slices_of(engine: Engine, spec: MapSpec, every: int) -> list[int]:
    """Every k-th slice with brain in it, beginning in the middle of the first k."""
    filled = stored_features.filled_slices(engine, spec.features.slices)
    return filled[min(every // 2, len(filled) - 1) :: every]


def _key(
    source: SliceSource,
    sources: Sequence[SliceSource],
    candidates: Sequence[PromptSet],
    every: int,
    at: tuple[float, ...] | None,
) -> str:
    spec = source.spec
    return key_of(
        "",
        what="measured candidates, ranked on values",
        features=[s.features.digest for s in sources],
        labels=spec.features.slices.data.labels,
        method=spec.method,
        learned=setups.digest(source.setup),
        options=spec.options,
        candidates=[prompt_sets.content(candidate) for candidate in candidates],
        every=every,
        at=at,
        at_once=source.method.texts_at_once,
    )


class _Texts:
    """The candidates as the method reads them; each sentence is asked for once."""

    def __init__(self, source: SliceSource, candidates: Sequence[PromptSet]) -> None:
        self.candidates, self._source = candidates, source
        sentences = (
            s for candidate in candidates for side in prompt_sets.sentences(candidate) for s in side
        )
        self._encoder = Remembered(source.texts.encoder, sentences)
        self._fixed: FloatArray | None = None

    def of(
        self, part: slice, features: Sequence[SliceFeatures], step: Callable[[], None]
    ) -> FloatArray:
        """(n, K, E) of some candidates; (n, B, K, E) where the text depends on the slices."""
        by_slice, texts = self._source.method.text_by_slice, list[FloatArray]()
        if self._fixed is None or by_slice:
            for prompts in self.candidates[part] if by_slice else self.candidates:
                step()
                texts.append(self._source.texts.of(prompts, features, self._encoder))
            if by_slice:
                return np.stack(texts)
            self._fixed = np.stack(texts)
        return self._fixed[part]


@dataclass(frozen=True)
class _Looked:
    """Slices looked at; `pixels` (2, P) are the healthy and lesion pixels of retained patches."""

    slices: list[int]
    pixels: FloatArray


def _values(
    source: SliceSource,
    texts: _Texts,
    part: slice,
    looked: _Looked,
    step: Callable[[int, int], None],
) -> FloatArray:
    """(n, P) of some candidates at the patches of all slices looked at, in the map's range.

    Slices go together, one by one where the text depends on them.
    """
    method, values = source.method, []
    groups = [[index] for index in looked.slices] if method.text_by_slice else [looked.slices]
    for done, slices in enumerate(groups):
        tell = partial(step, done, len(groups))
        tell()
        features = [source.features.read(i) for i in slices] if method.text_by_slice else []
        text = texts.of(part, features, tell)
        values.append(method.patch_values(source.aligned(slices), text).cpu().numpy())
    return np.clip(np.concatenate(values, axis=1), 0, method.high, dtype=np.float32)


def _measure(
    values: Sequence[FloatArray], looked: Sequence[_Looked], at: Sequence[float] | None
) -> FloatArray:
    """(1 + 3 x subjects, n): threshold, then AUROC, best Dice and Dice of each subject."""
    weights = [sample.pixels for sample in looked]
    count, subjects, columns = (len(values[0]) if values else 0), len(values), []
    for n in range(count):
        rankings = [rank_weighted(v[n], *w) for v, w in zip(values, weights, strict=True)]
        curves = [weighted_curve(v[n], *w) for v, w in zip(values, weights, strict=True)]
        usable = [curve for curve in curves if curve.truth]
        value = at[n] if at is not None else validation_threshold(usable) if usable else np.nan
        aurocs = [auroc(ranking) if ranking.all_lesion else np.nan for ranking in rankings]
        dice = [curve.dice(np.array([value], np.float32))[0] for curve in curves]
        columns.append([value, *aurocs, *map(best_dice, rankings), *dice])
    return np.array(columns, float).reshape(count, 1 + 3 * subjects).T


def _step(
    progress: Progress | None, count: int, subjects: int, part: slice
) -> Callable[[float, float, int, int, int], None]:
    """Counts candidates on every subject; some work is from one share of a part to another."""
    size = (part.stop - part.start) * subjects

    def step(begin: float, end: float, subject: int, done: int, total: int) -> None:
        if progress:
            share = (subject + done / max(total, 1)) / subjects
            at = part.start * subjects + size * (begin + (end - begin) * share)
            progress(int(at), count * subjects)

    return step


def _look(source: SliceSource, every: int, progress: Progress) -> _Looked:
    slices = source.spec.features.slices
    stack = source.engine.stack(slices)
    if stack.truth is None:
        raise SettingError(
            f"{slices.subject} has no segmentation, so no prompt can be judged on it."
        )
    chosen, counts = slices_of(source.engine, source.spec, every), []
    source.encode(chosen, progress)
    for index, near in zip(chosen, source.features.retained(chosen), strict=True):
        brain, truth = stack.brain[index], stack.truth[index]
        masks = (brain & ~truth, brain & truth)
        pixels = [slicing.pixels_per_patch(mask, source.recipe.grid)[near] for mask in masks]
        counts.append(np.stack(pixels).astype(np.float64))
    return _Looked(chosen, np.concatenate(counts, axis=1))

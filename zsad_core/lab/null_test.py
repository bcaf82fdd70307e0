"""Is it the prompt at all? The same map from random text pairs, and the prompt's place among them.

The pairs take the prompt set's templates and class word; only its texts are replaced, by one
random phrase a side or as many as the set has. A prompt that does not stand out from them shows
what the image features and the learned part do with any two texts; its words explain nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from zsad_core.errors import SettingError
from zsad_core.inference.engine import Engine
from zsad_core.lab import candidates
from zsad_core.types import FloatArray, MapSpec, Progress, PromptSet

PAIRS, SEED = 200, 0


@dataclass(frozen=True)
class NullTest:
    """Voxel AUROC and best (oracle) Dice of N random pairs (subjects, N), and of the prompt.

    The prompt's are (subjects,); NaN for a subject without lesion in the slices looked at.
    """

    subjects: tuple[str, ...]
    pairs: tuple[PromptSet, ...]
    auroc: FloatArray
    best_dice: FloatArray
    own_auroc: FloatArray
    own_best_dice: FloatArray


@dataclass(frozen=True)
class Place:
    """Where a value stands: random ones below it (ties count half) of how many, and p.

    `p` is the chance that one of them and the value's own reaches it, (1 + reached) / (N + 1)
    (Phipson & Smyth 2010, doi 10.2202/1544-6115.1585).
    """

    below: float
    of: int
    p: float


def random_pairs(
    prompts: PromptSet,
    phrases: Sequence[str],
    count: int = PAIRS,
    sizes: tuple[int, int] = (1, 1),
) -> tuple[PromptSet, ...]:
    """The set with its texts replaced by different phrases, `count` times; raises SettingError.

    `sizes` are the numbers of normal and of abnormal texts: one a side, or as many as a set has.

    >>> random_pairs(PromptSet("x", ("a",), ("b",)), ["c", "d"], 1)[0].normal != ("a",)
    True
    """
    phrases = list(dict.fromkeys(phrases))
    if len(phrases) < sum(sizes):
        raise SettingError(
            f"Random pairs need {sum(sizes)} phrases or more, and there are {len(phrases)}."
        )
    rng, pairs = np.random.default_rng(SEED), list[PromptSet]()
    for number in range(count):
        texts = tuple(phrases[i] for i in rng.choice(len(phrases), sum(sizes), replace=False))
        normal, abnormal = texts[: sizes[0]], texts[sizes[0] :]
        name = f"random {number + 1}"
        pairs.append(replace(prompts, name=name, normal=normal, abnormal=abnormal))
    return tuple(pairs)


def null_test(
    engine: Engine,
    spec: MapSpec,
    subjects: Sequence[str],
    pairs: Sequence[PromptSet],
    every: int = candidates.EVERY,
    progress: Progress | None = None,
) -> NullTest:
    """The test over subjects, all kept; progress counts pairs. SettingError without a truth."""
    random = candidates.measured(engine, spec, subjects, pairs, every, progress)
    own = candidates.measured(engine, spec, subjects, (spec.prompts,), every)
    own_scores = own.auroc[:, 0], own.best_dice[:, 0]
    return NullTest(tuple(subjects), tuple(pairs), random.auroc, random.best_dice, *own_scores)


def place(own: float, random: FloatArray) -> Place:
    """Where a value stands among random ones (N,); higher is better, NaN are left out.

    >>> place(0.8, np.array([0.1, 0.8, 0.9]))
    Place(below=1.5, of=3, p=0.75)
    """
    random = random[~np.isnan(random)]
    below = float((random < own).sum() + (random == own).sum() / 2)
    return Place(below, len(random), float((1 + (random >= own).sum()) / (len(random) + 1)))


def over_subjects(values: FloatArray) -> FloatArray:
    """Mean over the subjects that have a value: (N,) from (subjects, N), () from (subjects,)."""
    usable = ~np.isnan(values.reshape(len(values), -1)).any(axis=1)
    if not usable.any():
        return np.full(values.shape[1:], np.nan)
    return np.asarray(values[usable].mean(axis=0))

"""Sentences composed from what was drawn, and which of them are true of which region.

A region (an image, a window, a patch) and a sentence each have one integer per fact; a sentence is
true of a region when every fact it states is the region's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zsad_core.training.textures import DEFECTS, SURFACES

FACTS = (
    "brain", "surface", "tone", "damaged", "flawless", "kind", "polarity", "size", "contrast",
    "inside", "lesion", "shade",
)  # fmt: skip
NOT_STATED, UNKNOWN, NONE = -9, -2, -1
Facts = NDArray[np.int64]

TEMPLATES = (
    "{}", "{}.", "a photo of {}", "a photo of {}.", "a close-up photo of {}.", "this is {}.",
    "a cropped photo of {}.", "a blurry photo of {}.", "a low resolution photo of {}.",
    "a black and white photo of {}.", "there is {} in the scene.", "a picture of {}.",
    "a bad photo of {}.", "a good photo of {}.", "a photo of {} for visual inspection.",
)  # fmt: skip
THINGS = ("object", "surface", "material", "part", "thing")
TONES = (("dark", "black", "dim", "grey"), ("bright", "light", "white", "pale"))
SHADES = (("black", "very dark", "dark"), ("grey", "medium grey", "dull grey"),
          ("white", "very bright", "bright white"))  # fmt: skip
AREAS = ("a {} area", "a {} region", "a {} patch", "a {} part", "something {}", "a {} zone")
SIZE_WORDS = (("tiny", "very small"), ("small", "little"), ("large", "big", "wide"))
KIND_WORDS = {
    "spot": ("spot", "dot", "blob", "patch", "lump"),
    "ring": ("ring", "circle", "loop", "rim"),
    "scratch": ("scratch", "scrape", "streak"),
    "crack": ("crack", "fissure", "fracture"),
    "hole": ("hole", "gap", "pit", "cavity"),
    "stain": ("stain", "smear", "blotch", "discoloured area"),
}
ABNORMAL = (
    "a damaged {}", "a {} with flaw", "a {} with defect", "a {} with damage", "a broken {}",
    "an abnormal {}", "a defective {}", "an imperfect {}", "a {} with something odd on it",
    "an unusual {}", "a {} with an anomaly", "a blemished {}", "a {} with a mark",
)  # fmt: skip
NORMAL = (
    "a flawless {}", "a perfect {}", "an unblemished {}", "a {} without flaw",
    "a {} without defect", "a {} without damage", "a normal {}", "a clean {}", "a plain {}",
    "an even {}", "a uniform {}", "an intact {}", "a {}",
)  # fmt: skip
CONTRAST_WORDS = (("T1", "T1-weighted"), ("contrast-enhanced T1", "T1 post-contrast"),
                  ("T2", "T2-weighted"), ("FLAIR", "T2 FLAIR"))  # fmt: skip
ANATOMY = (
    "an axial {} scan of a brain", "a {} magnetic resonance image of the head",
    "a {} brain MRI slice",     "brain tissue on a {} scan", "an axial {} slice through the brain",
)  # fmt: skip
LESION = (
    "a lesion", "a tumour", "a tumor", "a metastasis", "a brain metastasis", "oedema", "edema",
    "an enhancing lesion", "a mass", "a neoplasm", "a hyperintense lesion", "a malignancy",
    "perifocal oedema", "an intracranial lesion", "a pathological finding", "cancer",
)  # fmt: skip
HEALTHY = (
    "healthy brain tissue", "normal brain tissue", "a normal brain", "a healthy brain",
    "no lesion", "no tumour", "no pathological finding", "unremarkable brain parenchyma",
)  # fmt: skip
FIGURES = (
    "{}", "{}.", "a brain MRI with {}", "axial {} image showing {}", "figure: {}", "an image of {}",
    "MR image: {}", "{} scan with {}", "a photo of {}", "a scan of {}", "arrow: {}",
)  # fmt: skip
BACKGROUND = ("an empty background", "a black background", "nothing but background", "empty space")


@dataclass(frozen=True)
class Sentence:
    """A sentence and the facts (F,) it states, NOT_STATED where it is silent."""

    text: str
    facts: tuple[int, ...]


def draw(rng: np.random.Generator, count: int) -> list[Sentence]:
    """`count` different sentences, rare and common facts in equal parts."""
    kinds: tuple[Callable[[np.random.Generator], Sentence], ...] = (
        _defect, _defect, _defect, _abnormal, _normal, _surface, _anatomy, _background, _shade,
    )  # fmt: skip
    return _different([], count, lambda: kinds[int(rng.integers(len(kinds)))](rng))


def draw_medical(rng: np.random.Generator, count: int) -> list[Sentence]:
    """Half of them figure captions in medical words, the other half as `draw`, so none is lost."""
    return _different(draw(rng, count // 2), count, lambda: _medical(rng))


def _different(
    sentences: list[Sentence], count: int, draw_one: Callable[[], Sentence]
) -> list[Sentence]:
    by_text = {sentence.text: sentence for sentence in sentences}
    while len(by_text) < count:
        sentence = draw_one()
        by_text.setdefault(sentence.text, sentence)
    return list(by_text.values())


def truth(sentences: Facts, regions: Facts) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(T, M) each: whether sentence t (T, F) is true of region m (M, F), and whether that is known.

    A fact that is UNKNOWN of a region leaves open what states it, unless another fact refutes it.

    >>> states = np.array([[1, NOT_STATED]])
    >>> truth(states, np.array([[1, 0], [0, 0], [UNKNOWN, 0]]))
    (array([[ True, False, False]]), array([[ True,  True, False]]))
    """
    stated = sentences[:, None] != NOT_STATED  # (T, 1, F)
    known = regions[None] != UNKNOWN  # (1, M, F)
    same = sentences[:, None] == regions[None]
    refuted = (stated & known & ~same).any(axis=2)
    open_ = (stated & ~known).any(axis=2)
    return ~refuted & ~open_, refuted | ~open_


def facts(**stated: int) -> tuple[int, ...]:
    """Facts in order, NOT_STATED where nothing is given."""
    return tuple(stated.get(name, NOT_STATED) for name in FACTS)


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def _thing(rng: np.random.Generator) -> tuple[str, dict[str, int]]:
    """A surface by its name, or a word that fits any."""
    if rng.random() < 0.5:
        return _pick(rng, THINGS), {}
    index = int(rng.integers(len(SURFACES)))
    return _piece(rng, index), {"surface": index}


def _piece(rng: np.random.Generator, surface: int) -> str:
    return SURFACES[surface] + _pick(rng, ("", " surface", " plate", " sheet"))


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _filled(rng: np.random.Generator, noun: str, **stated: int) -> Sentence:
    return Sentence(_pick(rng, TEMPLATES).format(noun), facts(**stated))


def _defect(rng: np.random.Generator) -> Sentence:
    kind = int(rng.integers(len(DEFECTS)))
    words, stated = [_pick(rng, KIND_WORDS[DEFECTS[kind]])], {"kind": kind, "damaged": 1}
    if rng.random() < 0.6:
        stated["polarity"] = int(rng.integers(2))
        words.insert(0, _pick(rng, TONES[stated["polarity"]][:3]))
    if rng.random() < 0.4:
        stated["size"] = int(rng.integers(3))
        words.insert(0, _pick(rng, SIZE_WORDS[stated["size"]]))
    noun = _article(" ".join(words))
    if rng.random() < 0.4:
        thing, more = _thing(rng)
        noun, stated = f"{noun} on {_article(thing)}", {**stated, **more}
    return _filled(rng, noun, **stated)


def _abnormal(rng: np.random.Generator) -> Sentence:
    thing, more = _thing(rng)
    return _filled(rng, _pick(rng, ABNORMAL).format(thing), damaged=1, **more)


def _normal(rng: np.random.Generator) -> Sentence:
    thing, more = _thing(rng)
    return _filled(rng, _pick(rng, NORMAL).format(thing), flawless=1, inside=1, **more)


def _surface(rng: np.random.Generator) -> Sentence:
    index, tone = int(rng.integers(len(SURFACES))), int(rng.integers(2))
    noun = _piece(rng, index)
    if rng.random() < 0.5:
        return _filled(rng, _article(noun), surface=index)
    noun = _article(f"{_pick(rng, TONES[tone])} {noun}")
    return _filled(rng, noun, surface=index, tone=tone)


def _anatomy(rng: np.random.Generator) -> Sentence:
    contrast = int(rng.integers(4))
    noun = _pick(rng, ANATOMY)
    if rng.random() < 0.4:
        return _filled(rng, noun.replace("{} ", ""), brain=1, inside=1)
    words = _pick(rng, CONTRAST_WORDS[contrast])
    return _filled(rng, noun.format(words), brain=1, contrast=contrast, inside=1)


def _background(rng: np.random.Generator) -> Sentence:
    return _filled(rng, _pick(rng, BACKGROUND), inside=0)


def _shade(rng: np.random.Generator) -> Sentence:
    shade = int(rng.integers(3))
    return _filled(rng, _pick(rng, AREAS).format(_pick(rng, SHADES[shade])), shade=shade)


def _medical(rng: np.random.Generator) -> Sentence:
    lesion = int(rng.random() < 0.6)
    noun, figure = _pick(rng, LESION if lesion else HEALTHY), _pick(rng, FIGURES)
    stated = {"brain": 1, "lesion": lesion, "inside": 1}
    if figure.count("{}") == 1:
        return Sentence(figure.format(noun), facts(**stated))
    contrast = int(rng.integers(4))
    text = figure.format(_pick(rng, CONTRAST_WORDS[contrast]), noun)
    return Sentence(text, facts(**stated, contrast=contrast))

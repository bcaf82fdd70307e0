"""What is wrong with prompts before any number is read: texts cut, groups alike, edits unread."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zsad_core import methods
from zsad_core.base.jobs import INTERACTIVE
from zsad_core.base.wording import counted, listed
from zsad_core.errors import PromptError
from zsad_core.inference import evaluation
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import SliceSource, text_source
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import FloatArray, MapSpec, PromptSet

ALIKE = 0.99  # cosine of the two class embeddings; our choice
SHORT = 60  # bytes; each token takes one or more, and learned vectors take up to 12
QUOTED = 60  # characters
SIDES = ("normal", "abnormal")
PICTOGRAPHS = 0x2300  # symbols from here on are pictures; ©, ° and ™ stand before
WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class CutSentence:
    """A sentence of more tokens than are read; both counts are with start and end."""

    text: str
    tokens: int
    read: int


def warnings(engine: Engine, spec: MapSpec, base: PromptSet) -> list[str]:
    """Sentences on what to mend in the spec's prompts; `base` is the set before it was edited."""
    prompts, messages = spec.prompts, list[str]()
    for template in prompts.templates:
        if "{}" not in template:
            messages.append(f"The template '{template}' has no {{}}, so no text enters it.")
    if (alike := alikeness(engine, spec)) is not None and alike > ALIKE:
        messages.append(
            f"The two sides hardly differ: the cosine of their embeddings is {alike:.4f}."
        )
    if not reads(engine, spec, base):
        messages.append(_unread(text_source(engine, spec), base))
    return messages


def warnings_of_side(engine: Engine, spec: MapSpec, side: str) -> list[str]:
    """Sentences on the texts of one side: given twice, with pictographs, longer than is read."""
    prompts, warnings, sides = spec.prompts, list[str](), (side, *(s for s in SIDES if s != side))
    here, other = ([_as_read(t) for t in getattr(prompts, s)] for s in sides)
    for text, count in Counter(here).items():
        if count > 1:
            times = "twice" if count == 2 else f"{count} times"
            warnings.append(
                f"'{_start(text)}' is given {times}, so it counts {times} in the mean. "
                "Remove repeats unless you want that weight."
            )
        if text in other:
            warnings.append(f"'{_start(text)}' is a text of the other side too.")
    signs = dict.fromkeys(c for c in "".join(here) if unicodedata.category(c) == "So")
    if pictures := [sign for sign in signs if ord(sign) >= PICTOGRAPHS]:
        warnings.append(
            f"Unknown to CLIP: {listed(pictures)}. It reads a pictograph as bytes, not as a word; "
            "write the word instead."
        )
    try:
        cut = cut_warning(engine, spec, (side,))
    except PromptError as error:
        return [*warnings, str(error)]
    return [*warnings, cut] if cut else warnings


def split_words(engine: Engine, spec: MapSpec, side: str) -> dict[str, int]:
    """Words of a side's texts that CLIP's vocabulary does not hold whole, with their pieces.

    Texts of the shipped sets are not looked at, so that these need no tower.
    """
    sets = prompt_sets.shipped().values()
    shipped = {text for prompts in sets for text in (*prompts.normal, *prompts.abnormal)}
    texts = [_as_read(text) for text in getattr(spec.prompts, side) if text not in shipped]
    words = list(dict.fromkeys(word for text in texts for word in WORD.findall(text)))
    if not words:
        return {}
    with engine.turn(spec.features, INTERACTIVE) as tower:
        start_and_end, *lengths = tower.lengths(["", *words])
    pieces = {word: n - start_and_end for word, n in zip(words, lengths, strict=True)}
    return {word: count for word, count in pieces.items() if count > 1}


def _start(text: str) -> str:
    """A text, or its start where it is too long to be quoted."""
    return text if len(text) <= QUOTED else f"{text[:QUOTED].rstrip()} …"


def _as_read(text: str) -> str:
    """A text as CLIP reads it: in small letters, with single spaces."""
    return " ".join(text.lower().split())


def _unread(source: SliceSource, base: PromptSet) -> str:
    prompts = source.spec.prompts
    takes = any("{}" in text for text in (*prompts.normal, *prompts.abnormal))
    if prompts.class_name != base.class_name and not takes:
        return f"No text has {{}}, so the class name '{prompts.class_name}' is not used."
    return f"{source.method.title} does not read what you changed: its text is what it was."


def alikeness(engine: Engine, spec: MapSpec) -> float | None:
    """Cosine of the normal and the abnormal class; None where that depends on the slice."""
    source = text_source(engine, spec)
    if source.method.text_by_slice:
        return None
    normal, abnormal = source.texts.embeddings()
    return float(normal @ abnormal / (np.linalg.norm(normal) * np.linalg.norm(abnormal)))


def reads(engine: Engine, spec: MapSpec, base: PromptSet) -> bool:
    """Whether the method sees a difference between the spec's prompts and others."""
    same, source = prompt_sets.content(base), text_source(engine, spec)
    if source.method.text_by_slice or prompt_sets.content(spec.prompts) == same:
        return True
    before = text_source(engine, evaluation.with_prompts(spec, base)).texts.embeddings()
    return not np.allclose(source.texts.embeddings(), before, atol=1e-6)


def cut_warning(engine: Engine, spec: MapSpec, sides: Sequence[str] = SIDES) -> str:
    """What is to know of texts that are longer than the text tower reads; "" where none is."""
    cut = cut_sentences(engine, spec, sides) if methods.kind_of(spec.method).prompts else ()
    if not cut:
        return ""
    first, are = cut[0], "is" if len(cut) == 1 else "are"
    return (
        f"{counted(len(cut), 'sentence')} {are} longer than the text tower reads: only the first "
        f"{first.read} tokens count. Shorten the text; the first long sentence has {first.tokens} "
        f"tokens: '{_start(first.text)}'."
    )


def cut_sentences(
    engine: Engine, spec: MapSpec, sides: Sequence[str] = SIDES
) -> tuple[CutSentence, ...]:
    """Sentences with more tokens than the text tower reads; a loaded tower counts long ones."""
    long = [
        text
        for side in sides
        for text in prompt_sets.of_side(spec.prompts, side)
        if len(text.encode()) > SHORT
    ]
    if not long:
        return ()
    with engine.turn(spec.features, INTERACTIVE) as tower:
        lengths = tower.lengths(long)
    room = tower.info.context_length - methods.kind_of(spec.method).learned_words
    pairs = zip(long, lengths, strict=True)
    return tuple(CutSentence(text, n, room) for text, n in pairs if n > room)


def similarity(engine: Engine, spec: MapSpec) -> tuple[list[tuple[str, str]], FloatArray]:
    """(side, text) of every text, and the cosines between them (N, N), each as the method reads it.

    A text stands for itself under all templates. Empty where the text depends on the slice.
    """
    source, prompts = text_source(engine, spec), spec.prompts
    texts = [(side, t) for side in SIDES for t in getattr(prompts, side)]
    if source.method.text_by_slice:
        return [], np.zeros((0, 0), np.float32)
    rows = []
    for side, text in texts:
        alone = PromptSet(**{**vars(prompts), "normal": (text,), "abnormal": (text,)})
        rows.append(source.texts.of(alone)[int(side == "abnormal")])
    values = np.stack(rows)
    values = values / np.linalg.norm(values, axis=1, keepdims=True)
    return texts, np.asarray(values @ values.T)

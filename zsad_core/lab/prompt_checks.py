"""What is wrong with prompts before any number is read: texts cut, groups alike, edits unread."""

from collections.abc import Sequence

import numpy as np

from zsad_core import methods
from zsad_core.base.jobs import INTERACTIVE
from zsad_core.base.wording import counted
from zsad_core.inference import evaluation
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import SliceSource, text_source
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import FloatArray, MapSpec, PromptSet

ALIKE = 0.99  # cosine of the two class embeddings; our choice
SHORT = 60  # bytes; each token takes one or more, and learned vectors take up to 12


def warnings(engine: Engine, spec: MapSpec, base: PromptSet) -> list[str]:
    """Sentences on what to mend in the spec's prompts; `base` is the set before it was edited."""
    prompts, found = spec.prompts, list[str]()
    for template in prompts.templates:
        if "{}" not in template:
            found.append(f"The template '{template}' has no {{}}, so no text enters it.")
    if cut := cut_warning(engine, spec):
        found.append(cut)
    if (alike := alikeness(engine, spec)) is not None and alike > ALIKE:
        found.append(f"The two sides hardly differ: the cosine of their embeddings is {alike:.4f}.")
    if not reads(engine, spec, base):
        found.append(_unread(text_source(engine, spec), base))
    return found


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


def cut_warning(engine: Engine, spec: MapSpec) -> str:
    """What is to know of texts that are longer than the text tower reads; "" where none is."""
    cut = cut_sentences(engine, spec) if methods.kind_of(spec.method).prompts else ()
    if not cut:
        return ""
    return (
        f"{counted(len(cut), 'sentence')} longer than the text tower reads, and cut; the first: "
        f"'{cut[0]}'."
    )


def cut_sentences(engine: Engine, spec: MapSpec) -> tuple[str, ...]:
    """Sentences with more tokens than the text tower reads; a loaded tower counts long ones."""
    long = [
        text
        for side in prompt_sets.sentences(spec.prompts)
        for text in side
        if len(text.encode()) > SHORT
    ]
    if not long:
        return ()
    with engine.turn(spec.features, INTERACTIVE) as tower:
        lengths = tower.lengths(long)
    room = tower.info.context_length - methods.kind_of(spec.method).learned_words
    return tuple(text for text, length in zip(long, lengths, strict=True) if length > room)


def similarity(engine: Engine, spec: MapSpec) -> tuple[list[tuple[str, str]], FloatArray]:
    """(side, text) of every text, and the cosines between them (N, N), each as the method reads it.

    A text stands for itself under all templates. Empty where the text depends on the slice.
    """
    source, prompts = text_source(engine, spec), spec.prompts
    texts = [(side, t) for side in ("normal", "abnormal") for t in getattr(prompts, side)]
    if source.method.text_by_slice:
        return [], np.zeros((0, 0), np.float32)
    rows = []
    for side, text in texts:
        alone = PromptSet(**{**vars(prompts), "normal": (text,), "abnormal": (text,)})
        rows.append(source.texts.of(alone)[int(side == "abnormal")])
    return texts, _cosines(rows)


def _cosines(rows: Sequence[FloatArray]) -> FloatArray:
    values = np.stack(rows)
    values = values / np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values @ values.T)

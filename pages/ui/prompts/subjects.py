"""Which subjects a search or a test looks at, and in which parts of the split they stand."""

from collections import Counter
from collections.abc import Collection

import streamlit as st

from pages.ui.shell import exposure
from pages.ui.shell.sidebar import UserChoice
from zsad_core import methods
from zsad_core.base.wording import counted, ordinal
from zsad_core.inference import evaluation
from zsad_core.metrics.threshold_rules import Fixed
from zsad_core.types import Split, Threshold

EVERY = (1, 2, 4, 8)
UNTUNED = Threshold(0.0, Fixed.name, "")  # for what is exposed whatever the threshold


def with_truth(choice: UserChoice) -> dict[str, Split]:
    """Usable subjects with a truth and the modality: their split by id."""
    modality = choice.map.features.slices.modality
    return {subject.id: subject.split for subject in choice.subjects if subject.evaluable(modality)}


def of_split(choice: UserChoice, *splits: str, most: int = 1000) -> list[str]:
    """The first subjects of the splits."""
    return [name for name, split in with_truth(choice).items() if split in splits][:most]


def choose(
    label: str,
    choice: UserChoice,
    key: str,
    default: Collection[str],
    offered: Collection[str] | None = None,
) -> tuple[str, ...]:
    """Some subjects, of those offered, in the order of the data set, with their parts."""
    options = [name for name in with_truth(choice) if offered is None or name in offered]
    chosen = st.multiselect(
        label,
        options,
        default=[name for name in default if name in options],
        key=f"{key}-{choice.data.kind}{choice.data.root}",
    )
    if parts := in_parts(choice, chosen):
        st.caption(parts)
    return tuple(name for name in options if name in chosen)


def in_parts(choice: UserChoice, subjects: Collection[str]) -> str:
    """How many of the subjects stand in which part: "3 validation, 1 test"; "" without a split."""
    known = with_truth(choice)
    counts = Counter(known[name] for name in subjects if name in known)
    return ", ".join(f"{count} {part}" for part, count in counts.items() if part)


def counted_in_parts(choice: UserChoice, subjects: Collection[str]) -> str:
    """The same beside their number: "4 subjects (3 validation, 1 test)"."""
    parts = in_parts(choice, subjects)
    return counted(len(subjects), "subject") + (f" ({parts})" if parts else "")


def warn_of_exposed(choice: UserChoice, subjects: Collection[str]) -> None:
    """Name those of the subjects that checkpoint, prompts or references have seen."""
    exposure.warn((name, evaluation.of_subject(choice.map, name), UNTUNED) for name in subjects)


def every_slice(choice: UserChoice, key: str) -> int:
    """How many slices are looked at: every k-th with brain."""
    if methods.kind_of(choice.map.method).text_by_slice:
        st.caption(
            "This method encodes every text again for every slice, which is slow: choose few "
            "slices."
        )
    return st.select_slider(
        "Slices",
        EVERY,
        4,
        key=key,
        format_func=lambda k: "all" if k == 1 else f"every {ordinal(k)}",
    )


def slices_read(choice: UserChoice, every: int) -> str:
    """The same in words."""
    which = "every" if every == 1 else f"every {ordinal(every)}"
    return f"{which} slice with {choice.data.region}"

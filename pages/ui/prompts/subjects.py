"""Which subjects a search or a test looks at, and what must be said of them."""

from collections import Counter

import streamlit as st

from pages.ui.shell.sidebar import UserChoice
from zsad_core import methods
from zsad_core.base.wording import ordinal
from zsad_core.types import Split

EVERY = (1, 2, 4, 8)


def with_truth(choice: UserChoice) -> dict[str, Split]:
    """Usable subjects with a truth and the modality: their split by id."""
    modality = choice.map.features.slices.modality
    return {subject.id: subject.split for subject in choice.subjects if subject.evaluable(modality)}


def of_split(choice: UserChoice, *splits: str, most: int = 1000) -> list[str]:
    """The first subjects of the splits."""
    return [name for name, split in with_truth(choice).items() if split in splits][:most]


def choose(label: str, choice: UserChoice, key: str, default: list[str]) -> tuple[str, ...]:
    """Subjects by name, in the order of the data set, and how many of each split."""
    known = with_truth(choice)
    chosen = st.multiselect(
        label,
        list(known),
        default=[name for name in default if name in known],
        key=f"{key}-{choice.data.kind}{choice.data.root}",
    )
    counts = Counter(known[name] for name in chosen)
    if any(counts):
        st.caption(", ".join(f"{count} {split}" for split, count in counts.items()))
    return tuple(name for name in known if name in chosen)


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


def slices_read(every: int) -> str:
    """The same in words."""
    return "every brain slice" if every == 1 else f"every {ordinal(every)} brain slice"

"""Normal slices for few-shot: how they are written, and picking some of a subject."""

import numpy as np

from zsad_core.base.wording import whole_number
from zsad_core.errors import SettingError
from zsad_core.imaging import slicing
from zsad_core.types import Reference, SliceSpec, SliceStack

MOST = 8  # normal slices at once
WITHIN = 0.25  # of depth, whose range is -1 … 1
LEAST_BRAIN = 0.1  # of the largest slice's brain area; less shows too little


def written(reference: Reference) -> str:
    """SUBJECT:NUMBER, the number counted from 1, as on screen.

    >>> written(Reference(SliceSpec(subject="A-1"), 60))
    'A-1:61'
    """
    return f"{reference.slices.subject}:{reference.index + 1}"


def parsed(text: str, slices: SliceSpec) -> Reference:
    """What `written` wrote, of the data, modality and plane of `slices`; raises SettingError.

    >>> parsed("A-1:61", SliceSpec()).index
    60
    """
    subject, _, number = text.strip().rpartition(":")
    counted = whole_number(number)
    if not subject or not counted:
        raise SettingError(f"'{text}' is no slice; write SUBJECT:NUMBER, such as BraTS-1:61.")
    of = SliceSpec(slices.data, subject, slices.modality, slices.plane)
    return Reference(of, counted - 1)


def clear_slices(stack: SliceStack, near: float, count: int) -> list[int]:
    """Indices of `count` slices without lesion, evenly spaced around a depth of -1 … 1.

    They lie within a quarter of a half brain of it, or, where too few do, are the nearest. Fewer
    where there are no more; none without truth, as nothing says which are clear.
    """
    if stack.truth is None:
        return []
    area, depth = stack.brain.sum(axis=(1, 2)), slicing.depths(stack.brain)
    clear = ~stack.truth.any(axis=(1, 2)) & (area >= LEAST_BRAIN * area.max())
    indices = np.flatnonzero(clear)
    away = np.abs(depth[indices] - near)
    pool = np.sort(indices[np.argsort(away, kind="stable")][: max(count, (away <= WITHIN).sum())])
    places = np.linspace(0, len(pool) - 1, min(count, len(pool)))
    return [int(pool[i]) for i in np.unique(places.round().astype(int))]

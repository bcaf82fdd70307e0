"""Known overlaps of public data sets: what a checkpoint's training may share with a subject."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import pydantic

FILE = Path(__file__).with_name("overlaps.json")


@dataclass(frozen=True)
class Overlap:
    """Patterns of what was trained on and of subjects' ids, the overlap in words, its source."""

    trained_on: str
    subjects: str
    words: str
    source: str

    def __str__(self) -> str:
        return f"{self.words} ({self.source})"

    def concerns(self, trained_on: str, subject: str) -> bool:
        """Whether words on the training and a subject's id meet both patterns."""
        patterns = ((self.trained_on, trained_on), (self.subjects, subject))
        return all(re.search(pattern, text, re.IGNORECASE) for pattern, text in patterns)


def overlaps(trained_on: str, subject: str) -> tuple[Overlap, ...]:
    """The known overlaps of what a checkpoint was trained on with a subject.

    >>> [overlap.source for overlap in overlaps("BMAD, test part", "BraTS2021_00013")]
    ['github.com/DorisBao/BMAD']
    """
    return tuple(known for known in _known() if known.concerns(trained_on, subject))


@functools.cache
def _known() -> tuple[Overlap, ...]:
    return pydantic.TypeAdapter(tuple[Overlap, ...]).validate_json(FILE.read_bytes())

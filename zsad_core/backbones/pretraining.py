"""What a backbone was pretrained on, as it was published: data beside the code."""

import functools
from dataclasses import dataclass
from pathlib import Path

import pydantic

from zsad_core.types import BackboneSpec

FILE = Path(__file__).with_name("pretraining.json")


@dataclass(frozen=True)
class Pretraining:
    """The data in words, where that is stated, and ids of subjects among them that are known."""

    data: str
    source: str = ""
    subjects: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.data} ({self.source})" if self.source else self.data


UNKNOWN = Pretraining("not known here")


def pretraining(spec: BackboneSpec) -> Pretraining:
    """By the name of the backbone, or the tag of its weights.

    >>> pretraining(BackboneSpec("ViT-B-16-plus-240", "laion400m_e31")).data
    'LAION-400M, image-text pairs from the internet'
    """
    return _known().get(spec.name) or _known().get(spec.weights, UNKNOWN)


@functools.cache
def _known() -> dict[str, Pretraining]:
    return pydantic.TypeAdapter(dict[str, Pretraining]).validate_json(FILE.read_bytes())

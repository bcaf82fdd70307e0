"""How methods read text: fixed sentences pooled to one embedding a side, or words of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import numpy as np

from zsad_core.types import FloatArray

if TYPE_CHECKING:
    from zsad_core.backbones.tower import Tower

AHEAD = 64  # sentences
OfSentences = Callable[["Tower", str, Sequence[str]], FloatArray]


class TextEncoder(Protocol):
    """Who encodes text for a method, under the activation of its recipe."""

    def sentences(self, texts: Sequence[str]) -> FloatArray:
        """(N, E) float32 text features, not normalised."""

    def each(self, texts: Sequence[str], work: OfSentences) -> FloatArray:
        """(N, E) of work(tower, activation, texts), for a method that reads them its own way.

        Each sentence by itself: what it gives does not depend on those beside it.
        """

    def on_tower(self, work: Callable[[Tower, str], FloatArray]) -> FloatArray:
        """What work(tower, activation) returns, for a method with learned vectors among words."""


class TowerTexts:
    """The encoder that asks the tower each time."""

    def __init__(self, tower: Tower, activation: str) -> None:
        self._tower, self._activation = tower, activation

    def sentences(self, texts: Sequence[str]) -> FloatArray:
        return self._tower.sentences(texts, self._activation)

    def each(self, texts: Sequence[str], work: OfSentences) -> FloatArray:
        return work(self._tower, self._activation, texts)

    def on_tower(self, work: Callable[[Tower, str], FloatArray]) -> FloatArray:
        return work(self._tower, self._activation)


class Remembered:
    """An encoder that asks another one once for each sentence, for many sets of the same words.

    With what is asked for, some of the sentences that are `coming` are encoded too.
    """

    def __init__(self, encoder: TextEncoder, coming: Iterable[str] = ()) -> None:
        self._encoder, self._coming = encoder, iter(coming)
        self._known: dict[str, FloatArray] = {}

    def sentences(self, texts: Sequence[str]) -> FloatArray:
        return self._remembered(texts, self._encoder.sentences)

    def each(self, texts: Sequence[str], work: OfSentences) -> FloatArray:
        """(N, E) of work(tower, activation, texts); the same work at every call."""
        return self._remembered(texts, lambda new: self._encoder.each(new, work))

    def on_tower(self, work: Callable[[Tower, str], FloatArray]) -> FloatArray:
        return self._encoder.on_tower(work)

    def _remembered(
        self, texts: Sequence[str], encode: Callable[[Sequence[str]], FloatArray]
    ) -> FloatArray:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            ahead = (text for text in self._coming if text not in self._known)
            new = list(dict.fromkeys([*new, *islice(ahead, AHEAD)]))
            self._known.update(zip(new, encode(new), strict=True))
        return np.stack([self._known[text] for text in texts])


def unit(values: FloatArray) -> FloatArray:
    """Rows of length one, float32."""
    return np.asarray(values / np.linalg.norm(values, axis=-1, keepdims=True), np.float32)


def unit_mean(embeddings: FloatArray) -> FloatArray:
    """Normalise each sentence, mean, normalise: (N, E) to (E,)."""
    return unit(unit(embeddings).mean(axis=0))

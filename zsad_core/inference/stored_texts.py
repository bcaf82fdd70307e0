"""Text of a prompt set for a method: each exact sentence is encoded once and stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zsad_core import backbones, setups
from zsad_core.base.jobs import INTERACTIVE
from zsad_core.base.store import key_of
from zsad_core.inference.engine import Engine
from zsad_core.methods import Method
from zsad_core.methods.texts import OfSentences, TextEncoder
from zsad_core.prompts import sets as prompt_sets
from zsad_core.setups import Setup
from zsad_core.types import (
    FeatureSpec,
    FloatArray,
    MapSpec,
    PromptSet,
    Recipe,
    SliceFeatures,
    read_only,
)

if TYPE_CHECKING:
    from zsad_core.backbones.tower import Tower

TOGETHER = 8  # slices whose texts are encoded at once
AT_ONCE = 32  # sentences


@dataclass(frozen=True)
class ClassTexts:
    """The prompts of a map as its method reads them."""

    engine: Engine
    spec: MapSpec
    recipe: Recipe
    method: Method
    setup: Setup

    @property
    def encoder(self) -> StoredTexts:
        """Who encodes the sentences, under the activation of the recipe."""
        features, activation = self.spec.features, self.recipe.activation
        return StoredTexts(self.engine, features, activation, self.method.last_bits)

    @property
    def key(self) -> str:
        """What the embeddings are stored under."""
        return key_of(
            backbones.info(self.spec.features.backbone).digest,
            method=self.spec.method,
            learned=setups.digest(self.setup),
            prompts=prompt_sets.content(self.spec.prompts),
            options=self.spec.options,
            precision=self.spec.features.precision,
        )

    def embeddings(self, features: Mapping[str, SliceFeatures] | None = None) -> FloatArray:
        """(K, E) float32: one embedding a class, from memory or the store.

        (B, K, E) where the text depends on the slice; `features` are those of the slices, by a name
        that is unique to each. Raises WeightsError, PromptError.
        """
        engine, prompts, key = self.engine, self.spec.prompts, self.key
        if not self.method.text_by_slice:
            return engine.sides.get(key, lambda: self._stored(key))
        features = features or {}
        embeddings = {name: engine.store.read(key, name) for name in features}
        new = [name for name, row in embeddings.items() if row is None]
        for start in range(0, len(new), TOGETHER):
            batch = new[start : start + TOGETHER]
            rows = self.of(prompts, [features[name] for name in batch])
            for name, row in zip(batch, rows, strict=True):
                embeddings[name] = engine.store.write(key, name, row.copy(), prompts)
        return np.stack([row for row in embeddings.values() if row is not None])

    def of(
        self,
        prompts: PromptSet,
        features: Sequence[SliceFeatures] = (),
        encoder: TextEncoder | None = None,
    ) -> FloatArray:
        """(K, E), or (B, K, E) for the features of B slices: any prompts, by any encoder."""
        learned = setups.learned(self.setup)
        return self.method.texts(prompts, encoder or self.encoder, learned, features)

    def _stored(self, key: str) -> FloatArray:
        stored = self.engine.store.read(key, "classes")
        if stored is None:
            rows, prompts = self.of(self.spec.prompts), self.spec.prompts
            stored = self.engine.store.write(key, "classes", rows, prompts)
        return stored


@dataclass(frozen=True)
class StoredTexts:
    """The encoder that keeps what it encoded; a `TextEncoder`."""

    engine: Engine
    spec: FeatureSpec
    activation: str
    last_bits: bool = False

    def sentences(self, texts: Sequence[str]) -> FloatArray:
        """(N, E) float32, not normalised.

        All sentences of a backbone lie in one entry of the store, so that hundreds of new ones are
        few writes, and one look tells which are there.
        """
        engine, names = self.engine, {text: _name(text) for text in dict.fromkeys(texts)}
        context = {"activation": self.activation, "precision": self.spec.precision}
        key = key_of(backbones.info(self.spec.backbone).digest, what="sentences", **context)
        label = {"what": "sentences", "backbone": self.spec.backbone, **context}
        embeddings = {text: engine.texts.peek((key, name)) for text, name in names.items()}
        stored = engine.store.names(key) if any(row is None for row in embeddings.values()) else ()
        for text, name in names.items():
            if embeddings[text] is None and name in stored:
                embeddings[text] = engine.store.read(key, name)
        new = [text for text, row in embeddings.items() if row is None]
        for start in range(0, len(new), AT_ONCE):
            batch = new[start : start + AT_ONCE]
            rows = {text: row.copy() for text, row in zip(batch, self._encoded(batch), strict=True)}
            engine.store.write_all(key, {names[text]: row for text, row in rows.items()}, label)
            embeddings |= {text: read_only(row) for text, row in rows.items()}
        for text, row in embeddings.items():
            if row is not None:
                engine.texts.put((key, names[text]), row)
        return np.stack([row for text in texts if (row := embeddings[text]) is not None])

    def each(self, texts: Sequence[str], work: OfSentences) -> FloatArray:
        """(N, E) of work(tower, activation, texts), in its turn on the device."""
        return self.on_tower(lambda tower, activation: work(tower, activation, texts))

    def on_tower(self, work: Callable[[Tower, str], FloatArray]) -> FloatArray:
        """What work(tower, activation) returns, in its turn on the device."""
        with self.engine.turn(self.spec, INTERACTIVE, self.last_bits) as tower:
            return work(tower, self.activation)

    def _encoded(self, texts: Sequence[str]) -> FloatArray:
        return self.on_tower(lambda tower, activation: tower.sentences(texts, activation))


def _name(sentence: str) -> str:
    """Of a sentence in the store.

    >>> _name("a scan.") == _name("a scan."), _name("a scan.") == _name("A scan.")
    (True, False)
    """
    return hashlib.sha256(sentence.encode()).hexdigest()

"""Text of a prompt set for a method: each exact sentence is encoded once and stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zsad_core import backbones, methods, setups
from zsad_core.base.jobs import INTERACTIVE
from zsad_core.base.store import key_of
from zsad_core.inference.engine import Engine
from zsad_core.methods.texts import OfSentences
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import (
    FeatureSpec,
    FloatArray,
    MapSpec,
    Recipe,
    SliceFeatures,
    read_only,
)

TOGETHER = 8  # slices whose texts are encoded at once
AT_ONCE = 32  # sentences


def class_embeddings(
    engine: Engine, spec: MapSpec, features: Mapping[str, SliceFeatures]
) -> FloatArray:
    """(K, E) float32: the prompt set as the method reads it, from memory or the store.

    (B, K, E) where the text depends on the slice; `features` are those of the slices, by a name
    that is unique to each.
    """
    entry = setups.find(spec.method, spec.setup)
    method = methods.slice_method(spec.method, spec.options)
    key = key_of(
        backbones.info(spec.features.backbone).digest,
        method=spec.method,
        learned=setups.digest(entry),
        prompts=prompt_sets.content(spec.prompts),
        options=spec.options,
        precision=spec.features.precision,
    )

    def make(of: Sequence[SliceFeatures]) -> FloatArray:
        encoder = StoredTexts(engine, spec.features)
        return method.texts(spec.prompts, encoder, setups.learned(entry), of)

    if not method.text_by_slice:
        return engine.sides.get(key, lambda: _kept(engine, key, spec, lambda: make(())))
    found = {name: engine.store.read(key, name) for name in features}
    new = [name for name, value in found.items() if value is None]
    for start in range(0, len(new), TOGETHER):
        part = new[start : start + TOGETHER]
        for name, row in zip(part, make([features[name] for name in part]), strict=True):
            found[name] = engine.store.write(key, name, row.copy(), spec.prompts)
    return np.stack([value for value in found.values() if value is not None])


def _kept(engine: Engine, key: str, spec: MapSpec, make: Callable[[], FloatArray]) -> FloatArray:
    found = engine.store.read(key, "classes")
    if found is None:
        found = engine.store.write(key, "classes", make(), spec.prompts)
    return found


@dataclass(frozen=True)
class StoredTexts:
    """The encoder that keeps what it encoded; a `TextEncoder`."""

    engine: Engine
    spec: FeatureSpec

    def sentences(self, texts: Sequence[str]) -> FloatArray:
        """(N, E) float32, not normalised.

        All sentences of a backbone lie in one entry of the store, so that hundreds of new ones are
        few writes, and one look tells which are there.
        """
        engine, names = self.engine, {text: _name(text) for text in dict.fromkeys(texts)}
        context = {"activation": self._recipe().activation, "precision": self.spec.precision}
        key = key_of(backbones.info(self.spec.backbone).digest, what="sentences", **context)
        label = {"what": "sentences", "backbone": self.spec.backbone, **context}
        found = {text: engine.texts.peek((key, name)) for text, name in names.items()}
        stored = engine.store.names(key) if any(row is None for row in found.values()) else ()
        for text, name in names.items():
            if found[text] is None and name in stored:
                found[text] = engine.store.read(key, name)
        new = [text for text, row in found.items() if row is None]
        for start in range(0, len(new), AT_ONCE):
            part = new[start : start + AT_ONCE]
            rows = {text: row.copy() for text, row in zip(part, self._encoded(part), strict=True)}
            engine.store.write_all(key, {names[text]: row for text, row in rows.items()}, label)
            found |= {text: read_only(row) for text, row in rows.items()}
        for text, row in found.items():
            if row is not None:
                engine.texts.put((key, names[text]), row)
        return np.stack([row for text in texts if (row := found[text]) is not None])

    def each(self, texts: Sequence[str], work: OfSentences) -> FloatArray:
        """(N, E) of work(tower, activation, texts), in its turn on the device."""
        return self.on_tower(lambda tower, activation: work(tower, activation, texts))

    def on_tower(self, work: Callable[[backbones.Tower, str], FloatArray]) -> FloatArray:
        """What work(tower, activation) returns, in its turn on the device."""
        with self.engine.queue.turn(INTERACTIVE):
            tower = self.engine.tower(self.spec.backbone, self.spec.precision)
            return work(tower, self._recipe().activation)

    def _encoded(self, texts: Sequence[str]) -> FloatArray:
        return self.on_tower(lambda tower, activation: tower.sentences(texts, activation))

    def _recipe(self) -> Recipe:
        if self.spec.recipe is None:
            raise ValueError("this method reads no text")
        return self.spec.recipe


def _name(sentence: str) -> str:
    """Of a sentence in the store.

    >>> _name("a scan.") == _name("a scan."), _name("a scan.") == _name("A scan.")
    (True, False)
    """
    return hashlib.sha256(sentence.encode()).hexdigest()

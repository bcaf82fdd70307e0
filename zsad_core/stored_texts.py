"""Text of a prompt set for a method: each exact sentence is encoded once and stored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zsad_core import backbones, methods, prompt_sets, setups
from zsad_core.engine import Engine
from zsad_core.jobs import INTERACTIVE
from zsad_core.methods.texts import OfSentences
from zsad_core.store import key_of
from zsad_core.types import FeatureSpec, FloatArray, MapSpec, Recipe, SliceFeatures

TOGETHER = 8  # slices whose texts are encoded at once


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
        """(N, E) float32, not normalised."""
        engine, digest = self.engine, backbones.info(self.spec.backbone).digest
        context = {"activation": self._recipe().activation, "precision": self.spec.precision}
        keys = {text: key_of(digest, sentence=text, **context) for text in dict.fromkeys(texts)}
        found = {text: engine.texts.peek(key) for text, key in keys.items()}
        for text, key in keys.items():
            if found[text] is None:
                found[text] = engine.store.read(key, "sentence")
        new = [text for text, value in found.items() if value is None]
        for start in range(0, len(new), 32):
            part = new[start : start + 32]
            for text, row in zip(part, self._encoded(part), strict=True):
                label = {"sentence": text, "backbone": self.spec.backbone, **context}
                found[text] = engine.store.write(keys[text], "sentence", row.copy(), label)
        for text, value in found.items():
            if value is not None:
                engine.texts.put(keys[text], value)
        return np.stack([value for text in texts if (value := found[text]) is not None])

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

"""An edit of the prompts reads what is aligned in memory: no features from disk, none copied."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from zsad_core import methods, setups
from zsad_core.base.memory_store import MemoryStore
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.lab import candidates
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, Reference, SliceSpec

SUBJECT = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-013-000")
READ_TEXT = [
    name
    for name, one in methods.METHODS.items()
    if issubclass(one, methods.Method) and one.prompts and not one.text_by_slice
]
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


class CountingStore(MemoryStore):
    """A store of rounded features that notes the entries it is asked to read."""

    exact = False

    def __init__(self):
        super().__init__()
        self.read_keys = []

    def read(self, key, name):
        self.read_keys.append(key)
        return super().read(key, name)


class Copies(TorchDispatchMode):
    """Bytes of the largest tensor that is copied to another device or type."""

    def __init__(self):
        super().__init__()
        self.largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        if function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default):
            self.largest = max(self.largest, made.nbytes)
        return made


def spec_of(engine, name, **given):
    prompts = prompt_sets.shipped()["minimal-pair"]
    setup = setups.available(name)[0].setup
    return pipeline.map_spec(engine, SUBJECT, name, setup, prompts, precision="float32", **given)


def middle(engine, count):
    """Slices with much brain."""
    best = int(np.argmax(engine.stack(SUBJECT).brain.sum(axis=(1, 2))))
    return [*range(best, best + count)]


def edited(spec, text="a slice with a bright spot"):
    return replace(spec, prompts=replace(spec.prompts, name="edited", abnormal=(text,)))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", READ_TEXT)
def test_an_edit_reads_and_copies_no_features(name, device):
    engine = Engine(CountingStore(), device)
    spec = spec_of(engine, name)
    key, slices = resolve(engine, spec).features.key, middle(engine, 2)
    first, _ = pipeline.slice_maps(engine, spec, slices)
    assert key in engine.store.read_keys
    pipeline.read_texts(engine, edited(spec))  # encoding a text is not what is looked at
    engine.store.read_keys.clear()
    with Copies() as copies:
        second, _ = pipeline.slice_maps(engine, edited(spec), slices)
    assert key not in engine.store.read_keys
    assert copies.largest <= second.nbytes
    assert np.abs(first - second).max() > 0


def test_a_whole_map_from_memory_is_that_of_a_new_engine():
    engine = Engine(CountingStore(), "cpu")
    spec = spec_of(engine, "aprilgan")
    pipeline.anomaly_map(engine, spec)
    engine.store.read_keys.clear()
    again = Engine(engine.store, "cpu")
    found = pipeline.anomaly_map(engine, edited(spec))
    assert resolve(engine, spec).features.key not in engine.store.read_keys
    wanted = pipeline.anomaly_map(again, edited(spec))
    np.testing.assert_array_equal(found.values, wanted.values)
    np.testing.assert_array_equal(found.scores, wanted.scores)


def test_nothing_stale_is_read():
    """Another learned part, option or normal slice is another key."""
    engine = Engine(MemoryStore(), "cpu")
    (index,) = middle(engine, 1)
    few = Reference(replace(SUBJECT, subject="DEMO-MET-014-000"), index)
    learned = setups.available("aprilgan")
    specs = [spec_of(engine, "winclip"), spec_of(engine, "winclip", references=(few,))]
    specs += [
        pipeline.map_spec(engine, SUBJECT, "aprilgan", one.setup, specs[0].prompts)
        for one in learned
    ]
    specs.append(replace(specs[-1], options=(("image_size", "224"),)))
    aligned = [resolve(engine, spec).aligned([index]) for spec in specs]
    assert len(learned) > 1
    assert len({id(one) for one in aligned}) == len(specs)
    again = [resolve(engine, spec).aligned([index]) for spec in specs]
    assert [id(one) for one in again] == [id(one) for one in aligned]


def test_a_search_reads_the_same_memory():
    engine = Engine(CountingStore(), "cpu")
    spec = spec_of(engine, "aprilgan")
    candidates.measured(engine, spec, [SUBJECT.subject], [spec.prompts], every=16)
    engine.store.read_keys.clear()
    candidates.measured(engine, spec, [SUBJECT.subject], [edited(spec).prompts], every=16)
    assert resolve(engine, spec).features.key not in engine.store.read_keys


def test_memory_is_bounded_in_bytes(monkeypatch):
    monkeypatch.setenv("ZSAD_FEATURES_GB", str(2**-20))  # 1 kB
    engine = Engine(CountingStore(), "cpu")
    spec = spec_of(engine, "aprilgan")
    slices = middle(engine, 1)
    pipeline.slice_maps(engine, spec, slices)
    engine.store.read_keys.clear()
    pipeline.slice_maps(engine, edited(spec), slices)
    assert resolve(engine, spec).features.key in engine.store.read_keys

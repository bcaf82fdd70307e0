"""What is stored of a slice, few patches in float16, gives the map that all of them give."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.encoded import encoded
from zsad_core import methods, setups
from zsad_core.base.memory_store import MemoryStore
from zsad_core.base.store import Store
from zsad_core.inference import pipeline, stored_features
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, Reference, SliceSpec

SUBJECT = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-013-000")
WITH_TOWER = [
    name for name, one in methods.METHODS.items() if one.needs_tower and hasattr(one, "maps")
]
SMALL = 400  # pixels of brain: most patches are far from it


def maps_of(engine, spec, features, kept):
    """The map (1, H, W) of a slice's features, before it is quantised."""
    source = resolve(engine, spec)
    method, learned = source.method, setups.learned(source.setup)
    text = source.texts.of(spec.prompts, features if method.text_by_slice else ())
    aligned = method.align(features, kept, learned, spec.features.recipe, (), "cpu")
    shape = engine.stack(SUBJECT).image.shape[1:]
    return methods.stretched(method.maps(aligned, text)[0], shape, method.high)


@pytest.mark.parametrize("name", WITH_TOWER)
def test_the_stored_patches_give_the_dense_map_inside_the_brain(name, tmp_path):
    engine, method = Engine(Store(tmp_path), "cpu"), methods.METHODS[name]
    prompts = prompt_sets.shipped()[method.prompts]
    spec = pipeline.map_spec(engine, SUBJECT, name, setups.available(name)[0].setup, prompts)
    spec = replace(spec, features=replace(spec.features, precision="float32"))
    brain = engine.stack(SUBJECT).brain
    index = int(np.flatnonzero(brain.sum(axis=(1, 2)) > SMALL)[-1])
    source = resolve(engine, spec)
    stored, kept = source.features.read(index), source.features.retained([index])
    assert kept.mean() < 0.8
    tower, recipe = engine.tower(spec.features.backbone, "float32"), spec.features.recipe
    learned = setups.learned(source.setup) if method.in_tower else None
    image, everywhere = engine.stack(SUBJECT).image[[index]], np.ones_like(kept)
    dense = encoded(source.method, tower, image, recipe, everywhere, learned)
    near, whole = maps_of(engine, spec, [stored], kept), maps_of(engine, spec, dense, everywhere)
    high = source.method.high
    np.testing.assert_allclose(near[:, brain[index]], whole[:, brain[index]], atol=1e-3 * high)
    assert whole[:, brain[index]].std() > 0


def test_a_slice_is_a_row_that_another_method_reads_too(tmp_path):
    engine = Engine(Store(tmp_path), "cpu")
    prompts = prompt_sets.shipped()["clipad"]
    plus, plain = (
        pipeline.map_spec(engine, SUBJECT, name, setup, prompts)
        for name, setup in (("clipad-plus", "brats"), ("clipad", "zero-shot"))
    )
    plain = replace(plain, features=plus.features)  # the same size too
    first, second = stored_features.filled_slices(engine, SUBJECT)[10:12]
    assert [pipeline.encode(engine, spec, [first]) for spec in (plus, plain)] == [1, 0]
    assert [pipeline.encode(engine, spec, [second]) for spec in (plain, plus)] == [1, 1]
    features = resolve(engine, plus).features
    parts = features.method.parts(features.recipe)
    entry = engine.store.entry(features.key)
    assert {path.name for path in entry.glob("*.rows")} == {f"{part}.rows" for part in parts}
    assert not list(entry.glob("*.npy"))
    whole = resolve(engine, plus).features.read(first)
    part = resolve(Engine(Store(tmp_path), "cpu"), plain).features.read(first)
    assert set(part) < set(whole)
    for name, array in part.items():
        assert array.dtype == np.float16
        np.testing.assert_array_equal(array, whole[name])


@pytest.mark.parametrize("limit", [2**30, 1], ids=["roomy", "full at once"])
def test_a_full_memory_drops_no_normal_slice_that_is_just_read(limit):
    engine = Engine(MemoryStore(limit), "cpu")
    prompts = prompt_sets.shipped()["mvfa"]
    spec = pipeline.map_spec(engine, SUBJECT, "mvfa", "brats", prompts)
    features = resolve(engine, spec).features
    features = replace(features, method=replace(features.method, augment=True))
    views = features.views(Reference(SUBJECT, 30))
    assert len(views) > stored_features.BATCH
    assert all(set(view) == set(features.method.parts(features.recipe)) for view in views)

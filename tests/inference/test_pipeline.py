"""What was computed is not computed again: second runs, prompt edits, restarts, cancelled runs."""

import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from zsad_core import backbones, setups
from zsad_core.base import part_files
from zsad_core.base.jobs import on_behalf_of
from zsad_core.base.store import Store
from zsad_core.errors import Cancelled
from zsad_core.inference import pipeline, stored_features
from zsad_core.inference.engine import Engine
from zsad_core.inference.evaluation import map_key
from zsad_core.inference.sources import resolve
from zsad_core.methods.winclip.method import WinClip
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, Reference, SliceSpec

FILLED = 6  # slices with brain, more than one batch
PROMPTS = prompt_sets.shipped()["minimal-pair"]


class Counted:
    """A real tower that counts the slices and sentences that go through it."""

    def __init__(self, tower, calls):
        self._tower, self._calls = tower, calls

    def windows(self, images, *rest):
        self._calls["slices"] += len(images)
        return self._tower.windows(images, *rest)

    def sentences(self, texts, activation):
        self._calls["sentences"] += len(texts)
        return self._tower.sentences(texts, activation)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def start(request, tmp_path):
    """start(): an engine as after a restart of the app, on the store of this test."""
    return lambda: Engine(Store(tmp_path / "store"), request.param)


@pytest.fixture
def calls(monkeypatch):
    """Slices and sentences that went through any tower so far."""
    found, load = Counter(), backbones.load
    monkeypatch.setattr(backbones, "load", lambda *spec: Counted(load(*spec), found))
    return found


@pytest.fixture
def spec(start, tmp_path):
    """WinCLIP on a small scan of eight slices, two of them empty."""
    values = np.zeros((20, 24, 8), np.int16)
    brain = np.random.default_rng(5).integers(50, 900, (6, 5, FILLED))
    values[8:14, 9:14, 1:-1] = brain
    (tmp_path / "data").mkdir()
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "data" / "a.nii.gz")
    slices = SliceSpec(DataSpec("folder", str(tmp_path / "data")), "a", "scan")
    made = pipeline.map_spec(start(), slices, "winclip", "zero-shot", PROMPTS)
    return replace(made, features=replace(made.features, precision="float32"))


def test_features_count_as_added_by_whom_they_are_encoded_for(start, spec):
    """They are written by another thread than the one that encodes."""
    engine = start()
    with on_behalf_of("ada"):
        pipeline.anomaly_map(engine, spec)
    written = engine.store.size_bytes(resolve(engine, spec).features.key)
    assert engine.store.use.of("ada") > 0.9 * written > 0  # the rest is labels and an index
    assert engine.store.use.of("") == 0


def test_slices_without_brain_hold_0_and_score_nothing(start, spec, calls):
    engine = start()
    values, scores = pipeline.slice_maps(engine, spec, [0, 3, 7])
    assert calls["slices"] == 1
    whole = pipeline.anomaly_map(engine, spec)
    np.testing.assert_allclose(values, whole.values[[0, 3, 7]], rtol=1e-6)
    np.testing.assert_allclose(scores, whole.scores[[0, 3, 7]], rtol=1e-6)
    assert np.isnan(scores[[0, 2]]).all()
    assert not values[[0, 2]].any()


def test_a_second_run_and_a_restart_compute_nothing(start, spec, calls):
    engine = start()
    assert pipeline.encode(engine, spec) == FILLED
    first = pipeline.anomaly_map(engine, spec)
    assert calls == {"slices": FILLED, "sentences": 2}
    for again in (engine, start()):
        assert pipeline.encode(again, spec) == 0
        np.testing.assert_array_equal(pipeline.anomaly_map(again, spec).values, first.values)
    assert calls == {"slices": FILLED, "sentences": 2}
    assert first.values[1:-1].any()
    assert not first.values[[0, -1]].any()


def test_a_map_that_is_there_needs_no_features(start, spec, calls):
    engine = start()
    whole = pipeline.anomaly_map(engine, spec)
    engine.store.clear()
    calls.clear()
    assert pipeline.ready(engine, spec)
    values, scores = pipeline.slice_maps(engine, spec, [3, 0])
    np.testing.assert_array_equal(values, whole.values[[3, 0]])
    np.testing.assert_array_equal(scores, whole.scores[[3, 0]])
    assert calls == {}
    assert not pipeline.ready(start(), spec)


def test_texts_are_read_ahead_of_the_slices_and_after_a_restart_from_the_store(start, spec, calls):
    pipeline.read_texts(start(), spec)
    assert calls == {"sentences": 2}
    again = start()
    assert again.store.forget('"sentences"') == 1  # what is left is their class embeddings
    pipeline.read_texts(again, spec)
    assert calls == {"sentences": 2}
    pipeline.anomaly_map(again, spec)
    assert calls == {"slices": FILLED, "sentences": 2}


@pytest.mark.parametrize("method", ["intensity", "adaclip"])
def test_where_no_text_comes_ahead_none_is_read(start, spec, calls, method):
    setup = setups.available(method)[0].setup
    other = pipeline.map_spec(start(), spec.features.slices, method, setup, PROMPTS)
    pipeline.read_texts(start(), other)
    assert calls == {}


def test_an_edited_prompt_encodes_its_new_sentences_and_no_slice(start, spec, calls):
    engine = start()
    before = pipeline.anomaly_map(engine, spec)
    calls.clear()
    edited = replace(PROMPTS, name="edited", abnormal=(*PROMPTS.abnormal, "a dark stain"))
    after = pipeline.anomaly_map(engine, replace(spec, prompts=edited))
    assert calls == {"sentences": 1}
    assert (after.values != before.values).any()


def test_the_visible_slice_is_encoded_alone(start, spec, calls):
    pipeline.slice_maps(start(), spec, [3])
    assert calls["slices"] == 1
    assert pipeline.encode(start(), spec) == FILLED - 1


def test_slices_are_mapped_while_the_next_are_encoded(start, spec, calls, monkeypatch):
    first, (windows, maps) = threading.Event(), (Counted.windows, WinClip.maps)
    together, told = [], []

    def slices(self, images, *rest):
        assert not calls["slices"] or first.wait(60), "nothing was mapped after the first batch"
        return windows(self, images, *rest)

    def map_of(self, aligned, *rest):
        together.append(len(aligned.retained))
        first.set()
        return maps(self, aligned, *rest)

    monkeypatch.setattr(Counted, "windows", slices)
    monkeypatch.setattr(WinClip, "maps", map_of)
    monkeypatch.setattr("zsad_core.inference.sources.slices.TOGETHER", 2)
    pipeline.read_texts(start(), spec)  # they wait for the device too
    found = pipeline.anomaly_map(start(), spec, lambda *of: told.append(of))
    assert calls["slices"] == FILLED
    assert together == [2, 2, 2]
    assert told == [(0, FILLED), (4, FILLED), (FILLED, FILLED)]  # a bar that never goes back
    told.clear()
    again = pipeline.anomaly_map(start(), spec, lambda *of: told.append(of))
    assert told == [(0, FILLED), (2, FILLED), (4, FILLED)]
    np.testing.assert_array_equal(found.values, again.values)
    np.testing.assert_array_equal(found.scores, again.scores)


def test_a_cancelled_map_keeps_the_features_and_is_none(start, spec, calls):
    def stop_after_a_batch(done, total):
        if done:
            raise Cancelled(f"stopped after {done} of {total}")

    engine = start()
    with pytest.raises(Cancelled, match=f"stopped after {stored_features.BATCH} of {FILLED}"):
        pipeline.anomaly_map(engine, spec, stop_after_a_batch)
    assert spec not in engine.maps
    assert pipeline.anomaly_map(engine, spec).values[FILLED].any()
    assert calls["slices"] == FILLED


def test_a_cancelled_run_continues_where_it_stopped(start, spec, calls):
    def stop_after_a_batch(done, total):
        if done:
            raise Cancelled(f"stopped after {done} of {total}")

    with pytest.raises(Cancelled, match=f"stopped after {stored_features.BATCH} of {FILLED}"):
        pipeline.encode(start(), spec, progress=stop_after_a_batch)
    assert calls["slices"] == stored_features.BATCH
    assert pipeline.encode(start(), spec) == FILLED - stored_features.BATCH
    assert calls["slices"] == FILLED


def test_what_another_precision_computed_is_not_taken(start, spec):
    pipeline.encode(start(), spec, [3])
    other = replace(spec, features=replace(spec.features, precision="bfloat16"))
    assert pipeline.encode(start(), other, [3]) == 1


def test_a_damaged_file_is_computed_again(start, spec, calls):
    engine = start()
    first = pipeline.slice_maps(engine, spec, [3])[0]
    damaged = next(engine.store.entry(resolve(engine, spec).features.key).glob("*.rows"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    np.testing.assert_array_equal(pipeline.slice_maps(start(), spec, [3])[0], first)
    assert calls["slices"] == 2


def test_normal_slices_are_encoded_once_at_all_patches(start, spec, calls):
    zero = pipeline.anomaly_map(start(), spec)
    calls.clear()
    few = replace(spec, references=tuple(Reference(spec.features.slices, s) for s in (2, 5)))
    first = pipeline.anomaly_map(start(), few)
    assert calls == {"slices": 2}
    assert (first.values != zero.values).any()
    np.testing.assert_array_equal(pipeline.anomaly_map(start(), few).values, first.values)
    assert calls == {"slices": 2}
    one_less = replace(few, references=few.references[:1])
    assert (pipeline.anomaly_map(start(), one_less).values != first.values).any()
    assert calls == {"slices": 2}
    assert map_key(start(), few) != map_key(start(), one_less)


def test_the_slice_that_is_its_own_reference_is_half_as_anomalous(start, spec):
    zero, _ = pipeline.slice_maps(start(), spec, [3])
    own = replace(spec, references=(Reference(spec.features.slices, 3),))
    few, _ = pipeline.slice_maps(start(), own, [3])
    brain = start().stack(spec.features.slices).brain[3]
    near = np.abs(few[0][brain].astype(float) - zero[0][brain] / 2.0)
    assert near.max() <= 2


def test_the_digest_of_a_scan_is_known_without_reading_it_until_its_files_change(
    start, spec, monkeypatch
):
    engine, slices = start(), spec.features.slices
    assert engine.known_digest(slices) is None
    first = engine.digest(slices)
    assert first == engine.volume(slices).digest
    with monkeypatch.context() as patch:
        patch.setattr(Engine, "volume", None)
        assert start().known_digest(slices) == start().digest(slices) == first
    path = Path(slices.data.root) / "a.nii.gz"
    image = nib.load(path)
    nib.save(nib.Nifti1Image(image.get_fdata().astype(np.int16) + 1, np.eye(4)), path)
    assert start().known_digest(slices) is None
    assert start().digest(slices) != first


def test_a_cut_batch_is_made_again_whole_so_that_batches_lie_as_in_an_unbroken_run(
    start, spec, monkeypatch
):
    made = []
    encode = WinClip.encode
    monkeypatch.setattr(
        WinClip,
        "encode",
        lambda self, tower, images, *rest: (
            made.append(len(images)) or encode(self, tower, images, *rest)
        ),
    )
    engine = start()
    assert pipeline.encode(engine, spec, size=3) == FILLED
    part_files.remove(engine.store.entry(resolve(engine, spec).features.key), "005")
    assert pipeline.encode(start(), spec, size=3) == 1
    assert made == [3, 3, 3]


def test_a_slice_of_few_shot_mvfa_is_that_of_the_whole_volume(start, spec):
    slices = spec.features.slices
    found = {
        normal: pipeline.map_spec(start(), slices, "mvfa", "brats", PROMPTS, normal)
        for normal in ((), (Reference(slices, 2),))
    }
    zero, few = (pipeline.anomaly_map(start(), one) for one in found.values())
    levels, scores = pipeline.slice_maps(start(), found[Reference(slices, 2),], [4])
    np.testing.assert_array_equal(levels[0], few.values[4])
    np.testing.assert_array_equal(scores[0], few.scores[4])
    assert (few.values != zero.values).any()
    assert few.values[2].mean() < few.values[[1, 3, 4, 5, 6]].mean()
    assert 0 <= np.nanmin(few.scores) <= np.nanmax(few.scores) <= 1


def test_sentences_are_shared_by_prompt_sets_and_lie_in_one_entry(start, spec, calls):
    engine = start()
    pipeline.read_texts(engine, spec)
    more = replace(PROMPTS, name="more", normal=(*PROMPTS.normal, *(f"{n}" for n in range(40))))
    pipeline.read_texts(start(), replace(spec, prompts=more))
    assert calls == {"sentences": 42}
    assert engine.store.forget('"sentences"') == 1

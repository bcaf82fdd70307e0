"""The precision is timed on the machine at hand, once; the order of sums is put back."""

import json
import os
import threading
import time
from collections import Counter

import numpy as np
import pytest
import torch
from torch.nn import functional

from zsad_core import backbones
from zsad_core.backbones.clip_internals import written_out
from zsad_core.backbones.tower import official_sums
from zsad_core.methods.aprilgan.method import AprilGan
from zsad_core.types import BackboneSpec


def test_the_faster_precision_is_timed_once_and_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    faster, path = backbones.fastest_precision("cpu"), tmp_path / "device.json"
    ((machine, times),) = json.loads(path.read_text()).items()
    assert backbones.device_name("cpu") in machine
    assert times[faster] == min(times["float32"], times["bfloat16"]) > 0
    slower = "bfloat16" if faster == "float32" else "float32"
    path.write_text(json.dumps({machine: {faster: 2.0, slower: 1.0}}))
    assert backbones.fastest_precision("cpu") == slower


def test_a_broken_memory_of_it_is_written_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    (tmp_path / "device.json").write_text("{")
    assert (
        backbones.fastest_precision("cpu")
        in json.loads((tmp_path / "device.json").read_text()).popitem()[1]
    )


@pytest.fixture
def replace_here(monkeypatch):
    """replace_here(name, own) replaces a function of torch in this thread alone.

    Jobs of other tests may still run in theirs.
    """

    def replaced(name, own):
        here, theirs = threading.get_ident(), getattr(functional, name)

        def function(*inputs, **options):
            called = own if threading.get_ident() == here else theirs
            return called(*inputs, **options)

        monkeypatch.setattr(functional, name, function)

    return replaced


def test_few_tokens_tell_of_a_precision_that_takes_many_times_as_long(
    tmp_path, monkeypatch, replace_here
):
    """As bfloat16 does without units for it: a slice took half a second of the first start."""
    attention, runs = functional.scaled_dot_product_attention, Counter()

    def without_units(q, k, v):
        runs[q.dtype, q.shape[2]] += 1
        keep_busy(0.3 if q.dtype == torch.bfloat16 else 0)
        return attention(q, k, v)

    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    replace_here("scaled_dot_product_attention", without_units)
    assert backbones.fastest_precision("cpu") == "float32"
    assert runs == {(torch.float32, 50): 2, (torch.bfloat16, 50): 2}


def test_what_few_tokens_do_not_tell_a_slice_does(tmp_path, monkeypatch, replace_here):
    """Few tokens hide that units for bfloat16 pay."""
    attention, runs = functional.scaled_dot_product_attention, Counter()

    def with_units(q, k, v):
        runs[q.dtype, q.shape[2]] += 1
        keep_busy(0.06 if q.dtype == torch.float32 and q.shape[2] > 50 else 0.02)
        return attention(*(x.float() for x in (q, k, v))).to(q.dtype)

    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    replace_here("scaled_dot_product_attention", with_units)
    replace_here("linear", lambda x, weight: x)
    assert backbones.fastest_precision("cpu") == "bfloat16"
    assert runs[torch.bfloat16, 50] == 2
    assert runs[torch.bfloat16, 400] == 8


def test_what_else_the_machine_does_is_not_counted(tmp_path, monkeypatch, replace_here):
    attention, pause = functional.scaled_dot_product_attention, 0.1

    def slow_attention(q, k, v):
        time.sleep(pause)
        return attention(q, k, v)

    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    replace_here("scaled_dot_product_attention", slow_attention)
    backbones.fastest_precision("cpu")
    (times,) = json.loads((tmp_path / "device.json").read_text()).values()
    assert times["float32"] < pause


def keep_busy(seconds):
    """Keep this thread's processor busy."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.mark.parametrize("chosen", [None, "COMPATIBLE"])
def test_the_order_of_sums_is_for_this_process_alone(monkeypatch, chosen):
    monkeypatch.delenv("MKL_CBWR", raising=False)
    if chosen:
        monkeypatch.setenv("MKL_CBWR", chosen)
    with official_sums():
        assert written_out.get()
        assert os.environ["MKL_CBWR"] == (chosen or "AVX2,STRICT")
    assert os.environ.get("MKL_CBWR") == chosen
    assert not written_out.get()


def test_a_tower_leaves_the_settings_of_torch_as_they_are(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    tower, method = backbones.load(BackboneSpec("demo"), "cpu", "float32"), AprilGan()
    seen = []
    tower._visual.conv1.register_forward_hook(
        lambda *_: seen.append(torch.backends.cudnn.allow_tf32)
    )
    tower.taps(np.zeros((1, 64, 64), np.uint8), method.recipe(tower.info))
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32
    assert torch.backends.mha.get_fastpath_enabled()

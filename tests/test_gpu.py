"""A GPU and the CPU agree in float32, for every method, its training and the backbone's."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from zsad_core import backbones, methods, setups
from zsad_core.base.store import Store
from zsad_core.errors import SettingError
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.training import contrastive, regions, runs, textures
from zsad_core.training.contrastive import ContrastivePlan
from zsad_core.training.material import Source
from zsad_core.types import BackboneSpec, DataSpec, SliceSpec

pytestmark = pytest.mark.gpu
SLICES = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-013-000")
SET = ("DEMO-MET-001-000", "DEMO-MET-002-000")  # whom a method for volumes scores against
SOME = (25, 40, 55)
DEVICES = ("cpu", "cuda")
APART = 2 / 255  # of the range: other kernels, other order of sums, features kept in float16
METHODS = [name for name in methods.METHODS if setups.available(name)]


def both(tmp_path, method):
    """An engine and what it shall map, in float32, on the CPU and on the GPU."""
    prompts = prompt_sets.shipped()[methods.METHODS[method].prompts or "appearance"]
    setup = setups.available(method)[0].setup
    for device in DEVICES:
        engine = Engine(Store(tmp_path / device), device)
        spec = pipeline.map_spec(engine, SLICES, method, setup, prompts, volumes=SET)
        yield engine, replace(spec, features=replace(spec.features, precision="float32"))


def _apart(method, one, other):
    """Differences as shares of the method's range."""
    return np.abs(one - other) / methods.build(method).high


@pytest.mark.parametrize("method", METHODS)
def test_a_gpu_gives_the_slices_of_the_cpu(method, tmp_path):
    cpu, gpu = (pipeline.slice_maps(*of, SOME) for of in both(tmp_path, method))
    assert cpu[0].std() > 0
    assert _apart(method, gpu[0], cpu[0]).max() <= APART
    np.testing.assert_allclose(gpu[1], cpu[1], atol=APART)


def test_pixels_become_tokens_on_a_gpu_as_exactly_as_on_the_cpu():
    """TF32, which a GPU's convolutions take for float32 unless told, is far off."""
    images = np.random.default_rng(2).integers(0, 256, (2, 224, 224), np.uint8)
    first = []
    for device in DEVICES:
        tower = backbones.load(BackboneSpec("demo"), device, "float32")
        recipe = methods.slice_method("aprilgan", ()).recipe(tower.info)
        begun = list[np.ndarray]()
        tower.walk(images, recipe, lambda number, x, begun=begun: begun.append(x) or x)
        first.append(begun[0].detach().cpu().numpy())
    np.testing.assert_allclose(*first, atol=1e-5 * np.abs(first[0]).max())


@pytest.mark.parametrize("method", ["winclip", "aprilgan"])
def test_a_gpu_gives_the_volume_of_the_cpu_and_encodes_it_once(method, tmp_path):
    maps = []
    for engine, spec in both(tmp_path, method):
        maps.append(pipeline.anomaly_map(engine, spec))
        assert pipeline.encode(engine, spec) == 0
    cpu, gpu = maps
    assert _apart(method, gpu.values, cpu.values).max() <= APART
    np.testing.assert_allclose(gpu.scores, cpu.scores, atol=APART)


def test_the_faster_precision_of_a_gpu_gives_about_the_same_map(tmp_path):
    _, (engine, spec) = both(tmp_path, "aprilgan")
    fast = replace(spec, features=replace(spec.features, precision="bfloat16"))
    exact, found = (pipeline.anomaly_map(engine, one).values for one in (spec, fast))
    assert 0 < _apart("aprilgan", found, exact).mean() < APART


@pytest.mark.parametrize("method", methods.trainable())
def test_training_on_a_gpu_begins_as_on_the_cpu(method, tmp_path):
    """Tensors soon part, as Adam divides by what is all but nothing; the first losses do not."""
    terms = []
    for device in DEVICES:
        request = runs.TrainRequest(
            method,
            "industrial",
            tmp_path / f"{device}.safetensors",
            Source(images=10),
            epochs=1,
            device=device,
        )
        terms.append(runs.run(request, lambda *_: None, lambda *_: None).terms)
        assert setups.record_of(request.out)["device"] == device
    cpu, gpu = terms
    assert np.isfinite(gpu).all()
    np.testing.assert_allclose(gpu[:2], cpu[:2], rtol=2e-2, atol=1e-3)


def test_a_backbone_learns_on_a_gpu():
    drawn = regions.of_textures(textures.bank(24, 224, 1))
    model, seen = contrastive.build(backbones.WEIGHTS / "demo.json"), []
    plan = ContrastivePlan(steps=8, whole_steps=2, batch=8, windows=40)
    contrastive.train(model, (drawn, drawn), plan, lambda *told: seen.append(told[2]))
    assert len(seen) == plan.steps
    assert all(np.isfinite(list(losses.values())).all() for losses in seen)
    assert next(model.parameters()).device.type == "cpu"


def test_too_many_slices_for_the_memory_of_a_gpu_are_a_sentence():
    with (
        pytest.raises(SettingError, match="Memory ran out at 9 slices at once; start again with"),
        backbones.out_of_memory(9),
    ):
        torch.empty(2**50, dtype=torch.uint8, device="cuda")


def test_the_memory_and_the_name_of_a_gpu_are_told():
    name = backbones.device_name("cuda")
    assert name == backbones.device_memory("cuda").partition(" free on ")[2]
    assert name != backbones.device_name("cpu")

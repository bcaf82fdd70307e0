"""Towers from local files: loaded again when they change, refused when they hold no weights."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file, save_file

from tests.helpers.weights import small_backbone
from zsad_core import backbones, setups
from zsad_core.errors import WeightsError
from zsad_core.inference.engine import Engine
from zsad_core.setups import Setup
from zsad_core.types import BackboneSpec


def test_a_tower_is_loaded_again_when_its_file_changed(tmp_path):
    config, weights = small_backbone(tmp_path / "changing")
    spec, engine = BackboneSpec(str(config), str(weights)), Engine()
    tower = engine.tower(spec, "float32")
    assert engine.tower(spec, "float32") is tower
    tensors = load_file(weights)
    save_file({**tensors, "visual.proj": -tensors["visual.proj"]}, weights)
    assert engine.tower(spec, "float32") is not tower


@pytest.mark.parametrize("content", [[1, 2], {"state_dict": 3}])
def test_a_file_without_a_state_dict_is_refused(content, tmp_path):
    config, _ = small_backbone(tmp_path)
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match="holds no tensors; save the state dict"):
        backbones.load(BackboneSpec(str(config), str(tmp_path / "other.pt")), "cpu", "float32")


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    config, weights = small_backbone(tmp_path)
    tensors = load_file(weights)
    tensors["visual.proj"][0, 0] = torch.nan
    save_file(tensors, weights)
    with pytest.raises(WeightsError, match=r"holds NaN or infinite numbers in visual\.proj"):
        backbones.load(BackboneSpec(str(config), str(weights)), "cpu", "float32")


ODD = {
    "mean 0.5": ("preprocess_cfg", "mean", 0.5),
    "preprocessing no mapping": ("", "preprocess_cfg", []),
    "no patch": ("vision_cfg", "patch_size", 0),
    "a patch in words": ("vision_cfg", "patch_size", "8"),
    "a list of patches": ("vision_cfg", "patch_size", [8]),
    "no size": ("vision_cfg", "image_size", {}),
    "width below 0": ("text_cfg", "width", -1),
    "a huge width": ("vision_cfg", "width", 10**9),
    "many words": ("text_cfg", "vocab_size", 10**9),
    "words beyond the weights": ("text_cfg", "vocab_size", 1_999_999),
    "many layers": ("vision_cfg", "layers", 10**6),
    "another's text tower": ("text_cfg", "hf_model_name", "x/y"),
    "layers in words": ("text_cfg", "layers", "x"),
    "no number": ("vision_cfg", "mlp_ratio", float("nan")),
    "no heads": ("vision_cfg", "head_width", 0),
}


@pytest.mark.parametrize("case", ODD)
def test_a_config_that_is_not_as_expected_is_refused(tmp_path, case):
    spec = BackboneSpec(*map(str, small_backbone(tmp_path)))
    config = json.loads(Path(spec.name).read_text())
    part, name, value = ODD[case]
    (config.setdefault(part, {}) if part else config)[name] = value
    Path(spec.name).write_text(json.dumps(config))
    with pytest.raises(WeightsError):
        backbones.load(spec, "cpu", "float32")
    setups.missing(Setup("winclip", "mine", spec, "", ""))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[]", '{"model_cfg": 3}', " " * 2**21, '"\\ud800"']
)
def test_a_config_that_is_none_is_refused(tmp_path, text):
    spec = BackboneSpec(*map(str, small_backbone(tmp_path)))
    Path(spec.name).write_text(text)
    with pytest.raises(WeightsError):
        backbones.info(spec)

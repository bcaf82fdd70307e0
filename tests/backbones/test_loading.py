"""Towers from local files: loaded again when they change, refused when they hold no weights."""

import pytest
import torch
from safetensors.numpy import load_file, save_file

from tests.goldens_of import small_backbone
from zsad_core import backbones
from zsad_core.errors import WeightsError
from zsad_core.inference.engine import Engine
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

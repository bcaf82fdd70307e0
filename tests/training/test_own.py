"""Trainings that a user begins: whose files they read, and what a kill costs."""

from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from tests.helpers.image_sets import mvtec
from tests.helpers.weights import small_backbone
from zsad_core import setups
from zsad_core.base import paths
from zsad_core.cli.main import main
from zsad_core.errors import SettingError
from zsad_core.methods.learner import save
from zsad_core.training import own
from zsad_core.training.material import Source
from zsad_core.training.runs import TrainRequest
from zsad_core.types import BackboneSpec


@pytest.fixture
def request_of(tmp_path):
    root = mvtec(tmp_path / "data", ["nut"], 5)
    small = BackboneSpec(*map(str, small_backbone(tmp_path)))

    def make(**given):
        setup = "finetune" if given.get("start") else "industrial"
        data = Source("demo-2mm", subjects=2, slices=2) if given.get("start") else Source(str(root))
        fields = {"source": data, "backbone": small, "epochs": 2, "loss_side": 32, **given}
        return TrainRequest("aprilgan", setup, Path(), **fields)

    return make


def trained(request, name, home=None, progress=lambda *_: None):
    return own.run(own.begin(name, request, home), progress, home=home)


def test_a_training_killed_before_it_is_a_setup_trains_nothing_again(request_of):
    begun, steps = own.begin("mine", request_of()), []

    def progress(done, total, note):
        steps.append(note)
        if note.startswith("epoch"):  # its checkpoint is written
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        own.run(begun, progress)
    assert any(note.startswith("loss") for note in steps)
    checkpoint, again = begun.request.out.read_bytes(), []
    (begun,) = own.pending()
    assert setups.missing(own.run(begun, lambda *told: again.append(told[2]))) == ""
    assert not any(note.startswith("loss") for note in again)
    assert begun.request.out.read_bytes() == checkpoint
    assert [*own.folder().iterdir()] == [begun.request.out]


def test_a_training_goes_on_from_a_checkpoint_of_ones_own_home_alone(request_of, capsys):
    ada, ben = paths.home_of("ada"), paths.home_of("ben")
    first = Path(trained(request_of(), "first", ada).checkpoint)
    assert first.is_relative_to(ada)
    later = trained(request_of(start=str(first)), "later", ada)
    assert setups.missing(later) == ""
    with pytest.raises(SettingError, match="holds what users keep for themselves"):
        own.begin("theirs", request_of(start=str(first)), ben)
    line = f"train --method aprilgan --setup finetune --start {first} --out {first.parent}/x"
    assert main([*line.split()]) == 1
    assert capsys.readouterr().err.startswith(f"error: '{str(first)[:80]}")


def test_equal_checkpoints_are_equal_bytes(tmp_path):
    tensors = {"a": np.arange(3, dtype=np.float32), "b": np.ones((2, 2), np.float32)}
    facts = {f"fact {number}": f"ä {number}" for number in range(20)}
    contents = set()
    for _ in range(5):
        save(tensors, facts, tmp_path / "x.safetensors")
        contents.add((tmp_path / "x.safetensors").read_bytes())
    assert len(contents) == 1
    with safe_open(tmp_path / "x.safetensors", "numpy") as file:
        assert file.metadata() == facts
        for name, value in tensors.items():
            np.testing.assert_array_equal(file.get_tensor(name), value)

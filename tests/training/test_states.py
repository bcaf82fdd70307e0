"""A training that was stopped goes on and ends in the very tensors of an unbroken one."""

import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.helpers.image_sets import mvtec
from tests.helpers.trainings import layers, same, toy
from tests.helpers.weights import small_backbone
from zsad_core.cli import main as cli
from zsad_core.errors import Cancelled, WeightsError
from zsad_core.methods.learner import TrainingPlan
from zsad_core.training import fit, states
from zsad_core.training.runs import TrainRequest, unfinished

ROOT = Path(__file__).parents[2]
LOADING = 120


def cancelled_at(step):
    def report(done, total, loss, left):
        if done == step:
            raise Cancelled("stopped")

    return report


@pytest.mark.parametrize("optimiser", ["adam", "adamw"])
@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("steps", [(8,), (2, 6, 9)])
def test_a_cancelled_training_goes_on_without_loss(optimiser, held_out, steps, tmp_path):
    """Cut in the middle of an epoch of 3 steps; before the first was done, at the last step."""
    data = (toy(), toy(8, seed=1) if held_out else None)
    plan = TrainingPlan(epochs=6, batch=8, rate=1e-2, seed=3, optimiser=optimiser, decay=0.1)
    unbroken = fit.fit(layers(), data, plan)
    keeping = replace(plan, state_file=tmp_path / "x.unfinished")
    for step in steps:
        with pytest.raises(Cancelled):
            fit.fit(layers(), data, keeping, report=cancelled_at(step))
    told = []
    found = fit.fit(layers(), data, keeping, report=lambda *values: told.append(values[:2]))
    same(found, unbroken)
    assert told[0] == (3 * (steps[-1] // 3 - (steps[-1] % 3 == 0)) + 1, 18)


def test_what_is_kept_is_the_best_epoch_too(tmp_path):
    """Validation truth is the opposite of what is trained, so patience runs out."""
    against = replace(toy(8, seed=1), masks=~toy(8, seed=1).masks)
    plan = TrainingPlan(epochs=20, batch=8, rate=1e-2, patience=2)
    unbroken = fit.fit(layers(), (toy(), against), plan)
    keeping = replace(plan, state_file=tmp_path / "x.unfinished")
    last = 3 * (unbroken.epoch + 2)
    with pytest.raises(Cancelled):
        fit.fit(layers(), (toy(), against), keeping, report=cancelled_at(last))
    same(fit.fit(layers(), (toy(), against), keeping), unbroken)
    steps = []
    again = fit.fit(layers(), (toy(), against), keeping, report=lambda *_: steps.append(1))
    same(again, unbroken)  # patience had run out: nothing is left to do
    assert steps == []


def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "x.unfinished"
    plan = TrainingPlan(epochs=1, batch=8, state_file=path)
    assert states.epochs_done(path) == 0
    fit.fit(layers(), (toy(), None), plan)
    assert states.epochs_done(path) == 1
    with pytest.raises(WeightsError, match="learned from other images than are found now"):
        fit.fit(layers(), (toy(seed=2), None), plan)
    wide = replace(toy(), tokens=toy().tokens.repeat(2, axis=-1))
    with pytest.raises(WeightsError, match=r"fc.0.weight is \(4, 6\), expected \(4, 12\)"):
        fit.fit(layers(12), (wide, None), plan)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(WeightsError, match=r"cannot be read \(.*\); delete it to start afresh"):
        fit.fit(layers(), (toy(), None), plan)


def test_each_command_keeps_its_own_file(tmp_path):
    request = TrainRequest("aprilgan", "brats", tmp_path / "x.safetensors")
    same_command = replace(request, out=tmp_path / "y.safetensors", official="y.pth")
    first, second = unfinished(request), unfinished(same_command)
    assert first.parent == tmp_path
    assert re.fullmatch(r"x\.[0-9a-f]{12}\.unfinished", first.name)
    assert second.name == first.name.replace("x.", "y.")
    others = [replace(request, seed=1), replace(request, setup="pmc"), replace(request, epochs=3)]
    assert len({unfinished(other).name for other in others} | {first.name}) == 4


def test_a_killed_command_goes_on_where_it_was(tmp_path, capsys):
    backbone = small_backbone(tmp_path / "clip")
    root, out = mvtec(tmp_path / "data"), tmp_path / "x.safetensors"
    line = (
        f"train --method anomalyclip --setup industrial --data {root} --epochs 12 --device cpu "
        f"--backbone {backbone[0]} --weights {backbone[1]} --loss-side 48 --out"
    )
    command = [sys.executable, "-m", "zsad_core", *line.split(), str(out)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + LOADING
        while not (state := list(tmp_path.glob("x.*.unfinished"))):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    done = states.epochs_done(state[0])
    assert 1 <= done < 12
    assert cli.main([*line.split(), str(out)]) == 0
    assert f"going on after epoch {done}, kept in {state[0]}" in capsys.readouterr().out
    assert list(tmp_path.glob("*.unfinished")) == []
    whole = tmp_path / "whole.safetensors"
    assert cli.main([*line.split(), str(whole)]) == 0
    assert "going on" not in capsys.readouterr().out
    found, expected = load_file(out), load_file(whole)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)

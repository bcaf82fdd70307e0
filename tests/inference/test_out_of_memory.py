"""Memory that runs out makes batches smaller, says so, and fails no job."""

import numpy as np
import pytest
import torch

from zsad_core.base.memory_store import MemoryStore
from zsad_core.imaging import slicing
from zsad_core.inference import pipeline
from zsad_core.inference.cubes import layer_tokens
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec

SUBJECT = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-013-000")
SLICES = [30, 31, 32, 33]


class SmallTower:
    """A tower with memory for a few slices at once."""

    def __init__(self, tower, most, error):
        self._tower, self._most, self._error = tower, most, error

    def __getattr__(self, name):
        return getattr(self._tower, name)

    def taps(self, images, *given):
        if len(images) > self._most:
            raise self._error
        return self._tower.taps(images, *given)

    def early_taps(self, images, *given):
        if len(images) > self._most:
            raise self._error
        return self._tower.early_taps(images, *given)


class SmallEngine(Engine):
    """An engine on such a device."""

    def __init__(self, most, error):
        super().__init__(MemoryStore(), "cpu")
        self._most, self._error = most, error

    def tower(self, backbone, precision):
        return SmallTower(super().tower(backbone, precision), self._most, self._error)


def spec_of(engine):
    prompts = prompt_sets.shipped()["minimal-pair"]
    return pipeline.map_spec(engine, SUBJECT, "aprilgan", "brats", prompts, precision="float32")


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("of a GPU"), MemoryError()])
def test_a_job_goes_on_with_smaller_batches_and_says_so(error):
    engine, roomy = SmallEngine(3, error), Engine(MemoryStore(), "cpu")
    spec = spec_of(engine)
    job = engine.jobs.start(
        "k", "Encoding", lambda step: pipeline.encode(engine, spec, SLICES, step)
    )
    job.wait(120)
    assert (job.state, job.error) == ("done", "")
    assert "memory ran out at 4 slices at once" in job.note
    found, wanted = (pipeline.slice_maps(one, spec, SLICES)[0] for one in (engine, roomy))
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_outside_of_a_job_the_log_says_so(caplog):
    engine = SmallEngine(1, torch.OutOfMemoryError("of a GPU"))
    pipeline.encode(engine, spec_of(engine), SLICES[:3], size=3)
    assert "memory ran out at 3 slices at once" in caplog.text
    assert "memory ran out at 2 slices at once" in caplog.text


def test_layers_of_cubes_are_encoded_in_parts_too(caplog):
    engine, roomy = SmallEngine(2, MemoryError()), Engine(MemoryStore(), "cpu")
    volume = roomy.volume(SUBJECT)
    found = []
    for one in (engine, roomy):
        prompts, others = prompt_sets.shipped()["minimal-pair"], ("DEMO-MET-001-000",)
        spec = pipeline.map_spec(
            one, SUBJECT, "mutual3d", "zero-shot", prompts, (), others, "float32"
        )
        source = resolve(one, spec)
        retained = slicing.cubes_touching(volume.brain, source.recipe.grid)
        layer = source.recipe.grid // 2
        slices = roomy.stack(SUBJECT).image[10:15]
        tower = one.tower(spec.features.backbone, "float32")
        given = (source.method, tower, source.recipe, slices)
        found.append(layer_tokens(*given, slicing.as_slices(retained)[layer]))
    assert "memory ran out at 5 slices at once" in caplog.text
    assert "memory ran out at 3 slices at once" in caplog.text
    np.testing.assert_allclose(*found, atol=2e-3 * np.abs(found[1]).max())


def test_no_room_for_one_slice_and_other_errors_are_raised():
    for error in (torch.OutOfMemoryError("of a GPU"), RuntimeError("something else")):
        engine = SmallEngine(0, error)
        with pytest.raises(RuntimeError, match=str(error)):
            pipeline.encode(engine, spec_of(engine), SLICES)

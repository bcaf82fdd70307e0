"""A GPU and the CPU agree in float32."""

from dataclasses import replace

import numpy as np
import pytest

from zsad_core import pipeline, prompt_sets
from zsad_core.engine import Engine
from zsad_core.store import Store
from zsad_core.types import DataSpec, SliceSpec

pytestmark = pytest.mark.gpu
SLICES = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-013-000")
LEVELS_APART = 2  # of 255: other kernels, other order of sums, features kept in float16


@pytest.mark.parametrize("method", ["intensity", "winclip"])
def test_a_gpu_gives_the_map_of_the_cpu(method, tmp_path):
    prompts, maps = prompt_sets.shipped()["appearance"], []
    for device in ("cpu", "cuda"):
        engine = Engine(Store(tmp_path / device), device)
        spec = pipeline.map_spec(engine, SLICES, method, "zero-shot", prompts)
        spec = replace(spec, features=replace(spec.features, precision="float32"))
        maps.append(pipeline.anomaly_map(engine, spec))
        assert pipeline.encode(engine, spec) == 0
    cpu, gpu = maps
    assert cpu.levels.std() > 0
    assert np.abs(gpu.levels.astype(int) - cpu.levels).max() <= LEVELS_APART
    np.testing.assert_allclose(gpu.scores, cpu.scores, atol=LEVELS_APART / 255)

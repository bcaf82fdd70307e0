"""What the bench says of memory and of the towers' blocks is what it says it is."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import blocks, methods, plain
from bench.memory import peak_gb, peak_gb_of
from tests.helpers.encoded import encoded
from tests.helpers.tensors import fresh_tensors, maps_of
from zsad_core import backbones
from zsad_core.backbones.loading import built
from zsad_core.backbones.sources import source
from zsad_core.methods import slice_method
from zsad_core.types import BackboneSpec

ROOT = Path(__file__).resolve().parents[1]
PEAK = [sys.executable, "-c", "from bench.memory import peak_gb; print(peak_gb())"]
IMAGES = np.arange(2 * 64 * 64, dtype=np.uint8).reshape(2, 64, 64)


def test_a_small_process_started_from_a_large_one_has_a_small_peak():
    large = np.ones(2**29, np.uint8)
    child = subprocess.run(PEAK, check=True, capture_output=True, cwd=ROOT)
    assert peak_gb() >= large.nbytes / 2**30
    assert 0 < float(child.stdout) < 0.2


def test_the_peak_of_a_process_counts_what_it_gave_back():
    work = "from bench.memory import peak_gb; print(peak_gb()); b'x' * 2**29; print(peak_gb())"
    child = subprocess.run([sys.executable, "-c", work], check=True, capture_output=True, cwd=ROOT)
    before, after = map(float, child.stdout.split())
    assert after - before == pytest.approx(0.5, abs=0.05)


def test_of_a_process_that_is_gone_no_peak_is_told():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert peak_gb_of(child.pid) is None


def test_a_run_of_clipad_is_partly_in_the_towers_blocks():
    case = methods.MethodCase(IMAGES, IMAGES > 99, "clipad", "demo", "float32")
    case.run()  # its texts are read, so that only images are left to do
    _, outside = case.timed()
    assert 0 < outside < 100


@pytest.mark.parametrize(
    ("name", "passes"),
    [("aprilgan", 8), ("anomalyclip", 8 + 7), ("clipad", 1), ("clipad-plus", 1)],
    ids=["blocks", "blocks and V-V attention from the second on", "two streams", "the same"],
)
def test_all_that_is_a_towers_block_is_counted_once(name, passes):
    tower, method = backbones.load(BackboneSpec("demo"), "cpu", "float32"), slice_method(name, ())
    recipe = method.recipe(tower.info)
    kept = np.zeros((2, recipe.grid, recipe.grid), bool)
    with blocks.timed() as counted:
        encoded(method, tower, IMAGES, recipe, kept, None)
    assert len(counted) == passes


def test_the_plain_way_gives_the_same_map():
    """Of patches that are all retained, at the size of the backbone; so their times compare."""
    demo = BackboneSpec("demo")
    tower, method = backbones.load(demo, "cpu", "float32"), slice_method("aprilgan", ())
    recipe, learned = method.recipe(tower.info), fresh_tensors(method, tower)
    side = recipe.image_size
    image = np.random.default_rng(4).integers(0, 256, (side, side), np.uint8)
    kept = np.ones((1, recipe.grid, recipe.grid), bool)
    text = np.eye(2, tower.info.embed_dim, dtype=np.float32)
    features = encoded(method, tower, image[None], recipe, kept, learned)
    (wanted,), _ = maps_of(method, features, kept, text, learned, recipe)
    model = built(source(demo))[0].eval()
    found = plain.plain_map(model, image, learned, text, recipe.taps)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-4)
    assert np.ptp(wanted) > 0.1

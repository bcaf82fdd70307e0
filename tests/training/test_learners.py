"""What every registered learner keeps, from its first day, on a small random CLIP."""

import numpy as np
import pytest

from tests.helpers.encoded import encoded
from tests.helpers.image_sets import mvtec
from tests.helpers.tensors import maps_of
from tests.helpers.weights import SMALL, recipe, write_backbone
from zsad_core import backbones, methods, setups
from zsad_core.base.jobs import BACKGROUND, DeviceQueue
from zsad_core.errors import Cancelled
from zsad_core.training import examples, runs
from zsad_core.training.material import Source
from zsad_core.training.runs import TrainRequest
from zsad_core.types import BackboneSpec

SIZES = {**SMALL, "embed_dim": 64, "t_layers": 4}  # AdaCLIP's text is as wide as the joint space


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    state = recipe("recipe_clip_random").clip_state(SIZES)
    files = write_backbone(tmp_path_factory.mktemp("clip"), SIZES, state)
    return BackboneSpec(*(str(path) for path in files))


@pytest.fixture
def request_of(spec, tmp_path):
    root = mvtec(tmp_path / "data", ["nut"], 5)

    def make(method, name="x"):
        return TrainRequest(
            method,
            "industrial",
            tmp_path / f"{name}.safetensors",
            Source(str(root)),
            spec,
            epochs=2,
            loss_side=32,
            official=str(tmp_path / f"{name}.pth"),
        )

    return make


def nothing(*_):
    pass


@pytest.mark.parametrize("method", methods.trainable())
def test_a_learner_trains_stops_goes_on_and_its_checkpoint_maps(method, request_of, spec):
    whole, broken = request_of(method), request_of(method, "broken")
    fitted = runs.run(whole, nothing, nothing)
    assert np.isfinite(fitted.terms).all()

    def stop(done, total, loss, left):
        if done == total:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        runs.run(broken, nothing, stop)
    encoder = examples.open_encoder(runs.entry_of(broken), "cpu")
    assert runs.epochs_done(broken) == encoder.method.learner(encoder).plan.first + 1
    again = runs.run(broken, nothing, nothing)
    for name, value in fitted.tensors.items():
        np.testing.assert_array_equal(again.tensors[name], value, name)

    chosen, tower = methods.build(method), backbones.load(spec, "cpu", "float32")
    own = chosen.checkpoint(setups.read_checkpoint(method, whole.out), tower.info)
    official = setups.read_checkpoint(method, whole.out.with_suffix(".pth"))
    for name, value in own.items():
        np.testing.assert_allclose(official[name], value, rtol=1e-3, atol=1e-3)

    plan = chosen.recipe(tower.info)
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 64), np.uint8)
    kept = np.ones((1, plan.grid, plan.grid), bool)
    features = encoded(chosen, tower, image, plan, kept, own)
    text = np.eye(2, tower.info.embed_dim, dtype=np.float32)
    text = text[None] if chosen.text_by_slice else text
    maps, scores = maps_of(chosen, features, kept, text, own, plan)
    assert np.isfinite(maps).all()
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("method", ["aprilgan", "mvfa"])
def test_every_step_takes_a_turn_on_the_device(method, request_of):
    queue, turns, free = DeviceQueue(), [], []

    def turn():
        turns.append(1)
        return queue.turn(BACKGROUND)

    def report(*_):
        free.append(not queue._busy)

    found = runs.run(request_of(method), report, report, turn)
    assert all(free)
    assert len(turns) >= found.steps + 4  # the start, images or texts, and validation, too
    alone = runs.run(request_of(method, "alone"), nothing, nothing)
    for name, value in alone.tensors.items():
        np.testing.assert_array_equal(found.tensors[name], value, name)

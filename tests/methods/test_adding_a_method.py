"""The method of `docs/adding_a_method.md`, from that page: trained, mapped, searched, evaluated."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.encoded import encoded
from tests.helpers.tensors import fresh_tensors, mean_values_of, values_of
from zsad_core import backbones, methods, setups
from zsad_core.base.store import Store
from zsad_core.evaluation.run import local, run
from zsad_core.evaluation.tasks import Cohort, Configuration
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.lab import prompt_search
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import parquet as results
from zsad_core.training import runs
from zsad_core.training.material import Source
from zsad_core.types import BackboneSpec, DataSpec, SliceSpec

PAGE = Path(__file__).parents[2] / "docs" / "adding_a_method.md"
FILE = re.compile(r"```python\n# zsad_core/methods/(toy/\w+\.py)\n(.*?)```", re.DOTALL)
DATA, SUBJECT, VALIDATES = DataSpec("demo-2mm"), "DEMO-MET-013-000", "DEMO-MET-009-000"
PROMPTS = prompt_sets.shipped()["minimal-pair"]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The folder as the page has it, and the one line."""
    for name, code in FILE.findall(PAGE.read_text()):
        path = tmp_path / "methods" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(tmp_path / "methods")])
    kind = importlib.import_module("zsad_core.methods.toy.method").Toy
    monkeypatch.setitem(methods.METHODS, "toy", kind)
    monkeypatch.setattr(setups, "CHECKPOINTS", tmp_path)
    yield kind
    for name in [name for name in sys.modules if name.startswith("zsad_core.methods.toy")]:
        del sys.modules[name]


def nothing(*_):
    pass


def test_the_method_of_the_page_trains_maps_searches_and_is_evaluated(toy, tmp_path):
    request = runs.TrainRequest(
        "toy",
        "brats",
        tmp_path / "toy-brats.safetensors",
        Source(DATA.kind, subjects=2, slices=3),
        epochs=3,
        loss_side=32,
        official=str(tmp_path / "toy.pth"),
    )
    runs.run(request, nothing, nothing)
    learned = setups.learned(setups.find("toy", "brats"))
    assert learned.keys() == {"scale", "shift"}
    assert learned["scale"] != 1
    assert setups.read_checkpoint("toy", Path(request.official)).keys() == learned.keys()
    assert "toy" in methods.trainable()

    engine = Engine(Store(tmp_path / "store"), "cpu")
    spec = pipeline.map_spec(engine, SliceSpec(DATA, SUBJECT), "toy", "brats", PROMPTS)
    found, stack = pipeline.anomaly_map(engine, spec), engine.stack(spec.features.slices)
    assert found.values.shape == stack.image.shape
    assert 0 <= found.values[stack.brain].min() < found.values[stack.brain].max() <= 1

    phrases = ("healthy tissue", "a bright spot")
    plan = prompt_search.Plan((VALIDATES,), (), phrases, best=1, most=1, every=16)
    searched = prompt_search.search(engine, spec, plan)
    assert searched.winner.tuned_on == (VALIDATES,)
    assert all(np.isfinite(one.value) for one in searched.steps)

    cohort = Cohort(
        data=DATA,
        configurations=(Configuration("toy", "brats", PROMPTS),),
        out=tmp_path / "rows",
        names=(SUBJECT,),
        rules=("oracle", "50%"),
    )
    run(engine, cohort, local(engine))
    with results.connect(cohort.out) as rows:
        [[method, auroc]] = rows.sql("SELECT DISTINCT method, auroc FROM subjects").fetchall()
    assert method == "toy"
    assert 0 <= auroc <= 1


def test_the_methods_fast_way_is_its_map_and_its_files_are_all_on_the_page(toy):
    assert [name for name, _ in FILE.findall(PAGE.read_text())] == [
        "toy/method.py",
        "toy/training.py",
        "toy/__init__.py",
    ]
    method, tower = toy(), backbones.load(BackboneSpec("demo"), "cpu", "float32")
    recipe, learned = method.recipe(tower.info), fresh_tensors(method, tower)
    image = np.random.default_rng(0).integers(0, 256, (1, 60, 60), np.uint8)
    kept = np.ones((1, recipe.grid, recipe.grid), bool)
    features = encoded(method, tower, image, recipe, kept, learned)
    text = np.eye(2, tower.info.embed_dim, dtype=np.float32)
    fast = values_of(method, features[0], kept[0], text[None], learned, recipe)
    slow = mean_values_of(method, features[0], kept[0], text[None], learned, recipe)
    assert method.texts_at_once
    assert np.corrcoef(fast[0], slow[0])[0, 1] > 0.9

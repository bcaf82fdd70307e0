"""The real trainer on small image sets in each layout, on a small random CLIP."""

import json
import re

import numpy as np
import pytest
from safetensors import safe_open

from tests.helpers.image_sets import SETS, bmad, mvtec, write
from tests.helpers.weights import small_backbone
from zsad_core import backbones, setups
from zsad_core.cli import main as cli
from zsad_core.imaging import image_sets
from zsad_core.methods.aprilgan.method import AprilGan
from zsad_core.methods.aprilgan.training import LinearLayers
from zsad_core.methods.encoder import Encoder
from zsad_core.training import material, pictures
from zsad_core.types import BackboneSpec


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return [str(path) for path in small_backbone(tmp_path_factory.mktemp("clip"))]


@pytest.fixture
def train(small, tmp_path):
    """Runs the command with the small CLIP; (exit code, the checkpoint's path)."""

    def run(line, out=tmp_path / "x.safetensors", method="aprilgan"):
        backbone = f"--backbone {small[0]} --weights {small[1]} --device cpu --out {out}"
        rest = f"--setup industrial --epochs 2 --loss-side 32 {backbone} {line}"
        return cli.main(f"train --method {method} {rest}".split()), out

    return run


def facts_of(path):
    with safe_open(path, "numpy") as file:
        return file.metadata()


@pytest.mark.parametrize("method", ["aprilgan", "anomalyclip"])
@pytest.mark.parametrize("kind", SETS)
def test_the_command_trains_on_each_layout(kind, method, train, tmp_path, capsys):
    root = SETS[kind](tmp_path / "data")
    code, out = train(f"--data {root}", method=method)
    assert code == 0, capsys.readouterr().err
    assert setups.read_checkpoint(method, out)
    facts = facts_of(out)
    assert facts["data"].startswith(f"data, {image_sets.LAYOUTS[kind].title}, test part: ")
    assert facts["held_out_rule"].startswith("every fifth image or patient")
    assert facts["backbone"] == "config.json"
    assert f"--method {method} --setup industrial --backbone config.json" in facts["command"]
    assert not set(facts["train_subjects"].split()) & set(facts["validation_subjects"].split())
    assert str(tmp_path) not in json.dumps(facts)


def test_the_tower_may_be_in_bfloat16(train, tmp_path):
    root, found = bmad(tmp_path / "data", count=20), {}
    for precision in ("float32", "bfloat16"):
        out = tmp_path / f"{precision}.safetensors"
        assert train(f"--data {root} --precision {precision}", out, "mvfa")[0] == 0
        found[precision] = setups.read_checkpoint("mvfa", out)
        assert facts_of(out)["precision"] == precision
        assert facts_of(out)["images"] == "64 to train, 16 held out"  # also those without a mask
    for name, value in found["float32"].items():
        assert 0 < np.abs(value - found["bfloat16"][name]).max() < 0.05


def test_classes_left_out_are_not_seen(train, tmp_path, capsys):
    root = mvtec(tmp_path / "data", [f"c{i}" for i in range(11)], 1)
    code, out = train(f"--data {root} --kind mvtec --leave-out c10", method="anomalyclip")
    assert code == 0
    assert facts_of(out)["train_subjects"] == "c0 c1 c2 c3 c5 c6 c7 c8"
    assert facts_of(out)["validation_subjects"] == "c4 c9"
    assert "--leave-out c10" in facts_of(out)["command"]
    assert train(f"--data {root} --leave-out x")[0] == 1
    assert "there is no class 'x' in" in capsys.readouterr().err


def test_at_most_so_many_images_of_all_classes(train, tmp_path):
    code, out = train(f"--data {mvtec(tmp_path / 'data')} --images 10", method="anomalyclip")
    assert code == 0
    assert facts_of(out)["images"] == "8 to train, 2 held out"
    assert facts_of(out)["data"].endswith("10 of 20 images")
    assert {name[:3] for name in facts_of(out)["train_subjects"].split()} == {"nut", "til"}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no image set that can be read; expected MVTec AD"),
        ({"nut/test/crack/0.png": "x", "nut/ground_truth/a": "x"}, "The mask .* is missing; add"),
    ],
)
def test_what_is_missing_is_one_sentence(files, words, train, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    for name, text in files.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True)
        (tmp_path / "data" / name).write_text(text)
    assert train(f"--data {tmp_path / 'data'} --kind mvtec")[0] == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert re.search(words, error)


def test_industrial_takes_no_scans(train, tmp_path, capsys):
    assert train(f"--data {tmp_path}")[0] == 1
    assert "sees no brain and takes no scans" in capsys.readouterr().err


def test_examples_know_label_class_and_mask(small, tmp_path):
    tower = backbones.load(BackboneSpec(*small), "cpu", "float32")
    encoder = Encoder(AprilGan(), tower, AprilGan().recipe(tower.info), 32, frozen=False)
    found = image_sets.pictures(bmad(tmp_path))
    stored = pictures.of_pictures(encoder, found)
    assert stored.tokens.shape == (len(found), 64, 64, 3)
    assert stored.labels.tolist() == [picture.abnormal for picture in found]
    assert stored.classes == tuple(picture.class_name for picture in found)
    drawn = [picture.mask is not None for picture in found]
    assert stored.masks.any(axis=(1, 2)).tolist() == drawn
    bright = stored.tokens[..., 0].mean(axis=(1, 2))
    assert bright[drawn].min() > bright[~stored.labels].max()


def test_labels_alone_serve_only_who_asks_for_them(tmp_path):
    root = str(bmad(tmp_path, count=20))
    seen = {}
    for unmasked in (False, True):
        train, _, _ = pictures.chosen(root, "bmad", (), unmasked)
        seen[unmasked] = {(p.class_name, p.abnormal) for p in train}
    assert seen[False] == {("Brain", False), ("Brain", True)}
    assert seen[True] - seen[False] == {("Chest", False), ("Chest", True)}
    assert LinearLayers.plan.unmasked is False


def test_an_image_set_may_lie_beside_scans(tmp_path):
    assert material.kind_of(material.Source(str(tmp_path))) == "scans"
    write(tmp_path / "nut/ground_truth/x.png", np.zeros((2, 2), np.uint8))
    assert material.kind_of(material.Source(str(tmp_path))) == "mvtec"
    assert material.kind_of(material.Source(str(tmp_path), "brats")) == "scans"

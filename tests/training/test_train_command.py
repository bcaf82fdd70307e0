"""What the train command takes, refuses and writes, with a small stand-in for tower and data."""

import argparse
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.helpers.weights import small_backbone
from zsad_core import backbones, setups
from zsad_core.cli import train as commands
from zsad_core.errors import DataError, SettingError
from zsad_core.methods.anomalyclip.method import AnomalyClip
from zsad_core.methods.anomalyclip.training import PromptVectors
from zsad_core.methods.aprilgan.method import AprilGan
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.texts import TowerTexts
from zsad_core.prompts import sets as prompt_sets
from zsad_core.training import examples, material
from zsad_core.training.material import Source
from zsad_core.types import BackboneSpec, DataSpec, Recipe, SliceStack, Subject, Volume

GRID, WIDTH, EMBED = 4, 6, 5


class StandInMethod(AprilGan):
    """Tokens are the mean grey of each patch, the other numbers fixed."""

    def encode(self, tower, images, recipe, kept, learned):
        side = images.shape[1] // GRID
        grey = images.reshape(len(images), GRID, side, GRID, side).mean(axis=(2, 4)) / 255
        tokens = torch.ones((len(images), GRID * GRID, WIDTH), dtype=torch.float16)
        tokens[..., 0] = torch.from_numpy(grey.reshape(len(images), -1) * 4)
        first = {"class": torch.zeros(EMBED, dtype=torch.float16)}
        return [{f"tap{n}": t for n in recipe.taps} | first for t in tokens]


def sentences(texts, activation):
    counts = [(1, "damage" in t, "flaw" in t, len(t) / 99, "brain" in t) for t in texts]
    return np.array(counts, np.float32)


@pytest.fixture
def encoder():
    info = SimpleNamespace(
        name="stand-in", digest="abc", width=WIDTH, embed_dim=EMBED, image_size=16
    )
    tower = SimpleNamespace(info=info, device="cpu", sentences=sentences)
    return Encoder(StandInMethod(), tower, Recipe("stand-in", 16, GRID, (1, 2, 3, 4)), 8)


class StandInData:
    """Bright squares in dark brains, in z 2 and 3, of another brightness for each subject."""

    title, synthetic = "stand-in", True

    def subjects(self):
        splits = {"a": "train", "b": "train", "c": "validation", "d": "test"}
        return tuple(Subject(name, ("t2f",), True, split) for name, split in splits.items())

    def stamp(self, subject_id, modality):
        return ""

    def load(self, subject_id, modality, progress=None):
        intensity = np.full((16, 16, 6), 10, np.float32)
        truth = np.zeros(intensity.shape, bool)
        truth[4:12, 4:12, 2:4] = True
        intensity[truth] = 100 + ord(subject_id)
        brain = np.ones(intensity.shape, bool)
        return Volume(intensity, brain, truth, None, (1, 1, 1), np.eye(4), subject_id)


@pytest.fixture
def parse(monkeypatch, encoder):
    monkeypatch.setattr(examples, "open_encoder", lambda *_: encoder)
    monkeypatch.setattr(material.datasets, "open_dataset", lambda spec: StandInData())
    parser = argparse.ArgumentParser()
    commands.options(parser)
    return lambda line: parser.parse_args(line.split())


def test_a_test_subject_is_refused(encoder):
    train, test = StandInData().subjects()[0], StandInData().subjects()[3]
    with pytest.raises(SettingError, match="d is a subject of split 'test' and must not serve"):
        examples.of_subjects(encoder, StandInData(), [train, test], examples.SliceChoice())
    with pytest.raises(SettingError, match="e is a subject of split 'unknown'"):
        examples.check_split(StandInData(), ["a", "e"])


def test_split_leaves_test_subjects_out():
    train, held_out = examples.split(StandInData().subjects(), "t2f", 40)
    assert [s.id for s in train] == ["a", "b"]
    assert [s.id for s in held_out] == ["c"]
    with pytest.raises(SettingError, match="0 training and 0 validation"):
        examples.split(StandInData().subjects(), "t1c", 40)


def test_without_splits_every_fifth_is_held_out():
    names = [Subject(name, ("t2f",), True) for name in "abcdefghij"]
    train, held_out = examples.split(names, "t2f", 3)
    assert [s.id for s in train] == ["a", "b", "c"]
    assert [s.id for s in held_out] == ["e"]


def test_without_splits_time_points_of_a_patient_are_on_one_side():
    names = [f"BraTS-MET-{patient:05d}-{point:03d}" for patient in range(5) for point in range(3)]
    everyone = [Subject(name, ("t2f",), True) for name in names]
    train, held_out = examples.split(everyone, "t2f", 40)
    assert [s.id for s in train] == names[:12]
    assert [s.id for s in held_out] == names[12:]


def test_slices_with_and_without_lesion_are_as_asked():
    truth = np.zeros((10, 4, 4), bool)
    truth[2:8, 1, 1] = True
    brain = np.ones((10, 4, 4), bool)
    brain[9] = False
    stack = SliceStack(truth.astype(np.uint8), brain, truth, (0, 1), 1, (1, 1))
    chosen = examples.balanced(stack, examples.SliceChoice(most=2))
    assert truth[chosen].any(axis=(1, 2)).sum() == 2
    assert len(set(chosen.tolist())) == 4
    assert 9 not in examples.balanced(stack, examples.SliceChoice(most=6))
    fewer = examples.balanced(stack, examples.SliceChoice(most=6, clear=1 / 3))
    assert (~truth[fewer].any(axis=(1, 2))).sum() == 2


def test_examples_of_subjects(encoder):
    subjects = StandInData().subjects()[:2]
    found = examples.of_subjects(encoder, StandInData(), subjects, examples.SliceChoice(most=1))
    assert found.tokens.shape == (4, 4, GRID * GRID, WIDTH)
    assert found.tokens.dtype == np.float16
    assert found.masks.sum(axis=(1, 2)).tolist().count(16) == 2  # 8 x 8 of 16 pixels, at half size
    assert found.first.shape == (4, EMBED)


def test_memory_is_bounded(encoder, monkeypatch):
    monkeypatch.setattr(
        "zsad_core.methods.encoder.BYTES", 2 * 2 * GRID**2 * WIDTH * 4
    )  # two images
    subjects = StandInData().subjects()[:2]
    with pytest.raises(SettingError, match="2 subjects exceed"):
        examples.of_subjects(encoder, StandInData(), subjects, examples.SliceChoice())
    assert len(examples.of_textures(encoder, 9, 0).masks) == 2


def test_checkpoint_round_trip_and_provenance(parse, tmp_path, capsys):
    out, official = tmp_path / "x.safetensors", tmp_path / "x.pth"
    line = f"--method aprilgan --setup brats --epochs 2 --seed 5 --out {out} --official {official}"
    commands.run(parse(line))
    stored = setups.read_checkpoint("aprilgan", out)
    state = torch.load(official, weights_only=True)["trainable_linearlayer"]
    assert set(stored) == {f"fc.{i}.{part}" for i in range(4) for part in ("weight", "bias")}
    for name, value in state.items():
        np.testing.assert_array_equal(stored[name], value.numpy().astype(np.float16))
    with safe_open(out, "numpy") as file:
        facts = file.metadata()
        assert file.get_tensor("fc.0.weight").dtype == np.float16
    assert facts["train_subjects"] == "a b"
    assert facts["validation_subjects"] == "c"
    assert facts["backbone_digest"] == "abc"
    assert "--setup brats --epochs 2" in facts["command"]
    assert str(tmp_path) not in "".join(facts.values())
    assert "on validation" in capsys.readouterr().out


def test_prompts_are_stored_without_what_inference_does_not_use(parse, tmp_path, monkeypatch):
    spec = BackboneSpec(*(str(path) for path in small_backbone(tmp_path)))
    real = Encoder(*_opened(spec), 8)
    monkeypatch.setattr(examples, "open_encoder", lambda *_: real)
    out, official = tmp_path / "x.safetensors", tmp_path / "x.pth"
    line = f"--method anomalyclip --setup brats --epochs 1 --out {out} --official {official}"
    commands.run(parse(line))
    with safe_open(out, "numpy") as file:
        assert set(file.keys()) == {"ctx_pos", "ctx_neg", "compound_prompts_text.0"}
        assert file.get_tensor("ctx_pos").dtype == np.float16
    own, theirs = (setups.read_checkpoint("anomalyclip", path) for path in (out, official))
    for name, value in own.items():
        np.testing.assert_allclose(value, theirs[name], atol=1e-3)
        fresh = PromptVectors(real).initial(0, None)[name]
        assert 0 < np.abs(value - fresh).max() < 0.01  # a step or two of 1e-3
    encoder, prompts = TowerTexts(real.tower, "quick_gelu"), prompt_sets.shipped()["anomalyclip"]
    words = [n for n in theirs if n.startswith("token_")]
    assert len(words) == 4
    without = {name: value for name, value in theirs.items() if name not in words}
    np.testing.assert_array_equal(
        real.method.texts(prompts, encoder, theirs, ()),
        real.method.texts(prompts, encoder, without, ()),
    )


def _opened(spec):
    method, tower = AnomalyClip(), backbones.load(spec, "cpu", "float32")
    return method, tower, method.recipe(tower.info)


def test_finetune_goes_on_from_a_checkpoint(parse, tmp_path):
    first, second = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    commands.run(parse(f"--method aprilgan --setup industrial --epochs 1 --out {first}"))
    rest = f"--start {first} --epochs 1 --out {second}"
    commands.run(parse(f"--method aprilgan --setup finetune {rest}"))
    gone_on = setups.read_checkpoint("aprilgan", second)
    for name, value in setups.read_checkpoint("aprilgan", first).items():
        assert 0 < np.abs(gone_on[name] - value).max() < 0.01  # a step or two of 1e-3


@pytest.mark.parametrize(("modality", "digest"), [("t2f", "0" * 64), ("t1c", "unknown")])
def test_subjects_of_the_checkpoint_begun_with_stay_in_the_record(
    parse, tmp_path, modality, digest
):
    first, second = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    commands.run(parse(f"--method aprilgan --setup industrial --epochs 1 --out {first}"))
    record = {"train_subjects": "b e", "train_voxels": f"1 {'0' * 64}", "modality": modality}
    save_file(load_file(first), first, record)
    rest = f"--start {first} --epochs 1 --out {second}"
    commands.run(parse(f"--method aprilgan --setup finetune {rest}"))
    facts = setups.record_of(second)
    assert facts["train_subjects"] == "a b e"
    voxels = facts["train_voxels"].split()
    assert voxels[2] == digest
    assert len({*voxels}) == 3
    assert "1" not in voxels[:2]  # of this training
    assert facts["validation_subjects"] == "c"


def test_a_backbone_is_trained_with_its_own_seed(parse, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(commands, "train_backbone", lambda *given: f"given {given}")
    commands.run(parse(f"--backbone demo-pmc --out {tmp_path}"))
    assert f"given ('demo-pmc', None, {tmp_path!r})" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--setup brats", "one of the arguments --method --backbone is required"),
        ("--method aprilgan", "--method aprilgan needs --setup"),
        ("--backbone demo --loss-side 96", "--loss-side goes with --method only"),
        ("--method aprilgan --setup pmc --start x", "pmc starts from scratch"),
        ("--method aprilgan --setup industrial --data demo", "takes no scans"),
        ("--method aprilgan --setup brats --epochs 0", "not a whole number above 0"),
        (f"--method aprilgan --setup brats --epochs {'9' * 5000}", "not a whole number above 0"),
    ],
)
def test_wrong_combinations_are_usage_errors(parse, line, words, capsys):
    with pytest.raises(SystemExit) as stopped:
        commands.run(parse(line))
    assert stopped.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--out {0}/x.pth", "must end in .safetensors"),
        ("--out {0}/none/x.safetensors", "There is no folder"),
        ("--data {0}/none --out {0}/x.safetensors", "there is no folder"),
    ],
)
def test_wrong_places_are_one_sentence(parse, line, words, tmp_path):
    with pytest.raises((SettingError, DataError), match=words):
        commands.run(parse("--method aprilgan --setup brats " + line.format(tmp_path)))


def test_a_data_name_or_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    assert material.data_spec(Source("demo")) == DataSpec("demo")
    root = str(tmp_path)
    (tmp_path / "BraTS2021_00001_flair.nii").touch()  # the kind is told by names
    assert material.data_spec(Source(root, labels="2021")) == DataSpec("brats", root, "2021")

"""Shipped and own setups: add, find, forget, refuse; and an own one through the pipeline."""

import json
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.numpy import save_file

from tests.helpers.weights import linear_layers, prompt_vectors, small_backbone
from zsad_core import backbones, methods, setups
from zsad_core.base import paths, settings
from zsad_core.base.paths import home
from zsad_core.cli import doctor
from zsad_core.cli.map import MapRequest, setup_of
from zsad_core.errors import SettingError, WeightsError
from zsad_core.evaluation import choosing
from zsad_core.evaluation.tasks import Cohort, spec_of
from zsad_core.inference import evaluation, pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.prompts import sets as prompt_sets
from zsad_core.setups import Setup
from zsad_core.setups import user as own_setups
from zsad_core.training import own
from zsad_core.types import BackboneSpec, DataSpec, SliceSpec

OWN = ("winclip", "mine")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def small(files):
    return BackboneSpec(*(str(path) for path in small_backbone(files)))


@pytest.fixture(autouse=True)
def _empty_hub(tmp_path, monkeypatch):
    """No fetched weights, and an error for who would fetch some."""
    import_module("open_clip")  # takes the hub's functions as they are when it is imported
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", None)


@pytest.fixture
def layers(files):
    return linear_layers(files)


def test_each_user_has_setups_of_their_own_and_publishes_a_copy(small, layers):
    ada, ben = paths.home_of("ada"), paths.home_of("ben")
    trained = own.folder(ada) / "aprilgan-mine.safetensors"
    trained.parent.mkdir(parents=True)
    shutil.copy(layers, trained)
    name = ("aprilgan", "mine")
    kept = own_setups.add(Setup(*name, small, str(trained), "of ada"), ada)
    assert kept.checkpoint == str(trained.resolve())
    assert setups.find(*name, ada).home == str(ada)
    for other in (None, ben):
        assert name not in setups.entries(other)

    own_setups.publish(*name, ada, "ada")
    copy = setups.find(*name, ben)
    assert (copy.home, copy.owner, copy.provenance) == ("", "ada", "of ada")
    assert copy.checkpoint == str(own.folder() / trained.name)
    trained.unlink()  # what becomes of the first does not change the copy
    assert not setups.missing(copy)
    assert setups.missing(setups.find(*name, ada))

    own_setups.add(Setup(*name, small, str(layers), "of ben"), ben)
    assert setups.find(*name, ben).provenance == "of ben"
    with pytest.raises(SettingError, match="is another user's setup"):
        own_setups.publish(*name, ben, "ben")
    with pytest.raises(SettingError, match="is another user's setup"):
        own_setups.forget(*name, user="ben")
    own_setups.forget(*name, ada, "ada")
    assert setups.find(*name, ada) == copy
    own_setups.forget(*name, user="ada")
    assert name not in setups.entries(ada)
    assert name in setups.entries(ben)
    with pytest.raises(SettingError, match="no 'aprilgan · mine' of yours"):
        own_setups.publish(*name, ada, "ada")


def test_a_map_is_of_the_users_own_setup_of_a_name_that_several_have(small):
    ada, ben = paths.home_of("ada"), paths.home_of("ben")
    for whose, side in ((ada, "96"), (ben, "64")):
        own_setups.add(Setup(*OWN, small, "", "", (("image_size", side),)), whose)
    engine, slices = Engine(), SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-013-000")
    prompts = prompt_sets.shipped()["appearance"]
    made = {
        whose: pipeline.map_spec(engine, slices, *OWN, prompts, home=whose) for whose in (ada, ben)
    }
    assert [spec.features.recipe.image_size for spec in made.values()] == [96, 64]
    assert [resolve(engine, spec).setup.home for spec in made.values()] == [str(ada), str(ben)]
    with pytest.raises(SettingError, match="There is no setup 'mine'"):
        pipeline.map_spec(engine, slices, *OWN, prompts)
    (one,) = choosing.configurations([OWN], home=ada)
    cohort = Cohort(slices.data, (one,), Path("out"))
    assert spec_of(engine, cohort, slices.subject, one).options == (("image_size", "96"),)


def test_nobody_opens_what_lies_in_the_home_of_another_user(small, layers, monkeypatch):
    ada, ben = paths.home_of("ada"), paths.home_of("ben")
    for whose in (ada, ben):
        own.folder(whose).mkdir(parents=True)
        shutil.copy(layers, own.folder(whose))
    there = own.folder(ada) / layers.name
    for roots in (None, str(paths.home())):
        if roots is not None:
            monkeypatch.setenv("ZSAD_ROOTS", roots)
        assert paths.typed(str(there), ada) == there.resolve()
        for other in (None, ben):
            with pytest.raises(SettingError, match="holds what users keep for themselves"):
                paths.typed(str(there), other)
    monkeypatch.setenv("ZSAD_ROOTS", "")
    with pytest.raises(SettingError, match="lies in no folder that may be opened"):
        own_setups.add(Setup("aprilgan", "mine", BackboneSpec(), str(there), ""), ben)


def test_an_own_setup_is_kept_found_and_forgotten(small):
    entry = Setup(*OWN, small, "", "a trial", (("image_size", "96"),))
    own_setups.add(entry)
    assert setups.find(*OWN) == entry
    assert entry in setups.available("winclip")
    assert OWN not in setups.shipped()
    own_setups.forget(*OWN)
    assert OWN not in setups.entries()


def test_a_setup_added_twice_is_listed_once_as_last_given(small):
    own_setups.add(Setup(*OWN, small, "", "first"))
    own_setups.add(Setup(*OWN, small, "", "second"))
    assert [e.provenance for e in setups.of_method("winclip") if e.setup == "mine"] == ["second"]


def test_relative_paths_are_found_from_any_folder(small, layers, monkeypatch):
    monkeypatch.chdir(layers.parent)
    spec = BackboneSpec("config.json", "weights.safetensors")
    kept = own_setups.add(Setup("aprilgan", "mine", spec, layers.name, ""))
    assert kept.checkpoint == str(layers)
    monkeypatch.chdir("/")
    assert not setups.missing(setups.find("aprilgan", "mine"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"setup": "zero-shot"}, "'winclip · zero-shot' is a shipped setup"),
        ({"setup": "<b>x"}, "The setup name '<b>x' cannot be used"),
        ({"setup": ""}, "The setup name '' cannot be used"),
        ({"method": "intensity"}, "'intensity' uses no backbone"),
        ({"method": "nothing"}, "There is no method 'nothing'"),
        ({"method": "aprilgan"}, "'aprilgan' needs a checkpoint and none was given"),
        ({"checkpoint": "/x.pth"}, "'winclip' learns nothing"),
        ({"options": (("image_size", "100"),)}, "Image size 100 is no multiple"),
        ({"options": (("size", "100"),)}, "'winclip' has no option 'size'"),
        ({"backbone": BackboneSpec("ViT-Z")}, "There is no backbone 'ViT-Z'"),
        ({"backbone": BackboneSpec("ViT-B-16", "x")}, "open_clip has no weights 'x' for ViT-B-16"),
        ({"backbone": BackboneSpec("/no/config.json")}, "There is no model config '/no/config"),
        ({"backbone": BackboneSpec("hf-hub:../x")}, "is no hub id"),
    ],
)
def test_what_cannot_be_used_is_refused_and_not_kept(changes, said, small):
    with pytest.raises((SettingError, WeightsError), match=said):
        own_setups.add(replace(Setup(*OWN, small, "", ""), **changes))
    assert setups.entries() == setups.shipped()


def test_a_kept_entry_never_replaces_a_shipped_one():
    row = {"method": "winclip", "setup": "zero-shot", "backbone": {"name": "other"}}
    home().mkdir(parents=True)
    kept = {**row, "checkpoint": "", "provenance": "", "options": []}
    (home() / "settings.json").write_text(json.dumps({"setups": [kept]}))
    assert setups.find("winclip", "zero-shot").backbone.name == "demo"


def test_a_kept_entry_that_cannot_be_read_is_passed_over_and_named():
    home().mkdir(parents=True)
    (home() / "settings.json").write_text('{"setups": [{"method": "winclip"}]}')
    assert set(setups.entries()) == set(setups.shipped())
    (said,) = settings.unreadable("setups", Setup)
    assert "settings.json holds a row of setups that cannot be read (row.setup" in said


def test_an_unknown_setup_is_refused():
    with pytest.raises(SettingError, match="There is no setup 'none' of method 'winclip'"):
        setups.find("winclip", "none")


def test_a_checkpoint_of_another_backbone_is_refused_with_both_shapes(small, files):
    wide = linear_layers(files, width=96)
    with pytest.raises(WeightsError, match=r"fc.0.weight is \(32, 96\), expected \(32, 64\)"):
        own_setups.add(Setup("aprilgan", "mine", small, str(wide), ""))


def test_prompts_learned_on_another_text_tower_are_refused(small, files):
    wide = prompt_vectors(files, width=96)
    with pytest.raises(WeightsError, match=r"backbone .*: ctx_pos is \(1, 1, 12, 96\), expected"):
        own_setups.add(Setup("anomalyclip", "mine", small, str(wide), ""))


def test_layers_are_no_prompts(small, layers):
    with pytest.raises(WeightsError, match="is no checkpoint of AnomalyCLIP: ctx_pos is missing"):
        own_setups.add(Setup("anomalyclip", "mine", small, str(layers), ""))


def test_a_checkpoint_is_checked_against_a_backbone_that_is_yet_to_be_fetched(layers):
    spec = BackboneSpec("ViT-B-16-plus-240", "laion400m_e31")
    with pytest.raises(WeightsError, match=r"expected \(640, 896\)"):
        own_setups.add(Setup("aprilgan", "mine", spec, str(layers), ""))


def test_weights_that_do_not_fit_their_config_are_refused(files, small):
    wrong = files / "wrong.safetensors"
    save_file({"visual.proj": np.zeros((2, 2), np.float32)}, wrong)
    with pytest.raises(WeightsError, match="does not fit its config"):
        own_setups.add(Setup(*OWN, BackboneSpec(small.name, str(wrong)), "", ""))


def test_a_setup_whose_files_went_away_is_missing_not_broken(small, layers, tmp_path):
    gone = tmp_path / "gone.safetensors"
    gone.write_bytes(layers.read_bytes())
    own_setups.add(Setup("aprilgan", "mine", small, str(gone), ""))
    gone.unlink()
    said = setups.missing(setups.find("aprilgan", "mine"))
    assert said == f"There is no checkpoint '{gone}'; check the path."
    assert "mine" not in [entry.setup for entry in setups.available("aprilgan")]


def test_a_checkpoint_that_fits_no_more_is_not_offered(small, layers, files, tmp_path):
    swapped = tmp_path / "swapped.safetensors"
    swapped.write_bytes(layers.read_bytes())
    own_setups.add(Setup("aprilgan", "mine", small, str(swapped), ""))
    swapped.write_bytes(linear_layers(files, width=96).read_bytes())
    assert "does not fit the backbone" in setups.missing(setups.find("aprilgan", "mine"))
    assert "mine" not in [entry.setup for entry in setups.available("aprilgan")]


@pytest.mark.parametrize("key", [("winclip", "laion400m-b16-240"), ("winclip", "pmc-l14")])
def test_a_shipped_real_clip_says_what_gets_it_without_asking_the_network(key):
    entry = setups.find(*key)
    said = setups.missing(entry)
    assert said == backbones.unfetched(entry.backbone)
    assert f"fetch --backbone {entry.backbone.name}" in said
    assert entry not in setups.available("winclip")


def test_a_hub_model_that_is_yet_to_be_fetched_can_be_added(layers):
    own_setups.add(Setup("aprilgan", "mine", BackboneSpec("hf-hub:a/b"), str(layers), ""))
    assert "open_clip_config.json of a/b" in setups.missing(setups.find("aprilgan", "mine"))


def test_the_doctor_counts_what_was_never_fetched_as_optional():
    lines = {line: works for works, line in doctor.report()}
    line = next(line for line in lines if line.startswith("weights winclip · pmc-l14"))
    assert lines[line]
    assert "optional, open_clip_config.json" in line


def test_the_doctor_tells_how_much_memory_features_take(monkeypatch):
    monkeypatch.setenv("ZSAD_FEATURES_GB", "1.5")
    limit = "features held in memory: at most 1.5 GB (ZSAD_FEATURES_GB)"
    assert limit in doctor.device_lines("cpu", "float32")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["winclip", "aprilgan", "anomalyclip"])
def test_an_own_setup_gives_a_map_at_its_own_image_size(method, small, layers, files):
    made = {"winclip": "", "aprilgan": layers, "anomalyclip": prompt_vectors(files)}
    checkpoint = str(made[method])
    options = (("image_size", "48"),)
    own_setups.add(Setup(method, "mine", small, checkpoint, "", options))
    engine, slices = Engine(), SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-013-000")
    prompts = prompt_sets.shipped()["minimal-pair"]
    spec = pipeline.map_spec(engine, slices, method, "mine", prompts)
    assert spec.options == options
    assert spec.features.recipe.image_size == 48
    found = pipeline.anomaly_map(engine, spec)
    assert found.values.shape == engine.stack(slices).image.shape
    assert len(np.unique(found.values)) > 2
    other = pipeline.anomaly_map(
        engine, evaluation.with_prompts(spec, replace(prompts, abnormal=("a hole",)))
    )
    assert (other.values != found.values).any()


def test_the_command_line_takes_an_own_setup_with_its_options(small, tmp_path):
    own_setups.add(Setup(*OWN, small, "", "", (("image_size", "96"),)))
    asked = MapRequest((tmp_path / "x.png",), "winclip", tmp_path / "x.npz", setup="mine")
    assert setup_of(asked).options == (("image_size", "96"),)
    assert setup_of(replace(asked, image_size=128)).options == (("image_size", "128"),)
    other = replace(asked, backbone=BackboneSpec("demo"))
    assert setup_of(other).options == ()


@pytest.mark.parametrize(("text", "meant"), [("no", False), ("TRUE", True), ("0", False)])
def test_an_option_of_yes_or_no(text, meant):
    assert methods.build("adaclip", [("hsf", text)]).hsf is meant


def test_a_misspelt_yes_or_no_is_refused():
    with pytest.raises(SettingError, match="hsf=flase"):
        methods.build("adaclip", [("hsf", "flase")])

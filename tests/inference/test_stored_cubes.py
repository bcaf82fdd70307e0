"""A set of volumes: what was computed is not computed again, and an odd place is found."""

from collections import Counter
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from zsad_core import backbones, methods
from zsad_core.base.store import Store
from zsad_core.cli.main import main
from zsad_core.errors import Cancelled, SettingError
from zsad_core.imaging import slicing
from zsad_core.inference import evaluation, pipeline, stored_cubes
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec

NAMES = ("a", "b", "c", "d")
SIDE, GRID = 24, 8  # voxels and cubes along each axis
OPTIONS = (("image_size", "64"),)  # 8 patches of the demo backbone
LAYERS = 3 * GRID
PROMPTS = prompt_sets.shipped()["minimal-pair"]
ODD = (slice(12, 18), slice(6, 12), slice(9, 15))  # X Y Z


class Counted:
    """A real tower that counts the slices that go through it."""

    def __init__(self, tower, calls):
        self._tower, self._calls, self.info = tower, calls, tower.info

    def early_taps(self, images, *rest):
        self._calls["slices"] += len(images)
        return self._tower.early_taps(images, *rest)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four scans of one smooth head, noise apart; the first has an even block, bright as others."""
    found = tmp_path_factory.mktemp("scans")
    rng = np.random.default_rng(8)
    head = 500 + 2000 * ndimage.gaussian_filter(rng.normal(size=(SIDE,) * 3), 2)
    for name in NAMES:
        values = head + rng.normal(scale=5, size=head.shape)
        if name == "a":
            values[ODD] = np.percentile(head, 98)
        values = np.pad(values[3:-3, 3:-3, 3:-3], 3)
        nib.save(nib.Nifti1Image(values.astype(np.int16), np.eye(4)), found / f"{name}.nii.gz")
    return found


@pytest.fixture
def start(tmp_path):
    """start(): an engine as after a restart of the app, on the store of this test."""
    return lambda: Engine(Store(tmp_path / "store"), "cpu")


@pytest.fixture
def calls(monkeypatch):
    found, load = Counter(), backbones.load
    monkeypatch.setattr(backbones, "load", lambda *spec: Counted(load(*spec), found))
    return found


@pytest.fixture
def spec(start, folder):
    slices = SliceSpec(DataSpec("folder", str(folder)), "a", "scan")
    made = pipeline.map_spec(start(), slices, "mutual3d", "zero-shot", PROMPTS)
    about = backbones.info(made.features.backbone)
    recipe = methods.build("mutual3d", OPTIONS).recipe(about)
    features = replace(made.features, recipe=recipe, precision="float32")
    return replace(made, options=OPTIONS, features=features)


def test_the_odd_place_has_the_highest_score_of_volume_and_slices(start, spec):
    found = pipeline.anomaly_map(start(), spec)
    stack = start().stack(spec.features.slices)
    odd = np.zeros((SIDE,) * 3, bool)
    odd[ODD] = True
    levels = slicing.to_voxels(found.values)
    assert odd[np.unravel_index(levels.argmax(), levels.shape)]
    assert levels[odd].mean() > 3 * levels[~odd & (levels > 0)].mean()
    assert ODD[2].start <= np.nanargmax(found.scores) < ODD[2].stop
    np.testing.assert_array_equal(np.isnan(found.scores), ~stack.brain.any(axis=(1, 2)))


def test_the_slices_of_another_plane_cut_the_same_map(start, spec):
    slices = replace(spec.features.slices, plane="sagittal")
    turned = replace(spec, features=replace(spec.features, slices=slices))
    found, axial = (pipeline.anomaly_map(start(), one) for one in (turned, spec))
    whole = slicing.to_voxels(axial.values)
    np.testing.assert_array_equal(slicing.to_voxels(found.values, "sagittal"), whole)
    assert np.nanmax(found.scores) == np.nanmax(axial.scores)
    assert ODD[0].start <= np.nanargmax(found.scores) < ODD[0].stop


def test_a_second_run_and_a_restart_compute_nothing(start, spec, calls):
    engine = start()
    assert not pipeline.ready(engine, spec)
    assert pipeline.encode(engine, spec) == len(NAMES) * LAYERS
    first, slices = pipeline.anomaly_map(engine, spec), calls["slices"]
    assert pipeline.ready(engine, spec)
    other = evaluation.of_subject(spec, "b")
    for again in (engine, start()):
        assert pipeline.encode(again, spec) == 0
        np.testing.assert_array_equal(pipeline.anomaly_map(again, spec).values, first.values)
        assert pipeline.encode(again, other) == 0  # the set serves every subject of it
        some = pipeline.slice_maps(again, spec, [12, 14])
        np.testing.assert_array_equal(some[0], first.values[[12, 14]])
    assert calls["slices"] == slices > 0


def test_a_cancelled_run_continues_where_it_stopped(start, spec):
    told = []

    def stop(done, total):
        told.append((done, total))
        if done == 40:
            raise Cancelled(f"stopped after {done}")

    with pytest.raises(Cancelled, match="stopped after 40"):
        pipeline.encode(start(), spec, progress=stop)
    assert told[0] == (0, len(NAMES) * LAYERS)
    assert pipeline.encode(start(), spec) == len(NAMES) * LAYERS - 40


def test_the_map_depends_on_the_set_and_its_key_says_so(start, spec):
    engine, fewer = start(), replace(spec, volumes=("a", "b"))
    assert (
        pipeline.anomaly_map(engine, fewer).values != pipeline.anomaly_map(engine, spec).values
    ).any()
    keys = {evaluation.map_key(engine, one) for one in (spec, fewer)}
    turned = replace(spec, volumes=spec.volumes[::-1])
    assert len(keys) == 2
    assert evaluation.map_key(engine, turned) in keys


def test_the_set_is_the_first_usable_subjects_less_the_one_shown(start, spec):
    assert spec.volumes == NAMES
    assert stored_cubes.others(spec) == ("b", "c", "d")
    with pytest.raises(SettingError, match="the set holds 0 others"):
        pipeline.map_spec(
            start(), spec.features.slices, "mutual3d", "zero-shot", PROMPTS, volumes=("a",)
        )
    plain = pipeline.map_spec(
        start(), spec.features.slices, "winclip", "zero-shot", PROMPTS, volumes=("b",)
    )
    assert plain.volumes == ()


def test_a_damaged_layer_is_computed_again(start, spec):
    engine = start()
    first = pipeline.anomaly_map(engine, spec)
    damaged = next(engine.store.root.rglob("004-cubes.*.npy"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    np.testing.assert_array_equal(pipeline.anomaly_map(start(), spec).values, first.values)


def test_the_command_maps_a_scan_against_others(start, spec, folder, tmp_path, capsys):
    out = tmp_path / "map.nii.gz"
    scans = [str(folder / f"{name}.nii.gz") for name in NAMES]
    beside = [word for scan in scans[1:] for word in ("--beside", scan)]
    command = [
        "map",
        "--method",
        "mutual3d",
        "--image-size",
        "64",
        "--device",
        "cpu",
        "--out",
        str(out),
    ]
    assert main([*command, scans[0], *beside]) == 0
    assert "scored against 3: b.nii.gz, c.nii.gz, d.nii.gz" in capsys.readouterr().out
    found = nib.load(out).get_fdata()
    same = slicing.to_voxels(pipeline.anomaly_map(start(), spec).values)
    np.testing.assert_array_equal(found, same)
    assert main([*command, scans[0]]) == 1
    assert "--beside SCAN" in capsys.readouterr().err

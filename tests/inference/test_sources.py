"""Predictions of another program as maps, rows and views: every Dice is one worked out by hand."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from zsad_core import methods, setups
from zsad_core.base.store import Store
from zsad_core.cli.main import main
from zsad_core.errors import DataError, SettingError
from zsad_core.imaging import datasets
from zsad_core.imaging.predictions import registry
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.imaging.splits import registry as splits
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.evaluation import map_key, of_subject
from zsad_core.inference.sources import files
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.results import parquet
from zsad_core.types import DataSpec, ReadoutSpec, SliceSpec, Threshold

SHAPE = (12, 14, 10)
NAMES = ("a", "b")
TRUTH = np.zeros(SHAPE, bool)
TRUTH[4:8, 5:9, 3:7] = True  # 64 voxels


@pytest.fixture
def data(tmp_path):
    """Two scans whose lesion is a cube, in a plain folder."""
    root = tmp_path / "scans"
    root.mkdir()
    for seed, name in enumerate(NAMES):
        values = np.zeros(SHAPE, np.int16)
        values[2:10, 2:12, 1:9] = np.random.default_rng(seed).integers(50, 600, (8, 10, 8))
        affine = np.diag([1.0, 1.5, 2.0, 1.0])
        nib.save(nib.Nifti1Image(values, affine), root / f"{name}.nii.gz")
        nib.save(nib.Nifti1Image(TRUTH.astype(np.uint8), affine), root / f"{name}_seg.nii.gz")
    return DataSpec("folder", str(root))


@pytest.fixture
def engine(tmp_path):
    return Engine(Store(tmp_path / "store"), "cpu")


def written(data, name, array, turn=None, dtype=np.uint8):
    """(X, Y, Z) on the scan's grid as SimpleITK writes it, in another orientation where asked."""
    scan = SimpleITK.ReadImage(f"{data.root}/{name}.nii.gz")
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(array.T.astype(dtype)))
    image.CopyInformation(scan)
    if turn:
        image = SimpleITK.DICOMOrient(image, turn)
    return image


def added(data, tmp_path, make, name="other", **fields):
    """A set of which `make(subject)` gives each image."""
    folder = tmp_path / f"predictions of {name}"
    folder.mkdir()
    for subject in NAMES:
        SimpleITK.WriteImage(make(subject), str(folder / f"{subject}.nii.gz"))
    return registry.add(data, Predictions(name, str(folder), **fields), methods.METHODS)


def spec_of(engine, data, name="other", subject="a", plane="axial"):
    slices = SliceSpec(data, subject, "scan", plane)
    return pipeline.map_spec(engine, slices, methods.FILES, name, NO_PROMPTS)


def dice_of(engine, spec, value=0.5):
    return pipeline.numbers(engine, spec, ReadoutSpec(), Threshold(value, "fixed"))


@pytest.mark.parametrize("turn", [None, "LPS", "RAS", "PIR", "LAI"])
@pytest.mark.parametrize("plane", ["axial", "sagittal"])
def test_a_mask_is_the_same_whatever_its_orientation(data, engine, tmp_path, turn, plane):
    mask = np.zeros(SHAPE, bool)
    mask[4:8, 5:9, 3:5] = True  # half of the lesion, and 8 voxels beside it
    mask[8:9, 5:9, 3:5] = True
    added(data, tmp_path, lambda name: written(data, name, mask, turn))
    found = dice_of(engine, spec_of(engine, data, plane=plane))
    assert found.dice_3d == pytest.approx(2 * 32 / (64 + 40))
    assert (found.auroc, found.ap, found.best_dice) == (None, None, None)
    assert files.MASK in found.notes
    assert found.predicted_ml == pytest.approx(40 * 3 / 1000)


def test_a_mask_one_voxel_off_loses_what_it_misses(data, engine, tmp_path):
    shifted = np.roll(TRUTH, 1, axis=0)
    added(data, tmp_path, lambda name: written(data, name, shifted))
    assert dice_of(engine, spec_of(engine, data)).dice_3d == pytest.approx(2 * 48 / 128)


def test_scores_are_ranked_in_their_own_range(data, engine, tmp_path):
    scores = np.where(TRUTH, 3.0, -1.0)
    scores[4, 5, 3] = -2.0  # a lesion voxel below all healthy ones
    make = added(
        data,
        tmp_path,
        lambda name: written(data, name, scores, "LPS", np.float32),
        kind="score",
        low=-2.0,
        high=3.0,
    )
    anomaly = pipeline.anomaly_map(engine, spec_of(engine, data))
    assert (anomaly.high, anomaly.values.min(), anomaly.values.max()) == (5.0, 0.0, 5.0)
    assert (make.low, anomaly.binary, anomaly.notes) == (-2.0, False, ())
    found = dice_of(engine, spec_of(engine, data), 4.0)
    assert found.dice_3d == pytest.approx(2 * 63 / (64 + 63))
    assert found.best_dice == pytest.approx(found.dice_3d)
    assert found.auroc == pytest.approx(63 / 64)


def test_another_grid_is_refused_or_resampled_and_said(data, engine, tmp_path):
    def coarse(name):
        fine = written(data, name, TRUTH)
        size = [n // 2 for n in fine.GetSize()]
        spacing = [2 * mm for mm in fine.GetSpacing()]
        origin = fine.TransformContinuousIndexToPhysicalPoint((0.5, 0.5, 0.5))
        return SimpleITK.Resample(
            fine,
            size,
            SimpleITK.Transform(),
            SimpleITK.sitkNearestNeighbor,
            origin,
            spacing,
            fine.GetDirection(),
        )

    one = added(data, tmp_path, coarse)
    with pytest.raises(DataError, match=r"another grid.*6 x 7 x 5.*12 x 14 x 10"):
        dice_of(engine, spec_of(engine, data))
    registry.remove(data, "other")
    registry.add(data, replace(one, resample=True), methods.METHODS)
    found = dice_of(engine, spec_of(engine, data))
    assert files.RESAMPLED in found.notes
    nearest = SimpleITK.Resample(
        coarse("a"), written(data, "a", TRUTH), SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor
    )
    mask = SimpleITK.GetArrayFromImage(nearest).T > 0
    assert found.dice_3d == pytest.approx(2 * (mask & TRUTH).sum() / (mask.sum() + 64), abs=0.02)


def test_a_changed_file_is_another_map(data, engine, tmp_path):
    one = added(data, tmp_path, lambda name: written(data, name, TRUTH))
    spec = spec_of(engine, data)
    first = map_key(engine, spec)
    assert dice_of(engine, spec).dice_3d == 1
    assert map_key(engine, of_subject(spec, "b")) != first
    SimpleITK.WriteImage(written(data, "a", ~TRUTH), f"{one.folder}/a.nii.gz")
    assert map_key(engine, spec) != first
    assert dice_of(engine, spec).dice_3d == 0  # not the map in memory


def test_a_subject_without_a_file_and_data_without_the_set_are_said(data, engine, tmp_path):
    one = added(data, tmp_path, lambda name: written(data, name, TRUTH))
    (tmp_path / "predictions of other" / "b.nii.gz").unlink()
    with pytest.raises(DataError, match="holds no prediction of b"):
        dice_of(engine, spec_of(engine, data, subject="b"))
    with pytest.raises(SettingError, match=f"no predictions '{one.name}' for demo"):
        spec_of(engine, DataSpec("demo-2mm"))
    assert [entry.setup for entry in setups.available(methods.FILES, data)] == ["other"]
    assert setups.available(methods.FILES, DataSpec("demo")) == ()


def test_added_and_evaluated_by_command_beside_a_method(data, tmp_path, capsys):
    folder = tmp_path / "masks"
    folder.mkdir()
    for subject in NAMES:
        SimpleITK.WriteImage(written(data, subject, TRUTH), str(folder / f"{subject}.nii.gz"))
    said = ["--provenance", "drawn", "--trained-on", "nothing", "--yes"]
    named = ["--data", data.root, "--name", "nn"]
    assert main(["predictions", "add", str(folder), *named, *said]) == 0
    out = tmp_path / "rows"
    options = ["--kind", "folder", "--no-split", "--threshold", "oracle", "50%", "--out", str(out)]
    datasets.forget(data)
    assert main(["evaluate", "--data", data.root, "--methods", "nn", "intensity", *options]) == 0
    with parquet.connect(out) as rows:
        found = rows.sql(
            "SELECT setup, threshold_rule, dice_3d, auroc, best_dice, map_notes FROM subjects "
            "WHERE method = 'predictions' ORDER BY subject, threshold_rule"
        ).fetchall()
        beside = rows.sql("SELECT key FROM subjects WHERE method = 'intensity'").fetchall()
    assert len(beside) == 4
    assert [one[:4] for one in found] == [
        ("nn", "fixed", 1.0, None),
        ("nn", "oracle", 1.0, None),
    ] * 2
    assert all(files.MASK in one[5] for one in found)
    capsys.readouterr()
    assert main(["evaluate", "--data", data.root, "--methods", "nnn", *options]) == 1
    assert "no method 'nnn'" in capsys.readouterr().err


def evaluated(data, out, *options):
    """The rows of a set beside a method by command: method, subject, Dice and threshold's note."""
    where = ["--data", data.root, "--kind", "folder", "--out", str(out)]
    assert main(["evaluate", *where, "--methods", "other", "intensity", *options]) == 0
    with parquet.connect(out) as rows:
        asked = "SELECT method, subject, threshold_note FROM subjects ORDER BY method, subject"
        return rows.sql(asked).fetchall()


def test_a_subject_without_a_file_is_left_out_of_all_and_named(data, tmp_path, capsys):
    added(data, tmp_path, lambda name: written(data, name, TRUTH))
    (tmp_path / "predictions of other" / "b.nii.gz").unlink()
    datasets.forget(data)
    rows = evaluated(data, tmp_path / "rows", "--no-split", "--threshold", "50%")
    assert [row[:2] for row in rows] == [("intensity", "a"), ("predictions", "a")]
    assert "Left out: b. " in (said := capsys.readouterr().out)
    assert "holds no prediction of b" in said
    options = ["--methods", "other", "--no-split", "--threshold", "50%", "--subjects", "b"]
    where = ["--data", data.root, "--kind", "folder", "--out", str(tmp_path / "none")]
    assert main(["evaluate", *where, *options]) == 1
    assert "holds no prediction of b" in capsys.readouterr().err


def test_masks_of_test_subjects_alone_stand_beside_a_tuned_method(data, tmp_path, capsys):
    added(data, tmp_path, lambda name: written(data, name, TRUTH))
    (tmp_path / "predictions of other" / "b.nii.gz").unlink()
    splits.save(data, SplitTable("main", (Fold(validation=("b",), test=("a",)),)))
    rows = evaluated(data, tmp_path / "rows", "--split-name", "main")
    (intensity, mask) = rows
    assert intensity == (
        "intensity",
        "a",
        "best mean 3D Dice over validation subjects, 1 with a lesion",
    )
    assert mask[:2] == ("predictions", "a")
    again = evaluated(data, tmp_path / "rows", "--split-name", "main")
    assert again == rows
    assert "Left out" not in capsys.readouterr().out  # the other one tunes, and needs no mask


def test_scores_without_a_file_to_tune_on_are_said(data, tmp_path, capsys):
    def scores(name):
        return written(data, name, TRUTH * 0.7, dtype=np.float32)

    added(data, tmp_path, scores, kind="score")
    (tmp_path / "predictions of other" / "b.nii.gz").unlink()
    splits.save(data, SplitTable("main", (Fold(validation=("b",), test=("a",)),)))
    where = ["--data", data.root, "--kind", "folder", "--out", str(tmp_path / "rows")]
    assert main(["evaluate", *where, "--methods", "other", "--split-name", "main"]) == 1
    assert "holds no prediction of b" in capsys.readouterr().err

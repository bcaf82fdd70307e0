"""A split made or read by command, and what `evaluate` and `train` then take."""

import nibabel as nib
import pytest

from tests.helpers.brats import patients
from zsad_core.base import settings
from zsad_core.cli.main import main
from zsad_core.imaging.splits import registry
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec

PATIENTS, POINTS = 10, 2


@pytest.fixture
def data(tmp_path):
    return patients(tmp_path, PATIENTS, POINTS)


def evaluated(data, out, *options):
    named = ["--data", data.root, "--methods", "intensity", "--device", "cpu", "--out", str(out)]
    if code := main(["evaluate", *named, *options]):
        return code
    with results.connect(out) as rows:
        return dict(rows.sql("SELECT subject, split FROM subjects").fetchall())


def test_a_split_rules_what_is_evaluated(data, tmp_path, capsys):
    assert evaluated(data, tmp_path / "none") == 1
    assert "has no split, so nothing keeps test subjects out" in capsys.readouterr().err
    everybody = evaluated(data, tmp_path / "all", "--no-split", "--threshold", "oracle")
    assert len(everybody) == PATIENTS * POINTS
    assert set(everybody.values()) == {""}

    assert main(["split", data.root, "--shares", "60/10/30", "--seed", "4"]) == 0
    said = capsys.readouterr().out
    assert "test: 6 subjects of 3 patients, median lesion 0.4 ml" in said
    fold = registry.find(data, "main").folds[0]
    assert (len(fold.train), len(fold.validation), len(fold.test)) == (12, 2, 6)
    assert evaluated(data, tmp_path / "test") == dict.fromkeys(fold.test, "test")
    trained = evaluated(data, tmp_path / "train", "--split", "train", "--threshold", "oracle")
    assert trained == dict.fromkeys(fold.train, "train")


def test_rows_of_another_split_are_other_rows(data, tmp_path):
    out = tmp_path / "rows"
    for seed in ("1", "2"):
        assert main(["split", data.root, "--seed", seed, "--replace"]) == 0
        fold = registry.find(data, "main").folds[0]
        rows = evaluated(data, out, "--split", "all", "--threshold", "50%")
        assert {name for name, part in rows.items() if part == "test"} >= set(fold.test)
    with results.connect(out) as rows:
        count = rows.sql("SELECT count(*) FROM subjects").fetchall()[0][0]
    assert count == 2 * PATIENTS * POINTS


def test_of_several_splits_one_is_named_or_the_apps(data, tmp_path, capsys):
    settings.remember(data)
    assert main(["split", data.root, "--folds", "3", "--name", "cv"]) == 0
    said = capsys.readouterr().out
    assert f"the app uses cv/1 for {data.root}" in said
    assert [spec.split for spec in settings.data_roots().values() if spec.root] == ["cv/1"]
    folds = registry.find(data, "cv").folds
    assert evaluated(data, tmp_path / "app", "--split", "validation", "--threshold", "50%") == (
        dict.fromkeys(folds[0].validation, "validation")
    )
    named = evaluated(data, tmp_path / "named", "--split-name", "cv/3", "--threshold", "50%")
    assert named == dict.fromkeys(folds[2].test, "test")
    settings.forget(f"brats:{data.root}")
    assert evaluated(data, tmp_path / "none", "--threshold", "50%") == 1
    assert "has 3 splits; choose one by --split-name: cv/1, cv/2, cv/3." in capsys.readouterr().err
    assert evaluated(data, tmp_path / "none", "--split-name", "main") == 1
    assert "has no split 'main'; choose one of cv/1, cv/2, cv/3." in capsys.readouterr().err
    assert evaluated(data, tmp_path / "none", "--split-name", "cv/1", "--no-split") == 1
    assert "exclude each other" in capsys.readouterr().err


def test_the_demo_has_its_own_split(tmp_path):
    rows = evaluated(DataSpec("demo-2mm", "demo-2mm"), tmp_path / "rows", "--threshold", "50%")
    assert set(rows.values()) == {"test"}


def test_read_listed_and_removed(data, tmp_path, capsys):
    names = [f"BraTS-MET-{patient:05d}-{point:03d}" for patient in range(3) for point in range(2)]
    parts = ["train", "train", "validation", "validation", "test", "test"]
    path = tmp_path / "split.csv"
    lines = [f"{name},{part}" for name, part in zip(names, parts, strict=True)]
    path.write_text("\n".join(["subject,split", *lines]))
    assert main(["split", data.root, "--from", str(path), "--name", "mine"]) == 0
    assert "in no part: 14 subjects, such as BraTS-MET-00003-000" in capsys.readouterr().out
    assert main(["split", data.root, "--list"]) == 0
    assert "mine  read from split.csv" in capsys.readouterr().out
    assert evaluated(data, tmp_path / "rows") == dict.fromkeys(names[4:], "test")
    assert main(["split", data.root, "--remove", "mine"]) == 0
    assert main(["split", data.root, "--list"]) == 0
    assert "has no split" in capsys.readouterr().out

    path.write_text("\n".join(["subject,split", f"{names[0]},train", f"{names[1]},test"]))
    assert main(["split", data.root, "--from", str(path)]) == 1
    assert f"{names[0]} (train) and {names[1]} (test) are one patient" in capsys.readouterr().err


def test_a_copy_under_another_patients_name_is_refused(data, tmp_path, capsys):
    first, copy = "BraTS-MET-00000-000", "BraTS-MET-00009-000"
    folder = tmp_path / "data"
    scan = nib.load(folder / first / f"{first}-t2f.nii.gz")
    nib.save(scan, folder / copy / f"{copy}-t2f.nii.gz")
    path = tmp_path / "split.csv"
    path.write_text(f"subject,split\n{first},train\n{copy},test\n")
    assert main(["split", data.root, "--from", str(path)]) == 1
    said = capsys.readouterr().err
    assert f"{first} (train) and {copy} (test) are scans of equal voxels" in said


def test_training_takes_the_split_or_none_in_words(data, tmp_path, capsys):
    out = tmp_path / "x.safetensors"
    asked = ["train", "--method", "aprilgan", "--setup", "brats", "--data", data.root]
    asked += ["--backbone", "demo", "--epochs", "1", "--slices", "1", "--device", "cpu"]
    assert main([*asked, "--out", str(out)]) == 1
    assert "has no split" in capsys.readouterr().err
    assert main(["split", data.root]) == 0
    assert main([*asked, "--out", str(out)]) == 0
    fold = registry.find(data, "main").folds[0]
    facts = facts_of(out)
    assert facts["train_subjects"].split() == list(fold.train)
    assert facts["validation_subjects"].split() == list(fold.validation)
    assert facts["held_out_rule"] == f"split main ({fold.digest})"
    assert main([*asked, "--no-split", "--out", str(out)]) == 0
    facts = facts_of(out)
    assert facts["held_out_rule"] == "every fifth patient, in order of names"
    held_out = {name[:-4] for name in facts["validation_subjects"].split()}
    assert not held_out & {name[:-4] for name in facts["train_subjects"].split()}


def facts_of(path):
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        return file.metadata()


def test_the_summary_keeps_exposed_rows_apart(data, tmp_path, capsys):
    assert main(["split", data.root, "--seed", "4"]) == 0
    capsys.readouterr()
    evaluated(data, tmp_path / "rows", "--split", "all")
    lines = [line for line in capsys.readouterr().out.splitlines() if "zero-shot" in line]
    fold = registry.find(data, "main").folds[0]
    counts = {"True" in line: f" {len(fold.validation)} " in line for line in lines}
    assert counts == {True: True, False: False}

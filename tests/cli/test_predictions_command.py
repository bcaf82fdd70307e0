import argparse

import nibabel as nib
import numpy as np
import pytest

from zsad_core.base import settings
from zsad_core.cli import predictions
from zsad_core.errors import DataError, SettingError
from zsad_core.imaging.predictions import registry
from zsad_core.types import DataSpec

IDS = [f"BraTS-MET-0000{number}-000" for number in (1, 2, 3)]


@pytest.fixture
def data(tmp_path):
    """Three BraTS cases, of which only names are read."""
    root = tmp_path / "data"
    for name in IDS:
        (root / name).mkdir(parents=True)
        (root / name / f"{name}-t2f.nii.gz").touch()
    return root


@pytest.fixture
def out(tmp_path):
    """Predictions of two cases, scores from -1 to 2, and of somebody else."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name, high in (*zip(IDS, (1.5, 2), strict=False), ("other", 9)):
        image = nib.Nifti1Image(np.linspace(-1, high, 8).reshape(2, 2, 2), np.eye(4))
        nib.save(image, folder / f"{name}.nii.gz")
    return folder


@pytest.fixture
def run():
    parser = argparse.ArgumentParser()
    predictions.options(parser)

    def call(*words):
        parsed = parser.parse_args([str(word) for word in words])
        return parsed.run(parsed)

    return call


def test_what_matched_and_what_did_not_is_printed_before_it_is_kept(run, data, out, capsys):
    words = ("--kind", "score", "--provenance", "VoxTell 1.0", "--trained-on", "nothing of these")
    run("add", out, "--data", data, "--name", "voxtell", *words, "--resample", "--yes")
    assert capsys.readouterr().out == (
        "Subjects with one file: 2 of 3\n"
        "  BraTS-MET-00001-000  BraTS-MET-00001-000.nii.gz\n"
        "  BraTS-MET-00002-000  BraTS-MET-00002-000.nii.gz\n"
        "Subjects without a file: 1\n"
        "  BraTS-MET-00003-000\n"
        "Files that name no subject: 1\n"
        "  other.nii.gz\n"
        "scores from -1 to 2; other grids are resampled; provenance: VoxTell 1.0; trained on: "
        "nothing of these\n"
        f"voxtell is kept for {data}\n"
    )
    kept = registry.find(DataSpec("brats", str(data)), "voxtell")
    assert (kept.kind, kept.low, kept.high, kept.resample) == ("score", -1, 2, True)
    assert (kept.provenance, kept.trained_on) == ("VoxTell 1.0", "nothing of these")
    assert kept.folder == str(out)


def test_a_stated_range_and_labels_are_kept(run, data, out):
    spec = DataSpec("brats", str(data))
    run("add", out, "--data", data, "--name", "a", "--kind", "score", "--range", -4, 9.5, "--yes")
    run("add", out, "--data", data, "--name", "b", "--labels", "3,1", "--yes")
    first, second = registry.sets_of(spec)
    assert (first.low, first.high) == (-4, 9.5)
    assert (second.kind, second.labels) == ("mask", (1, 3))


@pytest.mark.parametrize(("answer", "kept"), [("y", 1), ("yes", 1), ("n", 0), ("", 0), (None, 0)])
def test_without_yes_it_is_asked(run, data, out, monkeypatch, answer, kept):
    def answered(_):
        if answer is None:
            raise EOFError
        return answer

    monkeypatch.setattr("builtins.input", answered)
    words = ("add", out, "--data", data, "--name", "mine")
    if kept:
        run(*words)
    else:
        with pytest.raises(SettingError, match="'mine' was not kept; answer y, or add --yes"):
            run(*words)
    assert len(registry.sets_of(DataSpec("brats", str(data)))) == kept


def test_doubles_and_a_folder_of_others_are_refused(run, data, out, capsys):
    words = ("--data", data, "--name", "mine", "--yes")
    (out / f"{IDS[0]}-seg.nii.gz").touch()
    with pytest.raises(DataError, match=rf"{IDS[0]} has 2 files, .*keep one file a subject"):
        run("add", out, *words)
    said = capsys.readouterr().out
    assert f"Subjects with several files: 1\n  {IDS[0]}  {IDS[0]}-seg.nii.gz, {IDS[0]}.ni" in said
    for path in out.glob("BraTS*"):
        path.unlink()
    with pytest.raises(DataError, match=r"'other\.nii\.gz' neither; name each by the subject's id"):
        run("add", out, *words)
    assert registry.all_sets() == {}


def test_a_name_that_is_taken_is_said_before_a_file_is_read(run, data, out, capsys):
    with pytest.raises(SettingError, match="'winclip' is a shipped method"):
        run("add", out, "--data", data, "--name", "winclip", "--kind", "score", "--yes")
    assert capsys.readouterr().out == ""


def test_labels_are_numbers(run, data, out, capsys):
    with pytest.raises(SystemExit):
        run("add", out, "--data", data, "--name", "mine", "--labels", "1;2")
    assert "'1;2' is not like 1,2,3" in capsys.readouterr().err


def test_what_is_kept_is_listed_and_taken_off_the_list(run, data, out, tmp_path, capsys):
    run("list")
    assert capsys.readouterr().out == "no predictions are kept\n"
    run("add", out, "--data", data, "--name", "mine", "--labels", "1,2", "--yes")
    capsys.readouterr()
    run("list", "--data", data)
    listed = (
        f"mine  for {data}\n"
        "  mask of label 1, 2; provenance: not stated; trained on: not stated\n"
        f"  {out}\n"
    )
    assert capsys.readouterr().out == listed
    run("list")
    assert capsys.readouterr().out == listed
    run("list", "--data", "demo")
    assert capsys.readouterr().out == "no predictions are kept\n"
    data.rename(tmp_path / "gone")  # what is not there any more can still be removed
    run("remove", "mine", "--data", data)
    assert registry.all_sets() == {}
    assert sorted(path.name for path in out.iterdir())[-1] == "other.nii.gz"


def test_data_are_opened_as_they_are_remembered_or_named(data, tmp_path):
    root = str(data)
    assert predictions.data_of(root) == DataSpec("brats", root)
    settings.remember(DataSpec("folder", root))
    assert predictions.data_of(root) == DataSpec("folder", root)
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "one.nii.gz").touch()
    assert predictions.data_of(str(plain)) == DataSpec("folder", str(plain))
    assert predictions.data_of("demo-2mm") == DataSpec("demo-2mm")
    with pytest.raises(DataError, match="There is no folder"):
        predictions.data_of(str(tmp_path / "gone"))

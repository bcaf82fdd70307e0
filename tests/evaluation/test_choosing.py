"""What `--methods all --setups all` takes, and what it says that it leaves out."""

import argparse

import pytest

from zsad_core import methods, setups
from zsad_core.cli import evaluate as commands
from zsad_core.errors import SettingError
from zsad_core.evaluation import choosing

MISSING = ("winclip", "openai-l14-336")  # no test fetches these weights


def chosen(scans, *options):
    parser = argparse.ArgumentParser()
    commands.add_evaluate(parser)
    data = ["--data", str(scans), "--kind", "folder", "--no-split", "--out", str(scans / "rows")]
    return commands.cohort_of(parser.parse_args([*data, "--threshold", "0.5", *options]))


@pytest.fixture
def scans(tmp_path):
    """A folder of two scans by name alone: nothing is read to choose."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.nii.gz").touch()
        (tmp_path / f"{name}_seg.nii.gz").touch()
    return tmp_path


def test_all_takes_every_method_in_every_setup_that_is_here(scans):
    cohort, left_out = chosen(scans, "--methods", "all", "--setups", "all")
    here = {key for key, entry in setups.entries().items() if not setups.missing(entry)}
    assert {(one.method, one.setup) for one in cohort.configurations} == here
    assert {method for method, _ in here} == set(methods.METHODS)
    assert len(cohort.configurations) == len(here)
    assert "WinCLIP (" in left_out
    assert MISSING[1] in left_out
    assert "\n" not in left_out


def test_pairs_that_do_not_exist_are_left_out_and_said(scans):
    cohort, left_out = chosen(scans, "--methods", "all", "--setups", "brats", "zero-shot")
    found = {(one.method, one.setup) for one in cohort.configurations}
    assert {("aprilgan", "brats"), ("intensity", "zero-shot")} <= found
    assert {setup for _, setup in found} == {"brats", "zero-shot"}
    assert "Intensity (brats)" in left_out
    assert "APRIL-GAN (zero-shot)" in left_out


def test_a_setup_asked_for_by_name_must_be_here():
    with pytest.raises(SettingError, match=r"winclip · openai-l14-336 cannot run"):
        choosing.pairs(["winclip"], [MISSING[1]], 2)


def test_one_volume_alone_is_not_compared():
    found, left_out = choosing.pairs(["all"], ["zero-shot"], 1)
    assert ("mutual3d", "zero-shot") in left_out
    assert ("winclip", "zero-shot") in found
    assert choosing.pairs(["mutual3d"], ["zero-shot"], 1)[0] == [("mutual3d", "zero-shot")]

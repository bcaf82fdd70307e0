"""The data that a command names by a root and the options that say how it is read."""

import argparse
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from zsad_core.base import settings
from zsad_core.cli import data, evaluate
from zsad_core.errors import DataError
from zsad_core.types import DataSpec


@pytest.fixture
def bids(tmp_path):
    """A root of one subject with a T1w, whose file nobody reads here."""
    path = tmp_path / "sub-1/anat/sub-1_T1w.nii"
    path.parent.mkdir(parents=True)
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)), path)
    return tmp_path


def chosen(root, *options):
    parser = argparse.ArgumentParser()
    data.add_meaning(parser)
    return data.chosen(parser.parse_args(options), str(root))


def test_a_root_is_recognised_by_its_files(bids):
    spec = chosen(bids)
    assert spec == DataSpec("bids", str(bids))
    assert data.modality_of(spec, "") == "T1w"
    assert data.modality_of(DataSpec(), "") == "t2f"
    assert data.modality_of(spec, "FLAIR") == "FLAIR"


def test_options_say_how_a_root_is_read(bids):
    assert chosen(bids, "--labels", "1,3", "--region", "liver") == DataSpec(
        "bids", str(bids), "1,3", region="liver"
    )
    assert chosen(bids, "--kind", "folder", "--modality", "T1") == DataSpec(
        "folder", str(bids), contrast="T1"
    )
    assert chosen("demo-2mm", "--labels", "2021") == DataSpec("demo-2mm")


def test_a_root_is_read_as_it_was_added_unless_an_option_says_otherwise(bids):
    known = DataSpec("folder", str(bids), "2", "main", "T1", "liver")
    settings.remember(known)
    assert chosen(bids) == replace(known, split="")
    assert chosen(bids, "--labels", "1").labels == "1"


def test_what_is_no_root_or_no_label_is_refused(tmp_path, capsys):
    with pytest.raises(DataError, match="There is no folder"):
        chosen(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"holds no \.nii"):
        chosen(tmp_path)
    with pytest.raises(SystemExit):
        chosen(tmp_path, "--labels", "300")
    assert "give auto, or some of whole numbers from 1 to 255" in capsys.readouterr().err


def test_the_command_of_a_cohort_makes_that_cohort(bids, tmp_path):
    parser = argparse.ArgumentParser()
    evaluate.add_evaluate(parser)
    options = [
        "--methods",
        "winclip",
        "intensity",
        "--setups",
        "zero-shot",
        "--no-split",
        "--threshold",
        "0.5",
        "--out",
        "rows",
    ]
    meaning = ["--labels", "2", "--region", "liver"]
    cohort, _ = evaluate.cohort_of(parser.parse_args(["--data", str(bids), *meaning, *options]))
    assert {one.prompts.class_name for one in cohort.configurations if one.prompts.name} == {
        "liver"
    }
    words = evaluate.command(cohort).split()[4:]
    assert evaluate.cohort_of(parser.parse_args(words))[0] == cohort

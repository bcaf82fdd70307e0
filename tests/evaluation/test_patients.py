"""Whose scan a row is of: a patient of several ids is one in every interval, test and rank."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.brats import patients
from tests.helpers.rows import dice_rows, put, with_dice
from zsad_core.evaluation.rows import Results, make
from zsad_core.evaluation.tasks import Cohort
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.report import overview, tables
from zsad_core.report.comparisons import every_pair, rank_shares
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, SliceSpec, Threshold

A, B, C = (f"BraTS-MET-0000{patient}-000" for patient in range(3))


def test_a_row_names_the_patient_that_the_split_knows(tmp_path):
    data, out = replace(patients(tmp_path, 3, 1), split="main"), tmp_path / "rows"
    engine, keys = Engine(device="cpu"), []
    for copies in ((), ((A, C),)):
        table = SplitTable("main", (Fold(test=(A, B, C)),), copies=copies)
        registry.save(data, table, replaced=True)
        spec = pipeline.map_spec(
            engine, SliceSpec(data, C, "t2f"), "intensity", "zero-shot", NO_PROMPTS
        )
        keys += make(engine, spec, Results(out), [Threshold(0.5, "fixed")])
    found = [results.read(out, "subjects", key)[0]["patient"] for key in keys]
    assert found == ["BraTS-MET-00002", "BraTS-MET-00000"]  # so the row was made anew


@pytest.mark.parametrize("older", [(), ("brats",), ("pmc",)])
def test_a_patient_known_in_one_row_is_known_in_all(tmp_path, older):
    """Rows of older versions, or of a split whose copies were not known, beside newer ones."""
    for number, subject in enumerate((A, B, C, "BraTS-MET-00003-000")):
        for setup in ("brats", "pmc"):
            known = "BraTS-MET-00000" if subject == C and setup not in older else ""
            put(tmp_path, subject, setup, slices=with_dice(0.1 + number / 5), patient=known)
    frame = dice_rows(tmp_path)
    patients = frame.groupby("subject")["patient"].agg(set)
    assert patients[A] == patients[C] == {"BraTS-MET-00000"}
    assert frame["patient"].nunique() == 3


@pytest.mark.parametrize("copied", [False, True])
def test_copies_are_one_patient_in_every_interval_test_and_rank(tmp_path, copied):
    """Of three patients there are intervals, of two there are none."""
    for number, subject in enumerate((A, B, C)):
        patient = "BraTS-MET-00000" if copied and subject == C else ""
        for setup, dice in (("brats", 0.2 + number / 5), ("pmc", 0.1 + number / 9)):
            row = {"slices": with_dice(dice), "dice_3d": dice, "best_dice": dice}
            put(tmp_path, subject, setup, patient=patient, **row)
    frame = dice_rows(tmp_path)
    with results.connect(tmp_path) as rows:
        means = overview.configuration_means(
            rows, Cohort(DataSpec("demo"), (), tmp_path), [A, B, C]
        )
    low = [means["dice low"], tables.dice(frame)["3D Dice low"]]
    low.append(every_pair(frame)["mean difference low"])
    assert np.isnan(np.concatenate(low)).all() == copied
    assert (rank_shares(frame) is None) == copied

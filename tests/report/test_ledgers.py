"""What the numbers of each configuration have seen, from its rows and its setup."""

import pytest

from tests.helpers.rows import GROUP, put
from zsad_core import backbones, setups
from zsad_core.report.ledgers import NOT_HERE, ledgers
from zsad_core.report.selection import Selection, selected_rows
from zsad_core.results import parquet as results
from zsad_core.types import BackboneSpec


def ledger_rows(root):
    with results.connect(root) as rows:
        return ledgers(rows, selected_rows(rows, Selection(GROUP, exposed=True)))


def test_each_configuration_says_what_it_has_seen(tmp_path):
    seen = {"exposure": ["checkpoint trained on it"]}
    demo = {"weights_digest": backbones.info(BackboneSpec("demo")).digest}
    brats = {"checkpoint_digest": setups.digest(setups.find("aprilgan", "brats")), **demo}
    put(tmp_path, "a", method="aprilgan", **brats, **seen)
    put(tmp_path, "b", method="aprilgan", **brats, prompts_tuned=True)
    put(tmp_path, "a", "zero-shot", checkpoint_digest="", **demo)
    table = ledger_rows(tmp_path).set_index("series")
    trained, zero = table.loc["APRIL-GAN"], table.loc["WinCLIP"]
    assert trained["trained on"].startswith("Demo cohort (synthetic), t2f; train 8 ids")
    assert trained["exposed"] == (
        "checkpoint trained on it: 1 subject (a); prompts tuned on it: 1 subject (b)"
    )
    assert "outside the demo cohort" in trained["pretrained on"]
    assert (zero["trained on"], zero["exposed"]) == ("", "")


@pytest.mark.parametrize("setup", ["brats", "gone"])
def test_of_another_checkpoint_nothing_is_claimed(tmp_path, setup):
    put(tmp_path, "a", setup, method="aprilgan", checkpoint_digest="other")
    assert ledger_rows(tmp_path)["trained on"].tolist() == [NOT_HERE]


def test_thresholds_of_folds_are_each_said(tmp_path):
    for subject, others in (("a", 9), ("b", 14), ("c", 9)):
        put(tmp_path, subject, threshold_note=f"over {others} subjects")
    (row,) = ledger_rows(tmp_path).to_dict("records")
    assert row["threshold"] == "validation, over 14 subjects; over 9 subjects"

"""The model card says what was measured, and 'Not shown' where it falls short."""

from dataclasses import replace

import pytest

from zsad_core.errors import StorageError
from zsad_core.training import card, card_text
from zsad_core.training.card import NONSENSE, SWAPPED, CardRow

BASE = CardRow(
    method="winclip",
    setup="zero-shot",
    prompts="appearance",
    split="test",
    subjects=12,
    threshold=0.4,
    dice=0.1,
    dice_sd=0.05,
    oracle=0.2,
    auroc=0.8,
    ap=0.1,
    by_size=(0.1, 0.2, 0.3),
    by_depth=(0.1, 0.2, 0.1),
    precision="float32",
    device="cpu",
)


def rows(auroc, brats):
    trained = replace(BASE, method="aprilgan", prompts="aprilgan")
    return [
        replace(BASE, split="validation", subjects=4),
        replace(BASE, auroc=auroc),
        replace(BASE, prompts=SWAPPED, auroc=1 - auroc),
        replace(BASE, prompts=NONSENSE.name, auroc=0.5),
        replace(BASE, method="intensity", prompts="none", dice=0.4),
        replace(trained, setup="brats", dice=brats),
        replace(trained, setup="brats", dice=brats, split="validation"),
        replace(trained, method="mvfa", setup="brats", dice=brats - 0.1, split="validation"),
        replace(trained, setup="industrial", dice=0.2),
    ]


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setattr(card, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(card, "CHANCE", tmp_path / "null_test.json")

    def write(found):
        card.RESULTS.write_bytes(card.ROWS.dump_json(found))
        return card_text.write(tmp_path / "card.md").read_text()

    return write


def test_the_set_of_a_transductive_method_is_named(written):
    text = written(rows(auroc=0.8, brats=0.61))
    assert "transductive" not in text
    of_set = ("DEMO-MET-001-000", "DEMO-MET-002-000")
    other = replace(BASE, method="mutual3d", prompts="none", volumes=of_set)
    text = written([*rows(auroc=0.8, brats=0.61), other])
    assert f"2 unlabelled volumes, less itself: {' '.join(of_set)}." in text


def test_what_was_reached_is_shown(written):
    text = written(rows(auroc=0.8, brats=0.61))
    assert text.count("**Shown.**") == 3
    assert "| aprilgan | brats | aprilgan | 0.610 | 0.050 |" in text
    assert "12 test subjects" in text
    assert "4 validation subjects" in text
    assert "there: APRIL-GAN 0.610, MVFA 0.510." in text
    assert "aprilgan's is the best on validation subjects" in text
    assert "Not measured yet: aaclip brats," in text
    assert "aprilgan brats," not in text


def test_what_was_not_reached_is_said(written):
    text = written(rows(auroc=0.7, brats=0.22))
    assert "1. **Shown in part.**" in text
    assert "2. **Not shown.**" in text


def test_rows_are_read_back(written):
    found = rows(0.8, 0.5)
    written(found)
    assert card.read() == found


def test_chance_is_told_once_it_was_measured(written):
    found = rows(0.8, 0.5)
    assert "random pairs" not in written(found)
    told = card.Chance(pairs=200, mean=0.49, sd=0.13, near=0.55, below=0.97)
    card.CHANCE.write_bytes(card.CHANCES.dump_json(told))
    assert "mean 0.490 and sd 0.130, 55 % of them lie from 0.4 to 0.6, and 97 % below" in written(
        found
    )


def test_results_that_cannot_be_written_are_told_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(card, "RESULTS", tmp_path / "file" / "results.json")
    with pytest.raises(StorageError, match=r"results\.json"):
        card.measure(None, lambda *_: None)  # no engine is asked

"""The ledger of a number: what its parts have seen, and what public data sets share."""

import pytest
from safetensors.numpy import load_file, save_file

from tests.helpers.brats import patients
from zsad_core import setups
from zsad_core.base import settings
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.ledger import known_overlaps, ledger, trained_on
from zsad_core.inference.sources import resolve
from zsad_core.methods.setup import Setup
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import BackboneSpec, DataSpec, SliceSpec, Threshold

DEMO = DataSpec("demo-2mm")
VALIDATION, ORACLE = Threshold(0.5, "validation"), Threshold(0.5, "oracle")


def ledger_of(data, subject, method, setup, threshold=VALIDATION, **more):
    engine, prompts = Engine(device="cpu"), prompt_sets.shipped()["medical"]
    slices = SliceSpec(data, subject, "t2f")
    spec = pipeline.map_spec(engine, slices, method, setup, prompts, precision="float32", **more)
    return ledger(resolve(engine, spec), threshold)


def test_every_part_of_a_number_says_what_it_has_seen():
    found = ledger_of(DEMO, "DEMO-MET-013-000", "aprilgan", "brats")
    facts = found.facts
    assert facts["split"] == "test of the data's own"
    assert "outside the demo cohort" in facts["pretrained_on"]
    assert facts["trained_on"].startswith("Demo cohort (synthetic), t2f; train 8 ids")
    assert facts["prompts_from"] == "not tuned by a search"
    assert facts["threshold_from"] == ("from the ground truth of validation subjects, 4 subjects")
    assert facts["exposure"] == "none known"
    assert found.short == "split: test of the data's own · no exposure known"
    assert "known_overlaps" not in facts


def test_parts_that_a_number_has_not_are_left_out():
    facts = ledger_of(DEMO, "DEMO-MET-013-000", "intensity", "zero-shot", ORACLE).facts
    assert [*facts] == ["split", "threshold_from", "exposure"]
    assert facts["threshold_from"] == "uses the ground truth"


def test_a_backbone_that_was_trained_on_the_subject_exposes_it():
    seen = ledger_of(DEMO, "DEMO-MET-003-000", "winclip", "pmc")
    assert seen.exposed == ("backbone pretrained on it",)
    assert seen.short.endswith("exposed: backbone pretrained on it")
    assert ledger_of(DEMO, "DEMO-MET-013-000", "winclip", "pmc").exposed == ()


def test_volumes_beyond_train_are_named():
    volumes = ("DEMO-MET-001-000", "DEMO-MET-014-000")
    found = ledger_of(DEMO, "DEMO-MET-013-000", "mutual3d", "zero-shot", volumes=volumes)
    assert found.volumes == ("DEMO-MET-001-000, DEMO-MET-014-000 (outside train: DEMO-MET-014-000)")
    assert found.exposed == ("reference set from outside train",)


def test_a_split_of_ones_own_is_named_with_its_digest(tmp_path):
    data = patients(tmp_path, 2, 1)
    fold = Fold(train=("BraTS-MET-00000-000",), test=("BraTS-MET-00001-000",))
    registry.save(data, SplitTable("main", (fold,)))
    found = ledger_of(
        DataSpec("brats", data.root, split="main"), fold.test[0], "intensity", "zero-shot"
    )
    assert found.split == f"test of main ({fold.digest[:8]})"


@pytest.mark.parametrize(
    ("trained_on", "subject", "words"),
    [
        ("BMAD, test part", "BraTS2021_00013", "BMAD's brain set is FLAIR slices of BraTS 2021"),
        ("BMAD, test part", "BraTS-GLI-00013-000", "BMAD's brain set"),
        ("BraTS 2021", "BraTS-GLI-00013-000", "under new names"),
        ("the test splits of 14 industrial and medical sets", "any", "medical sets too"),
        ("BMAD, test part", "BraTS-MET-00013-000", ""),
        ("MVTec AD's test split", "BraTS2021_00013", ""),
    ],
)
def test_known_overlaps_of_public_sets_are_named(tmp_path, trained_on, subject, words):
    said = Setup("predictions", "x", BackboneSpec(), "", f"Trained on: {trained_on}.")
    shipped = setups.find("aprilgan", "industrial")
    path = tmp_path / "own.safetensors"
    save_file(load_file(setups.CHECKPOINTS / shipped.checkpoint), path, {"data": trained_on})
    recorded = Setup("aprilgan", "own", shipped.backbone, str(path), "")
    settings.change("setups", {**vars(recorded), "backbone": vars(recorded.backbone)}, lambda _: 1)
    for entry in (said, recorded):
        found = known_overlaps(entry, subject)
        assert bool(found) == bool(words)
        assert words in " ".join(found)


def test_predictions_say_what_is_stated_of_them():
    said = Setup("predictions", "x", BackboneSpec(), "", "Made by: A. Trained on: B.")
    assert trained_on(said) == "Made by: A. Trained on: B."


def test_adaclips_checkpoint_of_all_sets_warns_on_real_scans_alone():
    entry = setups.find("adaclip", "official-all")
    assert known_overlaps(entry, "BraTS-MET-00013-000")
    assert not known_overlaps(setups.find("adaclip", "official-visa"), "BraTS-MET-00013-000")
    assert datasets.open_dataset(DEMO).synthetic

"""Rows of every threshold rule on scans with a split, against the maps themselves."""

import nibabel as nib
import numpy as np
import pytest

from zsad_core import methods
from zsad_core.cli.main import main
from zsad_core.errors import SettingError
from zsad_core.evaluation import validation
from zsad_core.evaluation.run import local, run
from zsad_core.evaluation.tasks import Cohort, Configuration, spec_of, tuning_of
from zsad_core.imaging.predictions import registry as predictions
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.metrics.threshold_rules import RULES, MapRule, TunedRule, rule_of
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, ReadoutSpec, Subject

FOLDS = (
    Fold(("a", "b"), ("c", "d"), ("e",)),
    Fold(("c", "d"), ("a", "b"), ("e",)),
)
CONFIGURATION = Configuration("intensity", "zero-shot", NO_PROMPTS)
TEXTS = ("validation", "cross-validation", "fp:0.1ml", "share:5%", "components", "oracle", "50%")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Five subjects with two folds; two of four slices have a lesion, and d has none."""
    root = tmp_path_factory.mktemp("scans")
    for seed, name in enumerate("abcde"):
        random = np.random.default_rng(seed)
        values, seg = np.zeros((20, 24, 6), np.int16), np.zeros((20, 24, 6), np.uint8)
        values[6:15, 8:16, 1:-1] = random.integers(50, 600, (9, 8, 4))
        if name != "d":
            seg[8:12, 10:13, 1:3] = 1
        values[seg > 0] += 200
        nib.save(nib.Nifti1Image(values, np.diag([2, 2, 3, 1])), root / f"{name}.nii.gz")
        nib.save(nib.Nifti1Image(seg, np.diag([2, 2, 3, 1])), root / f"{name}_seg.nii.gz")
    return DataSpec("folder", str(root), split="s/1")


@pytest.fixture(autouse=True)
def _split(data):
    registry.save(DataSpec("folder", data.root), SplitTable("s", FOLDS))


@pytest.fixture(scope="module")
def cohort(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("rows")
    return Cohort(data, (CONFIGURATION,), out, modality="scan", rules=TEXTS, readout=ReadoutSpec())


@pytest.fixture(scope="module")
def engine(cohort, tmp_path_factory):
    engine = Engine(device="cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZSAD_HOME", str(tmp_path_factory.mktemp("home")))
        registry.save(DataSpec("folder", cohort.data.root), SplitTable("s", FOLDS))
        run(engine, cohort, local(engine))
    return engine


def rows_of(cohort, text):
    with results.connect(cohort.out) as rows:
        frame = rows.execute(
            "SELECT subject, split, threshold_value, threshold_note, exposure, predicted "
            "FROM subjects WHERE threshold_rule = ? ORDER BY subject",
            [text],
        ).df()
    return frame.set_index("subject")


def map_of(engine, cohort, subject):
    spec = spec_of(engine, cohort, subject, CONFIGURATION)
    return engine.stack(spec.features.slices), pipeline.anomaly_map(engine, spec).values


@pytest.mark.parametrize("text", [text for text in TEXTS if text not in ("oracle", "50%")])
def test_every_rule_has_a_row_of_each_subject(engine, cohort, text):
    rows = rows_of(cohort, text)
    assert list(rows.index) == list("abcde")
    for name, row in rows.iterrows():
        stack, values = map_of(engine, cohort, name)
        mask = stack.brain & (values >= np.float32(row["threshold_value"]))
        assert mask.sum() == row["predicted"]
    assert list(rows_of(cohort, "oracle").index) == list("abce")


def test_rules_of_each_map_have_its_own_threshold(engine, cohort):
    for text in ("share:5%", "components", "oracle"):
        rule = rule_of(text)
        for name, row in rows_of(cohort, text).iterrows():
            stack, values = map_of(engine, cohort, name)
            assert row["threshold_value"] == rule.of_map(values, stack.brain, stack.truth)
            assert row["threshold_note"] == rule.note


def test_a_mask_has_one_threshold_under_every_rule(data, tmp_path):
    """A large one beside the lesion too, where no value at all or both would be nearer a rule."""
    mask = np.zeros((20, 24, 6), np.uint8)
    mask[6:15, 13:16, 1:-1] = 1
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in "abcde":
        nib.save(nib.Nifti1Image(mask, np.diag([2, 2, 3, 1])), folder / f"{name}.nii.gz")
    whole = DataSpec("folder", data.root)
    predictions.add(whole, Predictions("nn", str(folder)), methods.METHODS)
    configurations = (Configuration(methods.FILES, "nn", NO_PROMPTS),)
    cohort = Cohort(data, configurations, tmp_path / "rows", modality="scan", rules=TEXTS)
    run(Engine(device="cpu"), cohort, local(Engine(device="cpu")))
    with results.connect(tmp_path / "rows") as rows:
        frame = rows.sql("SELECT * FROM subjects").df()
    assert set(frame["predicted"]) == {int(mask.sum())}
    assert set(frame.loc[frame["truth"] > 0, "dice_3d"]) == {0.0}
    assert set(frame["threshold_value"]) == {0.5, 1.0}  # as given by hand, and its own
    assert len(frame) == 5 * len(TEXTS) - 1  # no oracle without a lesion


def test_lesion_free_slices_hold_at_most_what_is_allowed(engine, cohort):
    [value] = set(rows_of(cohort, "fp:0.1ml")["threshold_value"])

    def mean_ml(threshold):
        volumes = []
        for name in "abcd":
            stack, values = map_of(engine, cohort, name)
            normal = stack.brain & ~stack.truth.any(axis=(1, 2))[:, None, None]
            volumes.append((normal & (values >= threshold)).sum() * stack.voxel_ml)
        return np.mean(volumes)

    assert mean_ml(np.float32(value)) <= 0.1
    pooled = np.unique(np.concatenate([map_of(engine, cohort, n)[1].ravel() for n in "abcd"]))
    below = pooled[pooled < np.float32(value)]
    assert mean_ml(below[-12]) > 0.1  # the lowest but for the distance of 256 thresholds


def test_cross_validation_gives_each_fold_the_threshold_of_the_others(engine, cohort):
    values = rows_of(cohort, "cross-validation")["threshold_value"]
    assert values["a"] == values["b"]
    assert values["c"] == values["d"]
    specs = {name: spec_of(engine, cohort, name, CONFIGURATION) for name in "abcde"}
    rule = RULES["cross-validation"]
    for subject, others in (("a", "cd"), ("c", "ab"), ("e", "abcd")):
        threshold = validation.tuned_threshold(engine, specs[subject], rule, others)
        assert values[subject] == threshold.value


@pytest.mark.parametrize("text", [t for t in TEXTS if isinstance(rule_of(t), TunedRule)])
def test_the_app_tunes_to_the_threshold_of_the_rows(engine, cohort, data, text):
    rule, rows = rule_of(text), rows_of(cohort, text)
    subjects = [Subject(name, ("scan",), True, FOLDS[0].part_of()[name]) for name in "abcde"]
    spec = spec_of(engine, cohort, "e", CONFIGURATION)
    others = validation.tuning_subjects(rule, subjects, spec.features.slices)
    threshold = validation.tuned_threshold(Engine(engine.store, "cpu"), spec, rule, others)
    assert threshold.value == rows["threshold_value"]["e"]
    assert threshold.note == rows["threshold_note"]["e"]


def test_rows_whose_truth_tuned_the_threshold_are_exposed(engine, cohort):
    exposed = {
        text: "".join(rows.index[rows["exposure"].map(len) > 0])
        for text, rows in ((text, rows_of(cohort, text)) for text in TEXTS[:-1])
    }
    assert exposed == {
        "validation": "cd",
        "fp:0.1ml": "abcd",
        **dict.fromkeys(("cross-validation", "share:5%", "components", "oracle"), ""),
    }


def test_a_rule_without_its_subjects_is_refused(data, tmp_path):
    undivided = Cohort(DataSpec("folder", data.root), (CONFIGURATION,), tmp_path, modality="scan")
    chosen = [Subject("a", ("scan",), True)]
    for name, rule in RULES.items():
        of_rule = Cohort(
            undivided.data, (CONFIGURATION,), tmp_path, modality="scan", rules=(rule.text,)
        )
        if isinstance(rule, TunedRule):
            with pytest.raises(SettingError, match=f"no {rule.needs} to tune a threshold on"):
                tuning_of(of_rule, chosen)
        else:
            assert tuning_of(of_rule, chosen) == {rule.text: [()]}
            assert isinstance(rule, MapRule) or name == "fixed"


def test_the_command_takes_rules_with_amounts(data, tmp_path, capsys):
    words = ["evaluate", "--data", data.root, "--kind", "folder", "--split-name", "s/1"]
    words += ["--methods", "intensity", "--device", "cpu", "--out", str(tmp_path / "rows")]
    assert main([*words, "--threshold", "fp", "share:5", "components"]) == 0
    with results.connect(tmp_path / "rows") as rows:
        texts = rows.sql("SELECT threshold_rule FROM subjects ORDER BY ALL").fetchall()
    assert texts == [("components",), ("fp:0.5ml",), ("share:5%",)]
    assert main([*words, "--threshold", "share:200%"]) != 0
    assert (
        "'share:200%' cannot be used; give more than 0 and at most 100 %" in capsys.readouterr().err
    )
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", "--help"])
    assert "share:2%" in capsys.readouterr().out.replace("\n", "").replace(" ", "")

"""A study from its file to its folder, again, changed, cut off, and with a training."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.brats import half_masks, patients
from tests.helpers.weights import small_backbone
from zsad_core import setups
from zsad_core.base import settings
from zsad_core.cli.main import main
from zsad_core.cli.study import UNCOUNTED
from zsad_core.errors import Cancelled
from zsad_core.evaluation import choosing
from zsad_core.evaluation.run import local
from zsad_core.evaluation.tasks import Cohort, Configuration
from zsad_core.imaging.splits import registry
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import parquet as results
from zsad_core.study import design as designs
from zsad_core.study import file as files
from zsad_core.study import run as studies
from zsad_core.study.design import Design
from zsad_core.study.reading import read
from zsad_core.study.saving import study_of
from zsad_core.types import DataSpec, PromptSet

STUDIES = Path(__file__).parents[2] / "studies"
BASELINE = """
title: Baseline <b>&</b> oracle
data:
  root: demo-2mm
  subjects: [DEMO-MET-013-000, DEMO-MET-014-000]
series:
  - methods: [intensity]
thresholds: ["50%", oracle]
figures: [1]
tables: [dice]
"""


@pytest.fixture
def write(tmp_path):
    def writing(text):
        path = tmp_path / "study.yaml"
        path.write_text(text)
        return path

    return writing


def dice(folder):
    """3D Dice by configuration, subject and rule."""
    with results.connect(folder / "rows") as rows:
        found = rows.execute(
            "SELECT method, setup, subject, threshold_rule, dice_3d FROM subjects ORDER BY ALL"
        ).fetchall()
    return {row[:-1]: row[-1] for row in found}


def written(folder):
    return {
        path.relative_to(folder): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("study.yaml", ".zsad-explorer", "merged")
    }


def test_a_study_is_one_folder_and_run_again_computes_nothing(write, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["study", "run", str(write(BASELINE)), "--out", str(out), "--device", "cpu"]) == 0
    assert "report.html" in capsys.readouterr().out
    before = written(out)
    assert main(["study", "run", str(tmp_path / "study.yaml"), "--out", str(out)]) == 0
    assert "Drawing" not in capsys.readouterr().out
    assert written(out) == before
    page = (out / "report.html").read_text()
    assert "Baseline &lt;b&gt;&amp;&lt;/b&gt; oracle" in page
    assert "Synthetic demo cohort" in page
    assert "are in no mean, figure or test" in page
    assert len(re.findall("<figure>", page)) == 2
    assert not re.findall(r"https?://(?!www\.w3\.org)", page)
    lock = json.loads((out / "study.lock.json").read_text())
    assert lock["rows"]["count"] == 4
    assert {scan["subject"] for scan in lock["scans"]} == {f"DEMO-MET-01{n}-000" for n in (3, 4)}
    assert {path.name for path in (out / "figures").iterdir()} == {
        "demo-2mm-t2f-axial-50-of-the-range",
        "demo-2mm-t2f-axial-oracle",
    }


def test_a_changed_study_reports_what_it_asks_for_alone(write, tmp_path):
    out = tmp_path / "out"
    path = str(write(BASELINE))
    assert main(["study", "run", path, "--out", str(out)]) == 0
    whole = dice(out)
    write(BASELINE.replace('["50%", oracle]', '["50%"]').replace(", DEMO-MET-014-000", ""))
    assert main(["study", "run", path, "--out", str(out)]) == 0
    assert [folder.name for folder in (out / "figures").iterdir()] == [
        "demo-2mm-t2f-axial-50-of-the-range"
    ]
    assert "DEMO-MET-014-000" not in (out / "report.html").read_text()
    assert json.loads((out / "study.lock.json").read_text())["rows"]["count"] == 1
    assert dice(out) == whole  # rows are kept


def test_a_study_that_was_cut_off_goes_on(write, tmp_path):
    study = read(write(BASELINE))
    design = Design(study, DataSpec("demo-2mm"), tmp_path / "out")
    engine = Engine(device="cpu")

    def stop(done, total):
        if done:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        studies.run(design, engine, local(engine), lambda _: None, stop)
    assert not (design.out / "study.lock.json").exists()
    studies.run(design, engine, local(engine), lambda _: None, lambda *_: None)
    other = Design(study, DataSpec("demo-2mm"), tmp_path / "other")
    studies.run(other, engine, local(engine), lambda _: None, lambda *_: None)
    assert dice(design.out) == dice(other.out)

    def stop_drawing(words):
        if words.startswith("Drawing"):
            raise Cancelled("stopped")

    before = (design.out / "report.html").read_text()
    renamed = replace(design, study=read(write(BASELINE.replace("Baseline", "Renamed"))))
    with pytest.raises(Cancelled):
        studies.run(renamed, engine, local(engine), stop_drawing, lambda *_: None)
    assert not (design.out / "study.lock.json").exists()  # of what was there before
    (design.out / "report.html").write_text("of the renamed study")
    studies.run(design, engine, local(engine), lambda _: None, lambda *_: None)
    assert (design.out / "report.html").read_text() == before


def test_a_folder_of_something_else_is_refused(write, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()
    assert main(["study", "run", str(write(BASELINE)), "--out", str(tmp_path / "out")]) == 1
    assert "thesis.tex" in capsys.readouterr().err


OWN = """
title: A study of own data
data:
  root: data
  split: main
  draw: {shares: [50, 20, 30], seed: 1}
predictions:
  - {name: other-model, folder: masks, provenance: by hand, trained_on: nothing}
training:
  - name: own
    methods: [aprilgan, clipad-plus]
    setup: brats
    backbone: BACKBONE
    weights: WEIGHTS
    slices: 3
    epochs: 1
series:
  - methods: [aprilgan, clipad-plus]
    setups: [own]
  - methods: [intensity, other-model]
thresholds: [validation, oracle, "50%"]
figures: [1, 3]
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_backbone(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def own_study(tmp_path, small, write):
    """Ten patients at two time points, masks of half the lesion, and the study of them."""
    data = patients(tmp_path)
    half_masks(tmp_path)
    text = OWN.replace("BACKBONE", str(small[0])).replace("WEIGHTS", str(small[1]))
    return data, write(text)


def test_a_study_of_own_data_splits_trains_and_evaluates(own_study, tmp_path, capsys):
    data, path = own_study
    out = tmp_path / "study"
    assert main(["study", "run", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "Training APRIL-GAN · own." in printed
    numbers = dice(out)
    subjects = {key[2] for key in numbers}
    assert len(subjects) == 6  # 3 patients of 10, each at 2 time points
    assert {key[:2] for key in numbers} == {
        *(("aprilgan", "own"), ("clipad-plus", "own")),
        *(("intensity", "zero-shot"), ("predictions", "other-model")),
    }
    of_masks = [value for key, value in numbers.items() if key[0] == "predictions"]
    assert of_masks == pytest.approx([2 * 8 / (8 + 24)] * len(of_masks))
    record = setups.record(setups.find("aprilgan", "own"))
    assert not subjects & set(record["train_subjects"].split())
    # The same evaluation by its command, as the Cohort page shows it, gives the same numbers.
    words = [
        "evaluate",
        "--data",
        data.root,
        "--split-name",
        "main",
        "--out",
        str(tmp_path / "e/rows"),
    ]
    words += ["--methods", "aprilgan", "clipad-plus", "--setups", "own"]
    assert main([*words, "--threshold", "validation", "oracle", "50%"]) == 0
    by_command = dice(tmp_path / "e")
    assert by_command == {key: numbers[key] for key in by_command}
    assert len(by_command) == 2 * 3 * 6
    # The labels may be written out, as the Setup page keeps them.
    text = path.read_text()
    path.write_text(text.replace("folder: masks", "folder: masks, labels: [1]"))
    assert main(["study", "run", str(path), "--plan"]) == 0
    path.write_text(text)
    capsys.readouterr()
    # Another split, or other files, under a name that is known are refused as well.
    text = path.read_text()
    for before, after, words in (
        ("seed: 1", "seed: 2", "The split 'main' of"),
        ("folder: masks", "folder: data", "are kept with another folder than"),
        ("folder: masks", "folder: masks, labels: [2]", "are kept with another labels than"),
    ):
        path.write_text(text.replace(before, after))
        assert main(["study", "run", str(path)]) == 1
        assert words in capsys.readouterr().err
    path.write_text(text)
    # Another way to train under the same name is refused, not reported as if it were this one.
    path.write_text(path.read_text().replace("epochs: 1", "epochs: 2"))
    assert main(["study", "run", str(path)]) == 1
    assert "was trained by" in capsys.readouterr().err


def test_a_plan_changes_nothing_and_says_what_is_to_be_done(own_study, tmp_path, capsys):
    data, path = own_study
    home = tmp_path / "home"
    plan = ["study", "run", str(path), "--plan"]
    assert main(plan) == 0
    assert not any(one.is_file() for one in home.rglob("*"))
    assert capsys.readouterr().out.splitlines() == [
        "To draw: the split 'main', drawn 50/20/30 by patient, seed 1",
        f"To add: the predictions 'other-model' of {tmp_path / 'masks'}",
        "To train: APRIL-GAN · own",
        "To train: CLIP-AD SDP+ · own",
        UNCOUNTED,
    ]
    assert main(["split", data.root, "--shares", "50/20/30", "--seed", "1"]) == 0
    text = path.read_text().replace("  - methods: [intensity, other-model]\n", "")
    path.write_text(re.sub(r"predictions:\n.*\n", "", text))
    before = {one: one.stat().st_mtime_ns for one in home.rglob("*")}
    capsys.readouterr()
    assert main(plan) == 0
    assert capsys.readouterr().out.splitlines() == [
        "To train: APRIL-GAN · own",
        "To train: CLIP-AD SDP+ · own",
    ]
    assert {one: one.stat().st_mtime_ns for one in home.rglob("*")} == before
    assert not (tmp_path / "study").exists()


def test_prompt_sets_of_a_study_are_added_and_never_take_the_place_of_others(write, capsys):
    path = write(BASELINE + "prompt_sets: [{name: own, normal: [a], abnormal: [b]}]")
    plan, folder = ["study", "run", str(path), "--plan"], settings.prompt_folder()
    assert main(plan) == 0
    assert "To add: the prompt set 'own'" in capsys.readouterr().out.splitlines()
    assert not prompt_sets.user_sets(folder)
    prompt_sets.save(PromptSet("own", ("a",), ("b",), source="another note"), folder)
    assert main(plan) == 0
    assert "To add" not in capsys.readouterr().out
    prompt_sets.save(PromptSet("own", ("a",), ("c",)), folder)
    assert main(plan) == 1
    assert "'own' is kept with other texts than the study's" in capsys.readouterr().err


def test_cross_validation_needs_folds_before_anything_is_trained(write, tmp_path, capsys):
    data = patients(tmp_path, 4, 1)
    assert main(["split", data.root, "--shares", "50/25/25"]) == 0
    path = write(BASELINE.replace("oracle]", "cross-validation]").replace("demo-2mm", data.root))
    assert main(["study", "run", str(path)]) == 1
    assert "but the split 'main' has one fold; choose a split" in capsys.readouterr().err


def test_a_training_is_like_a_setup_and_goes_on_from_its_checkpoint(write, tmp_path):
    training = "training: [{name: more, methods: [aprilgan], setup: finetune, like: brats}]"
    study = read(write(BASELINE + training))
    (own,) = designs.missing_trainings(Design(study, DataSpec("demo-2mm"), tmp_path / "out"))
    entry = setups.find("aprilgan", "brats")
    assert own.title == "APRIL-GAN · more"
    assert own.request.backbone == entry.backbone
    assert own.request.option == tuple(f"{name}={value}" for name, value in entry.options)
    assert own.request.start == str(setups.CHECKPOINTS / entry.checkpoint)


@pytest.mark.parametrize("path", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_studies_are_read_and_name_what_there_is(path):
    study = read(path)
    trained = {(method, one.name) for one in study.training for method in one.methods}
    entries = setups.entries().keys() | trained
    for block in study.series:
        for method in block.methods:
            named = [setup for setup in block.setups if setup != choosing.EVERY]
            assert {(method, setup) for setup in named} <= entries
    for one in study.training:
        assert {(method, one.like) for method in one.methods if one.like} <= entries


def test_a_study_of_exposed_subjects_alone_says_so_in_its_report(own_study, tmp_path, capsys):
    _, path = own_study
    block = "  - methods: [aprilgan, clipad-plus]\n    setups: [own]"
    text = path.read_text().replace(block, "  - methods: [aprilgan]\n    setups: [own]")
    text = text.replace("  - methods: [intensity, other-model]\n", "").replace(
        "thresholds: [validation, oracle,", "thresholds: ["
    )
    text = text.replace("split: main", "split: main\n  part: train")
    path.write_text(
        text.replace("[aprilgan, clipad-plus]\n    setup: brats", "[aprilgan]\n    setup: brats")
    )
    assert main(["study", "run", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "are of exposed subjects" in capsys.readouterr().out
    page = (tmp_path / "out" / "report.html").read_text()
    assert "All 10 rows of" in page
    assert "APRIL-GAN · own: checkpoint trained on it, 10 rows" in page
    (tmp_path / "out" / "report.html").unlink()
    assert main(["study", "run", str(path), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "report.html").read_text() == page


def test_prompts_of_a_study_follow_the_region_of_its_data(write, tmp_path):
    study = read(write(BASELINE.replace("[intensity]", "[winclip]\n    setups: [zero-shot]")))
    design = Design(study, replace(DataSpec("demo-2mm"), region="knee"), tmp_path / "out")
    (cohort,), _ = designs.cohorts(design)
    expected = choosing.configurations([("winclip", "zero-shot")], region="knee")
    assert cohort.configurations == expected
    assert expected[0].prompts.class_name == "knee"
    again = read(write(files.as_yaml(study_of(cohort, "x", files.StudyConventions()))))
    assert again.series[0].prompts == ()


def test_rows_of_a_study_are_those_of_its_cohorts(write, tmp_path):
    study = read(write(BASELINE))
    design = Design(study, DataSpec("demo-2mm"), tmp_path / "out")
    chosen, skipped = designs.cohorts(design)
    assert skipped == []
    cohort = chosen[0]
    assert isinstance(cohort, Cohort)
    assert [type(each) for each in cohort.configurations] == [Configuration]
    assert (cohort.rules, cohort.split, cohort.out) == (("50%", "oracle"), "test", design.rows)


def test_a_report_names_the_region_and_shows_what_the_threshold_costs(write, tmp_path):
    text = BASELINE.replace("figures: [1]\ntables: [dice]\n", "figures: [3]\n")
    study = read(write(text))
    design = Design(study, replace(DataSpec("demo-2mm"), region="knee"), tmp_path / "out")
    engine = Engine()
    studies.run(design, engine, local(engine), lambda _: None, lambda *_: None)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Masks stay inside the knee" in page
    assert "depth 0 is the middle of the knee" in page
    drawn = [*(tmp_path / "out").rglob("threshold_costs.svg")]
    assert len(drawn) == 2
    assert all(base64.b64encode(path.read_bytes()).decode() in page for path in drawn)
    assert "most superior slice of the knee" in " ".join(
        next((tmp_path / "out").rglob("figure3.html")).read_text().split()
    )


def test_modalities_may_stand_beside_each_other_in_every_table(write, tmp_path):
    text = BASELINE.replace("subjects:", "modalities: [t2f, t1c]\n  subjects:")
    text = text.replace('["50%", oracle]', "[oracle]\nalso: [modality]").replace("[1]", "[]")
    assert main(["study", "run", str(write(text.replace("[dice]", "[comparisons]")))]) == 0
    table = next((tmp_path / "study" / "figures").glob("*t1c*/comparisons.md")).read_text()
    assert "Intensity, t2f · zero-shot" in table
    assert "Intensity, t1c · zero-shot" in table


def test_the_modality_of_a_study_is_one_that_its_data_have(write, tmp_path):
    data = patients(tmp_path, count=2, points=1)
    for path in Path(data.root).glob("*/*-t2f.nii.gz"):
        path.rename(path.with_name(path.name.replace("-t2f", "-t1c")))
    text = BASELINE.replace("demo-2mm", "data\n  split: none\n  part: all")
    study = read(write(re.sub("  subjects:.*\n", "", text)))
    chosen, _ = designs.cohorts(Design(study, data, tmp_path / "out"))
    assert [cohort.modality for cohort in chosen] == ["t1c"]


def test_the_plan_of_the_papers_study_says_all_that_it_needs(tmp_path, capsys):
    """On a root of its name, before and after its split is drawn; nothing of it is fetched."""
    data = patients(tmp_path)
    root = Path(data.root).rename(tmp_path / "BraTS-MET")
    path = tmp_path / "marzullo2024.yaml"
    path.write_bytes((STUDIES / path.name).read_bytes())
    plan = ["study", "run", str(path), "--plan"]
    assert main(plan) == 0
    lines = capsys.readouterr().out.splitlines()
    missing = [line for line in lines if line.startswith("Missing: ")]
    for words in (
        "VAND-APRIL-GAN",
        "zqhang/AnomalyCLIP",
        "caoyunkang/AdaCLIP",
        "ByChelsea/CLIP-AD",
    ):
        assert any(words in line for line in missing), words
    drawn = "drawn 60/10/30 by patient, seed 0, balanced by lesion-volume"
    assert f"To draw: the split 'marzullo2024', {drawn}" in lines
    trained = [line for line in lines if line.startswith("To train: ")]
    assert len(trained) == 12
    assert main(plan[:-1]) == 1
    assert registry.tables(replace(data, root=str(root))) == ()  # nothing is begun
    words = ["--shares", "60/10/30", "--balance", "lesion-volume", "--name", "marzullo2024"]
    assert main(["split", str(root), *words]) == 0
    capsys.readouterr()
    assert main(plan) == 0
    again = capsys.readouterr().out.splitlines()
    assert again == [line for line in lines if not line.startswith("To draw")]

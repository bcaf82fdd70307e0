"""study.yaml: what it holds is read back, what it lacks or misspells is said."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from zsad_core.errors import SettingError
from zsad_core.evaluation import choosing
from zsad_core.evaluation.tasks import Cohort, Configuration
from zsad_core.imaging.predictions import registry
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.imaging.splits.making import Draw
from zsad_core.imaging.splits.tables import Fold
from zsad_core.methods import FILES
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.study.file import (
    NO_SPLIT,
    Study,
    StudyConventions,
    StudyData,
    StudyMask,
    StudyPredictions,
    StudyPrompts,
    StudySeries,
    StudyTraining,
    TrainingData,
    as_yaml,
)
from zsad_core.study.reading import read
from zsad_core.study.saving import study_of
from zsad_core.types import DataSpec, ReadoutSpec

WHOLE = """
title: All fields
notes: [first, "no"]
data:
  root: scans
  kind: brats
  split: mine
  draw: {shares: [50, 20, 30], seed: 3, by: site, balance: [lesion-volume], folds: 2}
  modalities: [t2f, t1c]
  planes: [axial, coronal]
  part: all
  subjects: [a, b]
series:
  - methods: [winclip]
    setups: [zero-shot]
    prompts: [medical, own/prompts.yaml, own/mine]
prompt_sets:
  - {name: own/mine, normal: ["a {}"], abnormal: ["a bad {}", "no"], tuned_on: [a]}
predictions:
  - {name: nnunet, folder: ../out, kind: score, range: [0, 2], labels: [1], resample: yes}
training:
  - {name: met, methods: [aprilgan], setup: brats, backbone: clip.json, weights: clip.pt, epochs: 3}
thresholds: [validation, oracle, "50%"]
mask: {outside_brain: true, min_component: 4}
conventions: {empty: lesion_only, slices: brain, centre: centroid, exposed: true}
figures: [1, 3]
tables: [dice]
precision: float32
"""


FOLDS = "asks for cross-validation of data without folds; give a split with 2"


@pytest.fixture
def write(tmp_path):
    def writing(text):
        path = tmp_path / "folder" / "study.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return writing


def test_every_field_is_read_and_paths_are_whole(write, tmp_path):
    study = read(write(WHOLE))
    assert study.data.root == str(tmp_path / "folder" / "scans")
    assert study.data.draw.shares == (50, 20, 30)
    assert study.data.planes == ("axial", "coronal")
    of_file = str(tmp_path / "folder/own/prompts.yaml")
    assert study.series[0].prompts == ("medical", of_file, "own/mine")
    assert study.prompt_sets[0].abnormal == ("a bad {}", "no")
    assert study.predictions[0].folder == str(tmp_path / "out")
    assert study.predictions[0].range == (0, 2)
    assert study.training[0].backbone == str(tmp_path / "folder" / "clip.json")
    assert study.training[0].epochs == 3
    assert study.notes == ("first", "no")
    assert study.mask.outside_brain
    assert study.conventions == StudyConventions(slices="brain", centre="centroid", exposed=True)
    assert [study.wants(name) for name in ("figure1", "figure2", "dice", "site")] == [
        *(True, False, True, False)
    ]


def test_every_field_is_explained():
    text = (Path(__file__).parents[2] / "docs" / "studies.md").read_text()
    kinds = (
        Study,
        StudyData,
        StudySeries,
        StudyPredictions,
        StudyPrompts,
        StudyTraining,
        Draw,
        Fold,
        TrainingData,
    )
    for kind in (*kinds, StudyMask, StudyConventions):
        for field in fields(kind):
            assert re.search(rf"`(\w+\.)?{field.name}`", text), field.name


def test_what_is_written_is_read_back(write):
    study = read(write(WHOLE))
    again = read(write(as_yaml(study)))
    assert again == study
    assert again.digest == study.digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title: x", "series: Field required"),
        ("title: x\nseries: []", "no title or no series"),
        ("title: x\nseries: [{method: [a]}]", r"series\.0\.method"),
        ("title: x\nseries: [{methods: [a]}]\ndata: {plane: [axial]}", r"data\.plane"),
        ("title: x\nseries: [{methods: [a]}]\ndata: {draw: {share: [1]}}", r"data\.draw\.share"),
        ("title: x\nseries: [{methods: [a]}]\ndata: {folds: [{val: [a]}]}", r"folds\.0\.val"),
        ("title: x\nseries: [{methods: [a]}]\ndata: {planes: [oblique]}", r"data\.planes\.0"),
        ("title: x\nseries: [{methods: [a]}]\nmask: {min_component: few}", "valid integer"),
        (
            "title: x\nseries: [{methods: [a]}]\ndata: {draw: {seed: 1}, folds: [{test: [a]}]}",
            "gives the split twice",
        ),
        *(
            (f"title: x\nseries: [{{methods: [a]}}]\nthresholds: [cross-validation]\n{data}", FOLDS)
            for data in (
                "",
                "data: {root: scans, split: none}",
                "data: {root: scans, draw: {seed: 1}}",
                "data: {root: scans, folds: [{test: [a]}]}",
            )
        ),
        ("- x", "holds no names with values"),
        ("a: [", "is not readable YAML"),
    ],
)
def test_what_is_wrong_is_said(write, text, words):
    with pytest.raises(SettingError, match=words):
        read(write(text))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingError, match="cannot be read"):
        read(tmp_path / "no.yaml")


def test_an_evaluation_becomes_the_study_that_makes_its_rows(tmp_path, write):
    pairs = [("winclip", "zero-shot"), ("intensity", "zero-shot")]
    cohort = Cohort(
        data=DataSpec("demo-2mm"),
        configurations=choosing.configurations(pairs, ["medical"]),
        out=tmp_path,
        split="test",
        names=("DEMO-MET-013-000",),
        plane="coronal",
        rules=("validation", "50%"),
        readout=ReadoutSpec(brain_only=False, min_component_voxels=3),
    )
    study = read(write(as_yaml(study_of(cohort, "Saved", StudyConventions(slices="brain")))))
    asked = [
        configuration
        for block in study.series
        for configuration in choosing.configurations(
            choosing.pairs(block.methods, block.setups, 8, cohort.data)[0], block.prompts
        )
    ]
    assert sorted(asked, key=str) == sorted(cohort.configurations, key=str)
    assert (study.data.part, study.data.subjects) == (cohort.split, cohort.names)
    assert (study.thresholds, study.data.planes) == (cohort.rules, ("coronal",))
    assert (study.mask.outside_brain, study.mask.min_component) == (True, 3)


def test_predictions_and_data_without_a_split_are_named_as_they_are(tmp_path):
    cohort = Cohort(
        data=DataSpec("brats", str(tmp_path)),
        configurations=(Configuration(FILES, "nnunet", NO_PROMPTS),),
        out=tmp_path,
    )
    kept = Predictions("nnunet", str(tmp_path), "score", low=-1.5, high=2.0, trained_on="nothing")
    registry.add(cohort.data, kept, ())
    study = study_of(cohort, "Saved", StudyConventions())
    assert study.series[0].methods == ("nnunet",)
    said = StudyPredictions("nnunet", str(tmp_path), "score", (), (-1.5, 2.0), "", "nothing")
    assert study.predictions == (said,)
    assert study.data.split == NO_SPLIT

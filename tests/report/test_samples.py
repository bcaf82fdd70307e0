"""Figures 4 and 5: the subject and slices of the rule, and the masks that the rows judged."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from tests.helpers.evaluations import cohort, engine, write_scans
from tests.helpers.rows import GROUP, put
from zsad_core.errors import DataError
from zsad_core.evaluation.row_views import scan_of
from zsad_core.evaluation.run import local, run
from zsad_core.imaging import datasets
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.report import captions, panels
from zsad_core.report.comparison_groups import comparison_groups
from zsad_core.report.figures import Maps, write_all
from zsad_core.report.measures import dice_table, group_sums
from zsad_core.report.samples import pictures, sample
from zsad_core.report.selection import Selection
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, SliceSpec


def sample_of(root, **choice):
    selection = Selection(GROUP, **choice)
    with results.connect(root) as rows:
        return sample(rows, dice_table(group_sums(rows, selection), selection), selection.centre)


def sides_and_indices(sample):
    return [(sample_slice.side, sample_slice.index) for sample_slice in sample.slices]


def both_sides(value):
    """Slices on both sides, those with most lesion inside; a higher value, a higher Dice."""
    areas = ((-0.5, 10), (-0.4, 12), (0.2, 12), (0.3, 10))
    return [(depth, area, area, round(value * 10)) for depth, area in areas]


def test_the_subject_of_median_dice_and_its_slices_with_most_lesion(tmp_path):
    for subject, value in (("a", 0.9), ("b", 0.1), ("c", 0.5), ("d", 0.6)):
        put(tmp_path, subject, slices=both_sides(value))
    put(tmp_path, "e", slices=[(0.5, 5, 5, 3)])  # one side alone
    put(tmp_path, "f", slices=[(0.5, 0, 5, 0)])  # lesion-free
    put(tmp_path, "b", "industrial", slices=both_sides(0.9))  # not finetuned: it does not count
    subject_sample = sample_of(tmp_path)
    assert (
        subject_sample.subject,
        subject_sample.subjects,
        subject_sample.both_sides,
        subject_sample.finetuned,
    ) == ("c", 4, True, True)
    assert sides_and_indices(subject_sample) == [("inferior", 1), ("superior", 2)]
    assert [round(sample_slice.depth, 2) for sample_slice in subject_sample.slices] == [-0.4, 0.2]
    assert list(subject_sample.configurations) == [("brats", "WinCLIP")]


def test_without_what_the_rule_asks_for_the_next_best_is_taken_and_told(tmp_path):
    put(tmp_path, "a", "industrial", slices=[(0.5, 5, 5, 3)])
    subject_sample = sample_of(tmp_path)
    assert (subject_sample.subject, subject_sample.finetuned, subject_sample.both_sides) == (
        "a",
        False,
        False,
    )
    assert sides_and_indices(subject_sample) == [("superior", 0)]
    put(tmp_path, "b", "pmc", slices=[(0.5, 0, 5, 0)])
    with pytest.raises(DataError, match="No subject here has a lesion"):
        sample_of(tmp_path, setups=("pmc",))


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    """The rows of two configurations on three small scans, and the engine that made them."""
    root = tmp_path_factory.mktemp("evaluated")
    scans = write_scans(tmp_path_factory.mktemp("scans"))
    new_engine, evaluated = engine(root), cohort(scans, root, rules=("50%",))
    run(new_engine, evaluated, local(new_engine))
    return new_engine, evaluated


def pictures_of(engine_, evaluated, **options):
    with results.connect(evaluated.out) as rows:
        selection = Selection(comparison_groups(rows)[0])
        subject = sample(rows, dice_table(group_sums(rows, selection), selection), selection.centre)
    return pictures(engine_, subject, [evaluated.data], **options)


def test_masks_are_those_of_the_rows(evaluation):
    engine_, evaluated = evaluation
    figure = pictures_of(engine_, evaluated)
    assert not figure.missing
    assert set(figure.masks) == {("zero-shot", "Intensity"), ("zero-shot", "WinCLIP")}
    with results.connect(evaluated.out) as rows:
        for pair, mask in figure.masks.items():
            key = figure.sample.configurations[pair]["key"]
            indices = [sample_slice.index for sample_slice in figure.sample.slices]
            counts = rows.execute(
                "SELECT predicted, overlap, truth FROM slices WHERE key = ? ORDER BY index", [key]
            ).fetchall()
            assert counts[indices[0]] == (
                mask[0].sum(),
                (mask & figure.truth)[0].sum(),
                figure.truth[0].sum(),
            )
    grid = panels.prediction_panels(figure)
    assert grid.rows == ("Intensity", "WinCLIP")
    assert all(panel.words.startswith("Dice ") for row in grid.panels for panel in row)


def test_what_is_missing_is_told(evaluation, monkeypatch):
    engine_, evaluated = evaluation
    monkeypatch.setattr(prompt_sets, "shipped", dict)
    figure = pictures_of(engine_, evaluated)
    assert list(figure.masks) == [("zero-shot", "Intensity")]
    assert "WinCLIP zero-shot: The prompt set 'minimal-pair' is not here" in captions.omissions(
        figure
    )
    assert panels.prediction_panels(figure).panels[1][0].words == panels.NOT_DRAWN
    with results.connect(evaluated.out) as rows:
        row = rows.sql("FROM subjects").df().to_dict("records")[0]
    with pytest.raises(DataError, match="not in the data at hand"):
        scan_of(engine_, row, [DataSpec("demo")])
    with pytest.raises(DataError, match="not in the data at hand"):
        scan_of(engine_, {**row, "scan_digest": "other"}, [evaluated.data])


@pytest.mark.parametrize(
    ("convention", "labels", "words"),
    [("-MET-00001-000-{}", "1", "1"), ("2021_00001_{}", "2023", "1,2,3")],
)
def test_a_scan_is_found_under_the_labels_of_its_row(tmp_path, convention, labels, words):
    values = np.arange(8 * 9 * 6, dtype=np.int16).reshape(8, 9, 6)
    for end, array in (("flair" if "_" in convention else "t2f", values), ("seg", values % 4)):
        path = tmp_path / f"BraTS{convention}.nii.gz".format(end)
        nib.save(nib.Nifti1Image(array.astype(np.int16), np.eye(4)), path)
    chosen, gone = (DataSpec("brats", str(tmp_path / end), labels) for end in ("", "gone"))
    (subject,) = datasets.open_dataset(chosen).subjects()
    slices = SliceSpec(chosen, subject.id)
    row = {
        **{"subject": subject.id, "data": "brats", "modality": "t2f", "plane": "axial"},
        **{"labels": words, "scan_digest": Engine().digest(slices)},
    }
    assert datasets.open_dataset(chosen).chosen_labels == words
    found = scan_of(Engine(), row, [gone, replace(chosen, labels="auto")])
    assert Engine().volume(found).truth.sum() == Engine().volume(slices).truth.sum() > 0


def test_without_features_a_map_waits_unless_it_is_asked_for(evaluation, tmp_path):
    _, evaluated = evaluation
    fresh = engine(tmp_path)
    figure = pictures_of(fresh, evaluated, encode=False)
    assert figure.missing == {
        ("zero-shot", "WinCLIP"): "neither its map nor its features are stored"
    }
    assert not pictures_of(fresh, evaluated).missing


def test_weights_that_changed_are_told(evaluation, tmp_path):
    engine_, evaluated = evaluation
    subject = pictures_of(engine_, evaluated).sample
    configurations = {
        pair: {**row, "map": "another"} for pair, row in subject.configurations.items()
    }
    figure = pictures(engine_, replace(subject, configurations=configurations), [evaluated.data])
    assert all("not those that were evaluated" in why for why in figure.missing.values())


def test_both_figures_are_written(evaluation, tmp_path):
    engine_, evaluated = evaluation
    files = write_all(evaluated.out, tmp_path, Maps(engine_, [evaluated.data]))
    for name in ("figure4", "figure5"):
        paths = {path.suffix: path for path in files if path.stem == name}
        assert set(paths) == {".svg", ".png", ".html"}
        with Image.open(paths[".png"]) as image:
            colours = np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0).astype(int)
            assert image.info["dpi"][0] == pytest.approx(300, abs=1)
        assert (np.ptp(colours, axis=1) > 60).any()  # not grey alone
        text = " ".join(ET.parse(paths[".svg"]).getroot().itertext())
        assert "of each side the slice with most lesion" in " ".join(text.split())
        assert "base64,iVBOR" in paths[".html"].read_text()
    assert not any(path.name == "not_drawn.txt" for path in files)

"""Figures 4 and 5: the subject and slices of the rule, and the masks that the rows judged."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.evaluation.test_run import RUNS, cohort, engine, scans  # noqa: F401 — a fixture
from tests.rows_of import SHEET, put
from zsad_core.errors import DataError
from zsad_core.evaluation.row_views import scan_of
from zsad_core.evaluation.run import local, run
from zsad_core.prompts import sets as prompt_sets
from zsad_core.report import captions, panels
from zsad_core.report.figures import Maps, write_all
from zsad_core.report.measures import measured, read
from zsad_core.report.samples import pictures, sample
from zsad_core.report.selection import Selection, sheets
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec


def chosen_of(root, **choice):
    chosen = Selection(SHEET, **choice)
    with results.connect(root) as rows:
        return sample(rows, measured(read(rows, chosen), chosen), chosen.centre)


def places(one):
    return [(place.side, place.index) for place in one.places]


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
    one = chosen_of(tmp_path)
    assert (one.subject, one.subjects, one.both_sides, one.finetuned) == ("c", 4, True, True)
    assert places(one) == [("inferior", 1), ("superior", 2)]
    assert [round(place.depth, 2) for place in one.places] == [-0.4, 0.2]
    assert list(one.runs) == [("brats", "winclip")]


def test_without_what_the_rule_asks_for_the_next_best_is_taken_and_told(tmp_path):
    put(tmp_path, "a", "industrial", slices=[(0.5, 5, 5, 3)])
    one = chosen_of(tmp_path)
    assert (one.subject, one.finetuned, one.both_sides) == ("a", False, False)
    assert places(one) == [("superior", 0)]
    put(tmp_path, "b", "pmc", slices=[(0.5, 0, 5, 0)])
    with pytest.raises(DataError, match="No subject here has a lesion"):
        chosen_of(tmp_path, setups=("pmc",))


@pytest.fixture(scope="module")
def evaluated(scans, tmp_path_factory):  # noqa: F811
    """The rows of two runs on three small scans, and the engine that made them."""
    root = tmp_path_factory.mktemp("evaluated")
    made, one = engine(root), cohort(scans, root, rules=("50%",))
    run(made, one, local(made))
    return made, one


def drawn(made, one, **more):
    with results.connect(one.out) as rows:
        chosen = Selection(sheets(rows)[0])
        found = sample(rows, measured(read(rows, chosen), chosen), chosen.centre)
    return pictures(made, found, [one.data], **more)


def test_masks_are_those_of_the_rows(evaluated):
    made, one = evaluated
    found = drawn(made, one)
    assert not found.missing
    assert set(found.masks) == {("zero-shot", "intensity"), ("zero-shot", "winclip")}
    with results.connect(one.out) as rows:
        for pair, mask in found.masks.items():
            key = found.sample.runs[pair]["key"]
            shown = [place.index for place in found.sample.places]
            told = rows.execute(
                "SELECT predicted, overlap, truth FROM slices WHERE key = ? ORDER BY index", [key]
            ).fetchall()
            assert told[shown[0]] == (
                mask[0].sum(),
                (mask & found.truth)[0].sum(),
                found.truth[0].sum(),
            )
    grid = panels.run_panels(found)
    assert grid.rows == ("intensity", "winclip")
    assert all(panel.words.startswith("Dice ") for row in grid.panels for panel in row)


def test_what_is_missing_is_told(evaluated, monkeypatch):
    made, one = evaluated
    monkeypatch.setattr(prompt_sets, "shipped", dict)
    found = drawn(made, one)
    assert list(found.masks) == [("zero-shot", "intensity")]
    assert "winclip zero-shot: The prompt set 'minimal-pair' is not here" in captions.not_drawn(
        found
    )
    assert panels.run_panels(found).panels[1][0].words == panels.NOT_DRAWN
    with results.connect(one.out) as rows:
        row = rows.sql("FROM subjects").df().to_dict("records")[0]
    with pytest.raises(DataError, match="not in the data at hand"):
        scan_of(made, row, [DataSpec("demo")])
    with pytest.raises(DataError, match="not in the data at hand"):
        scan_of(made, {**row, "scan_digest": "other"}, [one.data])


def test_without_features_a_map_waits_unless_it_is_asked_for(evaluated, tmp_path):
    _, one = evaluated
    fresh = engine(tmp_path)
    found = drawn(fresh, one, encode=False)
    assert found.missing == {("zero-shot", "winclip"): "its features are not stored"}
    assert not drawn(fresh, one).missing


def test_weights_that_changed_are_told(evaluated, tmp_path):
    made, one = evaluated
    found = drawn(made, one).sample
    runs = {pair: {**row, "map": "another"} for pair, row in found.runs.items()}
    shown = pictures(made, replace(found, runs=runs), [one.data])
    assert all("not those that were evaluated" in why for why in shown.missing.values())


def test_both_figures_are_written(evaluated, tmp_path):
    made, one = evaluated
    written = write_all(one.out, tmp_path, Maps(made, [one.data]))
    for name in ("figure4", "figure5"):
        paths = {path.suffix: path for path in written if path.stem == name}
        assert set(paths) == {".svg", ".png", ".html"}
        with Image.open(paths[".png"]) as image:
            colours = np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0).astype(int)
            assert image.info["dpi"][0] == pytest.approx(300, abs=1)
        assert (np.ptp(colours, axis=1) > 60).any()  # not grey alone
        text = " ".join(ET.parse(paths[".svg"]).getroot().itertext())
        assert "of each side the slice with most lesion" in " ".join(text.split())
        assert "base64,iVBOR" in paths[".html"].read_text()
    assert not any(path.name == "not_drawn.txt" for path in written)

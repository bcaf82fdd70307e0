"""A name from outside that is markup, a pattern and a formula is shown and written as spelled."""

import csv
import re
import threading
import xml.etree.ElementTree as ET
from dataclasses import replace
from html import escape as escape_html

import nibabel as nib
import numpy as np
import pytest

from pages.ui.shell import compute
from pages.ui.shell.markdown import escape
from tests.helpers.pages import at, shown
from tests.helpers.rows import put
from tests.helpers.views import view_of
from zsad_core.base import settings
from zsad_core.base.paths import root_name
from zsad_core.imaging import datasets
from zsad_core.imaging.predictions import registry
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.inference.engine import Engine
from zsad_core.methods import METHODS
from zsad_core.prompts import sets as prompt_sets
from zsad_core.report import figures
from zsad_core.report.figures import Maps
from zsad_core.report.table_text import LATEX
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, PromptSet
from zsad_core.workspace import drafts, pins

NAME = "=cmd(),=1![x](evil.png)<img src=x onerror=alert(1)>$x$ $^$'\"*?[ß]{_%|~日本"
PRINTED = "=1,=2<img src=x>$x$ $^$_%|~Ж"  # short and in letters that the font of figures has
MARKUP = re.compile(r"(?<!\\)(!\[x\]|<img src=x|\$x\$)")
FORMULA_CELL = re.compile(r"[=+@\t\r]|-(?![\d.])")
SVG_TEXT = "{http://www.w3.org/2000/svg}text"
TEXT_ELEMENTS = {"text", "arrow_data_frame", "code", "json"}  # they read no markdown
TEXT_FIELDS = {
    *("value", "default", "raw_value", "raw_values", "set_value", "id", "user_key", "query_string"),
    *("placeholder", "url", "data", "mixed", "spec", "alt", "formatted_options", "json"),
}
TEXT_FIELDS_OF = {("selectbox", ".options"), ("multiselect", ".options"), ("dataframe", ".columns")}
VIEWS = [
    ("app", {}),
    ("pages/1_Explore", {}),
    ("pages/1_Explore", {"method": "nn"}),
    ("pages/1_Explore", {"method": "winclip", "prompts": NAME}),
    *(
        ("pages/2_Prompts", {"method": "winclip", "prompts": NAME, "lab": section})
        for section in ("Edit", "Search", "Null test", "History", "Why")
    ),
    ("pages/3_Depth", {}),
    *(
        ("pages/4_Cohort", {"cohort-section": section})
        for section in ("Figures", "Tables", "Subjects", "Evaluate")
    ),
    *(("pages/5_Failures", {"failures": section}) for section in ("Gallery", "Pins")),
    ("pages/5_Failures", {"case": 1}),
    *(
        ("pages/6_Setup", {"section": section})
        for section in ("Data", "Splits", "Predictions", "Weights", "Train", "Pre-encode")
    ),
]


def texts_of(message, path=""):
    """(path, text) of the texts of a protobuf message that may be read as markdown or HTML."""
    for field, value in message.ListFields():
        if field.name in TEXT_FIELDS:
            continue
        for item in value if field.is_repeated else [value]:
            if field.message_type and not field.message_type.GetOptions().map_entry:
                yield from texts_of(item, f"{path}.{field.name}")
            elif isinstance(item, str):
                yield f"{path}.{field.name}", item


def elements(block):
    """Every element of a part of a page."""
    for child in block.children.values():
        yield child
        if hasattr(child, "children"):
            yield from elements(child)


def markup_in(test):
    """(element, field, text) of what the page's browser would read as the name's markup."""
    return [
        (element.type, path, text)
        for part in (test.main, test.sidebar)
        for element in elements(part)
        if element.proto and element.type not in TEXT_ELEMENTS
        for path, text in texts_of(element.proto)
        if (element.type, path) not in TEXT_FIELDS_OF and MARKUP.search(text)
    ]


@pytest.fixture
def _everywhere(tmp_path):
    """The name wherever a name comes from."""
    root = tmp_path / NAME
    predicted = tmp_path / "predicted"
    root.mkdir()
    predicted.mkdir()
    x, y, z = np.indices((20, 24, 10))
    scan = (((x - 10) ** 2 + (y - 12) ** 2 < 60) * (100 + 10 * z + x)).astype(np.int16)
    mask = (scan > 195).astype(np.uint8)
    for path, array in (
        (root / f"{NAME}.nii.gz", scan),
        (root / f"{NAME}_seg.nii.gz", mask),
        (predicted / f"{NAME}.nii.gz", mask),
    ):
        nib.save(nib.Nifti1Image(array, np.diag([1, 2, 3, 1.0])), path)
    data = DataSpec("folder", str(root))
    datasets.forget(data)
    settings.remember(data)
    prompts = PromptSet(NAME, (NAME,), (f"{NAME} b",), class_name=NAME, source=NAME)
    prompt_sets.save(prompts, settings.prompt_folder())
    drafts.keep(NAME, "somebody", {"normal": NAME, "abnormal": NAME})
    registry.add(data, Predictions("nn", str(predicted), provenance=NAME, trained_on=NAME), METHODS)
    view = view_of(Engine(), data, NAME, "scan")
    pins.add(replace(pins.pin_of(view, NAME, NAME), kind=NAME))
    columns = {"setup": NAME, "site": NAME, "prompts": NAME, "threshold_note": NAME}
    columns["root"] = root_name(data)
    put(tmp_path / "rows", NAME, key="k", data="folder", modality="scan", **columns)


@pytest.mark.usefixtures("_everywhere")
@pytest.mark.parametrize(("page", "choices"), VIEWS)
def test_a_hostile_name_is_markup_on_no_page(page, choices, tmp_path):
    board, end = compute.engine().jobs, threading.Event()
    job = board.start("hostile", NAME, lambda progress: end.wait(60), f"{page}.py")
    root = f"folder:{tmp_path / NAME}"
    chosen = {"data": root, "subject": NAME, "method": "intensity", "rule": "fixed"}
    shown_beside = {"results": str(tmp_path / "rows"), "jobs-open": True}
    try:
        test = shown(at(f"{page}.py", **{**chosen, **shown_beside, **choices}))
    finally:
        end.set()
        job.wait(10)
        board.drop(job)
    assert all(box.value == root for box in test.selectbox if box.key == "data")
    assert any(escape(NAME) in bar.proto.text for bar in test.sidebar.get("progress"))
    assert markup_in(test) == []


def spelled_in(svg):
    """The texts of an SVG, as a browser shows them."""
    return [" ".join("".join(text.itertext()).split()) for text in ET.parse(svg).iter(SVG_TEXT)]


def test_a_hostile_name_is_spelled_in_figures_and_is_no_formula_in_tables(tmp_path):
    columns = {"prompts": PRINTED, "site": PRINTED, "root": PRINTED}
    put(tmp_path / "rows", PRINTED, PRINTED, PRINTED, key="a", **columns)
    put(tmp_path / "rows", "b", PRINTED, PRINTED, key="b", checkpoint_digest="other", **columns)
    results.export_csv(tmp_path / "rows", tmp_path / "out")
    figures.write_all(tmp_path / "rows", tmp_path / "out", Maps(Engine(), []))
    (folder,) = (path for path in (tmp_path / "out").iterdir() if path.is_dir())
    figure_texts = {n: spelled_in(folder / f"figure{n}.svg") for n in (1, 2, 3)}
    assert {PRINTED} <= set(figure_texts[1]) & set(figure_texts[2]) & set(figure_texts[3])
    for page in folder.glob("*.html"):
        assert escape_html(PRINTED) in page.read_text()
        assert "<img" not in page.read_text()
    for path in (tmp_path / "out").rglob("*.csv"):
        rows = csv.reader(path.read_text("utf-8-sig").splitlines())
        assert not [cell for row in rows for cell in row if FORMULA_CELL.match(cell)]
    for path in folder.glob("*.md"):
        assert not MARKUP.search(path.read_text())
    for path in (tmp_path / "out" / "subjects.csv", folder / "dice.csv"):
        assert PRINTED in path.read_text()
    assert PRINTED.translate(LATEX) in (folder / "dice.tex").read_text()

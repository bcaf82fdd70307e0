"""What the Cohort page saves is a study that gives the page's rows, figures and tables again."""

import base64
import json
import time
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from tests.helpers.brats import half_masks, patients
from tests.helpers.pages import WAIT, at, shown
from tests.helpers.weights import small_backbone
from zsad_core import setups
from zsad_core.base import paths, settings
from zsad_core.base.paths import home
from zsad_core.cli.main import main
from zsad_core.evaluation import choosing
from zsad_core.evaluation.run import local, run
from zsad_core.evaluation.tasks import Cohort
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import parquet as results
from zsad_core.setups import user
from zsad_core.study import file as files
from zsad_core.study.design import Design, missing_trainings
from zsad_core.study.reading import read
from zsad_core.study.saving import study_of
from zsad_core.training import own, request_files, runs
from zsad_core.training.material import Source, of_scans
from zsad_core.training.runs import TrainRequest
from zsad_core.types import BackboneSpec, DataSpec, PromptSet

CHANGING = ("key", "map", "date", "checkpoint_digest", "seconds_encode", "seconds_read")
"""Columns that another training, equal to the byte but for its date, and another time change."""
METHODS = ["aprilgan", "intensity", "predictions"]


@pytest.fixture
def data(tmp_path):
    """Patients under a drawn split, with masks of another model, on the pages."""
    spec = patients(tmp_path, count=8, points=1)
    masks = half_masks(tmp_path)
    assert main(["split", spec.root, "--shares", "40/20/40", "--seed", "3"]) == 0
    words = ["predictions", "add", str(masks), "--data", spec.root, "--name", "other-model"]
    assert main([*words, "--provenance", "drawn", "--trained-on", "nothing", "--yes"]) == 0
    spec = DataSpec("brats", spec.root, split="main")
    settings.remember(spec)
    return spec


def train(data, small, name="mine", setup="brats", source=None):
    request = TrainRequest(
        "aprilgan",
        setup,
        own.folder(),
        source=source or of_scans(data, "t2f", slices=3),
        backbone=BackboneSpec(*map(str, small)),
        epochs=1,
        loss_side=32,
        seed=5,
    )
    own.run(own.begin(name, request), lambda *_: None)


def cohort(data, section, **choices):
    chosen = {"data": f"brats:{data.root}", "method": "intensity", "which": "brain", **choices}
    return shown(at("pages/4_Cohort.py", **{"cohort-section": section, **chosen}))


def form(data, **choices):
    return cohort(
        data,
        "Evaluate",
        **{"cohort-methods": METHODS, "cohort-rules": ["validation", "oracle"]},
        **choices,
    )


def evaluated(page):
    page.button(key="evaluate").click()
    for _ in range(10 * WAIT):
        if any("All results" in one.value for one in shown(page).success):
            return
        time.sleep(0.1)
    raise AssertionError("the evaluation does not end")


def subjects(folder):
    with results.connect(folder) as rows:
        frame = rows.sql("SELECT * FROM subjects").df().drop(columns=[*CHANGING])
    names = ["method", "setup", "threshold_rule", "subject"]
    return frame.sort_values(names, ignore_index=True)


def traces(spec):
    """Values of a figure's traces, without the keys of rows."""
    names = ("x", "y", "q1", "median", "q3", "lowerfence", "upperfence")
    return [
        (trace["type"], trace.get("name"), *(plain(trace.get(n)) for n in names)) for trace in spec
    ]


def plain(values):
    """Values as a figure's JSON holds them, some of them packed."""
    if isinstance(values, dict):
        values = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return values and [None if value != value else cell(value) for value in values]


def of_page(page):
    charts = [json.loads(one.proto.spec)["data"] for one in page.get("plotly_chart")]
    return [traces(one) for one in charts]


def drawn(page):
    """The page once its pictures are drawn."""
    for _ in range(10 * WAIT):
        if shown(page).image:
            return page
        time.sleep(0.1)
    raise AssertionError("Figures 4 and 5 are not drawn")


def panels_of(page):
    """The pictures of Figures 4 and 5, as the page sends them."""
    return [one.proto.imgs[0].url for one in page.image]


def of_study(path):
    text = path.read_text()
    start = text.index("[{", text.index(f'"{path.stem}"', text.index("Plotly.newPlot")))
    return json.JSONDecoder().raw_decode(text, start)[0]


def test_a_saved_page_gives_its_rows_figures_and_tables_again(data, tmp_path, monkeypatch):
    small = small_backbone(tmp_path / "clip")
    train(data, small)
    texts = PromptSet("my words", ("a clear {}",), ("a {} with a stain",), tuned_on=("x",))
    prompt_sets.save(texts, settings.prompt_folder())
    chosen = {"cohort-setups": ["mine", "zero-shot"], "cohort-prompts": ["my words"]}
    page = form(data, **chosen)
    evaluated(page)
    text = next(one.value for one in page.code if one.value.startswith("title:"))
    page = drawn(cohort(data, "Figures"))
    figures, panels = of_page(page), panels_of(page)
    tables = [one.value for one in cohort(data, "Tables").dataframe]
    rows = subjects(home() / "results")

    # Elsewhere: nothing of split, predictions, setup and rows is there.
    monkeypatch.setenv("ZSAD_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(Exception, match="no setup 'mine'"):
        setups.find("aprilgan", "mine")
    study = tmp_path / "folder" / "study.yaml"
    study.parent.mkdir()
    study.write_text(text)
    assert main(["study", "run", str(study), "--device", "cpu"]) == 0
    assert prompt_sets.user_sets(settings.prompt_folder()) == {"my words": texts}
    folder = study.with_suffix("")
    pd.testing.assert_frame_equal(subjects(folder / "rows"), rows)
    made = next((folder / "figures").glob("*validation*"))
    for number, figure in enumerate(figures, 1):
        again = traces(of_study(made / f"figure{number}.html"))
        assert [trace[:2] for trace in figure] == [trace[:2] for trace in again]
        assert figure == again
    pictures = [trace for n in (4, 5) for trace in of_study(made / f"figure{n}.html")]
    assert panels == [trace["source"] for trace in pictures if trace["type"] == "image"]
    assert len(panels) >= 4  # the slice of the truth, and of each configuration
    written = [of_csv(path) for path in made.glob("*.csv")]
    filled = [frame for frame in written if not frame.empty]  # the page shows no empty table
    assert len(tables) == len(filled) + 1 > 9  # what the numbers have seen, once more below
    for table in tables:
        columns = [*table.columns]
        alike = [frame[columns] for frame in written if {*columns} <= {*frame}]
        assert cells(table) in map(cells, alike), columns


def cells(table):
    """Names and values of a table; numbers to nine digits, what is missing empty."""
    rows = table.astype(object).where(table.notna(), "").itertuples(index=False, name=None)
    return [[*table.columns], *([*map(cell, row)] for row in rows)]


def cell(value):
    try:
        return f"{float(value):.9g}"
    except (TypeError, ValueError):
        return str(value)


def of_csv(path):
    lines = path.read_text("utf-8-sig").splitlines()
    first = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    return pd.read_csv(path, skiprows=first, dtype=str, keep_default_na=False)


def test_a_saved_page_holds_a_split_that_was_read_from_a_file(tmp_path, monkeypatch, capsys):
    spec, table = patients(tmp_path, count=6, points=1), tmp_path / "doctors.csv"
    ids = [f"BraTS-MET-{n:05}-000" for n in range(6)]
    parts = ("train", "test", "validation", "test", "train", "test")
    lines = map(",".join, zip(ids, parts, strict=True))
    table.write_text("\n".join(["subject,split", *lines]))
    assert main(["split", spec.root, "--from", str(table)]) == 0
    asked = Cohort(
        DataSpec("brats", spec.root, split="main"),
        choosing.configurations([("intensity", "zero-shot")]),
        tmp_path / "rows",
        "test",
        rules=("validation",),
    )
    engine = Engine()
    run(engine, asked, local(engine))
    study = tmp_path / "folder" / "study.yaml"
    study.parent.mkdir()
    study.write_text(files.as_yaml(study_of(asked, "Saved", files.StudyConventions())))

    monkeypatch.setenv("ZSAD_HOME", str(tmp_path / "elsewhere"))
    words = ["study", "run", str(study), "--device", "cpu"]
    assert main(words) == 0
    again = subjects(study.with_suffix("") / "rows")
    assert len(again) == 3
    pd.testing.assert_frame_equal(again, subjects(tmp_path / "rows"))
    other = study.read_text().replace("train:", "testing:", 1).replace("test:", "train:", 1)
    study.write_text(other.replace("testing:", "test:", 1))
    assert main(words) == 1
    assert "divides other than the study's" in capsys.readouterr().err


def asked(tmp_path, kind):
    """A training of each kind: an image set, other data than the study's, scans of the study."""
    source = {
        "images": Source(str(tmp_path / "images"), "mvtec", images=7, leave_out=("bottle",)),
        "demo": of_scans(DataSpec("demo-2mm"), "t1c", 5, 6),
        "scans": of_scans(DataSpec("brats", str(tmp_path / "scans"), "2021"), "t2f", 5),
    }[kind]
    setup = "industrial" if kind == "images" else "finetune"
    return TrainRequest(
        "aprilgan",
        setup,
        tmp_path / "own.safetensors",
        source,
        BackboneSpec("demo"),
        epochs=3,
        loss_side=32,
        start="" if kind == "images" else str(tmp_path / "start.safetensors"),
        seed=5,
    )


def kept_setup(request, own=None, **record):
    """A setup of the request's checkpoint, which is a copy of a shipped one with its record."""
    shipped = setups.find("aprilgan", "brats")
    facts = {"command": runs.command(request), "held_out_rule": "", **record}
    save_file(load_file(setups.CHECKPOINTS / shipped.checkpoint), request.out, facts)
    entry = replace(shipped, setup="own", checkpoint=str(request.out))
    settings.change("setups", asdict(entry), lambda _: False, own)
    request_files.keep(request)


def saved(tmp_path, prompts=(), own=None):
    one = choosing.configurations([("aprilgan", "own")], prompts, home=own)
    scans = DataSpec("brats", str(tmp_path / "scans"), "2021")
    return study_of(Cohort(scans, one, tmp_path), "Saved", files.StudyConventions(), own)


@pytest.mark.parametrize("kind", ["images", "demo", "scans"])
def test_a_training_is_said_so_that_it_is_asked_for_again(tmp_path, kind):
    request = asked(tmp_path, kind)
    kept_setup(request)
    path = tmp_path / "study.yaml"
    path.write_text(files.as_yaml(saved(tmp_path)))
    user.forget("aprilgan", "own")
    design = Design(read(path), DataSpec("brats", str(tmp_path / "scans"), "2021"), tmp_path)
    (again,) = missing_trainings(design)
    assert (again.name, replace(again.request, out=request.out)) == ("own", request)


def test_texts_and_training_of_a_users_own_home_are_said_too(tmp_path):
    ada = paths.home_of("ada")
    kept_setup(asked(tmp_path, "demo"), ada)
    texts = PromptSet("adas", ("a fine scan",), ("a bad scan",))
    prompt_sets.save(texts, settings.prompt_folder(ada))
    study = saved(tmp_path, ["adas"], ada)
    assert [one.name for one in study.prompt_sets] == ["adas"]
    assert [one.name for one in study.training] == ["own"]


def test_a_training_that_no_study_can_say_is_a_note(tmp_path):
    kept_setup(asked(tmp_path, "scans"), command="zsad train --by hand")
    study = saved(tmp_path)
    assert study.training == ()
    assert "aprilgan · own is taken as it is here; it was trained by 'zsad train" in study.notes[0]

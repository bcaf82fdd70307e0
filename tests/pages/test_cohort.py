"""The Cohort page: an evaluation for real, then its figures, tables and filters."""

import json
import time
from dataclasses import asdict, replace

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.cohort import compare, figures
from pages.ui.shell import session
from tests.helpers.pages import WAIT, address, at, shown, widget
from tests.helpers.rows import put, with_dice
from zsad_core import backbones, methods
from zsad_core.base import settings
from zsad_core.base.paths import home
from zsad_core.evaluation import choosing
from zsad_core.evaluation.run import local, run
from zsad_core.evaluation.tasks import Cohort, Configuration
from zsad_core.inference.engine import Engine
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.results import parquet as results
from zsad_core.types import BackboneSpec, DataSpec

pytestmark = pytest.mark.usefixtures("small_demo")

SUBJECTS = ["DEMO-MET-013-000", "DEMO-MET-014-000"]


def opened(**state):
    return shown(at("pages/4_Cohort.py", **{"data": "demo-2mm:", "method": "intensity", **state}))


def said(test):
    return " ".join(caption.value for caption in test.caption).replace("\\", "")


def test_the_sidebar_shows_only_what_the_page_uses_and_forgets_nothing():
    test = opened(**{"method": "winclip", "subject": SUBJECTS[1], "cohort-section": "Evaluate"})
    assert [one.label for one in test.sidebar.selectbox] == [
        "Data",
        "Modality",
        "Slices in mean 2D Dice",
        "Depth origin",
    ]
    assert test.multiselect(key="cohort-methods").value == ["winclip"]
    assert address(shown(test))["subject"] == [SUBJECTS[1]]
    test.switch_page("pages/1_Explore.py")
    shown(test)
    assert widget(test.selectbox, "subject").value == SUBJECTS[1]
    assert widget(test.selectbox, "method").value == "winclip"


def test_two_subjects_are_evaluated_and_their_figures_shown():
    test = opened(**{"cohort-subjects": SUBJECTS, "cohort-rules": ["oracle"]})
    assert any(
        "2 subjects, 1 configuration: 2 maps, none evaluated yet" in one.value
        for one in test.markdown
    )
    test.button(key="evaluate").click()
    for _ in range(10 * WAIT):
        shown(test)
        if any("All results" in one.value for one in test.success):
            break
        time.sleep(0.1)
    with results.connect(home() / "results") as rows:
        found = rows.sql("SELECT subject, method, threshold_rule FROM subjects ORDER BY 1")
        assert found.fetchall() == [(one, "intensity", "oracle") for one in SUBJECTS]
    test.segmented_control(key="cohort-section").set_value("Figures")
    shown(test)
    assert len(test.get("plotly_chart")) == 3
    for _ in range(10 * WAIT):
        if any(one.value.startswith("Figure 5") for one in test.subheader):
            break
        time.sleep(0.1)
        shown(test)
    assert "Subject DEMO-MET-0" in said(test)
    for words in ("2 subjects, 2 with a 3D Dice", "threshold: oracle (uses the ground truth)"):
        assert words in said(test)
    assert sum(one.label == "Open in Explore" for one in test.button) == 4
    test.segmented_control(key="cohort-section").set_value("Tables")
    table = shown(test).dataframe[0].value
    assert table[["setup", "method", "subjects"]].values.tolist() == [["zero-shot", "Intensity", 2]]


def test_a_point_opens_the_numbers_of_its_row(monkeypatch):
    configurations = (Configuration("intensity", "zero-shot", NO_PROMPTS),)
    folder, engine = home() / "results", Engine()
    cohort = Cohort(
        DataSpec("demo-2mm"), configurations, folder, names=(SUBJECTS[0],), rules=("0.549",)
    )
    run(engine, cohort, local(engine))
    with results.connect(folder) as rows:
        key, dice = rows.sql("SELECT key, dice_3d FROM subjects").fetchall()[0]
        query = "SELECT index FROM slices ORDER BY truth DESC, abs(depth_middle) LIMIT 1"
        index = rows.sql(query).fetchall()[0][0]
    point = {"customdata": [SUBJECTS[0], key]}
    monkeypatch.setattr(figures, "clicked_point", lambda _, name: point if name[-1] == "1" else {})
    test = opened(subject=SUBJECTS[1], rule="oracle", slice=3)
    assert widget(test.selectbox, "subject").value == SUBJECTS[0]
    assert "Threshold 0.549" in said(test)
    assert test.session_state["slice"] == index
    assert next(one.value for one in test.metric if one.label == "3D Dice") == f"{dice:.3f}"


def test_a_row_of_another_plane_is_not_opened_as_an_axial_map(monkeypatch):
    configurations = (Configuration("intensity", "zero-shot", NO_PROMPTS),)
    folder, engine = home() / "results", Engine()
    run_of = {"names": (SUBJECTS[0],), "rules": ("0.549",), "plane": "coronal"}
    run(engine, Cohort(DataSpec("demo-2mm"), configurations, folder, **run_of), local(engine))
    with results.connect(folder) as rows:
        key = rows.sql("SELECT key FROM subjects").fetchall()[0][0]
    point = {"customdata": [SUBJECTS[0], key]}
    monkeypatch.setattr(figures, "clicked_point", lambda _, name: point if name[-1] == "1" else {})
    test = opened(subject=SUBJECTS[1])
    assert any("is of coronal slices" in one.value for one in test.warning)
    assert address(test)["subject"] == [SUBJECTS[1]]


def test_filters_and_conventions_need_no_map():
    for subject in ("a", "b"):
        for setup in ("brats", "pmc"):
            put(home() / "results", subject, setup)
    test = opened()
    assert len(test.get("plotly_chart")) == 3
    assert "2 configurations; 6 slices in each configuration" in said(test)
    test.multiselect(key="setups-shown").set_value(["pmc"])
    assert "1 configuration; 6 slices in each configuration" in said(shown(test))
    test.selectbox(key="third").set_value("superior")
    assert "2 slices in each configuration" in said(shown(test))
    widget(test.selectbox, "empty").set_value("both_empty_one")
    assert "6 slices in each configuration" in said(shown(test))
    test.multiselect(key="volumes-shown").set_value(["1 to 10 ml"])
    assert not shown(test).error


def test_an_odd_results_folder_is_the_usual_one_or_refused(tmp_path):
    put(home() / "results", "a")
    test = opened(results="  ")
    assert len(test.get("plotly_chart")) == 3
    (tmp_path / "file").write_text("")
    widget(test.text_input, "results").set_value(str(tmp_path / "file"))
    assert "is a file" in shown(test).error[0].value


def test_without_rows_the_form_is_what_one_sees():
    test = opened()
    assert test.button(key="evaluate").label == "Evaluate"
    assert (
        "zsad_core evaluate --data demo-2mm --modality t2f --methods intensity"
        in test.code[0].value
    )
    test.segmented_control(key="cohort-section").set_value("Figures")
    assert any("No results" in info.value for info in shown(test).info)


def test_no_method_chosen_takes_them_all():
    test = opened(**{"cohort-subjects": SUBJECTS, "cohort-rules": ["oracle"]})
    test.multiselect(key="cohort-methods").set_value([])
    shown(test)
    number = len(choosing.pairs((), (), 2)[0])
    assert number > len(methods.METHODS)
    assert any(f"2 subjects, {number} configurations" in one.value for one in test.markdown)
    test.multiselect(key="cohort-setups").set_value(["brats"])
    assert "Skipped" not in said(shown(test))  # of every method, nobody asked for each
    test.multiselect(key="cohort-methods").set_value(["intensity", "aprilgan"])
    assert "Skipped, no such setup: Intensity (brats)." in said(shown(test))


def test_filters_of_number_and_site():
    for subject, site in (("a", "north"), ("b", "south")):
        put(home() / "results", subject, site=site)
    test = opened()
    assert any(
        "Figures 4 and 5 show scans of synthetic demo cohort;" in one.value for one in test.info
    )
    test.multiselect(key="sites-shown").set_value(["north"])
    assert "3 slices in each configuration" in said(shown(test))
    test.multiselect(key="numbers-shown").set_value(["2 to 4 lesions"])
    assert "only 2 to 4 lesions, north" in said(shown(test))


def test_runs_that_a_filter_takes_away_give_way_to_those_it_leaves():
    for setup in ("brats", "pmc"):
        put(home() / "results", "a", setup)
        put(home() / "results", "a", setup, method="mvfa")
    test = opened()
    test.multiselect(key="configurations-shown").set_value(["MVFA · brats"])
    shown(test)
    test.multiselect(key="setups-shown").set_value(["pmc"])
    assert shown(test).multiselect(key="configurations-shown").value == [
        "MVFA · pmc",
        "WinCLIP · pmc",
    ]
    assert len(test.get("plotly_chart")) == 3


def test_the_summary_stands_above_each_section_and_the_conventions_once():
    for subject, setup in (("a", "brats"), ("b", "brats"), ("a", "pmc")):
        put(home() / "results", subject, setup, auroc=0.75)
    test = opened()
    for section in ("Figures", "Tables", "Subjects"):
        test.segmented_control(key="cohort-section").set_value(section)
        numbers = {metric.label: metric.value for metric in shown(test).metric}
        assert numbers["Subjects"] == "2"
        assert numbers["Configurations"] == "2"
        assert numbers["Missing rows"] == "1"
        assert said(test).count("threshold: validation") == 1
    assert "WinCLIP · pmc: b" in said(test)
    test.multiselect(key="measures").set_value(["AUROC"])
    table = shown(test).dataframe[0].value
    assert table["WinCLIP · brats: AUROC"].tolist() == [0.75, 0.75]
    test.segmented_control(key="cohort-section").set_value("Tables")
    titles = [one.value for one in shown(test).subheader]
    assert titles[0] == "Dice by setup and method"
    assert len(titles) == len(test.dataframe) - 1  # and what the numbers have seen


def test_two_configurations_are_compared_subject_by_subject(monkeypatch):
    values = {"a": (0.9, 0.5), "b": (0.4, 0.4), "c": (0.2, 0.3), "d": (0.8, 0.7)}
    for subject, pair in values.items():
        for setup, value in zip(("brats", "pmc"), pair, strict=True):
            put(home() / "results", subject, setup, slices=with_dice(value))
    put(home() / "results", "e", "brats", slices=with_dice(0.9))
    test = opened(**{"cohort-section": "Compare"})
    table = test.dataframe[0].value.iloc[0]
    assert (table["against"], table["subjects"]) == ("WinCLIP · pmc", 4)
    assert (table["wins"], table["ties"], table["losses"]) == (2, 1, 1)
    assert table["mean difference"] == pytest.approx(0.1)
    assert table["mean difference low"] < 0.1 < table["mean difference high"]
    subjects = test.dataframe[1].value
    assert subjects["subject"].tolist() == ["c", "b", "d", "a"]
    assert subjects["outcome"].tolist() == ["loss", "tie", "win", "win"]
    assert "Left out of both: e (none in WinCLIP · pmc)." in said(test)
    assert "10,000 resamples, seed 0" in said(test)
    assert len(test.get("plotly_chart")) == 1
    assert "Over the 4 subjects that all configurations have. Left out, not in all: e." in said(
        test
    )
    opened_keys = []
    monkeypatch.setattr(compare, "open_row", lambda choice, source, key: opened_keys.append(key))
    monkeypatch.setattr(compare.st, "dataframe", clicked("compare-list", (0, "second")))
    shown(test)
    assert opened_keys == ["c-pmc-winclip"]


def test_another_modality_is_shown_as_further_series():
    for subject in "abc":
        put(home() / "results", subject, slices=with_dice(0.5))
        put(home() / "results", subject, modality="t1c", slices=with_dice(0.7))
    test = opened(**{"cohort-section": "Tables"})
    first, other = sorted(("t1c", "t2f"))
    assert test.dataframe[0].value["method"].tolist() == ["WinCLIP"]
    groups = test.multiselect(key="other-groups-0")
    assert groups.options == ["modality: t2f"]
    test.multiselect(key="other-groups-0").select("modality: t2f")
    table = shown(test).dataframe[0].value
    assert table["method"].tolist() == [f"WinCLIP, {first}", f"WinCLIP, {other}"]
    assert "t1c and t2f, axial" in said(test)


def test_backbones_are_filtered_and_stand_beside_what_is_compared():
    for subject in "abc":
        for setup, backbone in (("zero-shot", "demo"), ("pmc", "demo-pmc")):
            digest = backbones.info(BackboneSpec(backbone)).digest
            put(home() / "results", subject, setup, weights_digest=digest)
    test = opened(**{"cohort-section": "Compare"})
    first = test.selectbox(key="compare-first").value
    names = {"WinCLIP · zero-shot": "demo", "WinCLIP · pmc": "demo-pmc"}
    assert test.dataframe[0].value["backbone"].tolist() == [
        backbone for name, backbone in names.items() if name != first
    ]
    assert f"Backbone of {first}: {names[first]}." in said(test)
    assert test.multiselect(key="backbones-shown").options == ["demo", "demo-pmc"]
    test = opened(**{"cohort-section": "Tables", "backbones-shown": ["demo"]})
    assert test.dataframe[0].value["setup"].tolist() == ["zero-shot"]


def test_means_and_curves_have_intervals_that_their_captions_name():
    for subject, value in (("a", 0.2), ("b", 0.5), ("c", 0.9)):
        put(home() / "results", subject, slices=with_dice(value))
    test = opened(**{"cohort-section": "Figures"})
    drawn = [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]
    [mean] = [one for one in drawn[0]["data"] if one.get("name") == "mean, 95 % interval"]
    assert mean["text"] == [" [0.200, 0.900]"]
    [band] = [one for one in drawn[2]["data"] if one.get("fill") == "toself"]
    assert [one for one in band["y"] if one is not None] == pytest.approx([0.2, 0.9])
    assert said(test).count("percentile bootstrap over patients, 10,000 resamples, seed 0") >= 3


def test_tables_say_once_how_intervals_are_made_and_have_no_brackets():
    for subject, value in (("a", 0.2), ("b", 0.5), ("c", 0.9)):
        put(home() / "results", subject, slices=with_dice(value))
    test = opened(**{"cohort-section": "Tables"})
    assert said(test).count("percentile bootstrap over patients") == 1
    assert "In brackets, or as low and high: 95 % interval: percentile bootstrap" in said(test)
    assert said(test).count("Low and high: the ends of the 95 % interval of each mean.") > 1
    assert "in brackets" not in said(test)


def test_captions_name_the_region_of_the_data_of_the_rows():
    spec = settings.data_roots()["demo-2mm:"]
    settings.change("data", asdict(replace(spec, region="liver")), lambda row: False)
    put(home() / "results", "a", data="demo-2mm")
    put(home() / "results", "a", data="brats", slices=with_dice(0.5))
    test = opened(**{"cohort-section": "Figures"})
    assert "Slices counted" not in [one.label for one in test.main.selectbox]
    assert "mean 2D Dice over slices with lesion" in said(test)  # which leaves nothing to choose
    widget(test.selectbox, session.EMPTY_SLICES.key).set_value("nan")
    shown(test)
    for data, region in (("demo-2mm", "liver"), ("brats", "brain")):
        groups = test.selectbox(key="comparison-group")
        [index] = [i for i, one in enumerate(groups.options) if one.startswith(f"{data},")]
        groups.select_index(index)
        assert f"depth 0 is the middle of the {region}" in said(shown(test))
        assert f"most superior slice of the {region}" in said(test)
        which = next(one for one in test.main.selectbox if one.label == "Slices counted")
        assert which.options == ["all slices", f"slices with {region}", "slices with lesion"]


def test_a_filter_may_take_away_what_is_compared():
    for subject in "ab":
        for method in ("mvfa", "winclip"):
            for setup in ("brats", "pmc"):
                put(home() / "results", subject, setup, method)
    test = opened(**{"cohort-section": "Compare"})
    test.selectbox(key="compare-first").set_value("WinCLIP · brats")
    test.multiselect(key="compare-against").set_value(["MVFA · brats", "MVFA · pmc"])
    assert shown(test).dataframe[0].value["against"].tolist() == ["MVFA · brats", "MVFA · pmc"]
    test.selectbox(key="compare-subjects").set_value("MVFA · brats")
    shown(test).multiselect(key="setups-shown").set_value(["pmc"])
    assert shown(test).dataframe[0].value["against"].tolist() == ["WinCLIP · pmc"]
    assert test.selectbox(key="compare-first").value == "MVFA · pmc"


def clicked(key, cell):
    """Streamlit's table where a cell of the table of this key was clicked."""

    def dataframe(*_, **options):
        return {"selection": {"cells": [cell] if options["key"] == key else []}}

    return dataframe


def test_a_single_configuration_has_nothing_to_be_compared_with():
    put(home() / "results", "a")
    test = opened(**{"cohort-section": "Compare"})
    assert "A comparison needs two configurations" in test.info[0].value


def test_exposed_subjects_count_only_where_that_is_chosen():
    out = home() / "results"
    put(out, "a")
    put(out, "b", exposure=["checkpoint trained on it"])
    test = opened(**{"cohort-section": "Tables"})
    assert test.dataframe[0].value["subjects"].tolist() == [1]
    box = next(one for one in test.checkbox if one.label == "Include exposed subjects (1)")
    box.check()
    shown(test)
    assert test.dataframe[0].value["subjects"].tolist() == [2]
    assert "Exposed, so optimistic: b; checkpoint, prompts, threshold or" in said(test)
    seen = test.dataframe[-1].value
    assert seen["exposed"].tolist() == ["checkpoint trained on it: 1 subject (b)"]


def test_a_small_p_value_is_not_shown_as_0():
    def script():
        import pandas as pd

        from pages.ui.cohort.rows import show_numbers

        show_numbers(pd.DataFrame({"3D Dice": [0.5], "p": [0.0005], "p (Holm)": [0.002]}), "t")

    (table,) = AppTest.from_function(script).run().dataframe
    columns = json.loads(table.proto.columns)
    formats = {
        name: column["type_config"]["format"]
        for name, column in columns.items()
        if "type_config" in column
    }
    assert formats == {"3D Dice": "%.3f", "p": "%.2g", "p (Holm)": "%.2g"}

"""Rows of a configuration are deleted on the Cohort page, after a question that counts them."""

import pytest

from tests.helpers.pages import at, shown
from tests.helpers.rows import put
from zsad_core.base.paths import home
from zsad_core.results import merging
from zsad_core.results import parquet as results

pytestmark = pytest.mark.usefixtures("small_demo")


def subjects_section(**state):
    choices = {"data": "demo-2mm:", "cohort-section": "Subjects", **state}
    return shown(at("pages/4_Cohort.py", **choices))


def stored():
    with results.connect(home() / "results") as rows:
        columns = "subject, setup, method, threshold_rule"
        found = rows.execute(f"SELECT {columns} FROM subjects ORDER BY ALL").fetchall()
        return ["-".join(row) for row in found]


def question(test):
    (found,) = [one.value for one in test.markdown if one.value.startswith("Delete **")]
    return found.replace("\\", "")


@pytest.mark.parametrize("merged", [False, True])
def test_the_rows_of_one_configuration_and_group_go(merged):
    root = home() / "results"
    for subject in ("a", "b"):
        put(root, subject)
        put(root, subject, "pmc")
    put(root, "a", date="2000-01-01")  # an older row, which the newest hides
    put(root, "c", exposure=["checkpoint"])
    put(root, "a", threshold_rule="oracle")
    if merged:
        merging.merge(root)
    test = subjects_section()
    assert test.selectbox(key="configuration-to-delete").options == [
        "WinCLIP · brats",
        "WinCLIP · pmc",
    ]
    assert "4 rows of 3 subjects** from" in question(test)
    assert str(root) in question(test)
    before = stored()
    test.button(key="delete-rows").click()
    test = shown(test)
    assert "Deleted 4 rows of 3 subjects: WinCLIP · brats." in test.success[0].value
    assert stored() == [
        "a-brats-winclip-oracle",
        "a-pmc-winclip-validation",
        "b-pmc-winclip-validation",
    ]
    assert len(before) == 7
    assert "Deleted 4 rows" in shown(test).success[0].value  # also after a run of something else


def test_the_last_rows_of_a_group_and_of_a_folder_leave_a_page():
    root = home() / "results"
    put(root, "a")
    put(root, "b")
    put(root, "a", threshold_rule="oracle")
    test = subjects_section()
    test.multiselect(key="series-shown").set_value(["WinCLIP"])
    test.multiselect(key="setups-shown").set_value(["brats"])
    test.button(key="delete-rows").click()
    assert "oracle" in question(shown(test))
    test.button(key="delete-rows").click()
    assert any("No results" in one.value for one in shown(test).info)
    assert stored() == []


def test_another_folder_loses_its_own_rows_alone(tmp_path):
    put(home() / "results", "a")
    put(tmp_path, "a")
    put(tmp_path, "b")
    test = subjects_section(results=str(tmp_path))
    assert str(tmp_path) in question(test)
    test.button(key="delete-rows").click()
    assert any(str(tmp_path) in one.value.replace("\\", "") for one in shown(test).info)
    assert stored() == ["a-brats-winclip-validation"]

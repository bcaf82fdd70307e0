"""Splits on the Setup page: drawn, read, changed in the table, taken in use."""

import pytest

from tests.helpers.brats import patients
from tests.helpers.pages import at
from zsad_core.base import settings
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import patient_of


@pytest.fixture
def data(tmp_path):
    spec = patients(tmp_path)
    settings.remember(spec)
    return spec


def opened(**state):
    test = at("pages/6_Setup.py", section="Splits", **state).run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def used():
    return [spec.split for spec in settings.data_roots().values() if spec.root]


def messages(test, *kinds):
    return " ".join(one.value for kind in kinds for one in test.get(kind))


def until_done(test):
    for _ in range(100):
        if not any(one.label == "Cancel" for one in test.button):
            return test
        test.run()
    raise AssertionError("the job does not end")


def button(test, label):
    return next(one for one in test.button if one.label == label)


def test_a_split_is_drawn_used_and_deleted(data):
    test = opened()
    assert "Without a split nothing keeps test subjects out" in messages(test, "warning")
    until_done(button(test, "Draw").click().run())
    assert not test.exception
    assert used() == ["main"]
    fold = registry.find(data, "main").folds[0]
    assert f"{fold.digest[:12]} · 12 train, 2 validation, 6 test" in messages(test, "caption")
    assert "Without a split" not in messages(test, "warning")
    test.selectbox(key=f"split-{data.root}-main").set_value("No split").run()
    assert used() == [""]
    test.selectbox(key=f"split-{data.root}-").set_value("main").run()
    button(test, "Delete").click().run()
    assert used() == [""]
    assert registry.tables(data) == ()
    assert "Deleted the split main" in messages(test, "success")


def test_a_name_in_use_and_odd_shares_are_sentences(data):
    test = opened()
    until_done(button(test, "Draw").click().run())
    button(test, "Draw").click().run()
    assert "There is a split 'main' already" in messages(test, "error")
    number = next(one for one in test.number_input if one.label == "train (%)")
    number.set_value(10)
    next(one for one in test.text_input if one.label == "Name").set_value("other")
    until_done(button(test, "Draw").click().run())
    assert "10/10/30 do not add up to 100" in messages(test, "warning", "error")
    assert used() == ["main"]


def test_the_table_shows_each_subject_with_patient_and_part(data):
    test = opened()
    until_done(button(test, "Draw").click().run())
    fold = registry.find(data, "main").folds[0]
    frame = test.dataframe[0].value
    assert dict(zip(frame["subject"], frame["part"], strict=True)) == fold.part_of()
    assert frame["patient"].tolist() == [patient_of(name) for name in frame["subject"]]


def test_the_demo_is_told_to_have_its_own():
    assert "The demo has a split of its own" in messages(opened(), "info")

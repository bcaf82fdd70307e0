"""A split that is edited in the table of Setup: a leak is refused, a right edit rules training."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.helpers.brats import patients
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import Fold, SplitTable

FIRST, LATER, OTHER, LATER_OTHER, THIRD, LATER_THIRD = SUBJECTS = tuple(
    f"BraTS-MET-0000{patient}-00{point}" for patient in range(3) for point in range(2)
)
DRAWN = Fold((FIRST, LATER), (OTHER, LATER_OTHER), (THIRD, LATER_THIRD))
ROW = 35  # pixels of a row of the table, and of its head


@pytest.fixture
def data(tmp_path):
    return patients(tmp_path, 3, 2)


@pytest.fixture
def user(tmp_path, data):
    """The home of a user whose data have a split, in use."""
    registry.save(data, SplitTable("main", (DRAWN,), "drawn"))
    settings = {"data": [{"kind": data.kind, "root": data.root, "split": "main"}]}
    (tmp_path / "home" / "settings.json").write_text(json.dumps(settings))
    return tmp_path / "home"


@pytest.fixture
def setup(app):
    page, server = app
    page.goto(server.address("Setup"))
    opened(page, "Splits")
    page.get_by_label("Split in use").wait_for()
    expect(page.get_by_test_id("data-grid-canvas")).to_have_count(1)  # those of Data are gone
    return page


def opened(page, section):
    page.get_by_test_id("stButtonGroup").get_by_role("radio", name=section, exact=True).click()


def edit(page, parts, name=""):
    """Choose the part of subjects in the table, by keys as a user does, and save under a name."""
    table = page.get_by_test_id("data-grid-canvas")
    for done, (subject, part) in enumerate(parts.items(), 1):
        row = SUBJECTS.index(subject)
        table.click(position={"x": 60, "y": ROW * (row + 1.5)}, force=True)
        for _ in range(3):
            page.keyboard.press("ArrowRight")  # a click would open a cell that is selected already
        cell = page.get_by_test_id(f"glide-cell-3-{row}")
        expect(cell).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        page.locator("#portal input").first.wait_for()  # or the first letters are lost
        page.keyboard.type(part)
        page.keyboard.press("Enter")
        expect(cell).to_have_text(part)
        save = page.get_by_role("button", name=f"Save the changes ({done})")
        save.wait_for()
    if name:
        page.get_by_label("Save as", exact=True).fill(name)
        page.keyboard.press("Tab")
    save.click()


def test_time_points_of_a_patient_in_two_parts_are_refused_with_the_pair(setup, data):
    edit(setup, {LATER: "test"})
    pair = f"{FIRST} (train) and {LATER} (test) are one patient"
    expect(setup.get_by_test_id("stAlert")).to_contain_text(pair)
    assert [table.folds for table in registry.tables(data)] == [(DRAWN,)]


def test_an_edit_is_kept_under_its_name_and_rules_what_trains(setup, data):
    parts = {OTHER: "train", LATER_OTHER: "train", THIRD: "validation", LATER_THIRD: "left out"}
    edit(setup, parts, "mine")
    setup.get_by_text("4 train, 1 validation, 0 test").wait_for()
    edited = Fold((FIRST, LATER, OTHER, LATER_OTHER), (THIRD,))
    mine, main = registry.find(data, "mine"), registry.find(data, "main")
    assert (main.folds, mine.folds, mine.origin) == ((DRAWN,), (edited,), "drawn, edited")
    opened(setup, "Train")
    data_list = setup.get_by_role("combobox", name="Data", exact=True)
    data_list.wait_for()
    # A run that goes on closes the list.
    setup.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    data_list.click()
    setup.get_by_role("option", name=data.root).click()
    trains = setup.get_by_text(re.compile(r"Trains on 4 subjects \(.*\), validates on 1\."))
    expect(trains).to_contain_text(", ".join(edited.train))

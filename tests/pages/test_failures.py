"""Pins and presentation in process, on the 2 mm demo."""

from dataclasses import replace

import pytest

from tests.helpers.pages import SUBJECT, address, mark_of, widget
from tests.helpers.pins import opened, pin, view, words
from zsad_core.base.palette import CLASSES
from zsad_core.inference import thumbnails
from zsad_core.inference.engine import Engine
from zsad_core.types import DataSpec
from zsad_core.workspace import pins

pytestmark = pytest.mark.usefixtures("small_demo")


def button(test, label, at=0):
    return [one for one in test.button if one.label == label][at]


def test_explore_pins_the_view_with_its_note_and_numbers():
    choice = {"data": "demo-2mm:", "subject": SUBJECT, "rule": "fixed", "method": "intensity"}
    test = opened("Explore", **choice, slice=30, threshold=(0.4, 1.0))
    title = next(one for one in test.text_input if one.label == "Title")
    title.set_value("Half <b>found</b>")
    next(one for one in test.text_area if one.label == "Note").set_value("why?")
    button(test, "Pin").click().run()
    assert not test.exception
    assert "Pinned: Half \\<b\\>found\\</b\\>" in words(test)
    [one] = pins.all_pins()
    assert (one.title, one.note, one.index, one.threshold.value) == (
        "Half <b>found</b>",
        "why?",
        30,
        0.4,
    )
    metric = next(m.value for m in test.metric if m.label == "3D Dice")
    assert f"{one.volume_dice:.3f}" == metric
    button(test, "Pin").click().run()
    assert any("pinned already" in one.value for one in test.toast)  # outlasts another run
    assert len(pins.all_pins()) == 1


def test_without_pins_the_page_says_how_to_pin():
    test = opened("Failures")
    assert "Pin this view" in words(test)
    widget(test.segmented_control, "failures").set_value("Present").run()
    assert "Pin this view" in words(test)


def test_a_row_shows_a_pin_and_text_stays_text():
    pin("Bright *cortex* <b>", "$x$ and `code`")
    test = opened("Failures")
    said = words(test)
    assert [one.value for one in test.subheader] == ["Pinned cases"]
    assert r"Bright \*cortex\* \<b\>" in said
    assert test.text[0].value == "$x$ and `code`"
    assert "missed lesion" in said
    assert "2D Dice 0.250, 3D Dice 0.500 when pinned" in said
    assert len(test.image) == 1


def test_a_title_that_begins_with_the_kind_has_no_badge_of_it():
    pin(f"Missed lesion: {SUBJECT}")
    said = words(opened("Failures"))
    assert "**1. Missed lesion: " in said
    assert "orange-badge" not in said


def test_pins_are_moved_edited_and_removed():
    first, second = pin("one"), pin("two", index=31)
    test = opened("Failures")
    assert test.button(key=f"up-{first.id}").disabled
    test.button(key=f"down-{first.id}").click().run()
    assert [one.title for one in pins.all_pins()] == ["two", "one"]
    test.session_state[f"pin_editor-{second.id}"] = True
    test.run()
    next(one for one in test.text_input if one.value == "two").set_value("first")
    button(test, "Save").click().run()
    assert not test.session_state[f"pin_editor-{second.id}"]  # kept, so it closes
    assert [one.title for one in pins.all_pins()] == ["first", "one"]
    test.button(key=f"remove-{second.id}").click().run()
    assert [one.title for one in pins.all_pins()] == ["one"]
    assert not test.exception


def test_a_pin_says_whose_it_is_and_only_its_owner_changes_it():
    ownerless = pin("everybody's")
    hers, his = (
        replace(pins.pin_of(view(index=index), title), owner=mark_of(name))
        for index, title, name in ((31, "one", "her"), (32, "two", "him"))
    )
    pins.add(hers)
    pins.add(his)
    test = opened("Failures", user="her")
    captions = [one.value for one in test.caption if "when pinned" in one.value]
    assert ["yours" in one for one in captions] == [False, True, False]
    assert ["another user" in one for one in captions] == [False, False, True]
    keys = {one.key for one in test.button}
    assert {f"remove-{ownerless.id}", f"remove-{hers.id}", f"open-{his.id}"} <= keys
    assert not {f"remove-{his.id}", f"up-{his.id}"} & keys
    test.button(key=f"remove-{hers.id}").click().run()
    assert [one.title for one in pins.all_pins()] == ["everybody's", "two"]


def test_a_pin_that_was_removed_elsewhere_is_a_sentence():
    first, _ = pin("one"), pin("two", index=31)
    test = opened("Failures")
    pins.remove(first.id)
    test.button(key=f"down-{first.id}").click().run()
    assert not test.exception


def test_a_pin_opens_in_explore_as_it_was():
    made = pin("one")
    test = opened("Failures", method="winclip", subject="DEMO-MET-014-000")
    test.button(key=f"open-{made.id}").click().run()
    assert not test.exception
    assert widget(test.selectbox, "subject").value == SUBJECT
    assert widget(test.selectbox, "method").value == "intensity"
    assert test.session_state["slice"] == 30
    assert "Threshold 0.4 of 0 … 1" in words(test)


@pytest.mark.parametrize("safe", [True, False])
def test_a_pin_is_drawn_in_the_chosen_colours(safe):
    pin("one", value=0.55 + safe / 255)
    opened("Failures", safe=safe)
    drawn = [
        thumbnails.stored_thumbnail(Engine(), view(value=0.55 + safe / 255), one) for one in CLASSES
    ]
    assert [one is not None for one in drawn] == [not safe, safe]


def test_a_file_is_loaded_and_a_hostile_one_refused():
    made = pins.pin_of(view(), "from a colleague")
    test = opened("Failures")
    test.file_uploader[0].upload("pins.json", pins.as_file([made]), "application/json")
    button(test, "Add").click().run()
    assert not test.exception
    assert "1 pin added." in words(test)
    assert [one.title for one in pins.all_pins()] == ["from a colleague"]
    test.file_uploader[0].upload("<b>.json", b"{}", "application/json")
    button(test, "Add").click().run()
    assert not test.exception
    assert r"\<b\>.json' holds no pins" in words(test)


def test_a_pin_whose_data_are_not_here_says_so_and_the_others_stay():
    pin("here")
    pins.add(replace(pin("away", index=31), id="a" * 12, index=32, data=DataSpec("brats", "MET")))
    test = opened("Failures")
    assert "no 'brats' data here have it" in words(test)
    assert test.button(key=f"open-{'a' * 12}").disabled
    assert len(test.image) == 2


def test_a_case_in_the_address_is_presented_alone_and_a_wrong_one_is_not():
    pin("one")
    test = opened("Failures", query={"case": "1"})
    assert not test.main.button
    assert not test.get("button_group")
    for wrong in ("2", "0", "-1", "x", "¹"):
        assert opened("Failures", query={"case": wrong}).get("button_group")


def test_a_case_that_cannot_be_shown_does_not_stop_the_show():
    pin("one")
    pins.add(replace(pin("two", index=31), id="a" * 12, index=99_999))
    test = opened("Failures", query={"case": "3"})
    assert not test.exception
    assert not test.error


def test_the_invitation_starts_with_the_first_case():
    pin("one")
    test = opened("Failures", failures="Present")
    assert "PageDown" in words(test)
    button(test, "Start").click().run()
    assert not test.exception
    assert address(test)["case"] == ["1"]

"""A user comes back: Start leads to the view that they looked at last, and nobody else to it."""

import os
import time

import pytest

from tests.helpers.pages import address, at, mark_of, shown, widget
from zsad_core.base.paths import home

pytestmark = pytest.mark.usefixtures("small_demo")

EXPLORE, START = "pages/1_Explore.py", "app.py"
SUBJECT = "DEMO-MET-014-000"


def page(path, user="me", **choices):
    return shown(at(path, user=user, data="demo-2mm:", **choices))


def offers(test):
    return [one.label for one in test.button if one.key == "continue"]


def test_another_tab_leads_to_the_whole_view_that_was_left():
    chosen = {"subject": SUBJECT, "modality": "t1c", "method": "winclip", "prompts": "medical"}
    test = page(EXPLORE, **chosen, rule="fixed", smallest=20, slice=30)
    widget(test.text_area, "abnormal").set_value("a bright spot\na hole")
    left = address(shown(test))
    assert left["abnormal"] == ["a bright spot\na hole"]
    assert left["slice"] == ["31"]
    test = page(START, method="aprilgan", subject="DEMO-MET-013-000", brain=False)
    (label,) = offers(test)
    words = f"Continue where you left off: {SUBJECT} · WinCLIP · zero-shot · t1c"
    assert label.replace("\\", "") == words
    test.button(key="continue").click()
    test = shown(test)
    assert address(test) == left
    assert widget(test.text_area, "abnormal").value == "a bright spot\na hole"
    assert not test.warning


def test_texts_of_a_set_that_everybody_has_come_with_its_name():
    left = address(page(EXPLORE, subject=SUBJECT, method="winclip", prompts="medical"))
    test = page(START, method="winclip", prompts="appearance")
    test.button(key="continue").click()
    test = shown(test)
    assert address(test) == left
    assert "normal" not in left


def test_a_method_without_prompts_takes_no_texts_away():
    page(EXPLORE, subject=SUBJECT, method="intensity")
    test = page(START, method="winclip")
    test.button(key="continue").click()
    test = shown(test)
    assert address(test)["method"] == ["intensity"]
    test.switch_page(EXPLORE)
    widget(shown(test).selectbox, "method").set_value("winclip")
    assert widget(shown(test).text_area, "abnormal").value


def test_another_browser_is_offered_nothing_and_one_file_is_kept():
    page(EXPLORE, subject=SUBJECT, method="intensity")
    page(EXPLORE, subject="DEMO-MET-013-000", method="intensity")
    assert offers(page(START, user="other")) == []
    (label,) = offers(page(START))
    assert "DEMO-MET-013-000 · Intensity · zero-shot · t2f" in label.replace("\\", "")
    assert [path.stem for path in (home() / "last_view").iterdir()] == [mark_of("me")]


def test_a_view_is_written_once_and_what_is_older_than_its_user_s_name_goes():
    folder = home() / "last_view"
    folder.mkdir(parents=True)
    for name, days in (("gone", 366), ("away", 300)):
        (folder / f"{name}.txt").write_text("subject=a")
        os.utime(folder / f"{name}.txt", (time.time() - days * 86400,) * 2)
    test = page(EXPLORE, subject=SUBJECT, method="intensity")
    assert {path.stem for path in folder.iterdir()} == {"away", mark_of("me")}
    own = folder / f"{mark_of('me')}.txt"
    own.unlink()
    shown(test)
    assert not own.exists()  # the view is the same
    widget(test.selectbox, "method").set_value("winclip")
    shown(test)
    assert "method=winclip" in own.read_text()


def test_what_is_no_longer_here_is_said():
    page(EXPLORE, subject=SUBJECT, method="intensity")
    (path,) = (home() / "last_view").iterdir()
    path.write_text(path.read_text().replace(SUBJECT, "gone"))
    test = page(START)
    test.button(key="continue").click()
    assert any("subject 'gone'" in one.value for one in shown(test).warning)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"slice=4", b"subject=a&slice=x&method=no"])
def test_a_spoiled_file_ends_no_page(content):
    page(EXPLORE, subject=SUBJECT, method="intensity")
    (path,) = (home() / "last_view").iterdir()
    path.write_bytes(content)
    assert len(offers(page(START))) == (content[:7] == b"subject")


def test_a_disk_that_refuses_ends_no_page():
    (home() / "last_view").write_text("a file where the folder would be")
    page(EXPLORE, subject=SUBJECT, method="intensity")
    assert offers(page(START)) == []

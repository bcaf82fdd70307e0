"""Own files on the Setup page: used, refused, removed; another session sees nothing of them."""

import os
import time

import nibabel as nib
import numpy as np
import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from tests.helpers.pages import PAGES, opened, widget
from tests.helpers.rows import put
from zsad_core.base.paths import home, uploads
from zsad_core.imaging.datasets import uploaded
from zsad_core.imaging.uploads import folders, limits
from zsad_core.results import parquet as results

MINE = uploaded.TITLE


@pytest.fixture
def head():
    """Bytes of a scan with a bright ball in it, and of the ball as its mask."""
    x, y, z = np.indices((40, 48, 36))
    inside = ((x - 20) / 17) ** 2 + ((y - 24) / 20) ** 2 + ((z - 18) / 15) ** 2 < 1
    ball = (x - 24) ** 2 + (y - 26) ** 2 + (z - 18) ** 2 < 30
    scan = np.where(ball, 900, np.where(inside, 300 + x + y, 0)).astype(np.int16)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    return tuple(nib.Nifti1Image(one, affine).to_bytes() for one in (scan, ball.astype(np.uint8)))


def used(test, files):
    """The Setup page after the files went in by its first uploader."""
    test.file_uploader[0].set_value([(name, data, "") for name, data in files.items()]).run()
    test.button(key="upload-use").click().run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def moved(test, page):
    test.switch_page(PAGES[page]).run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def test_rows_of_uploads_are_deleted_by_their_user(head):
    scan, mask = head
    test = used(opened("Setup", section="Data"), {"me_flair.nii": scan, "me_mask.nii": mask})
    (folder,) = uploads().glob("*-*")
    put(folder / "results", "me", data="upload")
    test.session_state["requests"] = {"data": MINE}
    test.session_state["cohort-section"] = "Subjects"
    test = moved(test, "Cohort")
    assert any("**1 row of 1 subject** from your uploads?" in one.value for one in test.markdown)
    test.button(key="delete-rows").click().run()
    assert results.known(folder / "results") == set()


def test_an_uploaded_scan_is_explored_with_its_mask_by_its_user_alone(head):
    scan, mask = head
    test = used(opened("Setup", section="Data"), {"me_flair.nii": scan, "me_mask.nii": mask})
    assert any("Ready, under Data" in one.value for one in test.success)
    assert any("me: t2f, 40 x 48 x 36 voxels of 4 x 4 x 4 mm" in one.value for one in test.text)
    test = moved(test, "Explore")
    widget(test.selectbox, "method").set_value("intensity")
    widget(test.selectbox, "data").set_value(MINE).run()
    assert not test.exception, test.exception[0].stack_trace
    assert widget(test.selectbox, "subject").value == "me"
    assert widget(test.selectbox, "modality").value == "t2f"
    dice = next(one for one in test.metric if one.label.startswith("Best Dice"))
    assert float(dice.value) > 0.9
    unpinned = next(one for one in test.button if one.label == "Pin this view")
    assert unpinned.disabled
    assert "seen by you alone" in unpinned.help
    (kept,) = (home() / "last_view").iterdir()  # of the demo, which Explore showed first
    assert "subject=DEMO" in kept.read_text()
    token = next(uploads().iterdir()).name
    assert token not in repr([one.value for one in (*test.caption, *test.markdown, *test.text)])

    other = opened("Start", method="intensity", data=MINE, subject="me")  # as by a copied link
    assert MINE not in widget(other.selectbox, "data").options
    assert widget(other.selectbox, "data").value != MINE
    other = opened("Setup", section="Data")
    assert not any(one.key.startswith("upload-drop") for one in other.button if one.key)
    assert "me: " not in " ".join(one.value for one in other.text)


@pytest.mark.parametrize("page", ["Start", "Prompts", "Depth", "Cohort"])
def test_every_page_takes_an_uploaded_scan(head, page):
    test = used(opened("Setup", section="Data"), {"me.nii": head[0], "me_seg.nii": head[1]})
    test.session_state["requests"] = {"data": MINE, "method": "intensity"}
    test = moved(test, page)
    assert widget(test.selectbox, "data").value == MINE


def test_what_is_refused_is_said_as_plain_text(head):
    test = opened("Setup", section="Data")
    used(test, {"*<b>hi</b>*.nii.gz": b"hello", "**x**.txt": b"x", "www.a.org.nii": head[0][:99]})
    assert any("3 refused" in one.value for one in test.error)
    said = [one.value for one in test.text]
    assert any("cannot be read as NIfTI" in one for one in said)
    assert any(one.startswith("??x??.txt: Neither NIfTI") for one in said)
    marked = [*test.markdown, *test.caption, *test.success, *test.error]
    assert not any("www.a.org" in one.value or one.value == "hi" for one in marked)
    assert not test.session_state["upload_outcomes"][0].subject


def test_the_server_lets_go_of_the_bytes_it_was_sent(head, monkeypatch):
    held, gone = [], []
    add, remove = MemoryUploadedFileManager.add_file, MemoryUploadedFileManager.remove_file

    def added(self, session_id, file):
        held.append(file.file_id)
        add(self, session_id, file)

    def removed(self, session_id, file_id):
        gone.append(file_id)
        remove(self, session_id, file_id)

    monkeypatch.setattr(MemoryUploadedFileManager, "add_file", added)
    monkeypatch.setattr(MemoryUploadedFileManager, "remove_file", removed)
    used(opened("Setup", section="Data"), {"me.nii": head[0], "no.nii": b"x"})
    assert len(gone) == 2
    assert set(gone) == set(held)


def test_more_than_a_gigabyte_is_dropped_at_once(head, monkeypatch):
    monkeypatch.setattr(limits, "AT_ONCE", 1000)
    test = opened("Setup", section="Data")
    test.file_uploader[0].set_value([("me.nii", head[0], "")]).run()
    assert any("at once; use fewer" in one.value for one in test.text)
    assert test.button(key="upload-use").disabled


def test_a_removed_scan_is_gone_and_the_page_goes_on(head):
    test = used(opened("Setup", section="Data"), {"me.nii": head[0]})
    test.session_state["requests"] = {"data": MINE}
    assert widget(moved(test, "Start").selectbox, "data").value == MINE
    moved(test, "Setup").button(key="upload-drop-me").click().run()
    assert not test.exception
    assert list(uploads().iterdir()) == []
    assert widget(moved(test, "Start").selectbox, "data").value != MINE


def test_a_new_session_sweeps_what_nobody_looked_at_for_a_day():
    old = folders.own_folder(folders.new_token())
    os.utime(old, times=(0, time.time() - 25 * 3600))
    opened("Setup", section="Data")
    assert not old.exists()


def test_a_scan_with_its_skull_says_so_beside_it(head):
    skull = np.asarray(nib.Nifti1Image.from_bytes(head[0]).dataobj) + 50
    data = nib.Nifti1Image(skull, np.diag([4.0, 4.0, 4.0, 1.0])).to_bytes()
    test = used(opened("Setup", section="Data"), {"me.nii": data})
    assert any("Not skull-stripped" in one.value for one in test.text)

"""What visitors may do and open where others than the machine's own users reach the app."""

import os

import pytest

from pages.ui.shell import compute
from tests.helpers.pages import at, end_jobs, shown, widget
from zsad_core.base import settings
from zsad_core.base.paths import home, typed
from zsad_core.cli.main import main
from zsad_core.errors import SettingError
from zsad_core.types import DataSpec


@pytest.fixture(autouse=True)
def _no_jobs():
    """Of other tests."""
    end_jobs(compute.engine().jobs)


@pytest.fixture
def viewer(monkeypatch):
    monkeypatch.setenv("ZSAD_VISITORS", "viewer")


def labels(test, *kinds):
    """The words on all controls of a page; jobs of other tests may have ended."""
    controls = (control for kind in kinds for control in getattr(test, kind))
    return {control.label for control in controls if control.key != "jobs-line"}


@pytest.fixture
def root(tmp_path):
    """A folder that was added, with a scan by name."""
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "a.nii.gz").write_bytes(b"")
    settings.remember(DataSpec("folder", str(folder)))
    return folder


def test_a_viewer_is_offered_nothing_that_others_share(viewer, root):
    setup = shown(at("pages/6_Setup.py"))
    (sections,) = [one for one in setup.button_group if "Data" in one.options]
    assert sections.options == ["Data", "Weights", "Device and cache"]
    assert labels(setup, "button", "text_input") <= {"Use the files"}
    setup.session_state["section"] = "Weights"
    assert not labels(shown(setup), "button", "text_input")
    setup.session_state["section"] = "Device and cache"
    assert not labels(shown(setup), "button")


def test_an_operator_has_all_of_it(root):
    setup = shown(at("pages/6_Setup.py"))
    assert {"Look", "Check", "Change", "Forget"} <= labels(setup, "button")


def test_a_section_that_a_viewer_asks_for_all_the_same_does_nothing(viewer, small_demo):
    for page, key, section in (
        ("pages/6_Setup.py", "section", "Train"),
        ("pages/4_Cohort.py", "cohort-section", "Evaluate"),
    ):
        test = at(page, **{key: section})
        test.run()
        assert not labels(test, "button") & {"Train", "Evaluate"}


def test_only_named_folders_are_opened_and_others_are_refused_alike(monkeypatch, tmp_path, root):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "way out").symlink_to(tmp_path)
    monkeypatch.setenv("ZSAD_ROOTS", os.pathsep.join([str(inside), str(tmp_path / "more")]))
    assert typed(str(inside / "a")) == inside / "a"
    assert typed(str(home() / "results")) == (home() / "results").resolve()
    sentences = set()
    for text in (str(root), str(tmp_path / "no such"), f"{inside}/../scans", "~", str(home())):
        with pytest.raises(SettingError, match="lies in no folder that may be opened") as caught:
            typed(text)
        sentences.add(str(caught.value).replace(text[:80], "PATH"))
    assert len(sentences) == 1
    (inside / "link").symlink_to(tmp_path)
    with pytest.raises(SettingError, match="lies in no folder"):
        typed(str(inside / "link" / "scans"))


def test_a_folder_added_before_is_left_out_and_counted(monkeypatch, root):
    assert f"folder:{root}" in settings.data_roots()
    monkeypatch.setenv("ZSAD_ROOTS", "")
    assert [*settings.data_roots()] == ["demo"]
    assert settings.not_permitted().startswith("1 added folder left out")
    test = shown(at("pages/6_Setup.py"))
    assert any("1 added folder left out" in one.value for one in test.warning)


def test_every_field_for_a_path_refuses_another_folder(monkeypatch, root, tmp_path):
    monkeypatch.setenv("ZSAD_ROOTS", str(tmp_path / "empty"))
    cohort = shown(at("pages/4_Cohort.py"))
    cohort = widget(cohort.text_input, "results").set_value(str(tmp_path)).run()
    setup = shown(at("pages/6_Setup.py"))
    (folder,) = [one for one in setup.text_input if one.label == "Folder that holds the scans"]
    folder.set_value(str(root))
    (look,) = [one for one in setup.button if one.label == "Look"]
    look.click().run()
    for test in (cohort, setup):
        assert not test.exception
        assert any("lies in no folder that may be opened" in one.value for one in test.error)


@pytest.mark.parametrize("field", ["backbone", "start", "images"])
def test_a_training_reads_nothing_elsewhere_and_tells_not_whether_it_exists(
    monkeypatch, tmp_path, field
):
    monkeypatch.setenv("ZSAD_ROOTS", "")
    there, absent = tmp_path / "a.json", tmp_path / "b.json"
    there.write_text("{}")
    sentences = set()
    for path in (there, absent):
        setup = "industrial" if field == "images" else "finetune"
        train = shown(at("pages/6_Setup.py", section="Train", **{"train-setup": setup}))
        for key, value in ((f"train-{field}", str(path)), ("train-name", "mine")):
            next(one for one in train.text_input if one.key == key).set_value(value)
        next(one for one in train.button if one.label == "Train").click().run()
        assert not train.exception
        said = [one.value.replace("\\", "") for one in train.error]
        sentences |= {text.replace(str(path)[:80], "PATH") for text in said}
    assert len(sentences) == 1
    assert "lies in no folder that may be opened" in sentences.pop()


def test_what_was_trained_here_can_be_used(monkeypatch):
    monkeypatch.setenv("ZSAD_ROOTS", "")
    checkpoint = home() / "trained" / "mine.safetensors"
    assert typed(str(checkpoint)) == checkpoint.resolve()


def test_commands_open_what_the_machine_lets_them(monkeypatch, root, capsys):
    monkeypatch.setenv("ZSAD_ROOTS", "")
    assert main(["split", str(root), "--shares", "60/10/30"]) == 1  # it holds no scan
    assert "lies in no folder" not in capsys.readouterr().err

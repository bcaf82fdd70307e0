"""Whose uploads are whose, how long they stay, and what goes with them."""

import io
import os
import signal
import threading
import time

import numpy as np
import pytest

from zsad_core.base.paths import uploads
from zsad_core.base.store import Store
from zsad_core.errors import Cancelled, DataError
from zsad_core.imaging import datasets
from zsad_core.imaging.uploads import folders, limits
from zsad_core.imaging.uploads.receive import receive
from zsad_core.metrics.readout import Readout
from zsad_core.types import (
    BackboneSpec,
    DataSpec,
    FeatureSpec,
    MapSpec,
    PromptSet,
    SliceSpec,
    Threshold,
)
from zsad_core.workspace import history


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def token():
    return folders.new_token("somebody")


@pytest.fixture
def place(token):
    return folders.own_folder(token)


def features_of(data, subject):
    return FeatureSpec(SliceSpec(data, subject, "scan"), None, BackboneSpec(), "float32")


def test_a_token_finds_its_own_uploads_alone(use, token, nifti, values):
    use({"a.nii.gz": nifti(values)})
    assert folders.data_of(token).root.startswith(str(uploads() / token))
    assert folders.data_of(folders.new_token()) is None
    assert folders.data_of(folders.new_token("somebody else")) is None
    assert uploads().stat().st_mode & 0o077 == 0


def test_no_folder_of_uploads_is_opened_by_its_path(use, place, nifti, values):
    use({"a.nii.gz": nifti(values)})
    for root in (uploads(), place, place / "scans"):
        with pytest.raises(DataError, match="uploads of somebody"):
            datasets.open_dataset(DataSpec("folder", str(root)))
    with pytest.raises(DataError, match=r"holds no \.nii"):
        datasets.open_dataset(DataSpec("folder", str(uploads().parent)))


def test_removing_a_subject_removes_what_the_store_holds_of_it(
    use, token, place, store, nifti, values
):
    use({"a.nii.gz": nifti(values), "b.nii.gz": nifti(values + 1)})
    data = folders.data_of(token)
    for key, spec in {
        "0a": features_of(data, "a"),
        "0b": features_of(data, "b"),
        "0c": features_of(DataSpec("folder", "/x"), "a"),
    }.items():
        store.write(key, "x", np.zeros(3), spec)
    folders.remove(store, place, "a")
    assert folders.subjects(place) == ["b"]
    assert [store.names(key) for key in ("0a", "0b", "0c")] == [set(), {"x"}, {"x"}]
    folders.remove(store, place, "../b")
    folders.remove(store, place, "b")
    assert store.names("0b") == set()
    assert not place.exists()
    assert folders.data_of(token) is None


def test_nothing_is_written_for_a_scan_that_was_removed(use, token, place, store, nifti, values):
    use({"a.nii.gz": nifti(values), "b.nii.gz": nifti(values + 1)})
    data = folders.data_of(token)
    with folders.guarded(data, "a"):
        removal = threading.Thread(target=folders.remove, args=(store, place, "a"))
        removal.start()
        assert "a" in folders.subjects(place)
    removal.join()
    with pytest.raises(Cancelled, match="was removed"), folders.guarded(data, "a"):
        pass
    folders.remove(store, place, "b")
    with pytest.raises(Cancelled, match="was removed"), folders.guarded(data, "b"):
        pass
    assert not place.exists()
    with folders.guarded(DataSpec("folder", "/x"), "a"):
        pass


def test_a_folder_that_came_back_is_another_data_set(use, token, place, store, nifti, values):
    use({"a.nii.gz": nifti(values)})
    before = folders.data_of(token)
    folders.remove(store, place, "a")
    assert folders.own_folder(token) != place
    assert str(folders.own_folder(token)) != before.root


def test_what_nobody_looked_at_is_swept(use, token, place, store, nifti, values):
    use({"a.nii.gz": nifti(values)})
    os.utime(place, times=(0, time.time() - 23 * 3600))
    assert folders.sweep(store) == 0
    os.utime(place, times=(0, time.time() - 25 * 3600))
    assert folders.data_of(token)  # a look keeps it
    assert folders.sweep(store) == 0
    os.utime(place, times=(0, time.time() - 25 * 3600))
    assert folders.sweep(store) == 1
    assert folders.data_of(token) is None


class Stalled(io.BytesIO):
    """A stream that calls `reached` once part of it was copied, and then waits for good."""

    def __init__(self, reached):
        super().__init__(bytes(3 * 2**20))
        self.reached = reached

    def read(self, size=-1):
        if self.tell() > 2**20:
            self.reached()
            threading.Event().wait()
        return super().read(size)


def killed_upload(place):
    """What a process leaves that was killed while a file arrived."""
    seen, end = os.pipe()
    child = os.fork()
    if child == 0:
        receive(place, [("a.nii", Stalled(lambda: os.write(end, b"x")))])
    os.read(seen, 1)
    assert folders.sweep(Store(place / "store")) == 0  # and leaves alone what arrives
    assert list((uploads() / folders.ARRIVING).iterdir())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert list((uploads() / folders.ARRIVING).iterdir())


def test_what_a_killed_upload_left_counts_for_nobody_and_goes(use, place, store, nifti, values):
    room = limits.SESSION
    killed_upload(place)
    assert folders.room(place) == room
    assert folders.sweep(store) == 0
    assert [path.name for path in uploads().iterdir()] == [place.name]
    killed_upload(place)
    assert [one.subject for one in use({"a.nii.gz": nifti(values)})] == ["a"]
    assert [path.name for path in uploads().iterdir()] == [place.name]


def test_trials_on_uploads_are_seen_by_their_user_alone(use, token, nifti, values):
    use({"a.nii.gz": nifti(values)})
    data = folders.data_of(token)
    prompts = PromptSet("own", ("n",), ("a",))
    numbers = Readout(0.2, 1.0, dice_3d=0.4, best_dice=0.5, auroc=0.9)
    spec = MapSpec(features_of(data, "a"), "winclip", "zero-shot", prompts)
    made = history.add(spec, numbers, Threshold(0.2, "fixed"))
    history.note(made, "mine")
    assert [one.note for one in history.trials(data)] == ["mine"]
    assert history.trials() == ()

"""Pins: kept, ordered, shared, and refused where a file is not what it says."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.helpers.brats import patients
from tests.helpers.views import SLICES, view
from zsad_core import setups
from zsad_core.base.paths import home
from zsad_core.errors import DataError, SettingError, WeightsError
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.types import DataSpec, PromptSet, Reference, SliceSpec, Threshold
from zsad_core.workspace import pins

OTHERS = ("DEMO-MET-014-000", "DEMO-MET-016-000")


@pytest.fixture
def engine():
    return Engine()


def pinned(engine, title="One", **more):
    made = pins.pin_of(view(engine, **more), title, "a note", "missed lesion", (0.25, None))
    pins.add(made)
    return made


def titles():
    return [one.title for one in pins.all_pins()]


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("intensity", {}),
        ("intensity", {"prompts": NO_PROMPTS}),
        ("winclip", {"references": (Reference(replace(SLICES, subject=OTHERS[0]), 61),)}),
        (
            "winclip",
            {"prompts": PromptSet("own (edited)", ("a {}",), ("bad {}",), ("{}.",), "liver")},
        ),
        ("mutual3d", {"volumes": OTHERS}),
    ],
)
def test_a_pin_gives_its_view_back_after_a_restart(engine, method, more):
    kept = pinned(engine, method=method, **more)
    [found] = pins.all_pins()
    assert found == kept
    assert pins.view_of(Engine(), found) == view(engine, method=method, **more)
    assert (found.slice_dice, found.volume_dice) == (0.25, None)


def test_a_pin_names_the_split_of_its_data(engine, tmp_path):
    data = patients(tmp_path, 2, 1)
    fold = Fold(train=("BraTS-MET-00000-000",), test=("BraTS-MET-00001-000",))
    registry.save(data, SplitTable("main", (fold,)))
    slices = SliceSpec(replace(data, split="main"), "BraTS-MET-00001-000")
    spec = pipeline.map_spec(engine, slices, "intensity", "zero-shot", NO_PROMPTS)
    pins.add(pins.pin_of(View(spec, 3, Threshold(120, "fixed")), "One"))
    (kept,) = pins.all_pins()
    assert (kept.data.split, kept.split_digest) == ("main", fold.digest)


def test_a_pin_of_an_older_file_has_no_digest_of_a_split(engine):
    file = json.loads(pins.as_file([pins.pin_of(view(engine), "One")]))
    del file["pins"][0]["split_digest"]
    assert pins.add_file(json.dumps(file).encode(), "older.json") == (1, 0)


def test_nan_is_no_dice(engine):
    assert pins.pin_of(view(engine), "x", dice=(float("nan"), 0.5)).slice_dice is None


def test_a_view_is_pinned_once(engine):
    pinned(engine)
    with pytest.raises(SettingError, match="pinned already, as 'One'"):
        pinned(engine, title="Two")
    pinned(engine, title="Two", index=81)
    assert titles() == ["One", "Two"]


def test_what_a_user_uploaded_is_not_pinned_for_everybody(engine):
    made = pins.pin_of(view(engine), "x")
    with pytest.raises(SettingError, match="seen by you alone"):
        pins.add(replace(made, data=DataSpec("upload", "/somewhere")))
    assert pins.all_pins() == ()


def test_pins_are_edited_moved_and_removed(engine):
    first, second, third = (pinned(engine, title=t, index=i) for i, t in enumerate("abc"))
    pins.move(third.id, -1)
    assert titles() == ["a", "c", "b"]
    pins.move(first.id, 9)
    pins.move(second.id, -9)
    assert titles() == ["b", "c", "a"]
    pins.edit(second.id, " <b>bold</b> ", "why")
    pins.edit(third.id, " ", "")
    assert titles() == ["<b>bold</b>", "c", "a"]
    assert pins.all_pins()[0].note == "why"
    pins.remove(third.id)
    assert titles() == ["<b>bold</b>", "a"]
    with pytest.raises(SettingError, match="removed meanwhile"):
        pins.move(third.id, 1)


def test_only_its_owner_changes_a_pin_and_one_without_is_everybodys(engine):
    hers = replace(pins.pin_of(view(engine), "hers"), owner="her")
    pins.add(hers)
    shared = pinned(engine, "shared", index=81)
    for change in (
        lambda user: pins.edit(hers.id, "x", "", user),
        lambda user: pins.move(hers.id, 1, user),
        lambda user: pins.remove(hers.id, user),
    ):
        for user in ("him", ""):
            with pytest.raises(SettingError, match="'hers' is another user's pin"):
                change(user)
    pins.edit(hers.id, "still hers", "", "her")
    pins.move(shared.id, -1, "him")
    assert titles() == ["shared", "still hers"]


def test_a_view_is_pinned_once_by_each_user(engine):
    hers, his = (replace(pins.pin_of(view(engine), user), owner=user) for user in ("her", "him"))
    pins.add(hers)
    pins.add(his)
    assert titles() == ["her", "him"]


def test_a_file_carries_no_owner_and_its_pins_belong_to_who_loads_it(engine):
    content = pins.as_file([replace(pins.pin_of(view(engine), "x"), owner="her")])
    assert b"her" not in content
    pins.add_file(changed(content, owner="them"), "x.json", "him")
    assert [one.owner for one in pins.all_pins()] == ["him"]


def test_sessions_that_pin_at_once_lose_nothing(engine):
    made = [pins.pin_of(view(engine, index=i), str(i)) for i in range(20)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(pins.add, made))
    assert sorted(titles(), key=int) == [str(i) for i in range(20)]


def test_what_could_not_be_read_again_is_not_written(engine):
    kept = pinned(engine)
    with pytest.raises(DataError, match="title"):
        pins.edit(kept.id, "x" * 201, "")
    assert titles() == ["One"]


def test_a_shared_file_names_the_data_and_not_its_folder(engine, tmp_path):
    root = tmp_path / "secret" / "cohort"
    content = pins.as_file([replace(pinned(engine), data=DataSpec("folder", str(root)))])
    assert json.loads(content)["pins"][0]["data"]["root"] == "cohort"
    assert b"secret" not in content


def test_a_loaded_file_adds_what_is_not_here_yet(engine):
    first, second = pinned(engine, title="a"), pinned(engine, title="b", index=2)
    content = pins.as_file([second, first, second])
    pins.remove(second.id)
    pins.edit(first.id, "mine", "")
    assert pins.add_file(content, "b.json") == (1, 1)
    assert titles() == ["mine", "b"]


def changed(content, **fields):
    """The file with fields of its first pin set; a name may have two parts."""
    told = json.loads(content)
    for name, value in fields.items():
        place = told["pins"][0]
        *way, last = name.split("__")
        for part in way:
            place = place[part]
        place[last] = value
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"index": "80"}, "pins.0.index"),
        ({"index": -1}, "pins.0.index"),
        ({"surprise": 1}, "pins.0.surprise"),
        ({"data__surprise": 1}, "pins.0.data.surprise"),
        ({"threshold__value": -1.0}, "threshold -1.0 is not 0 or more"),
        ({"readout__min_component_voxels": 10**9}, "voxels are not in"),
        ({"slice_dice": 7}, "pins.0.slice_dice"),
        ({"plane": "oblique"}, "pins.0.plane"),
        ({"id": "../../etc"}, "pins.0.id"),
        ({"title": "x" * 201}, "pins.0.title"),
        ({"prompts__abnormal": []}, "no abnormal text"),
        ({"references": ["nothing"]}, "is no slice"),
    ],
)
def test_a_file_that_holds_something_else_is_refused_whole(engine, fields, told):
    content = pins.as_file([pinned(engine, method="winclip")])
    pins.remove(pins.all_pins()[0].id)
    with pytest.raises(DataError, match=told):
        pins.add_file(changed(content, **fields), "x.json")
    assert pins.all_pins() == ()
    assert pins.add_file(changed(content, title="fine"), "x.json") == (1, 0)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\x00", b"[" * 10**6, b" " * (3 * 2**20)])
def test_bytes_that_are_no_pins_are_refused_in_a_sentence(content):
    with pytest.raises(DataError, match=r"'x\.json' h") as refusal:
        pins.add_file(content, "x.json")
    assert len(str(refusal.value)) < 500


def test_a_damaged_file_is_named_and_left_alone(engine):
    kept = pinned(engine)
    path = home() / "pins.json"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"pins\.json"):
        pins.all_pins()
    with pytest.raises(DataError, match=r"pins\.json"):
        pins.move(kept.id, 1)
    assert path.stat().st_size > 100


def test_what_a_view_lacks_here_is_said(engine, monkeypatch):
    kept = pinned(engine)
    for fields, refusal, told in (
        ({"data": DataSpec("brats", "MET")}, DataError, "no 'brats' data"),
        ({"subject": "NOBODY-1"}, DataError, "NOBODY-1"),
        ({"modality": "t9"}, DataError, "t9 of DEMO"),
        ({"volumes": ("NOBODY-2",)}, DataError, "NOBODY-2"),
        ({"references": ("NOBODY-3:1",)}, DataError, "NOBODY-3"),
        ({"method": "nothing"}, SettingError, "no setup 'zero-shot' of method 'nothing'"),
    ):
        with pytest.raises(refusal, match=told):
            pins.view_of(engine, replace(kept, **fields))
    monkeypatch.setattr(setups, "missing", lambda entry: "There is no checkpoint.")
    with pytest.raises(WeightsError, match="no checkpoint"):
        pins.view_of(engine, kept)


def test_a_normal_slice_beyond_the_scan_is_refused(engine):
    kept = pins.pin_of(view(engine, method="winclip"), "x")
    with pytest.raises(DataError, match="no normal slice DEMO-MET-014-000:9999"):
        pins.view_of(engine, replace(kept, references=(f"{OTHERS[0]}:9999",)))


def test_data_at_another_place_is_found_by_its_subjects(engine):
    """A colleague's demo of another size has the same subjects but is another kind."""
    home().mkdir(parents=True)
    (home() / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))
    kept = replace(pinned(engine), data=DataSpec("demo-2mm", "elsewhere"))
    found = pins.view_of(engine, kept)
    assert found.map.features.slices.data == DataSpec("demo-2mm")

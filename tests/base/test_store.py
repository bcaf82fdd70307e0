import threading

import numpy as np
import pytest

from zsad_core.base.jobs import on_behalf_of
from zsad_core.base.memory_store import MemoryStore
from zsad_core.base.store import Store, key_of
from zsad_core.errors import Cancelled, SettingError
from zsad_core.types import DataSpec, Recipe


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_what_is_written_is_read_back_read_only(store):
    store.write("abcd", "tokens", np.arange(6, dtype=np.float16).reshape(2, 3), {"recipe": "x"})
    found = store.read("abcd", "tokens")
    assert found.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert not found.flags.writeable
    assert '"recipe": "x"' in (store.entry("abcd") / "label.json").read_text()


def test_fields_that_are_younger_than_keys_enter_them_once_they_are_set():
    specs = [DataSpec("folder"), DataSpec("folder", contrast="T1"), DataSpec("folder", region="x")]
    assert len({key_of("", data=spec) for spec in specs}) == 3
    fields = {"kind": "folder", "root": "", "labels": "auto", "split": ""}
    assert key_of("", data=specs[0]) == key_of("", data={"DataSpec": fields})


def test_a_user_adds_so_much_a_day_and_others_go_on(store, monkeypatch):
    monkeypatch.setenv("ZSAD_CACHE_DAY_GB", str(1000 / 2**30))
    array = np.zeros(1000, np.uint8)
    with on_behalf_of("ada"):
        store.write("abcd", "tokens", array, {})
        assert store.use.of("ada") == 1000
        with pytest.raises(SettingError, match="to the feature cache today"):
            store.write("abce", "tokens", array, {})
        assert store.write("abcd", "tokens", array, {}).size  # which is stored
    for user in ("ben", ""):  # the latter is a command
        with on_behalf_of(user):
            store.write(f"abc{user}", "tokens", array, {})


def test_an_array_that_was_never_written_is_none(store):
    assert store.read("abcd", "tokens") is None


def test_a_flipped_byte_is_noticed_and_the_file_removed(store):
    store.write("abcd", "tokens", np.zeros(100, np.uint8), {})
    path = next(store.entry("abcd").glob("tokens.*.npy"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert Store(store.root).read("abcd", "tokens") is None
    assert store.names("abcd") == set()


def test_what_it_wrote_itself_is_not_checked_again(store):
    store.write("abcd", "tokens", np.zeros(100, np.uint8), {})
    path = next(store.entry("abcd").glob("tokens.*.npy"))
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    assert store.read("abcd", "tokens").sum() == 1  # unlike in another process


def test_what_was_damaged_is_read_again_once_it_is_written_again(store):
    store.write("abcd", "tokens", np.ones(100, np.uint8), {})
    reader = Store(store.root)
    next(store.entry("abcd").glob("tokens.*.npy")).write_bytes(b"damaged")
    assert reader.read("abcd", "tokens") is None
    reader.write("abcd", "tokens", np.ones(100, np.uint8), {})
    assert reader.read("abcd", "tokens").sum() == 100


def test_what_another_process_removed_and_wrote_again_is_found(store):
    other = Store(store.root)
    store.write("abcd", "tokens", np.ones(3, np.uint8), {})
    assert store.read("abcd", "tokens").sum() == 3
    other.clear()
    assert store.read("abcd", "tokens") is None
    other.write("abcd", "tokens", np.full(3, 2, np.uint8), {})
    other.write("abcd", "more", np.ones(3, np.uint8), {})
    assert store.read("abcd", "tokens").sum() == 6
    assert store.read("abcd", "more").sum() == 3


def test_many_arrays_are_written_like_one_by_one(store, tmp_path):
    arrays = {f"{number:03d}-tap": np.full(5, number) for number in range(4)}
    store.write("abcd", "002-tap", np.zeros(1), {"recipe": "x"})
    store.write_all("abcd", arrays, {"recipe": "y"})
    assert store.read("abcd", "002-tap").tolist() == [0]
    assert all(store.read("abcd", f"{n:03d}-tap").tolist() == [n] * 5 for n in (0, 1, 3))
    alone = Store(tmp_path / "alone")
    for name in ("000-tap", "001-tap", "003-tap"):
        alone.write("abcd", name, arrays[name], {})
    files = {path.name for path in alone.entry("abcd").iterdir()} - {"label.json"}
    assert files < {path.name for path in store.entry("abcd").iterdir()}


def test_a_second_write_leaves_the_first_alone(store):
    store.write("abcd", "tokens", np.zeros(3), {})
    store.write("abcd", "tokens", np.ones(3), {})
    assert store.read("abcd", "tokens").tolist() == [0, 0, 0]


def test_the_least_recently_used_entry_goes_first(store):
    import os

    for age, key in ((30, "aa1"), (20, "bb2"), (10, "cc3")):
        store.write(key, "x", np.zeros(1000, np.uint8), {})
        stamp = store.entry(key).stat().st_mtime - age
        os.utime(store.entry(key), (stamp, stamp))
    store.limit_bytes = 2500
    assert store.trim() == 1
    assert [bool(store.names(key)) for key in ("aa1", "bb2", "cc3")] == [False, True, True]


def test_clear_removes_everything(store):
    store.write("abcd", "x", np.zeros(3), {})
    store.clear()
    assert store.read("abcd", "x") is None
    assert store.size_bytes() == 0


def test_keys_depend_on_input_bytes_and_on_every_field():
    recipe = Recipe("taps", 224, 28)
    keys = {
        key_of("a", recipe=recipe),
        key_of("b", recipe=recipe),
        key_of("a", recipe=Recipe("taps", 224, 28, reach=3)),
        key_of("a", recipe=None),
    }
    assert len(keys) == 4


def test_a_label_that_was_cut_to_nothing_is_written_again(store):
    store.write("ab" * 32, "a", np.ones(3), {"subject": "S"})
    (store.entry("ab" * 32) / "label.json").write_text("")
    store.write("ab" * 32, "b", np.ones(3), {"subject": "S"})
    assert store.forget('"subject": "S"') == 1
    assert store.names("ab" * 32) == set()


def test_removals_meet_no_writer_at_work(store):
    wrong = []

    def use(who):
        try:
            for number in range(40):
                name = f"{who}-{number}"
                store.write_all(f"{number % 3:064x}", {name: np.ones(9)}, {"who": name})
                if number % 3 == 0:
                    store.forget(f'"who": "{who}-{number}"')
        except OSError as error:
            wrong.append(error)

    threads = [threading.Thread(target=use, args=(who,)) for who in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong


def test_what_goes_takes_its_lock_with_it(store):
    store.write("abcd", "x", np.ones(3), {"who": "me"})
    store.forget("me")
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_nothing_is_written_for_what_was_removed(store):
    label = {"root": "token-1", "subject": "Doe"}
    store.write("abcd", "000", np.ones(3), label)
    assert store.forget("token-1", '"subject": "Doe"') == 1
    with pytest.raises(Cancelled, match="was removed"):
        store.write("abcd", "001", np.ones(3), label)
    store.write("efgh", "000", np.ones(3), {"root": "token-1", "subject": "Poe"})
    assert (store.names("abcd"), store.names("efgh")) == (set(), {"000"})


def test_in_memory_arrays_stay_as_they_are_and_the_oldest_go():
    store = MemoryStore(limit_bytes=20)
    first, again = np.zeros(2, np.float32), np.ones(2, np.float32)
    kept = store.write("a", "x", first, "label")
    assert not kept.flags.writeable
    np.testing.assert_array_equal(store.write("a", "x", again, "label"), first)
    store.write_all("b", {"y": again, "z": again + 1}, "label")
    assert (store.names("a"), store.names("b")) == (set(), {"y", "z"})
    assert store.read("a", "x") is None
    np.testing.assert_array_equal(store.read("b", "z"), again + 1)


def rows_of(numbers):
    """Rows by name, with two parts each of sizes of their own."""
    return {
        f"{number:03d}": {
            "tap": np.full((number % 3, 4), number, np.float16),
            "class": np.full(4, number, np.float16),
        }
        for number in numbers
    }


@pytest.fixture(params=["disk", "memory"])
def any_store(request, store):
    return store if request.param == "disk" else MemoryStore()


def test_rows_come_back_by_part_and_read_only(any_store):
    any_store.append("abcd", rows_of(range(3)), {"recipe": "x"})
    any_store.append("abcd", rows_of(range(2, 6)), {"recipe": "x"})
    wanted = rows_of(range(6))
    assert any_store.row_names("abcd", ("tap", "class")) == set(wanted)
    for name, row in wanted.items():
        found = any_store.read_row("abcd", name, ("class", "tap"))
        for part, array in row.items():
            np.testing.assert_array_equal(found[part], array)
            assert found[part].dtype == np.float16
            assert not (found[part].size and found[part].flags.writeable)
    assert any_store.row_names("abcd", ("tap", "other")) == set()
    assert any_store.read_row("abcd", "000", ("other",)) is None
    assert any_store.read_row("abcd", "999", ("tap",)) is None


def test_a_row_gets_parts_that_it_lacks_and_keeps_those_it_has(any_store):
    any_store.append("abcd", {"000": {"tap": np.zeros(3)}}, {})
    any_store.append("abcd", {"000": {"tap": np.ones(3), "more": np.ones(2)}}, {})
    found = any_store.read_row("abcd", "000", ("tap", "more"))
    assert (found["tap"].tolist(), found["more"].tolist()) == ([0, 0, 0], [1, 1])


def test_rows_lie_in_one_file_a_part(store):
    for number in range(8):
        store.append("abcd", rows_of([number]), {})
    names = {path.name for path in store.entry("abcd").iterdir()}
    assert names == {"label.json", "index.json", "tap.rows", "class.rows"}


def test_another_process_sees_rows_that_are_added(store):
    other = Store(store.root)
    for number in range(4):
        store.append("abcd", rows_of([number]), {})
        assert len(other.row_names("abcd", ("tap",))) == number + 1
        assert other.read_row("abcd", f"{number:03d}", ("class",))["class"][0] == number


def test_what_a_killed_writer_left_beyond_the_index_is_overwritten(store):
    store.append("abcd", rows_of([1]), {})
    with (store.entry("abcd") / "tap.rows").open("ab") as file:
        file.write(b"half a batch")
    store.append("abcd", rows_of([2]), {})
    fresh = Store(store.root)
    for name, row in rows_of([1, 2]).items():
        np.testing.assert_array_equal(fresh.read_row("abcd", name, ("tap",))["tap"], row["tap"])


def test_a_damaged_row_goes_alone_and_is_written_again(store):
    store.append("abcd", rows_of(range(1, 3)), {})
    path = store.entry("abcd") / "class.rows"
    path.write_bytes(b"?" + path.read_bytes()[1:])
    fresh = Store(store.root)
    parts = ("tap", "class")
    found = [fresh.read_row("abcd", name, parts) is None for name in ("001", "002")]
    assert sorted(found) == [False, True]
    assert len(fresh.row_names("abcd", parts)) == 1
    fresh.append("abcd", rows_of(range(1, 3)), {})
    for name, row in rows_of(range(1, 3)).items():
        np.testing.assert_array_equal(fresh.read_row("abcd", name, parts)["class"], row["class"])


@pytest.mark.parametrize("content", ["", "[1]", '{"tap": {"000": 3}}', "no json"])
def test_a_damaged_index_is_an_entry_without_rows(store, content):
    store.append("abcd", rows_of([0]), {})
    (store.entry("abcd") / "index.json").write_text(content)
    assert Store(store.root).read_row("abcd", "000", ("tap",)) is None
    store.append("abcd", rows_of([0]), {})
    assert Store(store.root).read_row("abcd", "000", ("class",)) is not None


def test_an_entry_or_some_arrays_of_it_are_removed(any_store):
    any_store.write_all("abcd", {"ab-1": np.ones(1), "cd-1": np.ones(1)}, {})
    any_store.remove("abcd", prefix="ab")
    assert (any_store.names("abcd"), any_store.holds("abcd")) == ({"cd-1"}, True)
    any_store.append("abcd", rows_of([1]), {})
    any_store.remove("abcd")
    assert not any_store.holds("abcd")
    assert any_store.read_row("abcd", "001", ("tap",)) is None
    any_store.remove("abcd")

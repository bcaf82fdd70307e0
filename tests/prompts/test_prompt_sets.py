"""Prompt sets as files: what is written is read back, and what is wrong is said."""

import contextlib
import threading
from dataclasses import replace

import pytest

from zsad_core.errors import PromptError
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import PromptSet

OWN = PromptSet("mine", ("a {}", "grau: ü"), ("bad {}",), ("a photo of {}.",), "brain", "own")


def test_a_saved_set_is_read_back(tmp_path):
    path = prompt_sets.save(OWN, tmp_path)
    assert prompt_sets.load(path) == OWN
    assert prompt_sets.user_sets(tmp_path) == {"mine": OWN}
    assert prompt_sets.parse(prompt_sets.as_yaml(OWN).encode(), "x") == OWN


def test_a_name_never_leaves_the_folder(tmp_path):
    path = prompt_sets.save(PromptSet("../../etc/x", ("a",), ("b",)), tmp_path)
    assert path.parent == tmp_path
    with pytest.raises(PromptError, match="makes no file name"):
        prompt_sets.save(PromptSet("../..", ("a",), ("b",)), tmp_path)
    with pytest.raises(PromptError, match="is a shipped set"):
        prompt_sets.save(PromptSet("winclip", ("a",), ("b",)), tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name: x\nnormal: [a]\nabnormal: []", "abnormal: List should have at least 1"),
        (b"name: x\nnormal: [a]\nabnormal: [b]\nscore: 3", "score: Extra inputs"),
        (b"- a\n- b", "holds no names with values"),
        (b"name: [unclosed", "is not readable YAML"),
        (b"\xff\xfe\x00", "is not readable YAML"),
        (b"!!python/object/apply:os.system ['true']", "holds no names with values"),
        (b"#" * 300_000, "has more than 262144 bytes"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(content, words):
    with pytest.raises(PromptError, match=f"'own.yaml'.*{words}"):
        prompt_sets.parse(content, "own.yaml")


def test_a_file_that_is_not_there_names_the_shipped_sets(tmp_path):
    with pytest.raises(PromptError, match=r"none\.yaml.*appearance, aprilgan"):
        prompt_sets.load(tmp_path / "none.yaml")


def test_texts_templates_and_class_name_are_put_together():
    normal, abnormal = prompt_sets.sentences(OWN)
    assert normal == ("a photo of a brain.", "a photo of grau: ü.")
    assert abnormal == ("a photo of bad brain.",)
    with pytest.raises(PromptError, match="has no abnormal text"):
        prompt_sets.sentences(PromptSet("x", ("a",), ()))
    with pytest.raises(PromptError, match="600 characters"):
        prompt_sets.sentences(PromptSet("x", ("a" * 600,), ("b",)))


def test_earlier_versions_stay(tmp_path):
    prompt_sets.save(OWN, tmp_path)
    prompt_sets.save(OWN, tmp_path)
    assert prompt_sets.older("mine", tmp_path) == {}
    second = replace(OWN, abnormal=("worse {}",))
    third = replace(OWN, normal_off=("a {}",), normal=("b",))
    prompt_sets.save(second, tmp_path)
    path = prompt_sets.save(third, tmp_path)
    assert prompt_sets.older("mine", tmp_path) == {1: OWN, 2: second}
    assert prompt_sets.load(path) == third
    assert prompt_sets.user_sets(tmp_path) == {"mine": third}


def test_a_set_never_takes_the_file_of_another(tmp_path):
    prompt_sets.save(OWN, tmp_path)
    with pytest.raises(PromptError, match=r"'Mine!' would take the file of 'mine'"):
        prompt_sets.save(replace(OWN, name="Mine!"), tmp_path)


def test_only_its_owner_changes_a_set_and_one_without_is_everybodys(tmp_path):
    prompt_sets.save(OWN, tmp_path, owner="her")
    edited = replace(OWN, normal=("another {}",))
    for change in (
        lambda: prompt_sets.save(edited, tmp_path, owner="him"),
        lambda: prompt_sets.save(edited, tmp_path),
        lambda: prompt_sets.rename("mine", "his", tmp_path, "him"),
        lambda: prompt_sets.delete("mine", tmp_path, "him"),
    ):
        with pytest.raises(PromptError, match="'mine' is another user's set"):
            change()
    assert prompt_sets.owner_of("mine", tmp_path) == "her"
    assert prompt_sets.load(prompt_sets.save(edited, tmp_path, owner="her")) == edited
    shared = replace(OWN, name="shared")
    prompt_sets.save(shared, tmp_path)
    prompt_sets.save(shared, tmp_path, owner="her")
    assert prompt_sets.owner_of("shared", tmp_path) == ""


def test_a_renamed_set_keeps_its_texts_versions_record_and_owner(tmp_path):
    prompt_sets.save(OWN, tmp_path, owner="her")
    now = replace(OWN, abnormal=("worse {}",))
    prompt_sets.save(now, tmp_path, {"date": "today"}, owner="her")
    prompt_sets.save(replace(OWN, name="other"), tmp_path)
    for name, problem in (("Other", "is taken"), ("winclip", "is taken"), ("..", "no file name")):
        with pytest.raises(PromptError, match=problem):
            prompt_sets.rename("mine", name, tmp_path, "her")
    for before, name in (("mine", "new"), ("new", "New")):  # the last two are of one file
        prompt_sets.rename(before, name, tmp_path, "her")
        assert prompt_sets.user_sets(tmp_path)[name] == replace(now, name=name)
        assert prompt_sets.older(name, tmp_path) == {1: OWN}
        assert prompt_sets.record(name, tmp_path) == {"date": "today"}
        assert prompt_sets.owner_of(name, tmp_path) == "her"
    assert set(prompt_sets.user_sets(tmp_path)) == {"New", "other"}


def test_a_deleted_set_goes_with_its_versions(tmp_path):
    for prompts in (OWN, replace(OWN, normal=("b",)), replace(OWN, name="other")):
        prompt_sets.save(prompts, tmp_path)
    prompt_sets.delete("mine", tmp_path)
    assert set(prompt_sets.user_sets(tmp_path)) == {"other"}
    assert prompt_sets.older("mine", tmp_path) == {}
    with pytest.raises(PromptError, match="no prompt set"):
        prompt_sets.delete("mine", tmp_path)


def test_nothing_is_saved_that_would_not_be_read(tmp_path):
    with pytest.raises(PromptError, match="name: String should have at most 80 characters"):
        prompt_sets.save(replace(OWN, name="x" * 81), tmp_path)
    assert not any(tmp_path.glob("*.yaml"))
    assert prompt_sets.load(prompt_sets.save(replace(OWN, name="x" * 80), tmp_path))


def test_a_damaged_file_takes_no_other_set_along(tmp_path):
    prompt_sets.save(OWN, tmp_path)
    (tmp_path / "bad.yaml").write_text("name: [unclosed")
    assert prompt_sets.user_sets(tmp_path) == {"mine": OWN}
    (wrong,) = prompt_sets.unreadable(tmp_path)
    assert "bad.yaml' is not readable YAML" in wrong


def test_the_record_of_a_search_is_kept_and_where_it_was_tuned(tmp_path):
    found = replace(OWN, name="found", tuned_on=("S1", "S2"))
    record = {"date": "2026-01-01", "numbers": {"before, search": {"dice": 0.25}}}
    path = prompt_sets.save(found, tmp_path, record)
    assert prompt_sets.load(path) == found
    as_text = {"date": "2026-01-01", "numbers": {"before, search": {"dice": "0.25"}}}
    assert prompt_sets.record("found", tmp_path) == as_text
    assert prompt_sets.record("mine", tmp_path) == {}


def test_what_a_method_reads_is_neither_name_nor_what_is_switched_off():
    other = replace(OWN, name="x", source="y", tuned_on=("S1",), normal_off=("z",))
    assert prompt_sets.content(other) == prompt_sets.content(OWN)
    assert prompt_sets.content(replace(OWN, class_name="x")) != prompt_sets.content(OWN)


def test_differences_name_what_was_added_and_removed():
    other = replace(OWN, normal=("a {}", "new"), templates=(), class_name="liver")
    assert prompt_sets.differences(OWN, other) == [
        ("removed", "normal", "grau: ü"),
        ("added", "normal", "new"),
        ("removed", "templates", "a photo of {}."),
        ("removed", "class_name", "brain"),
        ("added", "class_name", "liver"),
    ]


TEXTS = b"name: x\nnormal: [a]\nabnormal: [b]\n"
MANY = b"[" + b"a," * 5001 + b"]"
NINE = b"".join(
    b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(8)
)
MERGED = b"a: &a {x1: 1, x2: 2}\n" + b"".join(
    b"%c: &%c {<<: [%s]}\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(8)
)


@pytest.mark.parametrize(
    "name",
    ["2020-99-99", "!!timestamp abc", "!!bool maybe", "!!int ''", "!!float abc", "yes", "1:59:59"],
)
def test_every_value_is_text(name):
    content = b"name: " + name.encode() + TEXTS[7:]
    with contextlib.suppress(PromptError):  # a set without a name
        assert prompt_sets.parse(content, "x.yaml").name == name.rpartition(" ")[2]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"name: " + b"1" * 5000, id="digits"),
        pytest.param(b"name: 1" + b":59" * 3000 + b".5", id="sexagesimal"),
        pytest.param(b"a: &a [1, 2, 3]\n" + NINE + TEXTS, id="aliases"),
        pytest.param(b"record: {a: &a [1], " + NINE.replace(b"\n", b", ") + b"}\n", id="record"),
        pytest.param(MERGED + TEXTS, id="merge keys"),
        pytest.param(b"name: &a [*a]", id="of itself"),
        pytest.param(b"? {a: b}\n: c", id="a key that is a mapping"),
        pytest.param(b'name: "\\ud800"\nnormal: [a]\nabnormal: [b]', id="half a letter"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"x" * 2**19, id="large"),
    ],
)
def test_a_file_that_would_take_time_or_memory_is_refused(content):
    with pytest.raises(PromptError):
        prompt_sets.parse(content, "x.yaml")


@pytest.mark.parametrize(
    "content",
    [
        b"name: x\nabnormal: [b]\nnormal: " + MANY,
        b"name: x\nabnormal: [b]\nnormal: ['"
        + b"{}" * 240
        + b"']\nclass_name: '"
        + b"c" * 10**5
        + b"'",
        TEXTS + b"templates: ['" + b"{}" * 4000 + b"']",
    ],
)
def test_sentences_without_limit_are_refused(content):
    with pytest.raises(PromptError, match="sentence"):
        prompt_sets.sentences(prompt_sets.parse(content, "x.yaml"))


def test_a_set_is_there_at_every_moment_of_a_save(tmp_path):
    prompt_sets.save(OWN, tmp_path)
    after, seen, saved = replace(OWN, normal=("another",)), [], threading.Event()

    def watch():
        while not saved.is_set():
            seen.append(prompt_sets.user_sets(tmp_path).get("mine"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(30):
        prompt_sets.save(OWN if number % 2 else after, tmp_path)
    saved.set()
    watcher.join()
    assert all(one in (OWN, after) for one in seen)
    assert len(seen) > 1


def test_an_earlier_version_is_kept(tmp_path):
    prompt_sets.save(OWN, tmp_path)
    after = replace(OWN, normal=("another",))
    prompt_sets.save(after, tmp_path)
    assert prompt_sets.user_sets(tmp_path)["mine"] == after
    assert prompt_sets.older("mine", tmp_path) == {1: OWN}


def test_a_damaged_earlier_version_takes_nothing_along(tmp_path):
    prompt_sets.save(OWN, tmp_path)
    prompt_sets.save(replace(OWN, normal=("another",)), tmp_path)
    (tmp_path / "older" / "mine@x.yaml").write_text("")
    (tmp_path / "older" / "mine@7.yaml").write_text("[")
    prompt_sets.save(OWN, tmp_path)
    assert list(prompt_sets.older("mine", tmp_path)) == [1, 8]

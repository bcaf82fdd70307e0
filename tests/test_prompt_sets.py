"""Prompt sets as files: what is written is read back, and what is wrong is said."""

import pytest

from zsad_core import prompt_sets
from zsad_core.errors import PromptError
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
        (b"- a\n- b", "holds no prompt set"),
        (b"name: [unclosed", "is not readable YAML"),
        (b"\xff\xfe\x00", "is not readable YAML"),
        (b"!!python/object/apply:os.system ['true']", "is not readable YAML"),
        (b"#" * 300_000, "has 300000 bytes"),
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

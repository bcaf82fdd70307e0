"""Warnings on prompts, on the shipped demo backbone."""

from dataclasses import replace

import numpy as np
import pytest

from zsad_core.lab import prompt_checks
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import BackboneSpec, PromptSet

PAIR = prompt_sets.shipped()["minimal-pair"]


def changed(spec, **fields):
    return replace(spec, prompts=replace(PAIR, **fields))


def test_plain_prompts_have_no_warning(engine, spec):
    assert prompt_checks.warnings(engine, spec, PAIR) == []


def test_groups_that_hardly_differ(engine, spec):
    same = changed(spec, normal=("a cat",), abnormal=("a cat",))
    assert prompt_checks.alikeness(engine, same) == pytest.approx(1)
    (warning,) = prompt_checks.warnings(engine, same, PAIR)
    assert "hardly differ: the cosine of their embeddings is 1.0000" in warning


def test_a_template_that_takes_no_text(engine, spec):
    found = prompt_checks.warnings(engine, changed(spec, templates=("{}", "a photo")), PAIR)
    assert found == ["The template 'a photo' has no {}, so no text enters it."]


def test_sentences_are_counted_in_tokens_and_cut_ones_named(engine, spec):
    tower = engine.tower(BackboneSpec("demo"), "float32")
    assert tower.lengths(["", "cat", "cat " * 75, "cat " * 76]) == [2, 3, 77, 78]
    whole, cut = ("cat " * 75).strip(), ("cat " * 76).strip()
    assert prompt_checks.cut_sentences(engine, changed(spec, normal=(whole,))) == ()
    (one,) = prompt_checks.cut_sentences(engine, changed(spec, normal=(whole, cut)))
    assert (one.text, one.tokens, one.read) == (cut, 78, 77)
    np.testing.assert_array_equal(tower.sentences([cut], "gelu"), tower.sentences([whole], "gelu"))


def test_warnings_of_a_side_are_of_its_own_texts(engine, spec):
    prompts = changed(
        spec,
        normal=("a cat", "A  cat", "a 🧠 at 37 °C 🎉", "the same"),
        abnormal=("the same", "a " + "dog " * 80),
    )
    twice, same, picture = prompt_checks.warnings_of_side(engine, prompts, "normal")
    assert twice == (
        "'a cat' is given twice, so it counts twice in the mean. "
        "Remove repeats unless you want that weight."
    )
    assert same == "'the same' is a text of the other side too."
    assert picture == (
        "Unknown to CLIP: 🧠, 🎉. It reads a pictograph as bytes, not as a word; "
        "write the word instead."
    )
    _, cut = prompt_checks.warnings_of_side(engine, prompts, "abnormal")
    start = "a " + "dog " * 14 + "do"
    assert cut == (
        "1 sentence is longer than the text tower reads: only the first 77 tokens count. "
        f"Shorten the text; the first long sentence has 83 tokens: '{start} …'."
    )
    long = changed(spec, normal=("a" * 501,))
    (warning,) = prompt_checks.warnings_of_side(engine, long, "normal")
    assert "normal text is too long (501 characters; CLIP reads 77 tokens" in warning
    assert prompt_checks.warnings_of_side(engine, long, "abnormal") == []


def test_words_that_the_vocabulary_does_not_hold_whole(engine, spec):
    texts = changed(spec, normal=("a grey Gliomatosis at 37", "a normal cat"))
    pieces = prompt_checks.split_words(engine, texts, "normal")
    assert list(pieces) == ["gliomatosis"]
    assert pieces["gliomatosis"] > 1


def test_an_edit_that_nobody_reads(engine, spec):
    """Both are cut to the same 77 tokens."""
    before = replace(PAIR, normal=("cat " * 80,))
    after = replace(PAIR, normal=("cat " * 90,))
    assert not prompt_checks.reads(engine, replace(spec, prompts=after), before)
    assert prompt_checks.reads(engine, spec, before)
    assert prompt_checks.reads(engine, spec, PAIR)


def test_a_class_word_that_no_text_takes(engine, spec):
    (warning,) = prompt_checks.warnings(engine, changed(spec, class_name="bicycle"), PAIR)
    assert warning == "No text has {}, so the class name 'bicycle' is not used."
    taken = changed(spec, class_name="bicycle", normal=("a {}",))
    assert prompt_checks.warnings(engine, taken, PAIR) == []


def test_similarity_is_of_each_text_by_itself(engine, spec):
    texts, cosines = prompt_checks.similarity(
        engine, replace(spec, prompts=PromptSet("x", ("a cat", "a dog"), ("a cat",)))
    )
    assert texts == [("normal", "a cat"), ("normal", "a dog"), ("abnormal", "a cat")]
    np.testing.assert_allclose(np.diag(cosines), 1, rtol=1e-5)
    assert cosines[0, 2] == pytest.approx(1)
    assert cosines[0, 1] == pytest.approx(cosines[2, 1])
    assert cosines[0, 1] < 0.999

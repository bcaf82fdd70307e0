"""The bank: enough phrases in named groups, a user's own beside them, and what is wrong is said."""

import pytest

from zsad_core.base.paths import home
from zsad_core.errors import PromptError
from zsad_core.prompts import sets as prompt_sets
from zsad_core.workspace import phrase_bank


def test_the_shipped_bank_has_300_words_of_radiology_and_appearance_in_groups():
    bank = phrase_bank.bank()
    everyday = bank.pop(phrase_bank.EVERYDAY)
    found = phrase_bank.phrases(bank)
    assert len(found) >= 300
    assert sum(map(len, bank.values())) == len(found)
    assert len(bank) >= 10
    assert not set(found) & set(everyday)
    assert all(text == text.strip() and text for text in (*found, *everyday))


def test_the_bank_is_no_prompt_set():
    assert "bank" not in prompt_sets.shipped()


def test_own_phrases_stand_beside_the_shipped_ones():
    assert phrase_bank.OWN not in phrase_bank.bank()
    phrase_bank.keep(("a grüner Fleck", "a: colon", "a grüner Fleck"))
    assert phrase_bank.bank()[phrase_bank.OWN] == ("a grüner Fleck", "a: colon")
    phrase_bank.keep((), ("a grüner Fleck", "a: colon"))
    assert phrase_bank.OWN not in phrase_bank.bank()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("your own: text", "your own must be a list of phrases"),
        ("your own: [[a]]", "your own must be a list of phrases"),
        ("[", "is not readable YAML"),
    ],
)
def test_what_is_wrong_with_the_own_bank_is_said(content, words):
    home().mkdir(parents=True)
    (home() / "bank.yaml").write_text(content)
    with pytest.raises(PromptError, match=f"bank.yaml'.*{words}"):
        phrase_bank.bank()


def test_a_phrase_that_is_too_long_is_refused():
    with pytest.raises(PromptError, match="has 501 characters"):
        phrase_bank.keep(("x" * 501,))


def test_what_another_added_meanwhile_stays():
    phrase_bank.keep(("a", "b"))
    phrase_bank.keep(("a", "b", "theirs"), ("a", "b"))
    phrase_bank.keep(("b", "mine"), ("a", "b"))
    assert phrase_bank.own_phrases() == ("b", "theirs", "mine")

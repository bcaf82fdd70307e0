"""Phrases to search prompts with: shipped in named groups, a user's own beside them."""

import functools
from pathlib import Path

import yaml

from zsad_core.base.atomic import whole
from zsad_core.base.paths import home
from zsad_core.errors import PromptError
from zsad_core.prompts.sets import BANK, LONGEST, read_yaml

Bank = dict[str, tuple[str, ...]]
OWN, EVERYDAY = "your own", "everyday"  # groups


def bank() -> Bank:
    """Phrases by group: the shipped ones, then the user's own; raises PromptError."""
    own = own_phrases()
    return {**_shipped(), **({OWN: own} if own else {})}


def phrases(groups: Bank) -> tuple[str, ...]:
    """The phrases of all groups, each once.

    >>> phrases({"x": ("a", "b"), "y": ("b", "c")})
    ('a', 'b', 'c')
    """
    return tuple(dict.fromkeys(text for texts in groups.values() for text in texts))


def own_phrases() -> tuple[str, ...]:
    """What the user added; raises PromptError for a file that cannot be read."""
    path = _path()
    return load(path).get(OWN, ()) if path.exists() else ()


def keep(texts: tuple[str, ...]) -> None:
    """Replace the user's own phrases; raises PromptError for one that is too long."""
    checked = _checked({OWN: list(dict.fromkeys(texts))}, _path())
    content = {name: list(group) for name, group in checked.items()}
    with whole(_path()) as temporary:
        temporary.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")


def load(path: Path) -> Bank:
    """A bank from a YAML file of groups; raises PromptError saying what is wrong with it."""
    return _checked(read_yaml(path.read_bytes(), str(path)), path)


@functools.cache
def _shipped() -> Bank:
    return load(BANK)


def _path() -> Path:
    return home() / "bank.yaml"


def _checked(found: dict[str, object], path: Path) -> Bank:
    for name, texts in found.items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise PromptError(f"'{path}': {name} must be a list of phrases; correct it.")
        for text in texts:
            if len(text) > LONGEST:
                raise PromptError(
                    f"'{path}': a phrase of {name} has {len(text)} characters; keep it under "
                    f"{LONGEST}."
                )
    return {str(name): tuple(texts) for name, texts in found.items()}  # type: ignore[arg-type]

"""Phrases to search prompts with: shipped in named groups, a user's own beside them in a `home`."""

import functools
from pathlib import Path

import yaml

from zsad_core.base import paths
from zsad_core.base.atomic import locked, write_whole
from zsad_core.base.plain_yaml import LARGEST
from zsad_core.errors import PromptError
from zsad_core.prompts.sets import BANK, LONGEST, read_yaml

Bank = dict[str, tuple[str, ...]]
OWN, EVERYDAY = "your own", "everyday"  # groups


def bank(home: Path | None = None) -> Bank:
    """Phrases by group: the shipped ones, then the user's own; raises PromptError."""
    own = own_phrases(home)
    return {**_shipped(), **({OWN: own} if own else {})}


def phrases(groups: Bank) -> tuple[str, ...]:
    """The phrases of all groups, each once.

    >>> phrases({"x": ("a", "b"), "y": ("b", "c")})
    ('a', 'b', 'c')
    """
    return tuple(dict.fromkeys(text for texts in groups.values() for text in texts))


def own_phrases(home: Path | None = None) -> tuple[str, ...]:
    """What the user added; raises PromptError for a file that cannot be read."""
    path = _path(home)
    return load(path).get(OWN, ()) if path.exists() else ()


def keep(texts: tuple[str, ...], before: tuple[str, ...] = (), home: Path | None = None) -> None:
    """Make of the user's own phrases, as they were `before`, these texts.

    What somebody else added or took off meanwhile stays so. Raises PromptError for one that is too
    long, StorageError.
    """
    path = _path(home)
    _checked({OWN: list(texts)}, path)
    with locked(path):
        stay = [text for text in own_phrases(home) if text in texts or text not in before]
        new = [text for text in texts if text not in before]
        content = {OWN: list(dict.fromkeys([*stay, *new]))}
        write_whole(path, yaml.safe_dump(content, allow_unicode=True))


def load(path: Path) -> Bank:
    """A bank from a YAML file of groups; raises PromptError saying what is wrong with it."""
    with path.open("rb") as file:
        return _checked(read_yaml(file.read(LARGEST + 1), str(path)), path)


@functools.cache
def _shipped() -> Bank:
    return load(BANK)


def _path(home: Path | None) -> Path:
    return (home or paths.home()) / "bank.yaml"


def _checked(groups: dict[str, object], path: Path) -> Bank:
    for name, texts in groups.items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise PromptError(f"'{path}': {name} must be a list of phrases; correct it.")
        for text in texts:
            if len(text) > LONGEST:
                raise PromptError(
                    f"'{path}': a phrase of {name} has {len(text)} characters; keep it under "
                    f"{LONGEST}."
                )
    return {str(name): tuple(texts) for name, texts in groups.items()}  # type: ignore[arg-type]

"""Prompt sets as data: YAML files of the package, users' own beside them, checked on load.

A set of one method lies in the method's folder, the others here. Who reads a folder reads all sets
in it; one is changed by its owner alone, or by anybody where its file names none.
"""

import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import Any

import pydantic
import yaml

from zsad_core.base import plain_yaml
from zsad_core.base.atomic import locked, write_whole
from zsad_core.base.store import key_of
from zsad_core.base.wording import problem_of, whole_number
from zsad_core.errors import PromptError
from zsad_core.types import PromptSet

BANK = Path(__file__).with_name("bank.yaml")  # phrases to search with, no prompt set
NO_PROMPTS = PromptSet("", (), ())
"""What a method reads that reads no text."""
LISTS = ("normal", "abnormal", "templates", "tuned_on", "normal_off", "abnormal_off")
OLDER = "older"  # folder of earlier versions
LONGEST = 500  # characters of one text; CLIP reads 77 tokens
FILLED = 2000  # characters of a sentence, its class word filled in
SENTENCES = 5000  # of a side, each text in each template


class _PromptFile(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    name: str = pydantic.Field(min_length=1, max_length=80)
    normal: list[str] = pydantic.Field(min_length=1)
    abnormal: list[str] = pydantic.Field(min_length=1)
    templates: list[str] = []
    class_name: str = "object"
    source: str = ""
    tuned_on: list[str] = []
    normal_off: list[str] = []
    abnormal_off: list[str] = []
    record: dict[str, Any] = {}  # values as text
    owner: str = ""


def sentences(prompts: PromptSet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(normal, abnormal) sentences: texts with the class name in each template; raises PromptError.

    >>> sentences(PromptSet("x", ("{}",), ("bad {}",), ("a photo of {}.",), "brain"))
    (('a photo of brain.',), ('a photo of bad brain.',))
    """
    return of_side(prompts, "normal"), of_side(prompts, "abnormal")


def of_side(prompts: PromptSet, side: str) -> tuple[str, ...]:
    """The sentences of one side, "normal" or "abnormal"; raises PromptError as `sentences` does."""
    texts: tuple[str, ...] = getattr(prompts, side)
    if not texts:
        raise PromptError(
            f"The prompt set '{prompts.name}' has no {side} text; write at least one."
        )
    if (longest := max(map(len, texts))) > LONGEST:
        raise PromptError(
            f"{'An' if side == 'abnormal' else 'A'} {side} text is too long ({longest} characters; "
            f"CLIP reads 77 tokens, about {LONGEST} characters)."
        )
    templates = prompts.templates or ("{}",)
    if (count := len(texts) * len(templates)) > SENTENCES:
        raise PromptError(
            f"The {side} texts of '{prompts.name}' make {count} sentences; keep them to "
            f"{SENTENCES}."
        )
    filled = [_filled(text, prompts.class_name) for text in texts]
    return tuple(_filled(template, text) for text in filled for template in templates)


def content(prompts: PromptSet) -> PromptSet:
    """What of a set a method reads: its texts without name, source and what is switched off.

    >>> content(PromptSet("x", ("a",), ("b",), source="own")).source
    ''
    """
    return PromptSet("", prompts.normal, prompts.abnormal, prompts.templates, prompts.class_name)


def digest(prompts: PromptSet) -> str:
    """Names the content of a set: equal for sets that a method reads alike."""
    return key_of("", prompts=content(prompts))


@functools.cache
def shipped() -> dict[str, PromptSet]:
    """The prompt sets that come with the project, by name."""
    sets = [load(path) for path in Path(__file__).parents[1].rglob("*.yaml") if path != BANK]
    return {prompts.name: prompts for prompts in sorted(sets, key=lambda prompts: prompts.name)}


def load(path: Path) -> PromptSet:
    """A prompt set from a YAML file; raises PromptError saying what is wrong with it."""
    try:
        with path.open("rb") as file:
            return parse(file.read(plain_yaml.LARGEST + 1), str(path))
    except FileNotFoundError as error:
        raise PromptError(
            f"There is no prompt set '{path}'; give a YAML file, or one of {', '.join(shipped())}."
        ) from error
    except OSError as error:
        raise PromptError(f"'{path}' cannot be read ({error.strerror}); check it.") from error


def parse(content: bytes, where: str) -> PromptSet:
    """A prompt set from the bytes of a YAML file named `where`; raises PromptError."""
    file = _checked(read_yaml(content, where), where)
    lists = {name: tuple(getattr(file, name)) for name in LISTS}
    return PromptSet(file.name, **lists, class_name=file.class_name, source=file.source)


def read_yaml(content: bytes, where: str) -> dict[str, Any]:
    """The mapping that a YAML file named `where` holds, every value as text; raises PromptError."""
    try:
        return plain_yaml.mapping(content)
    except ValueError as error:
        raise PromptError(f"'{where}' {error}") from error


def save(
    prompts: PromptSet, folder: Path, record: Mapping[str, object] | None = None, owner: str = ""
) -> Path:
    """Write a set as YAML, in a file named after it; raises PromptError.

    What says something else under that name is kept as an older version; a set of another owner is
    refused, one of none stays so. `record` says how the texts were found, as plain values.
    """
    sentences(prompts)
    parse(as_yaml(prompts, record).encode(), prompts.name)
    if prompts.name in shipped():
        raise PromptError(f"'{prompts.name}' is a shipped set; choose another name.")
    path = _path(prompts.name, folder)
    with _locked(path):
        if path.exists():
            before = load(path)
            if before.name != prompts.name:
                raise PromptError(
                    f"'{prompts.name}' would take the file of '{before.name}'; choose another name."
                )
            owner = _check_owner(path, owner)
            if before != prompts:  # kept there before it goes here: no kill loses it
                number = max(_older(path), default=0) + 1
                write_whole(_version(path, number), path.read_bytes())
        write_whole(path, as_yaml(prompts, record, owner))
    return path


def rename(name: str, to: str, folder: Path, user: str = "") -> None:
    """Give a user's set another name, with its earlier versions.

    Raises PromptError for another user's or no set, and a name that is taken or makes no file.
    """
    path, new = _path(name, folder), _path(to, folder)
    with ExitStack() as locks:
        for each in sorted({path, new}):
            locks.enter_context(_locked(each))
        _check_owner(path, user)
        if to in shipped() or (new != path and new.exists()):
            raise PromptError(f"The name '{to}' is taken; choose another.")
        content = read_yaml(path.read_bytes(), str(path)) | {"name": to}
        _checked(content, to)
        write_whole(new, _dumped(content))
        if new != path:
            for number, version in _older(path).items():
                version.replace(_version(new, number))
            path.unlink()


def delete(name: str, folder: Path, user: str = "") -> None:
    """Delete a user's set with its earlier versions; PromptError for another user's or no set."""
    path = _path(name, folder)
    with _locked(path):
        _check_owner(path, user)
        for each in (*_older(path).values(), path):
            each.unlink()


def older(name: str, folder: Path) -> dict[int, PromptSet]:
    """Earlier versions of a user's set that can be read, by number from 1, the oldest."""
    versions = {}
    for number, path in sorted(_older(_path(name, folder)).items()):
        with suppress(PromptError):
            versions[number] = load(path)
    return versions


def _older(path: Path) -> dict[int, Path]:
    paths = (path.parent / OLDER).glob(f"{path.stem}@*.yaml")
    numbered = ((whole_number(path.stem.rpartition("@")[2]), path) for path in paths)
    return {number: path for number, path in numbered if number is not None}


def _version(path: Path, number: int) -> Path:
    return path.parent / OLDER / f"{path.stem}@{number}.yaml"


def _locked(path: Path) -> AbstractContextManager[None]:
    return locked(path.with_name(f".{path.stem}"))


def record(name: str, folder: Path) -> dict[str, Any]:
    """How the texts of a user's set were found, {} where nothing is known; raises PromptError."""
    path = _path(name, folder)
    return _file_of(path).record if path.exists() else {}


def owner_of(name: str, folder: Path) -> str:
    """The owner of a user's set; "" where it has none. Raises PromptError."""
    path = _path(name, folder)
    return _file_of(path).owner if path.exists() else ""


def as_yaml(prompts: PromptSet, record: Mapping[str, object] | None = None, owner: str = "") -> str:
    """The set as the text of a YAML file that `parse` reads back."""
    always = {name: getattr(prompts, name) for name in ("name", "source", "class_name")}
    lists = {name: list(getattr(prompts, name)) for name in LISTS}
    rest = {"record": dict(record or {}), "owner": owner}
    filled = {k: v for k, v in {**lists, **rest}.items() if v or k in LISTS[:3]}
    return _dumped({**always, **filled})


def _dumped(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def differences(before: PromptSet, now: PromptSet) -> list[tuple[str, str, str]]:
    """(added or removed, what, text) from one set to the other, for texts, templates, class word.

    >>> differences(PromptSet("x", ("a",), ("b",)), PromptSet("y", ("a",), ("c",)))
    [('removed', 'abnormal', 'b'), ('added', 'abnormal', 'c')]
    """
    sides = [vars(prompts) | {"class_name": (prompts.class_name,)} for prompts in (before, now)]
    changes = []
    for what in ("normal", "abnormal", "templates", "class_name"):
        old, new = (side[what] for side in sides)
        changes += [("removed", what, text) for text in old if text not in new]
        changes += [("added", what, text) for text in new if text not in old]
    return changes


def user_sets(*folders: Path) -> dict[str, PromptSet]:
    """The sets that users saved, by name, without those that `unreadable` tells of.

    Of one name that of the last folder is taken.
    """
    every = itertools.chain.from_iterable(map(_read, folders))
    sets = [prompts for prompts in every if isinstance(prompts, PromptSet)]
    return {prompts.name: prompts for prompts in sets}


def unreadable(folder: Path) -> list[str]:
    """What is wrong with each file of a user's sets that cannot be read."""
    return [str(error) for error in _read(folder) if isinstance(error, PromptError)]


def _read(folder: Path) -> Iterator[PromptSet | PromptError]:
    for path in sorted(folder.glob("*.yaml")):
        try:
            yield load(path)
        except PromptError as error:
            yield error


def _file_of(path: Path) -> _PromptFile:
    return _checked(read_yaml(path.read_bytes(), str(path)), str(path))


def _check_owner(path: Path, user: str) -> str:
    """The owner of the set in a file that a user may change; raises PromptError."""
    if not path.exists():
        raise PromptError(f"There is no prompt set in '{path}' any more; look at the list again.")
    file = _file_of(path)
    if file.owner not in ("", user):
        raise PromptError(f"'{file.name}' is another user's set; choose another name.")
    return file.owner


def _checked(mapping: dict[str, Any], where: str) -> _PromptFile:
    try:
        return _PromptFile.model_validate(mapping)
    except pydantic.ValidationError as error:
        raise PromptError(f"'{where}': {problem_of(error)}; correct it.") from error


def _path(name: str, folder: Path) -> Path:
    """The file of a set, named after it; raises PromptError."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
    if not stem:
        raise PromptError(f"'{name}' makes no file name; use letters or digits.")
    return folder / f"{stem}.yaml"


def _filled(text: str, word: str) -> str:
    if len(text) + text.count("{}") * (len(word) - 2) > FILLED:
        raise PromptError(f"A sentence has more than {FILLED} characters; shorten '{text[:40]} …'.")
    return text.replace("{}", word)

"""Prompt sets as data: shipped as YAML in `prompts/`, a user's own beside them, checked on load."""

import functools
import os
import re
from pathlib import Path
from typing import Any

import pydantic
import yaml

from zsad_core.errors import PromptError
from zsad_core.types import PromptSet

SHIPPED = Path(__file__).parent / "prompts"
BANK = SHIPPED / "bank.yaml"  # phrases to search with, no prompt set
LARGEST = 256 * 1024  # bytes of a prompt file
LONGEST = 500  # characters of one text; CLIP reads 77 tokens


class _File(pydantic.BaseModel):
    """What a prompt file holds."""

    model_config = pydantic.ConfigDict(extra="forbid")

    name: str = pydantic.Field(min_length=1, max_length=80)
    normal: list[str] = pydantic.Field(min_length=1)
    abnormal: list[str] = pydantic.Field(min_length=1)
    templates: list[str] = []
    class_name: str = "object"
    source: str = ""


def sentences(prompts: PromptSet) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(normal, abnormal) sentences: texts filled with the class name, then put in each template.

    Raises PromptError where a side is empty or a text too long.

    >>> sentences(PromptSet("x", ("{}",), ("bad {}",), ("a photo of {}.",), "brain"))
    (('a photo of brain.',), ('a photo of bad brain.',))
    """
    return _side(prompts, "normal"), _side(prompts, "abnormal")


def content(prompts: PromptSet) -> PromptSet:
    """What of a set a method reads: its texts without name, source and what is switched off.

    >>> content(PromptSet("x", ("a",), ("b",), source="own")).source
    ''
    """
    return PromptSet("", prompts.normal, prompts.abnormal, prompts.templates, prompts.class_name)


@functools.cache
def shipped() -> dict[str, PromptSet]:
    """The prompt sets that come with the project, by name."""
    found = [load(path) for path in _shipped_files()]
    return {one.name: one for one in found}


def load(path: Path) -> PromptSet:
    """A prompt set from a YAML file; raises PromptError saying what is wrong with it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        known = ", ".join(file.stem for file in _shipped_files())
        raise PromptError(
            f"There is no prompt set '{path}'; give a YAML file, or one of {known}."
        ) from error
    except OSError as error:
        raise PromptError(f"'{path}' cannot be read ({error.strerror}); check it.") from error
    return parse(content, str(path))


def parse(content: bytes, where: str) -> PromptSet:
    """A prompt set from the bytes of a YAML file named `where`; raises PromptError."""
    found = read_yaml(content, where)
    try:
        file = _File.model_validate(found)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PromptError(f"'{where}': {place}: {first['msg']}; correct it.") from error
    texts = {side: tuple(getattr(file, side)) for side in ("normal", "abnormal", "templates")}
    return PromptSet(file.name, **texts, class_name=file.class_name, source=file.source)


def read_yaml(content: bytes, where: str) -> dict[str, Any]:
    """The mapping that a YAML file named `where` holds; raises PromptError."""
    if len(content) > LARGEST:
        raise PromptError(f"'{where}' has {len(content)} bytes; it may have at most {LARGEST}.")
    try:
        found = yaml.safe_load(content.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise PromptError(f"'{where}' is not readable YAML; correct it.") from error
    if not isinstance(found, dict):
        raise PromptError(f"'{where}' holds no prompt set; it needs name, normal and abnormal.")
    return found


def save(prompts: PromptSet, folder: Path) -> Path:
    """Write a set as YAML, under a file name made from its name; raises PromptError."""
    sentences(prompts)
    stem = re.sub(r"[^a-z0-9]+", "-", prompts.name.lower()).strip("-")[:60]
    if not stem:
        raise PromptError(f"'{prompts.name}' makes no file name; use letters or digits.")
    if prompts.name in shipped():
        raise PromptError(f"'{prompts.name}' is a shipped set; choose another name.")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.yaml"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(as_yaml(prompts), "utf-8")
    temporary.replace(path)
    return path


def as_yaml(prompts: PromptSet) -> str:
    """The set as the text of a YAML file that `parse` reads back."""
    content = {
        "name": prompts.name,
        "source": prompts.source,
        "class_name": prompts.class_name,
        "normal": list(prompts.normal),
        "abnormal": list(prompts.abnormal),
        "templates": list(prompts.templates),
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def user_sets(folder: Path) -> dict[str, PromptSet]:
    """The sets that a user saved, by name; raises PromptError for a damaged one."""
    found = [load(path) for path in sorted(folder.glob("*.yaml"))]
    return {one.name: one for one in found}


def _shipped_files() -> list[Path]:
    return [path for path in sorted(SHIPPED.glob("*.yaml")) if path != BANK]


def _side(prompts: PromptSet, side: str) -> tuple[str, ...]:
    texts: tuple[str, ...] = getattr(prompts, side)
    if not texts:
        raise PromptError(
            f"The prompt set '{prompts.name}' has no {side} text; write at least one."
        )
    if longest := max((text for text in texts), key=len)[LONGEST:]:
        raise PromptError(
            f"A {side} text has {LONGEST + len(longest)} characters; CLIP reads 77 tokens, so "
            f"keep it under {LONGEST}."
        )
    filled = [text.replace("{}", prompts.class_name) for text in texts]
    templates = prompts.templates or ("{}",)
    return tuple(template.replace("{}", text) for text in filled for template in templates)

"""Prompt sets as data: shipped as YAML in `prompts/`, a user's own beside them, checked on load."""

import functools
import os
import re
from pathlib import Path

import pydantic
import yaml

from zsad_core.errors import PromptError
from zsad_core.types import PromptSet

SHIPPED = Path(__file__).parent / "prompts"
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


@functools.cache
def shipped() -> dict[str, PromptSet]:
    """The prompt sets that come with the project, by name."""
    found = [load(path) for path in sorted(SHIPPED.glob("*.yaml"))]
    return {one.name: one for one in found}


def load(path: Path) -> PromptSet:
    """A prompt set from YAML; raises PromptError saying what is wrong with the file."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.yaml")))
        raise PromptError(
            f"There is no prompt set '{path}'; give a YAML file, or one of {known}."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise PromptError(f"'{path}' is not readable YAML; correct it.") from error
    if not isinstance(content, dict):
        raise PromptError(f"'{path}' holds no prompt set; it needs name, normal and abnormal.")
    try:
        file = _File.model_validate(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PromptError(f"'{path}': {where}: {first['msg']}; correct it.") from error
    return PromptSet(
        file.name,
        tuple(file.normal),
        tuple(file.abnormal),
        tuple(file.templates),
        file.class_name,
        file.source,
    )


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
    content = {
        "name": prompts.name,
        "source": prompts.source,
        "class_name": prompts.class_name,
        "normal": list(prompts.normal),
        "abnormal": list(prompts.abnormal),
        "templates": list(prompts.templates),
    }
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")
    temporary.replace(path)
    return path


def user_sets(folder: Path) -> dict[str, PromptSet]:
    """The sets that a user saved, by name; raises PromptError for a damaged one."""
    found = [load(path) for path in sorted(folder.glob("*.yaml"))]
    return {one.name: one for one in found}


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

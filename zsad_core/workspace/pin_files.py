"""What a pin keeps, and pins as JSON: strictly read, since a file may come from anywhere."""

import json
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import pydantic

from zsad_core import methods
from zsad_core.base.wording import problem_of
from zsad_core.errors import DataError, ZsadError
from zsad_core.inference import references
from zsad_core.metrics.thresholds import from_level
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, Plane, Precision, PromptSet, ReadoutSpec, SliceSpec, Threshold

MOST = 200  # pins
LARGEST = 2 * 2**20  # bytes of a file of pins
FORMAT: Literal["ZSAD Explorer pins 2"] = "ZSAD Explorer pins 2"
WITH_LEVELS = "ZSAD Explorer pins 1"
Name = Annotated[str, pydantic.Field(max_length=200)]
Note = Annotated[str, pydantic.Field(max_length=2000)]
Dice = Annotated[float, pydantic.Field(ge=0, le=1)] | None


def _in_range(threshold: Threshold) -> Threshold:
    if not threshold.value >= 0:
        raise ValueError(f"threshold {threshold.value} is not 0 or more")
    return threshold


def _offered(read: ReadoutSpec) -> ReadoutSpec:
    if not 0 <= read.min_component_voxels <= 200:
        raise ValueError(f"{read.min_component_voxels} voxels are not in 0 … 200")
    return read


@dataclass(frozen=True)
class Pin:
    """A view that can be restored, and what a user says of it.

    `kind` names a kind of failure, or is "". The Dice of slice and volume are those of the moment,
    None where there were none; `date` is UTC, ISO 8601. `data` says which data set, its root only
    to tell data sets apart, and `split_digest` how its split divided them. `references` are
    written as `references.written` does. `owner` marks the user who may change it; a pin without
    one is everybody's. `precision` is that of a map that was not made in the machine's own.
    """

    id: Annotated[str, pydantic.Field(pattern="^[0-9a-f]{12}$")]
    title: Annotated[str, pydantic.Field(min_length=1, max_length=200)]
    kind: Name
    note: Note
    date: Name
    slice_dice: Dice
    volume_dice: Dice
    data: DataSpec
    subject: Name
    modality: Name
    plane: Plane
    method: Name
    setup: Name
    prompts: PromptSet
    references: Annotated[tuple[Name, ...], pydantic.Field(max_length=references.MOST)]
    volumes: tuple[Name, ...]
    index: Annotated[int, pydantic.Field(ge=0)]
    threshold: Annotated[Threshold, pydantic.AfterValidator(_in_range)]
    readout: Annotated[ReadoutSpec, pydantic.AfterValidator(_offered)]
    owner: Name = ""
    split_digest: Name = ""
    precision: Precision | None = None

    @property
    def view(self) -> tuple[object, ...]:
        """What of a pin restores its view: equal for pins that show the same."""
        words = {"id", "title", "kind", "note", "date", "owner"}
        spoken = {*words, "slice_dice", "volume_dice", "split_digest"}
        return tuple(value for name, value in vars(self).items() if name not in spoken)

    def owned_by(self, user: str) -> bool:
        """Whether a user may change it: its owner, or anybody where it has none."""
        return self.owner in ("", user)


@dataclass(frozen=True)
class _File:
    __pydantic_config__: ClassVar = pydantic.ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )

    format: Literal["ZSAD Explorer pins 2"]
    pins: Annotated[tuple[Pin, ...], pydantic.Field(max_length=MOST)]
    remark: Note = "Research views of anomaly maps. Not a medical device."


_FILE = pydantic.TypeAdapter(_File)


def parsed(content: bytes, where: str) -> tuple[Pin, ...]:
    """The pins of a file named `where`; raises DataError saying what is wrong with it."""
    if len(content) > LARGEST:
        raise DataError(f"'{where}' has {len(content)} bytes; pins may have at most {LARGEST}.")
    try:
        pins = _FILE.validate_json(_with_values(content)).pins
        for pin in pins:
            known = pin.method in (*methods.METHODS, methods.FILES)
            texts = pin.prompts.normal + pin.prompts.abnormal
            if texts or not known or methods.kind_of(pin.method).prompts:
                prompt_sets.sentences(pin.prompts)
            for text in pin.references:
                references.parsed(text, SliceSpec())
    except pydantic.ValidationError as error:
        problem = problem_of(error)[:300]
        raise DataError(f"'{where}' holds no pins that can be read: {problem}.") from error
    except ZsadError as error:
        raise DataError(f"'{where}' holds a pin that cannot be read: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"'{where}' holds no pins that can be read: {error!r:.300}.") from error
    return pins


def _with_values(content: bytes) -> bytes:
    """A file of the first format as one of this: its thresholds are levels of 255 even steps."""
    if WITH_LEVELS.encode() not in content:
        return content
    file = json.loads(content)
    if file.get("format") != WITH_LEVELS:
        return content
    for pin in file["pins"]:
        high = methods.build(pin["method"]).high
        value = from_level(int(pin["threshold"].pop("level")), high)
        pin["threshold"]["value"] = pin["readout"]["threshold"] = value
    return json.dumps({**file, "format": FORMAT}).encode()


def written(pins: tuple[Pin, ...]) -> bytes:
    """The JSON that `parsed` reads back."""
    return _FILE.dump_json(_File(FORMAT, pins), indent=1)

"""The arguments of the map command, and the setup that they name or change."""

import argparse
from dataclasses import dataclass, fields, replace
from pathlib import Path

from zsad_core import backbones, methods, setups
from zsad_core.errors import SettingError, WeightsError
from zsad_core.methods.base import BaseMethod
from zsad_core.setups import Setup
from zsad_core.types import BackboneSpec, Precision


@dataclass(frozen=True)
class MapRequest:
    """The arguments of the command; empty ones mean the default of method or setup."""

    inputs: tuple[Path, ...]
    method: str
    out: Path
    setup: str = ""
    backbone: BackboneSpec = BackboneSpec("")
    checkpoint: str = ""
    class_name: str = ""
    prompts: str = ""
    image_size: int = 0
    options: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()
    device: str = "cpu"
    precision: Precision = "float32"

    @property
    def kind(self) -> type[BaseMethod]:
        """The class of the method."""
        return methods.kind_of(self.method)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add = parser.add_argument
    add("inputs", nargs="+", type=Path, metavar="INPUT", help="scan or images")
    add("--method", required=True, choices=list(methods.METHODS))
    add("--setup", default="", help="a training setup of the method")
    add("--backbone", default="", metavar="NAME|CONFIG.json")
    add("--weights", default="", help="pretrained tag or weights file")
    add("--checkpoint", default="", help="the method's learned part")
    add("--class-name", default="", help="what the texts call the object")
    add("--prompts", default="", help="prompt set: a shipped name or a YAML file")
    add("--image-size", type=int, default=0, help="side of the tower's input")
    add("--option", dest="options", action="append", default=[], metavar="NAME=VALUE")
    add(
        "--reference",
        dest="references",
        action="append",
        default=[],
        metavar="FILE",
        help="a normal slice, for few-shot: an image, or scan.nii.gz:NUMBER, counted from 1",
    )
    add(
        "--beside",
        action="append",
        default=[],
        type=Path,
        metavar="SCAN",
        help="a volume to score against, unlabelled; for a method for whole volumes",
    )
    add("--device", default=backbones.default_device())
    add("--precision", choices=["float32", "bfloat16"], default="float32")
    add("--out", type=Path, required=True, help="x.npz, or x.nii.gz for a volume")


def request_of(parsed: argparse.Namespace) -> MapRequest:
    """The request of parsed arguments."""
    values = {field.name: getattr(parsed, field.name) for field in fields(MapRequest)}
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    backbone = BackboneSpec(parsed.backbone, parsed.weights)
    return MapRequest(**{**values, **lists, "backbone": backbone})


def setup_of(request: MapRequest) -> Setup:
    """The setup of the request, with its changes; raises SettingError, WeightsError.

    The options of a setup hold only with its own backbone.
    """
    entry, own = _named(request), request.backbone.name
    options = dict(() if own else entry.options)
    options |= dict(option.partition("=")[::2] for option in request.options)
    if request.image_size:
        options["image_size"] = str(request.image_size)
    if own:
        entry = replace(entry, backbone=request.backbone)
    if request.kind.learned and request.checkpoint:
        path = str(Path(request.checkpoint).absolute())
        entry = replace(entry, setup="", checkpoint=path)
    elif entry.checkpoint and own and not request.setup:
        raise WeightsError(
            f"'{request.method}' needs its learned part; give --checkpoint FILE or --setup NAME."
        )
    return replace(entry, options=tuple(options.items()))


def _named(request: MapRequest) -> Setup:
    entries = setups.of_method(request.method)
    for entry in entries:
        if entry.setup == request.setup or not request.setup:
            return entry
    names = ", ".join(entry.setup for entry in entries)
    raise SettingError(f"'{request.method}' has no setup '{request.setup}'; it has {names}.")

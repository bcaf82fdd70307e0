"""`zsad map`: anomaly maps of files, without a data set.

Computed as in the app, but of all patches, from features that are not rounded, in memory.
"""

import argparse
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from zsad_core import backbones, methods, setups
from zsad_core.base.memory_store import MemoryStore
from zsad_core.cli import map_files
from zsad_core.errors import SettingError, WeightsError
from zsad_core.imaging import slicing
from zsad_core.imaging.datasets import nifti
from zsad_core.inference import pipeline, stored_cubes
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.lab import prompt_checks
from zsad_core.methods.base import BaseMethod
from zsad_core.prompts import sets as prompt_sets
from zsad_core.setups import Setup
from zsad_core.types import AnomalyMap, BackboneSpec, MapSpec, Precision, Progress, PromptSet


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


def options(parser: argparse.ArgumentParser) -> None:
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
    """The setup, its options with its own backbone alone; raises SettingError, WeightsError."""
    entries, own = setups.of_method(request.method), request.backbone.name
    entry = next((entry for entry in entries if request.setup in ("", entry.setup)), None)
    if entry is None:
        names = ", ".join(entry.setup for entry in entries)
        raise SettingError(f"'{request.method}' has no setup '{request.setup}'; it has {names}.")
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


def run(request: MapRequest, progress: Progress | None = None) -> str:
    """Write the maps; returns a summary of what was written. Raises ZsadError."""
    scan = map_files.is_scan(request.inputs[0])
    _check(request, scan)
    engine, setup = Engine(MemoryStore(), request.device), setup_of(request)
    spec = _spec(engine, request, setup)
    if scan:
        for path in (*request.inputs, *request.beside):
            map_files.add_scan(engine, path)
    else:
        map_files.add_images(engine, spec, request.inputs)
    cut = prompt_checks.cut_warning(engine, spec)
    anomaly = resolve(engine, spec, setup).whole(progress)
    warnings = [f"\nwarning: {cut}"] if cut else []
    if not scan:
        warnings += [f"\nnote: {note}" for note in map_files.depth_note(request.inputs)]
        return "".join([map_files.write_images(anomaly, request.out), *warnings])
    warnings += [f"\nnote: {note}" for note in engine.volume(spec.features.slices).notes]
    nifti.write_like(request.inputs[0], slicing.to_voxels(anomaly.values), request.out)
    return "".join([_summary(spec, anomaly, request.out), *warnings])


def _check(request: MapRequest, scan: bool) -> None:
    """Raise SettingError for inputs, options or an output that do not fit."""
    for path in request.inputs:
        if path.is_dir():
            raise SettingError(f"'{path}' is a folder; give one NIfTI volume, or 2D images.")
    if scan and len(request.inputs) > 1:
        raise SettingError("One NIfTI volume at a time; call the command once for each.")
    suffix = ".nii.gz" if scan else ".npz"
    if not request.out.name.endswith(suffix):
        raise SettingError(f"--out is '{request.out}'; for this input it must end in {suffix}.")
    if not request.out.parent.is_dir():
        raise SettingError(f"--out: there is no folder '{request.out.parent}'; make it first.")
    read = (*request.inputs, *request.beside, *map(map_files.file_of, request.references))
    if request.out.exists() and any(path.exists() and path.samefile(request.out) for path in read):
        raise SettingError(f"--out: '{request.out}' is one of the inputs; choose another place.")
    if not request.kind.compares:
        if request.beside:
            raise SettingError(f"'{request.method}' scores a scan alone; leave --beside out.")
    elif not request.beside or not all(map(map_files.is_scan, (*request.inputs, *request.beside))):
        raise SettingError(
            f"'{request.method}' scores a NIfTI volume against others and maps no 2D image; give "
            "one volume, and the others with --beside SCAN, once for each."
        )
    if request.references and not request.kind.takes_references:
        raise SettingError(f"'{request.method}' reads no normal slices; leave --reference out.")


def _spec(engine: Engine, request: MapRequest, setup: Setup) -> MapSpec:
    """The spec of the map, of all patches."""
    spec = pipeline.spec_of(
        engine,
        map_files.slices_of(request.inputs),
        setup,
        _prompts(request, request.kind.prompts),
        tuple(map_files.add_reference(engine, name) for name in request.references),
        tuple(map(str, request.beside)),
        request.precision,
    )
    if spec.features.recipe is None:
        return spec
    return replace(spec, features=replace(spec.features, recipe=spec.features.recipe.everywhere()))


def _prompts(request: MapRequest, default: str) -> PromptSet:
    if not default:
        return prompt_sets.NO_PROMPTS
    shipped = prompt_sets.shipped()
    name = request.prompts or default
    texts = shipped[name] if name in shipped else prompt_sets.load(Path(name))
    return replace(texts, class_name=request.class_name) if request.class_name else texts


def _summary(spec: MapSpec, anomaly: AnomalyMap, out: Path) -> str:
    if not spec.volumes:
        filled = np.isfinite(anomaly.scores).sum()
        return f"\nmap of {filled} slices, range 0 to {anomaly.high:g}, in {out}"
    title, others = methods.kind_of(spec.method).title, stored_cubes.others(spec)
    names = ", ".join(Path(name).name for name in others)
    return (
        f"\nmap of the volume by {title}, range 0 to {anomaly.high:g}, transductive: scored "
        f"against {len(others)}: {names}; in {out}"
    )

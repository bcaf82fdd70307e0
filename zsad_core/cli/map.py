"""`zsad map`: anomaly maps of files, without a data set.

Computed as in the app, but of all patches, from features that are not rounded, in memory.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from zsad_core import methods
from zsad_core.base.memory_store import MemoryStore
from zsad_core.cli import map_files
from zsad_core.cli.map_request import MapRequest, setup_of
from zsad_core.errors import SettingError
from zsad_core.evaluation.tasks import NO_PROMPTS
from zsad_core.imaging import slicing
from zsad_core.imaging.datasets import nifti
from zsad_core.inference import pipeline, stored_cubes
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.lab import prompt_checks
from zsad_core.prompts import sets as prompt_sets
from zsad_core.setups import Setup
from zsad_core.types import AnomalyMap, MapSpec, Progress, PromptSet


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
        return "".join([map_files.write_images(anomaly, request.out), *warnings])
    warnings += [f"\nnote: {note}" for note in engine.volume(spec.features.slices).notes]
    nifti.write_like(request.inputs[0], slicing.to_voxels(anomaly.values), request.out)
    return "".join([_summary(spec, anomaly, request.out), *warnings])


def _check(request: MapRequest, scan: bool) -> None:
    """Raise SettingError for inputs, options or an output that do not fit."""
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
        return NO_PROMPTS
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

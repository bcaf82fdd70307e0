"""The anomaly map of one NIfTI volume against others, for a method for whole volumes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zsad_core.imaging import slicing
from zsad_core.imaging.datasets import nifti
from zsad_core.inference.cubes import cubes_of, layer_tokens, volume_map
from zsad_core.methods import VolumeMethod
from zsad_core.types import Cubes, FloatArray, MaskArray, Plane, Progress, Volume

if TYPE_CHECKING:
    from zsad_core.backbones import Tower


def write(
    method: VolumeMethod,
    tower: Tower,
    scans: Sequence[Path],
    out: Path,
    progress: Progress | None = None,
) -> str:
    """Write the map of the first scan against the others; returns the sentence that says so."""
    found = []
    for done, scan in enumerate(scans):
        if progress:
            progress(done, len(scans))
        volume = nifti.read_scan(scan)
        found.append((volume.brain, *_cubes(method, tower, volume)))
    brain, kept, own = found[0]
    voxels = volume_map(method, brain, kept, own, [cubes for _, _, cubes in found[1:]])
    nifti.write_like(scans[0], voxels, out)
    names = ", ".join(scan.name for scan in scans[1:])
    return (
        f"\nmap of the volume by {method.title}, range 0 to {method.high:g}, transductive: scored "
        f"against {len(scans) - 1}: {names}; in {out}"
    )


def _cubes(method: VolumeMethod, tower: Tower, volume: Volume) -> tuple[MaskArray, Cubes]:
    recipe = method.recipe(tower.info)
    kept = slicing.cubes_touching(volume.brain, recipe.grid)
    images = {plane: slicing.to_slices(volume, plane).image for plane in method.planes}

    def tokens(plane: Plane, index: int) -> FloatArray:
        slices = images[plane][slicing.layer(len(images[plane]), recipe.grid, index)]
        there = slicing.as_slices(kept, plane)[index]
        return layer_tokens(method, tower, recipe, slices, there)

    return kept, cubes_of(kept, method.planes, tokens)

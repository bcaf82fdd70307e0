"""The numbers of a view as CSV: the whole volume, then every slice, under their statement."""

import pandas as pd

from zsad_core.exports.reading import Reading, read
from zsad_core.exports.statement import statement
from zsad_core.imaging import slicing
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.types import Progress

PARTS = ("brain", "truth", "predicted", "overlap")


def numbers(engine: Engine, view: View, progress: Progress | None = None) -> str:
    """Lines `# name: value` of the statement, then a table; raises ZsadError.

    The first row is the volume with its 3D Dice, the others are the slices, counted from 1, with
    their 2D Dice under the empty-slice rule. What is not known, or is not of a slice, is empty.
    """
    reading = read(engine, view, progress)
    told = statement(engine, reading, whole=True).lines().splitlines()
    return "".join(f"# {line}\n" for line in told) + table(reading).to_csv(index=False)


def table(reading: Reading) -> pd.DataFrame:
    """The table of `numbers`."""
    stack, found = reading.stack, reading.readout
    voxels = [f"{part}_voxels" for part in PARTS]
    slices = pd.DataFrame(reading.counts, columns=voxels)
    slices.insert(0, "of", "slice")
    slices.insert(1, "slice", range(1, len(slices) + 1))
    slices["depth"] = slicing.depths(stack.brain, reading.view.readout.centre)
    slices["slice_score"] = reading.anomaly.scores
    slices["dice"] = None if found.dice is None else found.dice
    volume: dict[str, object] = {column: slices[column].sum() for column in voxels}
    means = found.mean_dice
    volume |= {
        "of": "volume",
        "dice": found.dice_3d,
        "mean_dice_2d": means and means.value,
        "slices_in_mean": means and means.slices_counted,
        "auroc": found.auroc,
        "ap": found.ap,
        "best_dice_oracle": found.best_dice,
    }
    every = pd.concat([pd.DataFrame([volume]), slices], ignore_index=True)
    for part in ("truth", "predicted"):
        every[f"{part}_ml"] = every[f"{part}_voxels"] * stack.voxel_ml
    if stack.truth is None:
        every[["truth_voxels", "overlap_voxels", "truth_ml"]] = None
    every["slice"] = every["slice"].astype("Int64")
    first = ["of", "slice", "depth", "dice"]
    return every[first + [name for name in every if name not in first]]

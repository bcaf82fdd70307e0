"""The numbers of a view as CSV: the whole volume, then every slice, under their statement."""

import pandas as pd

from zsad_core.base.spreadsheet import as_csv
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
    their 2D Dice under the empty-slice rule. Unknown values are empty.
    """
    reading = read(engine, view, progress)
    lines = statement(engine, reading, whole=True).lines().splitlines()
    return as_csv(table(reading), *lines)


def table(reading: Reading) -> pd.DataFrame:
    """The table of `numbers`."""
    stack, result = reading.stack, reading.readout
    voxels = [f"{kind}_voxels" for kind in PARTS]
    slices = pd.DataFrame(reading.counts, columns=voxels)
    slices.insert(0, "of", "slice")
    slices.insert(1, "slice", range(1, len(slices) + 1))
    slices["depth"] = slicing.depths(stack.brain, reading.view.readout.centre)
    slices["slice_score"] = reading.anomaly.scores
    slices["dice"] = None if result.dice is None else result.dice
    volume: dict[str, object] = {column: slices[column].sum() for column in voxels}
    means = result.mean_dice
    volume |= {
        "of": "volume",
        "dice": result.dice_3d,
        "mean_dice_2d": means and means.value,
        "slices_in_mean": means and means.slices_counted,
        "auroc": result.auroc,
        "ap": result.ap,
        "best_dice_oracle": result.best_dice,
    }
    rows = pd.concat([pd.DataFrame([volume]), slices], ignore_index=True)
    for kind in ("truth", "predicted"):
        rows[f"{kind}_ml"] = rows[f"{kind}_voxels"] * stack.voxel_ml
    if stack.truth is None:
        rows[["truth_voxels", "overlap_voxels", "truth_ml"]] = None
    rows["slice"] = rows["slice"].astype("Int64")
    first = ["of", "slice", "depth", "dice"]
    return rows[first + [name for name in rows if name not in first]]

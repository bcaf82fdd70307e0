"""Figures 4 and 5: which slices of which subject, and what each run predicts there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from zsad_core.errors import DataError, ZsadError
from zsad_core.evaluation.row_views import Row, scan_of, view_of
from zsad_core.inference import pipeline, views
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.metrics.scoring import box_of
from zsad_core.types import ByteArray, DataSpec, MaskArray, Progress

FINETUNED = ("finetune", "brats")  # setups whose learned part saw BraTS slices
Pair = tuple[str, str]
"""Setup and line of a run."""


@dataclass(frozen=True)
class Place:
    """A slice by its index from the bottom, its depth, and the side of depth 0 it lies on."""

    side: str
    index: int
    depth: float


@dataclass(frozen=True)
class Sample:
    """A subject with the slices shown of it and the rows of the runs drawn, by setup and line.

    It has the median (of an even number the lower one) mean 3D Dice of `subjects` subjects.
    """

    subject: str
    dice: float
    subjects: int
    places: tuple[Place, ...]
    runs: dict[Pair, Row]
    finetuned: bool
    both_sides: bool


@dataclass(frozen=True)
class Pictures:
    """A sample's slices, cropped to the brain: image and truth (S, H, W) of `sample.places`.

    `masks` (S, H, W) are what each run predicts, `views` the same as views, `missing` why there is
    none. `pixel_mm` are the sides of a pixel.
    """

    sample: Sample
    image: ByteArray
    truth: MaskArray
    pixel_mm: tuple[float, float]
    masks: dict[Pair, MaskArray]
    views: dict[Pair, tuple[View, ...]]
    missing: dict[Pair, str]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a picture in pixels."""
        return self.truth.shape[1], self.truth.shape[2]


def sample(rows: duckdb.DuckDBPyConnection, found: pd.DataFrame, centre: str) -> Sample:
    """The subject of median Dice among `measured` rows and its slices with most lesion.

    Runs are those finetuned on BraTS where there are any, else all. Subjects are those with lesion
    on both sides of depth 0 where there are any, else all with lesion; DataError without any.
    """
    drawn = found[found["setup"].isin(FINETUNED)]
    finetuned = not drawn.empty
    drawn = drawn if finetuned else found
    means = drawn.groupby(["site", "subject"])["dice_3d"].mean().dropna()
    first = drawn.drop_duplicates(["site", "subject"]).set_index(["site", "subject"])["key"]
    places = _places(rows, first, centre)
    means = means[[place in places for place in means.index]]
    if means.empty:
        raise DataError("No subject here has a lesion, so there is none to show; widen a filter.")
    both = [place for place in means.index if len(places[place]) == 2]
    means = means.loc[both] if both else means
    means = means.sort_values(kind="stable")
    middle = (len(means) - 1) // 2
    site, subject = means.index[middle]
    there = drawn[(drawn["site"] == site) & (drawn["subject"] == subject)]
    runs = {(str(one.setup), str(one.line)): _row(rows, one.key) for one in there.itertuples()}
    dice = float(means.iloc[middle])
    return Sample(subject, dice, len(means), places[site, subject], runs, finetuned, bool(both))


def pictures(
    engine: Engine,
    chosen: Sample,
    places: Sequence[DataSpec],
    encode: bool = True,
    progress: Progress | None = None,
) -> Pictures:
    """The slices of a sample with what its runs predict.

    A map whose features are not stored is computed if `encode` says so. Raises DataError where the
    scan is not in the places; what a run lacks stands in `missing`.
    """
    slices = scan_of(engine, next(iter(chosen.runs.values())), places)
    stack = engine.stack(slices)
    if stack.truth is None:
        raise DataError(f"{chosen.subject} has no segmentation any more; evaluate again.")
    shown = [one.index for one in chosen.places]
    _, *crop = box_of(stack.brain)
    cut: Callable[[Any], Any] = lambda array: array[:, crop[0], crop[1]]  # noqa: E731
    masks, found, missing = {}, {}, {}
    for done, (pair, row) in enumerate(chosen.runs.items()):
        if progress:
            progress(done, len(chosen.runs))
        try:
            found[pair] = tuple(view_of(engine, row, slices, index) for index in shown)
            if not encode and not pipeline.ready(engine, found[pair][0].map):
                missing[pair] = "its features are not stored"
            else:
                masks[pair] = cut(np.stack([views.mask_of(engine, one) for one in found[pair]]))
        except ZsadError as error:
            missing[pair] = str(error)
    image, truth = cut(stack.image[shown]), cut(stack.truth[shown])
    return Pictures(chosen, image, truth, stack.pixel_mm, masks, found, missing)


def _places(
    rows: duckdb.DuckDBPyConnection, first: pd.Series, centre: str
) -> dict[tuple[str, str], tuple[Place, ...]]:
    """For each (site, subject), a slice of each side that has lesion; the truth is every run's."""
    depth = f"depth_{centre}"
    rows.register("subject_rows", first.reset_index())
    found = rows.execute(f"""
        SELECT site, subject, {depth} >= 0 AS superior, arg_max(index, (truth, -index)) AS index,
               arg_max({depth}, (truth, -index)) AS depth
        FROM slices JOIN subject_rows USING (key) WHERE truth > 0 AND {depth} IS NOT NULL
        GROUP BY ALL ORDER BY ALL
    """).fetchall()
    rows.unregister("subject_rows")
    places: dict[tuple[str, str], tuple[Place, ...]] = {}
    for site, subject, superior, index, depth_of in found:
        place = Place("superior" if superior else "inferior", index, depth_of)
        places[site, subject] = (*places.get((site, subject), ()), place)
    return places


def _row(rows: duckdb.DuckDBPyConnection, key: str) -> Row:
    found = rows.execute("SELECT * FROM subjects WHERE key = ?", [key])
    names = [one[0] for one in found.description or ()]
    return dict(zip(names, found.fetchall()[0], strict=True))

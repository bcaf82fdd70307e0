"""Figures 4 and 5: the subject, its slices, and the predictions of each configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from zsad_core.base.progress import tracked
from zsad_core.errors import DataError, ZsadError
from zsad_core.evaluation.row_views import Row, scan_of, view_of
from zsad_core.inference import pipeline, views
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.metrics.boxes import box_of
from zsad_core.report.selection import ConfigurationName
from zsad_core.report.single_rows import row_of
from zsad_core.results.queries import query
from zsad_core.types import ByteArray, DataSpec, MaskArray, Progress

FINETUNED = ("finetune", "brats")  # setups whose learned part saw BraTS slices


@dataclass(frozen=True)
class SampleSlice:
    """A slice: its index from the bottom, its depth, and its side of depth 0."""

    side: str
    index: int
    depth: float


@dataclass(frozen=True)
class Sample:
    """The subject of (lower) median mean 3D Dice among `subjects`, with its slices and rows."""

    subject: str
    dice: float
    subjects: int
    slices: tuple[SampleSlice, ...]
    configurations: dict[ConfigurationName, Row]
    finetuned: bool
    both_sides: bool


@dataclass(frozen=True)
class SamplePictures:
    """A sample's slices cropped to the brain: image and truth (S, H, W).

    `masks` (S, H, W) are the predictions of each configuration, `views` the same as views and
    `missing` the reason where there is none. `pixel_mm` are the sides of a pixel.
    """

    sample: Sample
    image: ByteArray
    truth: MaskArray
    pixel_mm: tuple[float, float]
    masks: dict[ConfigurationName, MaskArray]
    views: dict[ConfigurationName, tuple[View, ...]]
    missing: dict[ConfigurationName, str]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a picture in pixels."""
        return self.truth.shape[1], self.truth.shape[2]


def sample(rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame, centre: str) -> Sample:
    """The subject of median Dice in a `dice_table`, and its slices with most lesion.

    Of several comparison groups the first alone is shown. Configurations are those finetuned on
    BraTS if there are any, else all. Subjects are those with lesion on both sides of depth 0 if
    there are any, else all with lesion; DataError without any.
    """
    frame = frame[frame["first_group"]]  # one scan and plane for all panels
    finetuned = frame["setup"].isin(FINETUNED)
    frame = frame[finetuned] if finetuned.any() else frame
    subjects = frame.groupby(["site", "subject"])
    slices = _lesion_slices(rows, subjects["key"].first(), centre)
    means = subjects["dice_3d"].mean().dropna()
    means = means[[name in slices for name in means.index]]
    if means.empty:
        raise DataError("No subject here has a lesion, so there is none to show; widen a filter.")
    both_sides = [name for name in means.index if len(slices[name]) == 2]
    means = (means.loc[both_sides] if both_sides else means).sort_values(kind="stable")
    middle = (len(means) - 1) // 2
    name, dice = means.index[middle], float(means.iloc[middle])
    keys = subjects.get_group(name)[["setup", "series", "key"]].astype(str).to_numpy().tolist()
    configurations = {(setup, series): row_of(rows, key) for setup, series, key in keys}
    flags = bool(finetuned.any()), bool(both_sides)
    return Sample(name[1], dice, len(means), slices[name], configurations, *flags)


def pictures(
    engine: Engine,
    sample: Sample,
    data: Sequence[DataSpec],
    encode: bool = True,
    progress: Progress | None = None,
) -> SamplePictures:
    """The slices of a sample with what its configurations predict.

    A map that is not there, and lacks features, is computed only with `encode`. Raises DataError
    if no data set holds the scan; a configuration that cannot be drawn stands in `missing`.
    """
    slices = scan_of(engine, next(iter(sample.configurations.values())), data)
    stack = engine.stack(slices)
    if stack.truth is None:
        raise DataError(f"{sample.subject} has no segmentation any more; evaluate again.")
    indices = [sample_slice.index for sample_slice in sample.slices]
    _, *box = box_of(stack.brain)
    crop: Callable[[Any], Any] = lambda array: array[:, box[0], box[1]]  # noqa: E731
    masks, views_of, missing = {}, {}, {}
    for pair, row in tracked(list(sample.configurations.items()), progress):
        try:
            panel_views = views_of[pair] = tuple(view_of(engine, row, slices, i) for i in indices)
            if not encode and not pipeline.ready(engine, panel_views[0].map):
                missing[pair] = "neither its map nor its features are stored"
            else:
                masks[pair] = crop(np.stack([views.mask_of(engine, view) for view in panel_views]))
        except ZsadError as error:
            missing[pair] = str(error)
    image, truth = crop(stack.image[indices]), crop(stack.truth[indices])
    return SamplePictures(sample, image, truth, stack.pixel_mm, masks, views_of, missing)


def _lesion_slices(
    rows: duckdb.DuckDBPyConnection, first: pd.Series, centre: str
) -> dict[tuple[str, str], tuple[SampleSlice, ...]]:
    """By (site, subject) the slice with most lesion on each side; `first` holds a key of each."""
    depth = f"depth_{centre}"
    sql = f"""
        SELECT site, subject, {depth} >= 0 AS superior, arg_max(index, (truth, -index)) AS index,
               arg_max({depth}, (truth, -index)) AS depth
        FROM slices JOIN subject_rows USING (key) WHERE truth > 0 AND {depth} IS NOT NULL
        GROUP BY ALL ORDER BY ALL
    """
    records = query(rows, sql, subject_rows=first.reset_index())
    slices: dict[tuple[str, str], tuple[SampleSlice, ...]] = {}
    for site, subject, superior, index, depth_of in records.itertuples(index=False):
        sample_slice = SampleSlice("superior" if superior else "inferior", index, depth_of)
        slices[site, subject] = (*slices.get((site, subject), ()), sample_slice)
    return slices

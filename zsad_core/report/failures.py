"""Failure cases of an evaluation, by rules on its rows: kind, rank and explanation.

A slice fails by its counts, a lesion if no component touches it (BraTS 2023 rule). A slice has at
most one kind, and each configuration contributes only the worst case of a kind of each subject, so
that neighbouring slices do not fill the list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd

from zsad_core.base.wording import counted
from zsad_core.metrics.depth import third_sql
from zsad_core.metrics.dice import dice
from zsad_core.metrics.lesions import RULES, SMALL_MM3
from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.selection import (
    THIRDS,
    Selection,
    filter_mask,
    selected_rows,
)
from zsad_core.results.queries import query, with_columns
from zsad_core.results.slice_sums import Centre

TIMES = 2  # how far areas differ where a lesion counts as over- or under-segmented
DROPPED_MM3 = RULES["brats2023"].dropped_mm3

MISSED, SMALL, ALARM = "missed lesion", "small lesion missed", "false positive in a healthy slice"
OVER, UNDER, APART = "over-segmentation", "under-segmentation", "no overlap"
KINDS = {
    MISSED: f"A lesion of {SMALL_MM3:g} mm³ or more that no predicted component touches.",
    SMALL: f"One of more than {DROPPED_MM3:g} and less than {SMALL_MM3:g} mm³.",
    ALARM: "A slice without lesion where something is predicted.",
    OVER: f"A slice where the two meet, with {TIMES} times the lesion's area predicted, or more.",
    UNDER: f"A slice where the two meet, with 1/{TIMES} of the lesion's area predicted, or less.",
    APART: "A slice with lesion and prediction that share no pixel.",
}
"""The kinds with their rules, in the order in which a mixed list takes turns."""

_COLUMNS = (
    "key, data, labels, modality, plane, scan_digest, map, level, threshold_value, ranked_on, "
    "threshold_rule, threshold_note, brain_only, min_component_voxels, voxel_ml, volumes, dice_3d, "
    "brats2023_true_positives AS touched"
)


@dataclass(frozen=True)
class Failure:
    """One case: a slice of a subject under a configuration.

    `index` counts slices from the bottom; `truth`, `predicted` and `overlap` are its pixels.
    `severity_mm3` ranks the cases of a kind: the volume of the missed lesion, otherwise of the
    slice's wrong voxels (apart, healthy slice) or surplus or missing ones. `missed` of `lesions`
    above 2 mm³ were not touched. `row` is the row of it, for `row_views`.
    """

    kind: str
    subject: str
    index: int
    severity_mm3: float
    truth: int
    predicted: int
    overlap: int
    dice_3d: float | None
    missed: int
    lesions: int
    series: str
    setup: str
    row: Mapping[str, Any]

    @property
    def dice(self) -> float | None:
        """2D Dice of the slice; None without lesion."""
        value = float(dice(self.truth, self.predicted, self.overlap))
        return None if value != value else value

    @property
    def why(self) -> str:
        """What went wrong, in one sentence."""
        volume, predicted = f"{self.severity_mm3:.0f} mm³", counted(self.predicted, "pixel")
        if self.kind in (MISSED, SMALL):
            count = f"{self.missed} of {self.lesions} lesions missed"
            return f"No predicted component touches this lesion of {volume} ({count})."
        if self.kind == ALARM:
            return f"No lesion here; the prediction has {predicted} ({volume})."
        if self.kind == APART:
            truth = counted(self.truth, "pixel")
            return f"{truth} of lesion and {self.predicted} predicted share none."
        areas = f"{predicted} for {self.truth} of lesion"
        times = self.predicted / self.truth
        return f"Predicted {times:{'.2g' if times < 10 else '.0f'}} times the lesion: {areas}."


@dataclass(frozen=True)
class FailureCases:
    """All cases of a comparison group.

    `rows` has a row for each subject and configuration, `worst` the most severe slice of each of
    these (by its `n`), kind and third of the depth, the most severe first.
    """

    group: ComparisonGroup
    rows: pd.DataFrame
    worst: pd.DataFrame


def cases(
    rows: duckdb.DuckDBPyConnection, group: ComparisonGroup, centre: Centre = "middle"
) -> FailureCases:
    """All cases of a group, in one pass over its slices; raises DataError without rows."""
    frame = selected_rows(rows, Selection(group, exposed=True))
    frame = with_columns(rows, frame, _COLUMNS)
    sql = f"FROM ({_worst(centre)}) ORDER BY severity_mm3 DESC, n, index"
    worst = query(rows, sql, chosen_rows=frame[["key", "n", "voxel_ml"]])
    worst["kind"] = worst["kind"].astype(pd.CategoricalDtype(list(KINDS), ordered=True))
    worst["third"] = pd.Categorical.from_codes(
        worst["third"].to_numpy(int), dtype=pd.CategoricalDtype(list(THIRDS))
    )
    return FailureCases(group, frame, worst)


def ranking(cases: FailureCases, selection: Selection) -> pd.DataFrame:
    """The rows of `worst` in a selection, one for each configuration, subject and kind.

    The worst case of each kind comes first, then the second worst of each, and so on.
    """
    worst = cases.worst[filter_mask(cases.rows, selection)[cases.worst["n"].to_numpy()]]
    if selection.third:
        worst = worst[worst["third"] == selection.third]
    worst = worst.drop_duplicates(["n", "kind"])
    rank = worst.groupby("kind", observed=True).cumcount()
    return worst.assign(rank=rank).sort_values(["rank", "kind"]).reset_index(drop=True)


def failures(cases: FailureCases, rows: pd.DataFrame) -> list[Failure]:
    """Rows of a `ranking` as values."""
    of_cases = cases.rows.iloc[rows["n"].tolist()].to_dict("records")
    return [
        Failure(
            kind=case["kind"],
            subject=row["subject"],
            index=int(case["index"]),
            severity_mm3=float(case["severity_mm3"]),
            truth=int(case["truth"]),
            predicted=int(case["predicted"]),
            overlap=int(case["overlap"]),
            dice_3d=None if pd.isna(row["dice_3d"]) else float(row["dice_3d"]),
            missed=int(row["missed"]),
            lesions=int(row["missed"] + row["touched"]),
            series=str(row["series"]),
            setup=str(row["setup"]),
            row={str(name): value for name, value in row.items()},
        )
        for case, row in zip(rows.to_dict("records"), of_cases, strict=True)
    ]


def _worst(centre: Centre) -> str:
    """(n, kind, third, index, truth, predicted, overlap, severity_mm3), the lowest of equals."""
    numbers = ("index", "truth", "predicted", "overlap")
    columns = ", ".join(f"arg_max({name}, place) AS {name}" for name in numbers)
    third = f"{third_sql(f'depth_{centre}')} AS third"
    return f"""
    WITH placed AS (
        SELECT n, index, truth, predicted, overlap, {third},
               CASE WHEN truth = 0 THEN CASE WHEN predicted > 0 THEN '{ALARM}' END
                    WHEN overlap = 0 THEN CASE WHEN predicted > 0 THEN '{APART}' END
                    WHEN predicted >= {TIMES} * truth THEN '{OVER}'
                    WHEN truth >= {TIMES} * predicted THEN '{UNDER}' END AS kind,
               CASE WHEN overlap > 0 THEN abs(predicted - truth) ELSE predicted + truth END AS wrong
        FROM slices JOIN chosen_rows USING (key)
    ), of_slices AS (
        SELECT n, kind, third, {columns}, max(wrong) AS wrong
        FROM (SELECT *, wrong * 65536 - index AS place FROM placed WHERE kind IS NOT NULL)
        GROUP BY n, kind, third
    ), lesions AS (
        SELECT n, key, unnest(brats2023_lesion_mm3) AS mm3,
               unnest(brats2023_lesion_found) AS found, unnest(brats2023_lesion_slice) AS index
        FROM subjects JOIN chosen_rows USING (key)
    ), of_lesions AS (
        SELECT n, CASE WHEN mm3 < {SMALL_MM3} THEN '{SMALL}' ELSE '{MISSED}' END AS kind,
               {third}, {columns}, max(mm3) AS mm3
        FROM (SELECT *, {{'mm3': mm3, 'low': -index}} AS place FROM lesions
              JOIN slices USING (key, index) WHERE NOT found AND mm3 > {DROPPED_MM3})
        GROUP BY ALL
    )
    SELECT n, kind, third, {", ".join(numbers)}, wrong * voxel_ml * 1000 AS severity_mm3
    FROM of_slices JOIN chosen_rows USING (n)
    UNION ALL
    SELECT n, kind, third, {", ".join(numbers)}, mm3 FROM of_lesions
    """

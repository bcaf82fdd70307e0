"""Rows of an evaluation chosen, read by a convention and counted: what figures and tables draw.

Rows can be compared within a sheet: the same data, contrast, plane and threshold rule. Of rows that
differ only in when and where they were made (device, version, weights) the newest one counts.
"""

from dataclasses import dataclass
from typing import Any, Literal

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zsad_core.conventions import DICE_SQL, WHICH_SQL, Which
from zsad_core.depth import BINS, DepthCurve
from zsad_core.errors import DataError
from zsad_core.metrics import EmptySlices

Third = Literal["", "inferior", "middle", "superior"]
Centre = Literal["middle", "centroid"]
THIRDS: tuple[Third, ...] = ("inferior", "middle", "superior")
VOLUMES = ("lesion-free", "under 1 ml", "1 to 10 ml", "10 ml and more")
SETUPS = ("industrial", "finetune", "brats", "pmc")  # the paper's, in its order; others after them

_THRESHOLD = """
    CASE WHEN threshold_rule = 'fixed' THEN 'level ' || level ELSE threshold_rule END
    || CASE WHEN brain_only THEN '' ELSE ', outside the brain too' END
    || CASE WHEN min_component_voxels > 0
       THEN ', components of ' || min_component_voxels || ' voxels' ELSE '' END
"""
_VOLUME = """
    CASE WHEN truth = 0 THEN 'lesion-free' WHEN truth_ml < 1 THEN 'under 1 ml'
         WHEN truth_ml < 10 THEN '1 to 10 ml' ELSE '10 ml and more' END
"""
_RUNS = f"""
    WITH all_rows AS (
        SELECT key, data, modality, plane, {_THRESHOLD} AS threshold, method, setup, prompts,
               prompts_digest, prompts_tuned, site, subject, split, truth_ml, {_VOLUME} AS volume,
               brats2023_missed AS missed, brats2023_false_positives AS false_lesions,
               precision_of_features, device, checkpoint_digest, weights_digest, date
        FROM subjects
    ), newest AS (
        FROM all_rows QUALIFY row_number() OVER (
            PARTITION BY data, modality, plane, threshold, method, setup, prompts_digest, site,
                         subject ORDER BY date DESC, key) = 1
    ), sets AS (
        SELECT method, prompts_digest AS digest, CASE WHEN count(*) OVER (PARTITION BY method) > 1
               THEN method || ' (' || prompts || CASE WHEN count(*) OVER
               (PARTITION BY method, prompts) > 1 THEN ' ' || prompts_digest[:6] ELSE '' END || ')'
               ELSE method END AS line
        FROM (SELECT DISTINCT method, prompts, prompts_digest FROM newest)
    )
    SELECT newest.*, sets.line FROM newest
    JOIN sets ON sets.method = newest.method AND sets.digest = newest.prompts_digest
"""


@dataclass(frozen=True)
class Sheet:
    """What rows must share to stand in one figure; `threshold` is the rule in words."""

    data: str
    modality: str
    plane: str
    threshold: str

    def __str__(self) -> str:
        return f"{self.data}, {self.modality}, {self.plane}, threshold: {self.threshold}"


@dataclass(frozen=True)
class Selection:
    """Which rows of a sheet, and how they are read; () and "" take all.

    `empty` and `which` say which slices enter a mean, `centre` where depth 0 lies, `third` keeps
    the slices of a third of the depth alone, also for 3D Dice.
    """

    sheet: Sheet
    lines: tuple[str, ...] = ()
    setups: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    third: Third = ""
    empty: EmptySlices = "lesion_only"
    which: Which = "all"
    centre: Centre = "middle"


def sheets(rows: duckdb.DuckDBPyConnection) -> list[Sheet]:
    """The sheets there are, the one with most rows first; among equals the validation rule."""
    found = rows.execute(f"""
        SELECT data, modality, plane, threshold FROM (
            SELECT data, modality, plane, {_THRESHOLD} AS threshold, count(*) AS number
            FROM subjects GROUP BY ALL
        ) ORDER BY number DESC, threshold = 'validation' DESC, data, modality, plane, threshold
    """)
    return [Sheet(*row) for row in found.fetchall()]


def runs(rows: duckdb.DuckDBPyConnection, chosen: Selection) -> pd.DataFrame:
    """A row for each subject and run chosen, with `key`, `line` and `setup`.

    `line` is the method, with its prompt set where the rows hold several of that method.
    Raises DataError where nothing is left.
    """
    sheet = chosen.sheet
    frame = rows.execute(
        f"SELECT * FROM ({_RUNS}) WHERE (data, modality, plane, threshold) = (?, ?, ?, ?)",
        [sheet.data, sheet.modality, sheet.plane, sheet.threshold],
    ).df()
    wanted = {
        "line": chosen.lines,
        "setup": chosen.setups,
        "subject": chosen.subjects,
        "split": chosen.splits,
        "volume": chosen.volumes,
    }
    for column, values in wanted.items():
        if values:
            frame = frame[frame[column].isin(values)]
    if frame.empty:
        raise DataError(f"No row of {sheet} is left by these filters; widen one of them.")
    frame["setup"] = pd.Categorical(frame["setup"], _ordered(frame["setup"]), ordered=True)
    return frame.sort_values(["setup", "line", "subject"]).reset_index(drop=True)


def measured(
    rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame, chosen: Selection
) -> pd.DataFrame:
    """`runs` with Dice by the convention, slices that entered, their quartiles and the failures.

    `dice_2d` is the mean over `slices` slices, `q1`, `median`, `q3` their quartiles, `low` and
    `high` the farthest ones within 1.5 interquartile ranges; NaN where no slice entered.
    `healthy` counts brain slices without lesion, `alarms` those of them where something is
    predicted, `overlooked` lesion slices without any overlap.
    """
    rows.register("chosen_runs", frame[["key"]])
    found = rows.execute(f"""
        WITH dice AS (
            SELECT slices.*, CASE WHEN {WHICH_SQL[chosen.which]} THEN {DICE_SQL[chosen.empty]} END
                   AS d
            FROM slices JOIN chosen_runs USING (key) WHERE {_within(chosen)}
        ), spread AS (
            SELECT key, avg(d) AS dice_2d, count(d) AS slices, quantile_cont(d, 0.25) AS q1,
                   quantile_cont(d, 0.5) AS median, quantile_cont(d, 0.75) AS q3,
                   sum(truth) AS truth, sum(predicted) AS predicted, sum(overlap) AS overlap,
                   count(*) FILTER (truth > 0) AS lesion_slices,
                   count(*) FILTER (truth > 0 AND overlap = 0) AS overlooked,
                   count(*) FILTER (truth = 0 AND brain > 0) AS healthy,
                   count(*) FILTER (truth = 0 AND brain > 0 AND predicted > 0) AS alarms
            FROM dice GROUP BY key
        ), ends AS (
            SELECT key, min(d) FILTER (d >= q1 - 1.5 * (q3 - q1)) AS low,
                   max(d) FILTER (d <= q3 + 1.5 * (q3 - q1)) AS high
            FROM dice JOIN spread USING (key) GROUP BY key
        )
        SELECT spread.* EXCLUDE (truth, predicted, overlap), low, high,
               {DICE_SQL[chosen.empty]} AS dice_3d
        FROM spread JOIN ends USING (key)
    """).df()
    return frame.merge(found, on="key", how="left")


def curves(
    rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame, chosen: Selection
) -> dict[tuple[str, str], DepthCurve]:
    """Mean 2D Dice over depth of every (setup, line) of `runs`; each slice weighs the same."""
    rows.register("chosen_runs", frame.astype({"setup": str})[["key", "setup", "line"]])
    place = f"least(floor((depth_{chosen.centre} + 1) / 2 * {BINS}), {BINS - 1})::INT"
    found = rows.execute(f"""
        WITH dice AS (
            SELECT setup, line, {place} AS bin, truth,
                   CASE WHEN {WHICH_SQL[chosen.which]} THEN {DICE_SQL[chosen.empty]} END AS d
            FROM slices JOIN chosen_runs USING (key)
            WHERE depth_{chosen.centre} IS NOT NULL AND {_within(chosen)}
        )
        SELECT setup, line, bin, avg(d) AS dice, count(d) AS slices,
               count(*) FILTER (truth > 0) AS lesion FROM dice GROUP BY ALL
    """).df()
    centres = (np.arange(BINS) + 0.5) / BINS * 2 - 1
    return {
        (str(setup), str(line)): DepthCurve(centres, *_in_bins(part))
        for (setup, line), part in found.groupby(["setup", "line"])
    }


def lesions(rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each lesion of the runs: setup, line, subject, `mm3`, `found`, `dice` (0 missed).

    Lesions are those of the BraTS 2023 rule, those it drops as too small included.
    """
    rows.register("chosen_runs", frame.astype({"setup": str})[["key", "setup", "line"]])
    return rows.execute("""
        SELECT chosen_runs.setup, line, subject, unnest(brats2023_lesion_mm3) AS mm3,
               unnest(brats2023_lesion_found) AS found, unnest(brats2023_lesion_dice) AS dice
        FROM subjects JOIN chosen_runs USING (key)
    """).df()


def _within(chosen: Selection) -> str:
    depth = f"depth_{chosen.centre}"
    return {
        "": "true",
        "inferior": f"{depth} < -1.0 / 3",
        "middle": f"{depth} BETWEEN -1.0 / 3 AND 1.0 / 3",
        "superior": f"{depth} > 1.0 / 3",
    }[chosen.third]


def _in_bins(part: pd.DataFrame) -> list[NDArray[Any]]:
    full = part.set_index("bin").reindex(range(BINS))
    counts = full[["slices", "lesion"]].fillna(0).astype(np.int64)
    return [full["dice"].to_numpy(float), counts["slices"].to_numpy(), counts["lesion"].to_numpy()]


def _ordered(setups: pd.Series) -> list[str]:
    there = set(setups)
    return [one for one in SETUPS if one in there] + sorted(there - set(SETUPS))

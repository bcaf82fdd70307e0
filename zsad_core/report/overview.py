"""Where an evaluation stands: its configurations at a glance, and each subject's numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd

from zsad_core.base.paths import root_name
from zsad_core.evaluation.tasks import Cohort
from zsad_core.inference.exposure import PROMPTS
from zsad_core.metrics import intervals
from zsad_core.metrics.spread import deviation
from zsad_core.report.comparison_groups import THRESHOLD
from zsad_core.report.comparisons import configuration_names
from zsad_core.report.selection import patients
from zsad_core.report.table_text import HIGH, LOW
from zsad_core.results.queries import with_columns

INTERVAL = f"In brackets: {intervals.WORDS}."
MEASURES = {
    "3D Dice": "dice_3d",
    "2D Dice": "dice_2d",
    "best Dice": "best_dice",
    "AUROC": "auroc",
    "AP": "ap",
    "lesion-wise F1": "brats2023_f1",
    "HD95 (mm)": "hd95_mm",
    "NSD at 1 mm": "nsd_1mm",
}
"""Columns of `subjects` by their names; the first two follow the conventions of a selection."""

MEANS = {"dice": "dice_3d", "oracle": "best_dice", "auroc": "auroc", "ap": "ap"}
"""Columns of `subjects` by the names of their means for `zsad evaluate`."""
CONFIGURATIONS = f"""
    SELECT method, setup, prompts, {THRESHOLD} AS threshold,
           prompts_tuned OR coalesce(len(exposure), 0) > 0 AS exposed,
           prompts_digest, weights_digest, subject, patient, dice_3d, best_dice, auroc, ap
    FROM subjects
    WHERE list_contains($1, subject) AND (data, root, modality, plane) = ($2, $3, $4, $5)
    QUALIFY row_number() OVER (
        PARTITION BY method, setup, threshold, prompts_digest, weights_digest, site, subject
        ORDER BY date DESC, key) = 1
    ORDER BY ALL
"""


@dataclass(frozen=True)
class ConfigurationMean:
    """Mean 3D Dice of a configuration over `subjects`, with its interval, NaN of few patients."""

    configuration: str
    mean: float
    low: float
    high: float
    subjects: int


@dataclass(frozen=True)
class Summary:
    """What a selection holds; `missing` are subjects that others have, by configuration."""

    subjects: int
    with_dice: int
    configurations: int
    best: ConfigurationMean | None
    missing: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class SubjectTable:
    """A row for each subject; `keys` are those of the rows behind it, by column of `frame`."""

    frame: pd.DataFrame
    keys: Sequence[Mapping[str, str]]

    def key_at(self, row: int, column: str) -> str:
        """The row behind a cell; of a cell of no configuration, the first of its subject."""
        return self.keys[row].get(column) or next(iter(self.keys[row].values()))


def summary(frame: pd.DataFrame, means: pd.DataFrame, evaluated: pd.DataFrame) -> Summary:
    """The summary of a `dice_table` and its `measures.means`.

    `evaluated` are its rows and those that are left out as exposed, which are not missing.
    """
    subjects = frame.groupby(["site", "subject"], sort=False)["dice_3d"].count()
    number = evaluated.groupby(["site", "subject"], sort=False, dropna=False).ngroup()
    everyone = evaluated.drop_duplicates(["site", "subject"])["subject"].to_numpy()
    missing = {
        name: tuple(everyone[~np.isin(np.arange(len(everyone)), present)])
        for name, present in number.groupby(configuration_names(evaluated))
    }
    return Summary(
        len(subjects),
        int((subjects > 0).sum()),
        configuration_names(frame).nunique(),
        None if means.empty else _best(means),
        {name: absent for name, absent in missing.items() if absent},
    )


def _best(means: pd.DataFrame) -> ConfigurationMean:
    """The highest of the means."""
    row = int(means["mean"].argmax())
    best = means.iloc[row]
    name = configuration_names(means).iloc[row]
    return ConfigurationMean(name, best["mean"], best["low"], best["high"], int(best["subjects"]))


def configuration_means(
    rows: duckdb.DuckDBPyConnection, cohort: Cohort, subjects: Sequence[str]
) -> pd.DataFrame:
    """Means of each configuration, threshold and exposure over those of the subjects that it has.

    Of rows of a subject that differ only in when and where they were made the newest one counts,
    as in figures. The ends of a mean's interval stand beside it, as in tables; `sd` is that of the
    3D Dice.
    """
    data = cohort.data
    of_data = [data.kind, root_name(data), cohort.modality, cohort.plane]
    frame = rows.execute(CONFIGURATIONS, [[*subjects], *of_data]).df()
    frame["patient"] = patients(frame)
    names = frame.columns[: frame.columns.get_loc("subject")].tolist()
    records = []
    for key, of_group in frame.groupby(names, dropna=False, sort=False):
        values = of_group[[*MEANS.values()]].astype(float)
        ends = intervals.of_columns(of_group["patient"].tolist(), values.to_numpy())
        record = dict(zip(names, key, strict=True)) | {"subjects": values["dice_3d"].count()}
        for name, mean, low, high in zip(MEANS, values.mean(), *ends, strict=True):
            record |= {name: mean, name + LOW: low, name + HIGH: high}
            if name == "dice":
                record["sd"] = deviation(values["dice_3d"])
        records.append(record)
    return pd.DataFrame(records).drop(columns=["prompts_digest", "weights_digest"])


def subject_table(
    rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame, measures: Sequence[str]
) -> SubjectTable:
    """Some of `MEASURES` by configuration for each subject, the lowest mean 3D Dice first."""
    joined = with_measures(rows, frame)
    joined = joined.assign(configuration=configuration_names(joined))
    records = []
    for (site, subject), of_subject in joined.groupby(["site", "subject"], sort=False):
        ordered = of_subject.sort_values("configuration")
        cells = [
            (f"{row['configuration']}: {measure}", row[MEASURES[measure]], row["key"])
            for measure in measures
            for _, row in ordered.iterrows()
        ]
        record = {"subject": subject, "site": site, "split": ordered["split"].iloc[0]}
        record |= {"volume (ml)": ordered["truth_ml"].iloc[0], "note": "; ".join(_notes(ordered))}
        record |= {"mean": ordered["dice_3d"].mean(), "keys": {name: key for name, _, key in cells}}
        records.append(record | {name: value for name, value, _ in cells})
    table = pd.DataFrame(records).sort_values("mean", kind="stable", ignore_index=True)
    numbers = sorted({name for keys in table["keys"] for name in keys})
    names = ["subject", *(["site"] if table["site"].nunique() > 1 else []), "split", "volume (ml)"]
    return SubjectTable(table[[*names, *numbers, "note"]], table["keys"].tolist())


def with_measures(rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame) -> pd.DataFrame:
    """A `dice_table` with the other columns of `MEASURES`, lesion volume and notes of each row."""
    columns = ["truth_ml", "map_notes", "exposure"]
    columns += [column for column in MEASURES.values() if column not in frame]
    return with_columns(rows, frame, ", ".join(columns))


def _notes(rows: pd.DataFrame) -> list[str]:
    """What has seen a subject, and what is said of its maps, each once."""
    seen = [PROMPTS] if rows["prompts_tuned"].any() else []
    seen += [what for exposure in rows["exposure"] if exposure is not None for what in exposure]
    notes = [note for notes in rows["map_notes"] if notes is not None for note in notes]
    return list(dict.fromkeys([*(f"exposed: {what}" for what in seen), *notes]))

"""Tables of a selection, each with its caption: Dice, comparisons, subgroups, failures."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from zsad_core.errors import DataError
from zsad_core.metrics.spread import deviation
from zsad_core.report import captions, threshold_costs
from zsad_core.report.backbone_names import by_configuration
from zsad_core.report.comparisons import (
    DICE,
    configuration_label,
    configuration_names,
    every_pair,
    paired,
    rank_shares,
    rank_table,
)
from zsad_core.report.ledgers import ledgers
from zsad_core.report.measures import GroupSums, dice_table, lesions, mean_intervals
from zsad_core.report.selection import (
    NUMBERS,
    THIRDS,
    VOLUMES,
    ConfigurationName,
    Selection,
    filter_rows,
    left_out,
    selected_rows,
)
from zsad_core.report.table_text import HIGH, LOW, SD, Table

CONFIGURATION = ["setup", "series"]
SIZES = (0.0, 20.0, 200.0, 2000.0, np.inf)
SIZE_NAMES = ("under 20 mm³", "20 to 200 mm³", "0.2 to 2 ml", "2 ml and more")
EVERYONE = "all"
SHARES = {"missed share": ("missed", "lesions"), "false positive share": ("alarms", "healthy")}
"""Columns of a `dice_table` whose quotient a share is."""
SEEN = "What the numbers have seen"
RANKS, FAILURES = "Ranks of the configurations", "Failures of all subjects and by group"
MEAN = "mean"  # what most intervals are of
GROUPS = {"volume": VOLUMES, "number": NUMBERS, "third": THIRDS, "site": ()}
NAMES = {
    "volume": "lesion volume",
    "number": "number of lesions",
    "third": "third of the depth",
    "site": "site folder",
}


def tables(rows: duckdb.DuckDBPyConnection, sums: GroupSums, selection: Selection) -> list[Table]:
    """Every table of a selection; raises DataError where it is empty."""
    frame = dice_table(sums, selection)
    caption = captions.caption(frame, selection, left_out(sums.frame, selection))
    lesion_rows, ranks = lesions(rows, frame, selection), rank_shares(frame)
    by_third = pd.concat(
        dice_table(sums, replace(selection, third=third)).assign(third=third)
        for third in THIRDS
        if selection.third in ("", third)
    )
    frames = {"volume": frame, "number": frame, "third": by_third, "site": frame}
    of_failures = failures(frame, frames, lesion_rows)
    everyone = filter_rows(sums.frame, replace(selection, exposed=True))
    by_group = [(*words, MEAN, dice(frames[g], g)) for g, words in captions.GROUPED.items()]
    paired_words = captions.PAIRED, "mean difference"
    contents = [
        ("dice", "Dice by setup and method", captions.SPREAD, MEAN, dice(frame)),
        ("setups", "Setups of a method against each other", *paired_words, paired(frame)),
        ("comparisons", "Configurations against each other", *paired_words, every_pair(frame)),
        ("ranks", RANKS, captions.rank_caption(ranks), MEAN if ranks else "", rank_table(ranks)),
        ("failures", FAILURES, captions.FAILURES, "share", of_failures),
        ("seen", SEEN, captions.SEEN, "", _with_headings(ledgers(rows, everyone))),
        ("lesion_size", "Lesions by volume", captions.LESIONS, MEAN, by_size(lesion_rows)),
        *by_group,
    ]
    backbones, of_selection = by_configuration(frame), []
    for name, title, note, interval_of, content in contents:
        table = with_backbones(content, backbones)
        named = with_ids(table, sums.frame)
        of_selection.append(Table(name, title, note, caption, table, named, interval_of))
    return of_selection + thresholds(rows, selection)


def with_backbones(table: pd.DataFrame, backbones: Mapping[ConfigurationName, str]) -> pd.DataFrame:
    """A table with the backbone beside each configuration that `backbones` names."""
    if not backbones:
        return table
    labels = {configuration_label(name): backbone for name, backbone in backbones.items()}
    table = table.copy()
    for beside in ("setup", "configuration", "against"):
        if beside in table:
            names = table[beside].astype(str)
            if "method" in table:
                names = table["method"].astype(str) + " · " + names
            last = max([*table].index(name) for name in ("method", beside) if name in table)
            heading = "against backbone" if beside == "against" else "backbone"
            table.insert(last + 1, heading, names.map(labels).fillna(""))
    return table


def with_ids(table: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """A table of `selected_rows` with the names that rows give method and prompt set.

    They stand behind the table's own for people: `method_id` and `prompts` of each method, and of
    each configuration with its `setup`; `against_…` of the one that it is compared with.
    """
    names = frame[[*CONFIGURATION, "method", "prompts"]].astype(str).drop_duplicates(CONFIGURATION)
    names = names.rename(columns={"method": "method_id"})
    configurations = names.set_axis(configuration_names(names).tolist()).drop(columns="series")
    columns = {"configuration": configurations, "against": configurations.add_prefix("against_")}
    if "configuration" not in table:  # what stands against a setup then is another one
        series = names.drop_duplicates("series").set_index("series")
        columns = {"method": series.drop(columns="setup")}
    for beside, of_names in columns.items():
        position = [*table].index(beside) + 1
        added = of_names.reindex(table[beside]).set_axis(table.index)
        added = added.drop(columns=table.columns, errors="ignore")
        table = pd.concat([table.iloc[:, :position], added, table.iloc[:, position:]], axis=1)
    return table


def thresholds(rows: duckdb.DuckDBPyConnection, selection: Selection) -> list[Table]:
    """What the choice of a threshold costs; none without subjects to compare rules on."""
    try:
        frame = threshold_costs.costs(rows, selection)
    except DataError:
        return []
    exposed = left_out(selected_rows(rows, replace(selection, exposed=True)), selection)
    caption = captions.of_costs(frame, selection, exposed)
    means = with_backbones(threshold_costs.means(frame), by_configuration(frame))
    title = "What the threshold costs"
    note, named = captions.threshold_costs(selection.region), with_ids(means, frame)
    return [Table("thresholds", title, note, caption, means, named, MEAN)]


def dice(frame: pd.DataFrame, group: str = "") -> pd.DataFrame:
    """Mean, sd and interval of 3D and 2D Dice.

    `subjects` have a 3D Dice; where others have a 2D Dice, `2D subjects` counts these. `exposed`
    counts those of either that were seen before, if any.
    """
    frame = frame.assign(exposed=frame["exposed"] & frame[[*DICE.values()]].notna().any(axis=1))
    grouped = _grouped(frame, group)
    columns = {
        "subjects": ("dice_3d", "count"),
        "3D Dice": ("dice_3d", "mean"),
        "3D Dice sd": ("dice_3d", deviation),
        "2D subjects": ("dice_2d", "count"),
        "2D Dice": ("dice_2d", "mean"),
        "2D Dice sd": ("dice_2d", deviation),
        "slices": ("slices", "sum"),
    }
    if frame["exposed"].any():
        columns = {"subjects": columns["subjects"], "exposed": ("exposed", "sum"), **columns}
    table = grouped.agg(**columns).reset_index()
    if table["2D subjects"].equals(table["subjects"]):
        table = table.drop(columns="2D subjects")
    for name, column in DICE.items():
        _insert_interval(table, name, grouped, frame, frame[column])
    return _with_headings(table)


def failures(
    frame: pd.DataFrame, frames: dict[str, pd.DataFrame], lesion_rows: pd.DataFrame
) -> pd.DataFrame:
    """Missed ones of `lesion_rows` and false positives, of all and by the groups of `frames`."""
    counts = [_failure_counts(_with_lesions(frame, lesion_rows)).assign(by=EVERYONE, group="")]
    for group, group_rows in frames.items():
        part = _failure_counts(_with_lesions(group_rows, lesion_rows), group)
        part = part.rename(columns={group: "group"}).astype({"group": str})
        counts.append(part.assign(by=NAMES[group]))
    table = pd.concat(counts, ignore_index=True)
    columns = {
        "lesions": table["lesions"],
        "missed": table["missed"],
        **_share(table, "missed share"),
        "lesion slices": table["lesion_slices"],
        "without overlap": table["overlooked"],
        "healthy slices": table["healthy"],
        "with false positive": table["alarms"],
        **_share(table, "false positive share"),
    }
    return _with_headings(table[[*CONFIGURATION, "by", "group", "subjects"]].assign(**columns))


def by_size(lesion_rows: pd.DataFrame) -> pd.DataFrame:
    """Lesions of `measures.lesions` in groups of volume: how many, how many missed, mean Dice.

    Those that the rule ignores as too small are left out.
    """
    lesion_rows = lesion_rows[lesion_rows["counts"]]
    sizes = pd.cut(lesion_rows["mm3"], SIZES, right=False, labels=SIZE_NAMES)
    grouped = lesion_rows.assign(size=sizes).groupby([*CONFIGURATION, "size"], observed=True)
    means = {"lesion Dice": ("dice", "mean"), "lesion Dice sd": ("dice", deviation)}
    table = grouped.agg(lesions=("mm3", "size"), missed=("missed", "sum"), **means).reset_index()
    _insert_interval(table, "lesion Dice", grouped, lesion_rows, lesion_rows["dice"])
    return _with_headings(table)


def _with_lesions(frame: pd.DataFrame, lesion_rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with their numbers of lesions and of missed ones; for a third, of those in it."""
    on = ["key", *(["third"] if "third" in frame else [])]
    missed = lesion_rows[lesion_rows["counts"]].groupby(on)["missed"]
    counts = missed.agg(lesions="size", missed="sum")
    names = ["lesions", "missed"]
    joined = frame.drop(columns=names).join(counts, on=on)
    return joined.assign(**joined[names].fillna(0).astype(np.int64))


def _grouped(frame: pd.DataFrame, group: str) -> "DataFrameGroupBy[Any, Any]":
    """By configuration and group, its values in their order."""
    if not group:
        return frame.groupby(CONFIGURATION, observed=True)
    order = GROUPS[group] or sorted(set(frame[group]))
    frame = frame.assign(**{group: pd.Categorical(frame[group], order, ordered=True)})
    return frame.groupby([*CONFIGURATION, group], observed=True)


def _failure_counts(frame: pd.DataFrame, group: str = "") -> pd.DataFrame:
    counts = ("lesions", "missed", "lesion_slices", "overlooked", "healthy", "alarms")
    columns = {name: (name, "sum") for name in counts}
    grouped = _grouped(frame, group)
    table = grouped.agg(subjects=("key", "size"), **columns).reset_index()
    for name, (part, total) in SHARES.items():
        table[name] = table[part].astype(float) / table[total].astype(float).where(table[total] > 0)
        _insert_interval(table, name, grouped, frame, frame[part], frame[total])
    return table


def _share(table: pd.DataFrame, name: str) -> dict[str, pd.Series]:
    """A share with its interval."""
    return {column: table[column] for column in (name, name + LOW, name + HIGH)}


def _insert_interval(
    table: pd.DataFrame,
    name: str,
    grouped: "DataFrameGroupBy[Any, Any]",
    frame: pd.DataFrame,
    sums: pd.Series,
    counts: pd.Series | None = None,
) -> None:
    """Put the interval of `mean_intervals` beside the column of the means of each group."""
    low, high = mean_intervals(grouped, frame, sums, counts)
    position = [*table].index(name + SD if name + SD in table else name) + 1
    table.insert(position, name + HIGH, high)
    table.insert(position, name + LOW, low)


def _with_headings(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns={"series": "method", **NAMES})

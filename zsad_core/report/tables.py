"""Tables of a selection, each with its caption: Dice, comparisons, subgroups, failures."""

from dataclasses import replace
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from zsad_core.report import captions
from zsad_core.report.comparisons import paired
from zsad_core.report.measures import Reading, lesions, measured
from zsad_core.report.selection import NUMBERS, THIRDS, VOLUMES, Selection
from zsad_core.report.table_text import Table

RUN = ["setup", "line"]
SIZES = (0.0, 20.0, 200.0, 2000.0, np.inf)
SIZE_NAMES = ("under 20 mm³", "20 to 200 mm³", "0.2 to 2 ml", "2 ml and more")
EVERYONE = "all"
GROUPS = {"volume": VOLUMES, "number": NUMBERS, "third": THIRDS, "site": ()}
NAMES = {
    "volume": "lesion volume",
    "number": "number of lesions",
    "third": "third of the depth",
    "site": "site folder",
}


def tables(rows: duckdb.DuckDBPyConnection, reading: Reading, chosen: Selection) -> list[Table]:
    """Every table of a selection; raises DataError where it is empty."""
    found = measured(reading, chosen)
    said = captions.of(found, chosen)
    each = lesions(rows, found, chosen)
    parts = {"volume": found, "number": found, "third": _by_third(reading, chosen), "site": found}
    return [
        Table("dice", f"Dice by setup and method, mean ± sd over subjects. {said}", dice(found)),
        Table("setups", f"{captions.PAIRED} {said}", paired(found)),
        Table("failures", f"{captions.FAILURES} {said}", failures(found, parts, each)),
        Table("lesion_size", f"{captions.LESIONS} {said}", by_size(each)),
        *(
            Table(name, f"{captions.GROUPED[group]} {said}", dice(parts[group], group))
            for name, group in (
                ("lesion_volume", "volume"),
                ("lesion_number", "number"),
                ("depth", "third"),
                ("site", "site"),
            )
        ),
    ]


def dice(found: pd.DataFrame, group: str = "") -> pd.DataFrame:
    """Mean and sd of 3D and 2D Dice over subjects, and how many entered, of `measured` rows."""
    grouped = _grouped(found, group)
    columns = {
        "subjects": ("dice_3d", "count"),
        "3D Dice": ("dice_3d", "mean"),
        "3D Dice sd": ("dice_3d", "std"),
        "2D Dice": ("dice_2d", "mean"),
        "2D Dice sd": ("dice_2d", "std"),
        "slices": ("slices", "sum"),
    }
    return _named(grouped.agg(**columns).reset_index())


def failures(
    found: pd.DataFrame, parts: dict[str, pd.DataFrame], each: pd.DataFrame
) -> pd.DataFrame:
    """Missed lesions and false positives of `measured` rows: of all, then by each group of `parts`.

    `each` are their `measures.lesions`.
    """
    counted = [_failed(_missed(found, each)).assign(by=EVERYONE, group="")]
    for group, part in parts.items():
        one = _failed(_missed(part, each), group).rename(columns={group: "group"})
        counted.append(one.assign(by=NAMES[group]).astype({"group": str}))
    table = pd.concat(counted, ignore_index=True)
    shown = {
        "lesions": table["lesions"],
        "missed": table["missed"],
        "missed share": _share(table["missed"], table["lesions"]),
        "lesion slices": table["lesion_slices"],
        "without overlap": table["overlooked"],
        "healthy slices": table["healthy"],
        "with false positive": table["alarms"],
        "false positive share": _share(table["alarms"], table["healthy"]),
    }
    return _named(table[[*RUN, "by", "group", "subjects"]].assign(**shown))


def by_size(found: pd.DataFrame) -> pd.DataFrame:
    """Lesions of `measures.lesions` in groups of volume: how many, how many missed, mean Dice."""
    sizes = pd.cut(found["mm3"], SIZES, right=False, labels=SIZE_NAMES)
    grouped = found.assign(size=sizes).groupby([*RUN, "size"], observed=True)
    table = grouped.agg(
        **{
            "lesions": ("mm3", "size"),
            "missed": ("missed", "sum"),
            "lesion Dice": ("dice", "mean"),
            "lesion Dice sd": ("dice", "std"),
        }
    )
    return _named(table.reset_index())


def _by_third(reading: Reading, chosen: Selection) -> pd.DataFrame:
    thirds = [one for one in THIRDS if chosen.third in ("", one)]
    parts = [measured(reading, replace(chosen, third=one)).assign(third=one) for one in thirds]
    return pd.concat(parts)


def _missed(part: pd.DataFrame, each: pd.DataFrame) -> pd.DataFrame:
    """Rows with their lesions that count and those missed; rows of a third with those in it."""
    on = ["key", *(["third"] if "third" in part else [])]
    counts = each[each["counts"]].groupby(on)["missed"].agg(lesions="size", missed="sum")
    joined = part.drop(columns=["lesions", "missed"]).join(counts, on=on)
    names = ["lesions", "missed"]
    return joined.assign(**joined[names].fillna(0).astype(np.int64))


def _grouped(found: pd.DataFrame, group: str) -> "DataFrameGroupBy[Any, Any]":
    """By run and group, its values in their order."""
    if not group:
        return found.groupby(RUN, observed=True)
    order = GROUPS[group] or sorted(set(found[group]))
    found = found.assign(**{group: pd.Categorical(found[group], order, ordered=True)})
    return found.groupby([*RUN, group], observed=True)


def _failed(found: pd.DataFrame, group: str = "") -> pd.DataFrame:
    counts = ("lesions", "missed", "lesion_slices", "overlooked", "healthy", "alarms")
    columns = {name: (name, "sum") for name in counts}
    return _grouped(found, group).agg(subjects=("key", "size"), **columns).reset_index()


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    """NaN where there is nothing to share."""
    return part.astype(float) / whole.astype(float).where(whole > 0)


def _named(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns={"line": "method", **NAMES})

"""The backbone of each row, by name where it is here as it was evaluated."""

from pathlib import Path

import pandas as pd

from zsad_core import backbones, methods, setups
from zsad_core.errors import ZsadError

NONE = "none"  # of a method without a tower


def backbone_names(frame: pd.DataFrame) -> pd.Series:
    """The backbone of each row with method, setup and weights_digest; "" without a tower.

    A row knows the digest of its backbone: the name is its setup's where that has this digest, else
    the digest's first eight digits stand for it. Backbones of one name but several digests have
    these behind the name.
    """
    columns = ["method", "setup", "weights_digest"]
    rows = frame[columns].astype(str).where(frame[columns].notna(), "")
    distinct = rows.drop_duplicates()
    names = {row: _name(*row) for row in distinct.itertuples(index=False, name=None)}
    digests: dict[str, set[str]] = {}
    for (*_, digest), name in names.items():
        digests.setdefault(name, set()).add(digest)
    labels = {
        row: f"{name} {row[2][:8]}" if len(digests[name]) > 1 else name
        for row, name in names.items()
    }
    of_rows = [labels[row] for row in rows.itertuples(index=False, name=None)]
    return pd.Series(of_rows, frame.index, dtype=object)


def by_configuration(frame: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Backbones by configuration, (setup, series), of `selected_rows`; {} unless there are two."""
    if len({*frame["backbone"]} - {""}) < 2:
        return {}
    groups = frame.groupby(["setup", "series"], observed=True)["backbone"]
    return {
        (str(setup), str(series)): " and ".join(sorted({*names})) or NONE
        for (setup, series), names in groups
    }


def _name(method: str, setup: str, digest: str) -> str:
    if not digest:
        return ""
    try:
        entry = setups.find(method, setup)
        known = methods.kind_of(method).needs_tower and backbones.info(entry.backbone).digest
    except ZsadError:
        return digest[:8]
    name = entry.backbone.name
    return (Path(name).name if name.endswith(".json") else name) if known == digest else digest[:8]

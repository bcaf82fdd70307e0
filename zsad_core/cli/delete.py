"""`zsad delete`: rows of an evaluation, chosen by what they are of."""

import argparse
from pathlib import Path

from zsad_core.base.wording import counted
from zsad_core.errors import DataError, SettingError
from zsad_core.report.comparison_groups import rule_text
from zsad_core.report.single_rows import NAMES_OF_ROWS, named_rows
from zsad_core.results import merging
from zsad_core.results import parquet as results


def options(parser: argparse.ArgumentParser) -> None:
    """Options of `delete`."""
    parser.add_argument("--results", type=Path, required=True, metavar="DIR")
    for name in NAMES_OF_ROWS:
        parser.add_argument(f"--{name}", metavar="NAME", required=name == "method")
    words = "delete them; without it they are counted alone"
    parser.add_argument("--yes", action="store_true", help=words)


def run(parsed: argparse.Namespace) -> None:
    """Count the rows of all the names given, and with --yes delete them, all or none.

    A threshold is named in the words of the count, or by its rule alone. Raises SettingError where
    no row has a name, DataError without rows, StorageError.
    """
    with results.connect(parsed.results) as connection:
        rows = named_rows(connection)
    if rows.empty:
        raise DataError(f"There are no rows in '{parsed.results}'; run zsad evaluate.")
    for name in NAMES_OF_ROWS:
        requested = getattr(parsed, name)
        if requested is None:
            continue
        matches = rows[name] == requested
        if name == "threshold":
            matches |= rows[name].map(rule_text) == requested
        chosen = rows[matches]
        if chosen.empty:
            there = ", ".join(f"'{value}'" for value in sorted(rows[name].unique()))
            raise SettingError(f"--{name} is '{requested}'; the rows have {there}.")
        rows = chosen
    counts = rows.groupby([*NAMES_OF_ROWS], sort=False)["subject"].agg(
        rows="size", subjects="nunique"
    )
    print(counts.reset_index().to_string(index=False))
    what = f"{counted(len(rows), 'row')} of '{parsed.results}'"
    if not parsed.yes:
        print(f"Nothing is deleted yet; --yes deletes these {what}.")
        return
    merging.delete(parsed.results, {*rows["key"]})
    print(f"Deleted {what}.")

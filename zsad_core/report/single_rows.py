"""One row of an evaluation by its key, and those of its configuration."""

from dataclasses import astuple

import duckdb
import pandas as pd

from zsad_core.evaluation.row_views import Row
from zsad_core.report.comparison_groups import THRESHOLD, comparison_group_of
from zsad_core.results.queries import records

NAMES_OF_ROWS = ("method", "setup", "prompts", "data", "root", "modality", "plane", "threshold")
"""What names rows of one configuration in one comparison group."""


def row_of(rows: duckdb.DuckDBPyConnection, key: str) -> Row:
    """The whole row of `subjects` of a key."""
    return records(rows, "SELECT * FROM subjects WHERE key = ?", [key])[0]


def slice_of_most_lesion(rows: duckdb.DuckDBPyConnection, key: str) -> int:
    """Index of a row's slice with most lesion; of equals the nearest to the brain's middle."""
    order = "truth DESC, abs(depth_middle), index"
    query = f"SELECT index FROM slices WHERE key = ? ORDER BY {order} LIMIT 1"
    return int(rows.execute(query, [key]).fetchall()[0][0])


def same_configuration(rows: duckdb.DuckDBPyConnection, key: str) -> dict[str, str]:
    """Subjects by key of all rows, older ones too, of a row's configuration in its group."""
    query = f"""
        SELECT key, subject FROM subjects SEMI JOIN (FROM subjects WHERE key = ?) AS chosen
        ON (subjects.method, subjects.setup, subjects.prompts_digest, subjects.weights_digest)
        IS NOT DISTINCT FROM
        (chosen.method, chosen.setup, chosen.prompts_digest, chosen.weights_digest)
        WHERE (data, modality, plane, {THRESHOLD}, root) = (?, ?, ?, ?, ?)
    """
    group = astuple(comparison_group_of(rows, key))
    return dict(rows.execute(query, [key, *group]).fetchall())


def named_rows(rows: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The key and subject of all rows, and `NAMES_OF_ROWS`, the threshold as groups word it."""
    columns = ", ".join(NAMES_OF_ROWS[:-1])
    query = f"SELECT {columns}, {THRESHOLD} AS threshold, subject, key FROM subjects ORDER BY ALL"
    return rows.sql(query).df()

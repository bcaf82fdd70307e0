"""SQL over the rows of an evaluation and tables in memory."""

from collections.abc import Sequence
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa


def query(
    rows: duckdb.DuckDBPyConnection, sql: str, **tables: pd.DataFrame | pa.Table
) -> pd.DataFrame:
    """The result of SQL that reads `tables` under their names, which are views meanwhile."""
    for name, table in tables.items():
        rows.register(name, table)
    try:
        return rows.execute(sql).df()
    finally:
        for name in tables:
            rows.unregister(name)


def records(
    rows: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows that SQL selects, by the names of their columns."""
    result = rows.execute(sql, parameters)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def with_columns(
    rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame, columns: str
) -> pd.DataFrame:
    """A frame of rows by their `key`, joined with more columns of `subjects`, given as SQL."""
    sql = f"SELECT key, {columns} FROM subjects JOIN chosen USING (key)"
    return frame.merge(query(rows, sql, chosen=frame[["key"]]), on="key")

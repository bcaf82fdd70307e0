"""One row of an evaluation by its key."""

import duckdb

from zsad_core.evaluation.row_views import Row


def row_of(rows: duckdb.DuckDBPyConnection, key: str) -> Row:
    """The whole row of `subjects` of a key."""
    result = rows.execute("SELECT * FROM subjects WHERE key = ?", [key])
    names = [column[0] for column in result.description or ()]
    return dict(zip(names, result.fetchall()[0], strict=True))


def slice_of_most_lesion(rows: duckdb.DuckDBPyConnection, key: str) -> int:
    """Index of a row's slice with most lesion; of equals the nearest to the brain's middle."""
    order = "truth DESC, abs(depth_middle), index"
    query = f"SELECT index FROM slices WHERE key = ? ORDER BY {order} LIMIT 1"
    return int(rows.execute(query, [key]).fetchall()[0][0])

"""A lake's catalogue as a copy that stands still, and which data files it names."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path


def copy_sqlite(source: Path, to: Path) -> None:
    """Copy an SQLite database as it is between two transactions, whoever writes it meanwhile.

    Not for a process that has the file open through DuckDB: closing ours would end its locks.
    """
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(to)) as copy,
    ):
        live.backup(copy)


def list_named_files(catalog: Path) -> Iterator[str]:
    """Yield each data and delete file that a copied catalogue names.

    Paths are below the folder of the data: nobody enters a file that lies elsewhere.
    """
    parts = (
        f"SELECT s.path || t.path || f.path FROM {table} AS f "
        "JOIN ducklake_table AS t USING (table_id) "
        "JOIN ducklake_schema AS s USING (schema_id)"
        for table in ("ducklake_data_file", "ducklake_delete_file")
    )
    with closing(sqlite3.connect(f"file:{catalog}?mode=ro", uri=True)) as con:
        for (path,) in con.execute(f"{' UNION '.join(parts)}"):
            yield path

"""Let the departments deliver: what a day brings moves from ``days/<nn>/front`` to ``front``.

Files are moved as they are. A table of SQLite waits as a Parquet file of the rows that are new or
changed (``hukou.sqlite/T_CZRK.parquet``); they replace those of the same thing in the table.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq

from chengshu.demo.fronts.resources import FRONTS, PLACES, Front
from chengshu.engine.sql import listed, quote
from chengshu.kernel.errors import InputError

_BATCH = 20_000


def day_folder(folder: Path, day: int) -> Path:
    """Return where a day's delivery waits."""
    return folder / "days" / f"{day:02}" / "front"


def deliver(folder: Path, day: int) -> None:
    """Let every department deliver what it has on a day; days come one after the other.

    Args:
        folder: As `chengshu.demo.generate` filled it.
        day: 0 for the first delivery.

    Raises:
        InputError: That day is not there, or was delivered before, or one before it was not.
    """
    waiting = sorted(int(path.name) for path in (folder / "days").glob("[0-9]*"))
    if day not in waiting or day != waiting[0]:
        raise InputError(
            f"{folder}: day {day} cannot be delivered now",
            hint=f"The next is {waiting[0]}." if waiting else "All days are delivered.",
        )
    source = day_folder(folder, day)
    for front in FRONTS:
        path = source / front.path_on(day)
        target = folder / "front" / front.path_on(day)
        if front.table:
            path = path / f"{front.table}.parquet"
        if not path.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if front.table:
            _change_table(front, path, target)
        else:
            path.replace(target)
    shutil.rmtree(source.parent)


def deliver_rest(folder: Path) -> None:
    """Let the departments deliver every day that waits."""
    for path in sorted((folder / "days").glob("[0-9]*")):
        deliver(folder, int(path.name))
    (folder / "days").rmdir()


def _change_table(front: Front, rows: Path, database: Path) -> None:
    """Put rows into a table in place of those of the same things; ``rowid`` says whose they are."""
    source = pq.ParquetFile(rows)
    table, columns = quote(front.table), source.schema_arrow.names
    marks = ", ".join("?" for _ in columns)
    with closing(sqlite3.connect(database)) as con, con:
        con.execute("PRAGMA synchronous = OFF")
        is_new = _make_table(con, front, columns[1:])
        if front.is_reloaded:
            con.execute(f"DELETE FROM {table}")
        for batch in source.iter_batches(_BATCH):
            values = [column.to_pylist() for column in batch.columns]
            if not is_new and not front.is_reloaded:
                first = ((place, place + PLACES - 1) for place in values[0] if place % PLACES == 0)
                con.executemany(f"DELETE FROM {table} WHERE rowid BETWEEN ? AND ?", first)
            con.executemany(
                f"INSERT INTO {table} ({listed(columns)}) VALUES ({marks})",
                zip(*values, strict=True),
            )
        if is_new and front.index:
            con.execute(f'CREATE INDEX {table[:-1]}_when" ON {table} ({listed(front.index)})')


def _make_table(con: sqlite3.Connection, front: Front, columns: Sequence[str]) -> bool:
    """Make the table where it is not there; return whether it was not."""
    known = con.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (front.table,)).fetchone()
    if known is None:
        typed = ", ".join(f"{quote(name)} TEXT" for name in columns)
        con.execute(f"CREATE TABLE {quote(front.table)} ({typed})")
    return known is None

"""The platform's own small database: one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, MetaData, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from chengshu.kernel.errors import ExternalError

METADATA = MetaData()
LOST = {
    "state": "the usage record is lost, and secrets must be stored again",
    "flows": "a new one is made, and the next run goes on from what the stores hold",
}


@contextmanager
def told_database(what: str, path: Path) -> Iterator[None]:
    """Tell that a database file cannot be used as our error; other errors are ours to mend."""
    try:
        yield
    except OperationalError as err:
        raise ExternalError(
            f"{what} {path}",
            "the database cannot be read or written",
            retryable=True,
            hint="Check that it may be written and the disk is not full; run it again to go on.",
        ) from err
    except (DatabaseError, sqlite3.DatabaseError) as err:
        if "not a database" not in str(err) and "malformed" not in str(err):
            raise
        raise ExternalError(
            f"{what} {path}",
            "the file is damaged or no database",
            retryable=False,
            hint=f"Put it back from a copy; without one, move it away: {LOST[what]}.",
        ) from err


class Database:
    """One database; rooms declare their tables in `METADATA`."""

    def __init__(self, path: Path) -> None:
        """Open the SQLite file at ``path``, making it and its tables when missing."""
        self._engine = create_engine(URL.create("sqlite", database=str(path)))
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        self._path = path
        with told_database("state", self._path):
            METADATA.create_all(self._engine)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction; stores never commit by themselves."""
        with told_database("state", self._path), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _configure(connection: Any, _record: object) -> None:
    # SQLAlchemy's defaults on SQLite lose concurrent updates (decisions.md, trap 7).
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

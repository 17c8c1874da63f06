"""The platform's own small database: SQLite by default, PostgreSQL in a city."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, MetaData, create_engine, event
from sqlalchemy.exc import OperationalError

from chengshu.kernel.errors import ExternalError

METADATA = MetaData()


class Database:
    """One database; rooms declare their tables in `METADATA`."""

    def __init__(self, path: Path) -> None:
        """Open the SQLite file at ``path``, making it and its tables when missing."""
        self._engine = create_engine(URL.create("sqlite", database=str(path)))
        event.listen(self._engine, "connect", _configure)
        event.listen(self._engine, "begin", _begin)
        self._path = path
        with self._told():
            METADATA.create_all(self._engine)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction; stores never commit by themselves."""
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as err:
            raise ExternalError(
                f"state {self._path}",
                "the database cannot be read or written",
                retryable=True,
                hint="Check that it may be written and the disk is not full.",
            ) from err

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

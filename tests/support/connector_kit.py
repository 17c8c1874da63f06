"""Connectors of databases under test: a small description of each, and how it is pulled from.

To test a new one, add its description here and its name to `CONNECTORS_TESTED`; then run
``pytest tests/connectors -k NAME``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from chengshu.catalog.source import Source
from chengshu.engine.lake import load_extensions
from chengshu.engine.sql import listed
from chengshu.exchange.connectors import CONNECTORS
from chengshu.exchange.port import Incoming, Past, Surroundings
from tests.support.mariadb import DATABASE, mariadb_server
from tests.support.processes import PASSWORD, USER
from tests.support.servers import postgres_server

ZONE = "Asia/Shanghai"
Rows = list[dict[str, str | None]]


@dataclass(frozen=True)
class Described:
    """A connector of tables, and a database that it reads.

    Attributes:
        kind: The source's kind.
        declared: What every declaration says besides kind and table.
        execute: Runs statements on the database; each is whole.
        quote: Writes a name as the database does.
        text: The database's type of text.
        integer: Its type of whole numbers.
        moment: Its type of a wall time.
        scanner: The DuckDB extension by which it is scanned, where it is.
        secret: Whether the database asks for a password.
        root: Folder from which relative paths start.
    """

    kind: str
    declared: Mapping[str, Any]
    execute: Callable[..., Any]
    quote: Callable[[str], str]
    text: str = "varchar(40)"
    integer: str = "int"
    moment: str = "timestamp"
    scanner: str | None = None
    secret: bool = True
    root: Path = field(default_factory=Path)

    def make(self, table: str, columns: Mapping[str, str], *rows: Sequence[object]) -> None:
        """Make a table anew, of these columns and rows; values are texts, numbers, None."""
        body = ", ".join(f"{self.quote(name)} {kind}" for name, kind in columns.items())
        self.execute(
            f"DROP TABLE IF EXISTS {self.quote(table)}",
            f"CREATE TABLE {self.quote(table)} ({body})",
        )
        self.add(table, *rows)

    def add(self, table: str, *rows: Sequence[object]) -> None:
        """Add rows to a table."""
        values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
        if rows:
            self.execute(f"INSERT INTO {self.quote(table)} VALUES {values}")

    def source(self, table: str, **more: Any) -> Any:
        """Return the declaration of a table as a source."""
        said = {"kind": self.kind, "table": table, **self.declared, **more}
        return TypeAdapter(Source).validate_python(said)

    def find(self, table: str, past: Past | None = None, **more: Any) -> list[Incoming]:
        """Return the deliveries that wait."""
        around = Surroundings(self.root, ZONE, lambda _: PASSWORD, Path(), Path())
        found: list[Incoming] = CONNECTORS[self.kind](
            self.source(table, **more), past or Past("run"), around
        )
        return found

    def pull(self, table: str, watermark: str | None = None, **more: Any) -> tuple[Rows, Incoming]:
        """Return the rows of the one delivery that waits, the same in every way they are read."""
        (incoming,) = self.find(table, Past("run", watermark, key=[["id"]]), **more)
        return self.rows(incoming), incoming

    def rows(self, incoming: Incoming) -> Rows:
        rows = [row for batch in incoming.batches() for row in batch.to_pylist()]
        assert (incoming.scan is None) == (self.scanner is None)
        if incoming.scan is not None:
            assert _scanned(incoming, str(self.scanner)) == [tuple(row.values()) for row in rows]
        return rows


def _scanned(incoming: Incoming, scanner: str) -> list[tuple[Any, ...]]:
    import duckdb

    assert incoming.scan is not None
    with duckdb.connect() as con:
        load_extensions(con, (scanner,))
        with incoming.scan.attached(con) as sql:
            names = listed(["_line", *incoming.header, "_rest", "_problem"])
            found = con.execute(f"SELECT * FROM ({sql}) AS scan({names})").fetchall()
        assert con.execute("SELECT name FROM duckdb_secrets()").fetchall() == []
    return found


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def _quoted(sign: str) -> Callable[[str], str]:
    return lambda name: sign + name.replace(sign, sign * 2) + sign


@contextmanager
def sqlite(folder: Path) -> Iterator[Described]:
    """Describe the connector of SQLite files."""

    def execute(*statements: str) -> None:
        with closing(sqlite3.connect(folder / "front.sqlite")) as con, con:
            for statement in statements:
                con.execute(statement)

    yield Described(
        "sqlite", {"path": "front.sqlite"}, execute, _quoted('"'), text="TEXT", integer="INTEGER",
        moment="TEXT", secret=False, root=folder,
    )  # fmt: skip


@contextmanager
def postgres(_folder: Path) -> Iterator[Described]:
    """Describe the connector of PostgreSQL."""
    with postgres_server() as server:
        yield Described(
            "postgres", _server(server.port, "postgres"), server.execute, _quoted('"'),
            scanner="postgres_scanner",
        )  # fmt: skip


@contextmanager
def mysql(_folder: Path) -> Iterator[Described]:
    """Describe the connector of MySQL and MariaDB."""
    with mariadb_server() as server:
        yield Described(
            "mysql", _server(server.port, DATABASE), server.execute, _quoted("`"),
            moment="datetime", scanner="mysql_scanner",
        )  # fmt: skip


def _server(port: int, database: str) -> dict[str, Any]:
    return {
        "host": "127.0.0.1", "port": str(port), "user": USER, "database": database,
        "secret": "front",
    }  # fmt: skip


CONNECTORS_TESTED = {"sqlite": sqlite, "postgres": postgres, "mysql": mysql}

"""The kit of tests that every connector of tables passes: how one is described, and pulled from.

``tests/connectors/NAME.py`` describes one; `CONNECTORS` of ``test_tables.py`` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from chengshu.catalog.source import Source
from chengshu.engine.lake import load_extensions
from chengshu.engine.sql import listed
from chengshu.exchange import connectors
from chengshu.exchange.port import Incoming, Past, Surroundings
from tests.support.home import TestHome, make_test_home
from tests.support.processes import PASSWORD, USER

ZONE = "Asia/Shanghai"
Rows = list[dict[str, str | None]]
# Type of a watermark, what is there first, what comes then, the watermarks, what is told.
Mark = tuple[str, list[Any], list[Any], str | None, str | None, set[str]]
RESOURCE = """\
name: {table}
label: {table}
owner: office
sharing: unconditional
update: daily
key: [id]
fields:
  - {{name: id, label: 编号, type: text}}
  - {{name: name, label: 名称, type: text}}
  - {{name: opened, label: 日期, type: date}}
source: {{{source}}}
"""


@dataclass(frozen=True)
class Tested:
    """What is tested of a connector.

    Attributes:
        opened: Starts a database for tests, in or beside a folder, and ends it.
        values: Type, what is put in (SQL), the text that must come out.
        marks: Name of a case → a watermark of some type.
        breaks: The ways in which its databases break in the middle; see `Database.breaks`.
    """

    __test__ = False
    opened: Callable[[Path], AbstractContextManager[Database]]
    values: Sequence[tuple[str, str, str | None]]
    marks: Mapping[str, Mark]
    breaks: Sequence[str] = ()


@dataclass(frozen=True)
class Database:
    """A database that a connector reads.

    Attributes:
        kind: The source's kind.
        declared: What every declaration says besides kind and table.
        execute: Runs statements on the database; each is whole.
        quote: Writes a name as the database does.
        text: The database's type of text.
        integer: Its type of whole numbers.
        moment: Its type of a wall time.
        scanner: The DuckDB extension by which it is scanned, where it is.
        root: Folder from which relative paths start.
        schemas: Whether tables may be in a schema, or database, of their own.
        lost: What declares a database that is not there.
        slow: SQL of the rows (id, name, opened) that take half a minute to read; none where no
            server reads them.
        reading: Returns what reads them: one who may be passed to what breaks it.
        breaks: Way → breaks what is read in the middle; what it returns mends the database.
    """

    kind: str
    declared: Mapping[str, Any]
    execute: Callable[..., Any]
    quote: Callable[[str], str]
    text: str = "varchar(40)"
    integer: str = "int"
    moment: str = "timestamp"
    scanner: str | None = None
    root: Path = field(default_factory=Path)
    schemas: bool = True
    lost: Mapping[str, Any] = field(default_factory=lambda: {"port": "1"})
    slow: str = ""
    reading: Callable[[], Sequence[Any]] = lambda: ()
    breaks: Mapping[str, Callable[[Sequence[Any]], Callable[[], None]]] = field(
        default_factory=dict
    )

    @property
    def has_secret(self) -> bool:
        return "secret" in self.declared

    def named(self, table: str) -> str:
        """Return SQL of a table's name, with its schema where it has one."""
        return ".".join(map(self.quote, table.split(".")))

    def make(self, table: str, columns: Mapping[str, str], *rows: Sequence[object]) -> None:
        """Make a table anew, of these columns and rows; values are texts, numbers, None."""
        body = ", ".join(f"{self.quote(name)} {kind}" for name, kind in columns.items())
        self.execute(
            f"DROP TABLE IF EXISTS {self.named(table)}",
            f"CREATE TABLE {self.named(table)} ({body})",
        )
        self.add(table, *rows)

    def add(self, table: str, *rows: Sequence[object]) -> None:
        """Add rows to a table."""
        values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
        if rows:
            self.execute(f"INSERT INTO {self.named(table)} VALUES {values}")

    def source(self, table: str, **more: Any) -> Any:
        """Return the declaration of a table as a source."""
        said = {"kind": self.kind, "table": table, **self.declared, **more}
        return TypeAdapter(Source).validate_python(said)

    def find(
        self, table: str, past: Past | None = None, password: str = PASSWORD, **more: Any
    ) -> list[Incoming]:
        """Return the deliveries that wait."""
        around = Surroundings(self.root, ZONE, lambda _: password, Path(), Path())
        found: list[Incoming] = connectors.CONNECTORS[self.kind](
            self.source(table, **more), past or Past("run"), around
        )
        return found

    def pull(self, table: str, since: str | None = None, **more: Any) -> tuple[Rows, Incoming]:
        """Return the rows of the one delivery that waits, the same in every way they are read."""
        (incoming,) = self.find(table, Past("run", since, key=[["id"]]), **more)
        return self.rows(incoming), incoming

    def rows(self, incoming: Incoming) -> Rows:
        """Return a delivery's rows, having read them in every way."""
        rows = [row for batch in incoming.batches() for row in batch.to_pylist()]
        assert (incoming.scan is None) == (self.scanner is None)
        if incoming.scan is not None:
            assert _scanned(incoming, str(self.scanner)) == [tuple(row.values()) for row in rows]
        return rows

    def make_home(
        self, folder: Path, table: str, password: str | None = None, **more: Any
    ) -> TestHome:
        """Make a home whose one resource is a table."""
        said = {"kind": self.kind, "table": table, **self.declared, **more}
        if "path" in said:
            said["path"] = str(self.root / said["path"])
        source = ", ".join(f"{name}: {value}" for name, value in said.items())
        home = make_test_home(folder, {
            "city.yaml": f"name: x\nlabel: x\ndivision: 330200\ntimezone: {ZONE}\n",
            "departments.yaml": "departments: {office: {label: 办公室}}\n",
            f"resources/office/{table}.yaml": RESOURCE.format(table=table, source=source),
        })  # fmt: skip
        if password is not None:
            keep_secret(home, password)
        return home


def keep_secret(home: TestHome, password: str) -> None:
    """Store the password in a home."""
    with home.home.open_secrets() as secrets:
        secrets.put("front", password)


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
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if value == float("inf"):
        return "9e999"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def quoted_by(sign: str) -> Callable[[str], str]:
    """Return what writes a name between two signs."""
    return lambda name: sign + name.replace(sign, sign * 2) + sign


def server_at(port: int, database: str) -> dict[str, Any]:
    """Return what declares a server of tests."""
    return {
        "host": "127.0.0.1", "port": str(port), "user": USER, "database": database,
        "secret": "front",
    }  # fmt: skip

"""A home of a small city on disk, and what its stores hold.

The city has one department and three resources: `STREET` from CSV files, `RESIDENT` from a table
of an SQLite file pulled by watermark, `VISIT` without any key. One rule ties resident to street.
"""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chengshu.catalog import Pack, Resource, usable_pack
from chengshu.libraries import stores
from chengshu.main.home import Home, make_home, open_home
from tests.support.commands import Done, finish, start

STREET, RESIDENT, VISIT = "office/street", "office/resident", "office/visit"
CITY = {
    "city.yaml": "name: test\nlabel: 测试市\ndivision: 330200\n",
    "departments.yaml": "departments:\n  office: {label: 办公室}\n",
    "elements.yaml": "elements:\n  person: {label: 姓名, type: person_name, grade: 3}\n",
    "resources/office/street.yaml": """\
name: street
label: 街道
owner: office
sharing: unconditional
update: daily
key: [code]
fields:
  - {name: code, label: 编码, type: text}
  - {name: name, label: 名称, type: text}
  - {name: opened, label: 日期, type: date}
source: {kind: file, path: "../../front/street_*.csv", as_of: 'street_(\\d{8})'}
""",
    "resources/office/resident.yaml": """\
name: resident
label: 居民
owner: office
sharing: conditional
condition: 测试
update: daily
key: [number]
fields:
  - {name: number, label: 编号, type: text}
  - {name: person, element: person, required: true}
  - {name: street, label: 街道, type: text}
  - {name: income, label: 收入, type: money}
  - {name: changed, label: 变更时间, type: datetime}
rules:
  - name: street_known
    reference: office/street
    fields: [street]
    to: [code]
source:
  {kind: sqlite, path: ../../front/residents.sqlite, table: residents, mode: incremental,
   watermark: changed, overlap: 1 day}
""",
    "resources/office/visit.yaml": """\
name: visit
label: 来访
owner: office
sharing: unconditional
update: daily
identity: content
fields:
  - {name: street, label: 街道, type: text}
  - {name: day, label: 日期, type: date}
source: {kind: file, path: "../../front/visit_*.csv", as_of: 'visit_(\\d{8})'}
""",
}
PLACE = {
    "base/place.yaml": """\
entity: place
label: 地方
key: {name: place_code, label: 编码, type: text}
sources:
  street: {resource: office/street, key: code}
  resident: {resource: office/resident, key: street, newest: changed}
parts:
  - label: 地方
    attributes:
      - {name: place_name, source: street.name, basis: 条例}
      - {name: opened, source: street.opened, basis: 条例}
      - {name: last_resident, source: resident.person, basis: 条例, grade: 3}
children:
  - {name: residents, label: 居民, source: resident, show: [number, person]}
""",
}
STREETS = {
    "20260101": ["a,甲街,2001-02-03", "b,乙街,bad date", "c,丙街", ",无码,2001-01-01"],
    "20260201": ["a,甲大街,2001-02-03", "b,乙街,2002-02-02", "d,丁街,2004-04-04"],
}
VISITS = {"20260101": ["a,2026-01-01", "a,2026-01-01", "b,2026-01-02", "b,never"]}
Resident = tuple[str, str | None, str | None, object, str | None]
RESIDENTS: list[Resident] = [
    ("1", "王小明", "a", "1000.50", "2026-01-01 08:00:00"),
    ("2", "李小红", "b", 2000, "2026-01-02 08:00:00"),
    ("3", "赵小刚", "zzz", None, "2026-01-03 08:00:00"),
    ("4", None, "a", "x", "2026-01-03 09:00:00"),
    ("5", "周小云", None, "5", None),
]


@dataclass(frozen=True)
class TestHome:
    """A home folder, its front store beside it, and its stores."""

    __test__ = False
    root: Path

    @property
    def pack(self) -> Path:
        return self.root / "packs" / "city"

    @property
    def front(self) -> Path:
        return self.root / "front"

    @property
    def home(self) -> Home:
        return open_home(self.root)

    def start(self, *args: object, **how: Any) -> subprocess.Popen[str]:
        """Start a command on this home, in a process group of its own."""
        return start("--home", self.root, *args, **{"warm": True, **how})

    def call(self, *args: object, given: str | None = None) -> Done:
        """Run a command on this home to its end; no end may show a traceback."""
        return finish(self.start(*args), given)

    def run(self, *resources: str, code: int = 0) -> list[dict[str, Any]]:
        """Run resources; return what ``run --json`` says, having checked the exit code."""
        done = self.call("run", *resources, "--json")
        assert done.code == code, done
        return done.lines

    def declare(self, path: str, text: str) -> None:
        write(self.pack / path, text)

    def mend(self, path: str, old: str, new: str) -> None:
        """Change a text of a declaration."""
        text = (self.pack / path).read_text(encoding="utf-8")
        assert old in text
        self.declare(path, text.replace(old, new))

    def deliver(self, name: str, header: str, rows: Iterable[str]) -> Path:
        """Put a CSV file into the front store."""
        path = self.front / f"{name}.csv"
        write(path, "\n".join([header, *rows]) + "\n")
        return path

    def deliver_all(self) -> None:
        """Put into the front store everything that the city begins with."""
        for day, rows in STREETS.items():
            self.deliver(f"street_{day}", "code,name,opened", rows)
        for day, rows in VISITS.items():
            self.deliver(f"visit_{day}", "street,day", rows)
        self.register(RESIDENTS)

    def register(self, residents: Iterable[Resident]) -> None:
        """Add residents to the department's table, or change them."""
        with closing(sqlite3.connect(self.front / "residents.sqlite")) as con, con:
            con.execute(
                "CREATE TABLE IF NOT EXISTS residents "
                "(number TEXT PRIMARY KEY, person, street, income, changed)"
            )
            con.executemany("REPLACE INTO residents VALUES (?, ?, ?, ?, ?)", residents)

    def declared(self) -> Pack:
        return usable_pack(self.pack)

    def resource(self, name: str) -> Resource:
        return self.declared().get(name)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over the lake; none when nothing has ever landed."""
        home = self.home
        if not home.lake.exists():
            return []
        with home.reading() as engine, engine.session() as session:
            return [tuple(row.values()) for row in session.rows(sql, step="look")]

    def snapshot(self, *, times: bool = False) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that the stores hold, table by table; business times only with ``times``.

        Left out is what differs between two runs that did the same: the clock and keys of runs.
        """
        drop = {"step_key", "landed_at", "done_at", "engine", "_references"}
        drop |= set() if times else {"as_of", "_since", "_until"}
        found: dict[str, list[tuple[Any, ...]]] = {}
        home = self.home
        if not home.lake.exists():
            return found
        with home.reading() as engine, engine.session() as session:
            tables = session.rows(
                "SELECT schema_name AS s, table_name AS t, column_name AS c FROM duckdb_columns() "
                "WHERE database_name = 'lake' AND schema_name IN "
                "('landing', 'department', 'management') AND table_name <> 'merges' ORDER BY ALL",
                step="tables",
            )
            columns: dict[str, list[str]] = {}
            for row in tables:
                columns.setdefault(f"{row['s']}.{row['t']}", []).append(row["c"])
            for table, names in columns.items():
                shown = ", ".join(f'"{n}"' for n in names if n not in drop)
                rows = session.rows(f"SELECT {shown} FROM lake.{table} ORDER BY ALL", step=table)
                found[table] = [tuple(row.values()) for row in rows]
        return found

    def current(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        """Return columns of the current records of a resource, in order."""
        shown = ", ".join(columns)
        return self.rows(
            f"SELECT {shown} FROM lake.{stores.current(self.resource(name))} ORDER BY ALL"
        )

    def balances(self, *names: str) -> list[dict[str, Any]]:
        """Return the balance of every batch, having checked that each is closed."""
        done = self.call("status", *names, "--all", "--json")
        assert done.code == 0, done
        lines = [line for line in done.lines if line["about"] == "batch"]
        assert all(line["closed"] for line in lines), lines
        return lines


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def make_test_home(
    root: Path, files: Mapping[str, str] | None = None, settings: str = ""
) -> TestHome:
    """Make a home whose city pack is ``files`` (`CITY` if none), with nothing delivered."""
    make_home(root, root / "packs" / "city")
    config = root / "config.toml"
    small = config.read_text(encoding="utf-8").replace("3000", "700").replace("= 0 ", "= 2 ")
    config.write_text(small + settings, encoding="utf-8")
    home = TestHome(root)
    for path, text in (CITY if files is None else files).items():
        home.declare(path, text)
    home.front.mkdir()
    return home


def without(*resources: str) -> dict[str, str]:
    """Return `CITY` less some resources."""
    gone = {f"resources/{name}.yaml" for name in resources}
    return {path: text for path, text in CITY.items() if path not in gone}


def query(path: Path, sql: str) -> int:
    """Return the number that a query over a live SQLite file gives; 0 while it cannot be asked."""
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=0)) as con:
            return int(con.execute(sql).fetchone()[0] or 0)
    except sqlite3.Error:
        return 0


def same_stores(one: Mapping[str, Sequence[Any]], other: Mapping[str, Sequence[Any]]) -> None:
    """Check table by table, so that a failure names the table."""
    assert list(one) == list(other)
    for table, rows in one.items():
        assert rows == other[table], table

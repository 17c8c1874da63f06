"""Ways back of a test city: what they are declared as, and what has come there."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.home import STREET, STREETS, TestHome, make_test_home, without
from tests.support.servers import PASSWORD, USER, PostgresServer

HEADER = "code,name,opened"
COLUMNS = ("resource", "batch", "number", "source", "position", "record_key", "rule", "field",
           "reason", "effect", "sentence")  # fmt: skip
FOLDER = "{kind: folder, path: ../../back}"
SQLITE = "{kind: sqlite, path: ../../back/store.sqlite}"
# What goes back of `STREETS`: its first batch has a wrong date, a short row and one without code.
TOLD = [
    ("office/street", "1", "1", "street_20260101.csv", "3", '{"code": "b"}', "date", "opened",
     "unreadable", "withhold"),
    ("office/street", "1", "2", "street_20260101.csv", "4", '{"code": "c"}', "intact", None,
     "ragged_short", "block"),
    ("office/street", "1", "3", "street_20260101.csv", "5", '{"code": ""}', "required", "code",
     "missing", "block"),
]  # fmt: skip


def postgres(server: PostgresServer, user: str = USER, prefix: str = "chengshu") -> str:
    return (
        f"{{kind: postgres, host: 127.0.0.1, port: {server.port}, database: postgres, "
        f"user: {user}, secret: front, prefix: {json.dumps(prefix, ensure_ascii=False)}}}"
    )


def make_back_home(folder: Path, back: str) -> TestHome:
    """Make a home of streets whose findings go back; nothing is delivered yet."""
    home = make_test_home(folder, without("office/resident", "office/visit"))
    declare_back(home, back)
    (home.root / "back").mkdir()
    (home.root / "back" / "store.sqlite").touch()
    with home.home.open_secrets() as secrets:
        secrets.put("front", PASSWORD)
    return home


def declare_back(home: TestHome, back: str) -> None:
    path = home.pack / "resources/office/street.yaml"
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("back:")]
    home.declare("resources/office/street.yaml", "\n".join([*lines, f"back: {back}", ""]))


def deliver_streets(home: TestHome) -> None:
    for day, rows in STREETS.items():
        home.deliver(f"street_{day}", HEADER, rows)


def deliver_bad(home: TestHome, rows: int) -> None:
    """Deliver one batch of which every row fails once."""
    home.deliver("street_20260101", HEADER, (f"s{n},街,not a day" for n in range(rows)))


def fetched(store: Path | PostgresServer, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query over a store; none while its tables are not there."""
    if isinstance(store, PostgresServer):
        import psycopg

        with store.connect() as con:
            try:
                return con.execute(sql).fetchall()  # type: ignore[arg-type]
            except psycopg.errors.UndefinedTable:
                return []
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True, timeout=0)) as con:
        try:
            return con.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []


def findings_in(store: Path | PostgresServer) -> list[tuple[str | None, ...]]:
    """Return the findings that came to a store as text, in order: a database's or a folder's."""
    if isinstance(store, Path) and store.is_dir():
        return [row for path in sorted(store.glob("*.csv")) for row in read_csv(path)[1:]]
    names = ", ".join(COLUMNS)
    sql = f"SELECT {names} FROM chengshu_findings ORDER BY resource, batch, number"
    return [tuple(None if c is None else str(c) for c in row) for row in fetched(store, sql)]


def read_csv(path: Path) -> list[tuple[str | None, ...]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [tuple(cell or None for cell in row) for row in csv.reader(file)]


def receipts_in(store: Path | PostgresServer) -> list[tuple[int, int]]:
    """Return batch and rows of every receipt in a store, in order."""
    if isinstance(store, Path) and store.is_dir():
        said = [json.loads(path.read_text("utf-8")) for path in sorted(store.glob("*.ok"))]
        return [(one["batch"], one["rows"]) for one in said]
    sql = "SELECT batch, row_count FROM chengshu_receipts ORDER BY batch"
    return [(int(batch), int(rows)) for batch, rows in fetched(store, sql)]


def sent(home: TestHome) -> list[int]:
    """Return the batches that our own log says have gone back."""
    sql = "SELECT batch FROM lake.management.steps WHERE step = 'back' ORDER BY batch"
    return [int(batch) for (batch,) in home.rows(sql)]


def undelivered(home: TestHome) -> list[int]:
    done = home.call("status", STREET, "--json")
    return [line["batch"] for line in done.lines if line["about"] == "back"]

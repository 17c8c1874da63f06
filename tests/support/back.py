"""Ways back of a test city: what they are declared as, and what has come there."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pymysql

from chengshu.engine.sql import quote
from chengshu.exchange.connectors.mysql_text import quote_mysql
from chengshu.security.usage import list_uses
from tests.support.home import STREET, STREETS, TestHome, make_test_home, without
from tests.support.mariadb import DATABASE, MariadbServer, mariadb_server
from tests.support.servers import PASSWORD, USER, PostgresServer, postgres_server

NO_SUCH_TABLE = 1146
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


Server = PostgresServer | MariadbServer
Store = Path | Server


@contextmanager
def started(kind: str) -> Iterator[Server]:
    """Start a server of a kind."""
    with postgres_server() if kind == "postgres" else mariadb_server() as server:
        yield server


def back_of(server: Server, user: str = USER, prefix: str = "chengshu", more: str = "") -> str:
    """Return what declares a way back to a server."""
    database = "postgres" if isinstance(server, PostgresServer) else DATABASE
    return (
        f"{{kind: {kind_of(server)}, host: 127.0.0.1, port: {server.port}, database: {database}, "
        f"user: {user}, secret: front, prefix: {json.dumps(prefix, ensure_ascii=False)}{more}}}"
    )


def kind_of(server: Server) -> str:
    """Return what the kind of a server is called in a declaration."""
    return "postgres" if isinstance(server, PostgresServer) else "mysql"


def emptied(server: Server) -> Server:
    """Return a server without our tables."""
    server.execute("DROP TABLE IF EXISTS chengshu_findings, chengshu_receipts")
    return server


def let_in(server: Server, user: str, right: str) -> None:
    """Make a user, who needs `PASSWORD` and has a right on our tables."""
    word = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    if isinstance(server, PostgresServer):
        made = f"CREATE ROLE {user} LOGIN PASSWORD E'{word}'"
        grant = f"GRANT {right} ON chengshu_findings, chengshu_receipts TO {user}"
        server.execute(f"DROP ROLE IF EXISTS {user}", made, *[grant] * bool(right))
        return
    made = f"CREATE OR REPLACE USER {user}@'%' IDENTIFIED BY '{word}'"
    tables = ("chengshu_findings", "chengshu_receipts") if right else ("seen",)
    grants = [f"GRANT {right or 'SELECT'} ON {table} TO {user}@'%'" for table in tables]
    server.execute("CREATE TABLE IF NOT EXISTS seen (id int)", made, *grants)


def quoted_in(server: Server, name: str) -> str:
    """Return a name as an identifier."""
    return quote(name) if isinstance(server, PostgresServer) else quote_mysql(name)


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


def fetched(store: Store, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query over a store; none while its tables are not there."""
    if isinstance(store, MariadbServer):
        with closing(store.connect()) as maria, maria.cursor() as cursor:
            try:
                cursor.execute(sql)
                return list(cursor.fetchall())
            except pymysql.err.ProgrammingError as err:
                if err.args[0] != NO_SUCH_TABLE:
                    raise
                return []
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


def findings_in(store: Store) -> list[tuple[str | None, ...]]:
    """Return the findings that came to a store as text, in order: a database's or a folder's."""
    if isinstance(store, Path) and store.is_dir():
        return [row for path in sorted(store.glob("*.csv")) for row in read_csv(path)[1:]]
    names = ", ".join(COLUMNS)
    sql = f"SELECT {names} FROM chengshu_findings ORDER BY resource, batch, number"
    return [tuple(None if c is None else str(c) for c in row) for row in fetched(store, sql)]


def read_csv(path: Path) -> list[tuple[str | None, ...]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [tuple(cell or None for cell in row) for row in csv.reader(file)]


def receipts_in(store: Store) -> list[tuple[int, int]]:
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


def uses(home: TestHome) -> list[str]:
    """Return what the usage record says was delivered back."""
    with closing(home.home.open_state()) as state:
        return [str(use["what"]) for use in list_uses(state) if use["purpose"] == "delivery back"]


def undelivered(home: TestHome) -> list[int]:
    done = home.call("status", STREET, "--json")
    return [line["batch"] for line in done.lines if line["about"] == "back"]

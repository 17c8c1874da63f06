"""Pulling from a real PostgreSQL server: every value as its exact text, and what changed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chengshu.catalog.source import PostgresSource
from chengshu.engine.lake import load_extensions
from chengshu.exchange.connectors.postgres import find_postgres
from chengshu.exchange.port import Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError
from tests.support.commands import finish
from tests.support.home import TestHome, make_test_home
from tests.support.servers import PASSWORD, USER, PostgresServer, postgres_server

ZONE = "Asia/Shanghai"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


def source(server: PostgresServer, table: str, **more: Any) -> PostgresSource:
    return PostgresSource.model_validate(
        {
            "kind": "postgres", "host": "127.0.0.1", "port": server.port, "user": USER,
            "database": "postgres", "secret": "front", "table": table, **more,
        }
    )  # fmt: skip


def around(password: str = PASSWORD) -> Surroundings:
    return Surroundings(Path(), ZONE, lambda _: password, Path(), Path())


def pull(
    found: PostgresSource, watermark: str | None = None
) -> tuple[list[dict[str, str | None]], str | None]:
    """Return the rows of one pull, read in either way, and its watermark."""
    import duckdb

    (incoming,) = find_postgres(found, Past("run", watermark), around())
    rows = [row for batch in incoming.batches() for row in batch.to_pylist()]
    assert incoming.scan is not None
    with duckdb.connect() as con:
        load_extensions(con, ("postgres_scanner",))
        with incoming.scan.attached(con) as sql:
            assert con.execute(sql).to_arrow_table().to_pylist() == rows
        assert con.execute("SELECT name FROM duckdb_secrets()").fetchall() == []
    return rows, incoming.watermark


# Type, what is put in (SQL), the text that must come out.
VALUES = [
    ("numeric", "12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
    ("numeric(38,10)", "0.1", "0.1000000000"),
    ("numeric", "'NaN'", "NaN"),
    ("numeric", "1.10", "1.10"),
    ("double precision", "'Infinity'", "Infinity"),
    ("double precision", "0.1", "0.1"),
    ("double precision", "'-0'", "-0"),
    ("real", "'NaN'", "NaN"),
    ("bigint", "9223372036854775807", "9223372036854775807"),
    ("boolean", "true", "true"),
    ("timestamptz", "'1988-07-01 00:00:00+00'", "1988-07-01 09:00:00+09"),
    ("timestamptz", "'2026-01-01 00:00:00.123456+00'", "2026-01-01 08:00:00.123456+08"),
    ("timestamp", "'infinity'", "infinity"),
    ("date", "'0044-03-15 BC'", "0044-03-15 BC"),
    ("date", "'10000-01-01'", "10000-01-01"),
    ("time", "'24:00:00'", "24:00:00"),
    ("interval", "'1 year 2 days 03:04:05.6'", "P1Y2DT3H4M5.6S"),
    ("bytea", r"'\x00ff27'", r"\x00ff27"),
    ("integer[]", "'{{1,NULL},{3,4}}'", "{{1,NULL},{3,4}}"),
    ("text[]", "ARRAY['a,b', '\"', NULL]", r'{"a,b","\"",NULL}'),
    ("jsonb", """'{"b": 1.50, "a": "x"}'""", '{"a": "x", "b": 1.50}'),
    ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("text", "E'it''s \"so\"\\n\\t\\\\ \\r\\n'", "it's \"so\"\n\t\\ \r\n"),
    ("text", "'𠮷野家 👩‍👩‍👧 ﷽'", "𠮷野家 👩‍👩‍👧 ﷽"),
    ("text", "''", ""),
    ("text", "NULL", None),
    ("char(5)", "'ab'", "ab"),
    ("inet", "'10.1.2.3/8'", "10.1.2.3/8"),
]  # fmt: skip


def test_every_awkward_value_comes_as_its_exact_text(server: PostgresServer):
    columns = ", ".join(f"c{at} {kind}" for at, (kind, _, _) in enumerate(VALUES))
    values = ", ".join(given for _, given, _ in VALUES)
    server.execute(f"CREATE TABLE awkward ({columns})", f"INSERT INTO awkward VALUES ({values})")

    (row,), _ = pull(source(server, "awkward"))

    got = [(kind, row[f"c{at}"]) for at, (kind, _, _) in enumerate(VALUES)]
    assert got == [(kind, expected) for kind, _, expected in VALUES]


def test_names_are_never_read_as_sql(server: PostgresServer):
    server.execute(
        'CREATE SCHEMA "o\'dd"',
        'CREATE TABLE "o\'dd"."表 \'; DROP TABLE x; --" ("a\'b" text, "引""号" text, "C" text)',
        "INSERT INTO \"o'dd\".\"表 '; DROP TABLE x; --\" VALUES ('1', '2', '3')",
    )

    (row,), _ = pull(source(server, "o'dd.表 '; DROP TABLE x; --"))

    assert (row["a'b"], row['引"号'], row["C"]) == ("1", "2", "3")


def test_an_incremental_pull_takes_what_changed_and_reaches_back(server: PostgresServer):
    server.execute(
        "CREATE TABLE changing (id int PRIMARY KEY, note text, at timestamptz)",
        "INSERT INTO changing VALUES (1, 'old', '2026-01-01 08:00+08'), "
        "(2, 'new', '2026-01-05 08:00+08'), (3, 'unmarked', NULL)",
    )
    found = source(server, "changing", mode="incremental", watermark="at", overlap="1 day")

    first, mark = pull(found)
    server.execute(
        "UPDATE changing SET note = 'changed', at = '2026-01-06 08:00+08' WHERE id = 1",
        "INSERT INTO changing VALUES (4, 'committed late', '2026-01-04 20:00+08'), "
        "(5, 'too late', '2026-01-03 08:00+08'), (6, 'newest', '2026-01-07 08:00+08')",
    )
    second, after = pull(found, mark)
    server.execute("DELETE FROM changing")
    third, kept = pull(found, after)

    assert sorted(str(row["id"]) for row in first) == ["1", "2", "3"]
    assert mark == "2026-01-05 08:00:00+08"
    notes = {row["note"] for row in second}
    assert notes == {"changed", "new", "unmarked", "committed late", "newest"}
    assert (after, third, kept) == ("2026-01-07 08:00:00+08", [], after)


def test_a_watermark_of_digits_in_text_keeps_its_zeros(server: PostgresServer):
    server.execute(
        "CREATE TABLE padded (serial text)", "INSERT INTO padded VALUES ('000123'), ('000124')"
    )
    found = source(server, "padded", mode="incremental", watermark="serial")

    _, mark = pull(found)
    server.execute("INSERT INTO padded VALUES ('000200')")
    rows, after = pull(found, mark)

    assert sorted(str(row["serial"]) for row in rows) == ["000124", "000200"]
    assert after == "000200"


# Type of the watermark, what is there first, what comes then, the watermarks, what is told.
MARKS: dict[str, tuple[str, list[str], list[str], str | None, str | None, set[str]]] = {
    "integer": ("int", ["8", "9"], ["10", "11"], "9", "11", set()),
    "number": ("numeric", ["8.5", "NaN"], ["10", "-Infinity"], "8.5", "10", set()),
    "double": ("float8", ["8.5", "Infinity"], ["10", "NaN"], "8.5", "10", set()),
    "text": ("text", ["8", "9"], ["10", "11"], "9", "11", {"watermark_unlike"}),
    "date": ("date", ["2026-01-01", "9999-12-31"], ["2026-01-02", "-infinity"],
             "2026-01-01", "2026-01-02", {"watermark_ahead"}),
    "timestamp": ("timestamp", ["2026-01-01 08:00", "infinity"], ["2026-01-02", "10000-01-01"],
                  "2026-01-01 08:00:00", "2026-01-02 00:00:00", {"watermark_ahead"}),
    "with zone": ("timestamptz", ["2026-01-01 08:00+08", "9999-12-31 00:00+00"],
                  ["2026-01-01 09:00+08"], "2026-01-01 08:00:00+08", "2026-01-01 09:00:00+08",
                  {"watermark_ahead"}),
    "only the future": ("date", ["9999-12-31"], ["2026-01-01"], None, "2026-01-01",
                        {"watermark_ahead"}),
    "garbage": ("varchar(20)", ["2026-01-01", "zzz"], ["2026-01-02"], "2026-01-01", "2026-01-02",
                {"watermark_unlike"}),
}  # fmt: skip


@pytest.mark.parametrize("overlap", [None, "1"])
@pytest.mark.parametrize("case", MARKS)
def test_no_watermark_keeps_a_row_out(server: PostgresServer, case: str, overlap: str | None):
    kind, first, then, mark, after, told = MARKS[case]
    unit = " day" if overlap and "2026" in str(then) else ""
    more = {"overlap": overlap + unit} if overlap else {}
    found = source(server, "marked", mode="incremental", watermark="mark", **more)
    values = ", ".join(f"('{value}')" for value in first)
    server.execute(
        "DROP TABLE IF EXISTS marked",
        f"CREATE TABLE marked (id serial, mark {kind})",
        f"INSERT INTO marked (mark) VALUES {values}",
    )

    rows, kept = pull(found)
    server.execute(*(f"INSERT INTO marked (mark) VALUES ('{value}')" for value in then))
    past = Past("run", kept, key=[["id"]])
    (incoming,) = find_postgres(found, past, around())
    again = [row for batch in incoming.batches() for row in batch.to_pylist()]

    assert (len(rows), kept, incoming.watermark) == (len(first), mark, after)
    ids = [int(row["id"]) for row in again]
    assert ids == sorted(ids)
    assert set(range(len(first) + 1, len(first) + len(then) + 1)) <= set(ids)
    assert {f.code for f in incoming.findings} == told


def test_a_wrong_password_is_told_and_not_shown(server: PostgresServer):
    with pytest.raises(ExternalError) as caught:
        find_postgres(source(server, "awkward"), Past("run"), around("wrong-' pass"))

    assert "the server does not let us in" in str(caught.value)
    assert "wrong-" not in str(caught.value)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("table", "more", "message"),
    [
        ("nowhere", {}, "has no table 'nowhere'"),
        ("pg_type", {"mode": "incremental", "watermark": "att"}, "no watermark column 'att'"),
    ],
)
def test_what_the_server_lacks_is_named(
    server: PostgresServer, table: str, more: dict[str, str], message: str
):
    with pytest.raises(InputError, match=message):
        pull(source(server, table, **more))


DECLARED = """\
name: big
label: 大表
owner: office
sharing: unconditional
update: daily
key: [id]
fields:
  - {{name: id, label: 编号, type: text}}
  - {{name: note, label: 说明, type: text}}
source: {{kind: postgres, host: 127.0.0.1, port: {port}, database: postgres, user: front,
  secret: front, table: big}}
"""


def make_home(folder: Path, server: PostgresServer) -> TestHome:
    return make_test_home(folder, {
        "city.yaml": f"name: x\nlabel: x\ndivision: 330200\ntimezone: {ZONE}\n",
        "departments.yaml": "departments: {office: {label: 办公室}}\n",
        "resources/office/big.yaml": DECLARED.format(port=server.port),
    })  # fmt: skip


def test_a_pull_says_which_secret_is_missing_or_wrong(tmp_path: Path, server: PostgresServer):
    home = make_home(tmp_path / "home", server)

    without = home.call("run", "big")
    with home.home.open_secrets() as secrets:
        secrets.put("front", "not-the-word")
    wrong = home.call("run", "big")

    assert without.code == 1
    assert "no secret 'front'" in without.text
    assert wrong.code == 3
    assert "the secret 'front'" in wrong.text
    assert "not-the-word" not in wrong.text
    assert all(not rows for rows in home.snapshot().values())


def backends(server: PostgresServer) -> list[int]:
    with server.connect() as con:
        rows = con.execute(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE '%FROM \"big\"%' "
            "AND pid <> pg_backend_pid() AND state = 'active'"
        ).fetchall()
    return [int(row[0]) for row in rows]


def break_it(
    server: PostgresServer, how: str, seen: list[int], running: Callable[[], bool]
) -> None:
    """Wait until the big table is being read, then break the connection or the server."""
    until = time.monotonic() + 60
    while time.monotonic() < until and not seen and running():
        seen += backends(server)
        time.sleep(0.02)
    time.sleep(0.3)
    if how == "connection":
        for pid in seen:
            server.execute(f"SELECT pg_terminate_backend({pid})")
    else:
        server.stop(signal.SIGQUIT)


@pytest.mark.parametrize("how", ["connection", "server"])
def test_a_server_that_dies_mid_pull_leaves_nothing_landed(
    tmp_path: Path, server: PostgresServer, how: str
):
    home = make_home(tmp_path / "home", server)
    with home.home.open_secrets() as secrets:
        secrets.put("front", PASSWORD)
    # A view that is slow to read: it must be in the middle when the end comes.
    server.execute(
        "CREATE OR REPLACE VIEW big AS SELECT g AS id, repeat('x', 100) || "
        "CASE WHEN g % 1000 = 0 THEN pg_sleep(0.02)::text ELSE '' END AS note "
        "FROM generate_series(1, 400000) AS g"
    )
    seen: list[int] = []
    run = home.start("run", "big")

    break_it(server, how, seen, lambda: run.poll() is None)
    done = finish(run)

    if how == "server":
        server.start()
    assert seen, "the pull was never seen on the server"
    assert done.code == 3, done
    assert "postgres 127.0.0.1" in done.text
    assert PASSWORD not in done.text
    assert all(not rows for rows in home.snapshot().values())
    server.execute("CREATE OR REPLACE VIEW big AS SELECT 1 AS id, 'whole'::text AS note")
    assert [line["accepted"] for line in home.run("big")] == [1]

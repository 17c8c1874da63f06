"""The connector of PostgreSQL, as the kit tests it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.connectors.kit import Database, Mark, Tested, quoted_by, server_at
from tests.support.servers import PostgresServer, postgres_server

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

MARKS: dict[str, Mark] = {
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

SLOW = (
    "SELECT g AS id, repeat('x', 100) || CASE WHEN g % 1000 = 0 THEN pg_sleep(0.02)::text ELSE '' "
    "END AS name, NULL::text AS opened FROM generate_series(1, 400000) AS g"
)


@contextmanager
def opened(_folder: Path) -> Iterator[Database]:
    with postgres_server() as server:
        yield Database(
            "postgres", server_at(server.port, "postgres"), server.execute, quoted_by('"'),
            scanner="postgres_scanner", slow=SLOW, reading=lambda: _reading(server),
            breaks={
                "connection": lambda pids: _terminate(server, pids),
                "server": lambda _: _stop(server),
            },
        )  # fmt: skip


def _reading(server: PostgresServer) -> Sequence[Any]:
    with server.connect() as con:
        return con.execute(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE '%FROM \"slow\"%' "
            "AND pid <> pg_backend_pid() AND state = 'active'"
        ).fetchall()


def _terminate(server: PostgresServer, pids: Sequence[Any]) -> Callable[[], None]:
    for (pid,) in pids:
        server.execute(f"SELECT pg_terminate_backend({pid})")
    return lambda: None


def _stop(server: PostgresServer) -> Callable[[], None]:
    server.stop(signal.SIGQUIT)
    return server.start


TESTED = Tested(opened, VALUES, MARKS, ("connection", "server"))

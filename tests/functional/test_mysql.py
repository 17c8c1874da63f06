"""What is of MariaDB alone in a pull, on a real server; what all connectors do, the kit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chengshu.exchange.connectors.mysql import find_mysql
from chengshu.exchange.port import Past
from chengshu.kernel.errors import ExternalError
from tests.connectors.mysql import VALUES
from tests.support.mariadb import MariadbServer, mariadb_server
from tests.support.mysql_pull import around, pull, source


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with mariadb_server() as server:
        yield server


# A server's own settings, which may not show in a value.
MODES = ["ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT",
         "TRADITIONAL,ONLY_FULL_GROUP_BY,HIGH_NOT_PRECEDENCE,IGNORE_SPACE"]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_values_are_the_same_in_every_mode_of_the_server(server: MariadbServer, mode: str):
    columns = ", ".join(f"c{at} {kind} NULL" for at, (kind, _, _) in enumerate(VALUES))
    values = ", ".join(given for _, given, _ in VALUES)
    server.execute(
        "DROP TABLE IF EXISTS awkward",
        f"CREATE TABLE awkward ({columns})",
        f"INSERT INTO awkward VALUES ({values})",
        f"SET GLOBAL sql_mode = '{mode}'",
    )

    (row,), _ = pull(source(server, "awkward"))

    server.execute("SET GLOBAL sql_mode = DEFAULT")
    got = [(kind, row[f"c{at}"]) for at, (kind, _, _) in enumerate(VALUES)]
    assert got == [(kind, expected) for kind, _, expected in VALUES]


# UTC, the city's wall time of it.
MOMENTS = [
    ("1970-01-01 00:00:01", "1970-01-01 08:00:01.000000"),
    ("1988-07-01 00:00:00.5", "1988-07-01 09:00:00.500000"),
    ("1988-09-10 15:59:59.9", "1988-09-11 00:59:59.900000"),
    ("1988-09-10 16:00:00", "1988-09-11 01:00:00.000000+09:00"),
    ("1988-09-10 16:59:59", "1988-09-11 01:59:59.000000+09:00"),
    ("1988-09-10 17:00:00", "1988-09-11 01:00:00.000000+08:00"),
    ("1988-09-10 18:00:00", "1988-09-11 02:00:00.000000"),
    ("1991-09-15 00:00:00", "1991-09-15 08:00:00.000000"),
    ("2026-01-01 00:00:00.123456", "2026-01-01 08:00:00.123456"),
]


@pytest.mark.parametrize("zone", ["SYSTEM", "-05:00"])
def test_a_moment_is_the_citys_wall_time_whatever_the_servers_zone(
    server: MariadbServer, zone: str
):
    values = ", ".join(f"('{moment}')" for moment, _ in MOMENTS)
    server.execute(
        "SET time_zone = '+00:00'",
        "CREATE OR REPLACE TABLE moments (at timestamp(6) NOT NULL)",
        f"INSERT INTO moments VALUES {values}",
        f"SET GLOBAL time_zone = '{zone}'",
    )

    rows, _ = pull(source(server, "moments"))
    utc, _ = pull(source(server, "moments"), zone="UTC")

    server.execute("SET GLOBAL time_zone = 'SYSTEM'")
    assert [row["at"] for row in rows] == [expected for _, expected in MOMENTS]
    assert str(utc[-1]["at"]) == MOMENTS[-1][0]


def test_tables_that_differ_by_case_are_two(server: MariadbServer):
    server.execute(
        "CREATE TABLE Twin (a int)", "CREATE TABLE twin (b int)", "INSERT INTO twin VALUES (7)"
    )

    rows, _ = pull(source(server, "twin"))

    assert [row["b"] for row in rows] == ["7"]


def test_a_value_too_long_for_the_server_fails_and_is_not_lost(server: MariadbServer):
    server.execute(
        "CREATE TABLE long_one (b longblob)",
        "INSERT INTO long_one VALUES (REPEAT('x', 700000))",
        "SET GLOBAL max_allowed_packet = 1048576",
    )
    try:
        (incoming,) = find_mysql(source(server, "long_one"), Past("run"), around())
        with pytest.raises(ExternalError, match="max_allowed_packet"):
            list(incoming.batches())
    finally:
        server.execute("SET GLOBAL max_allowed_packet = DEFAULT")
    (row,), _ = pull(source(server, "long_one"))
    assert row["b"] == "\\x" + "78" * 700_000


def test_a_watermark_of_text_keeps_its_zeros_and_its_backslash(server: MariadbServer):
    server.execute(
        "CREATE TABLE padded (serial varchar(20) character set gbk)",
        r"INSERT INTO padded VALUES ('城\\a''000123'), ('城\\a''000124')",
    )
    found = source(server, "padded", mode="incremental", watermark="serial")

    _, mark = pull(found)
    server.execute(r"INSERT INTO padded VALUES ('城\\a''000200'), ('城\\A''000001')")
    rows, after = pull(found, mark)

    told = ["城\\A'000001", "城\\a'000124", "城\\a'000200"]
    assert sorted(str(row["serial"]) for row in rows) == told
    assert after == "城\\a'000200"


def test_what_changed_is_found_by_the_watermarks_index(server: MariadbServer):
    server.execute(
        "CREATE TABLE indexed (id int, at timestamp NOT NULL, KEY (at))",
        "INSERT INTO indexed SELECT seq, '2025-01-01' + INTERVAL seq MINUTE FROM seq_1_to_5000",
    )
    found = source(server, "indexed", mode="incremental", watermark="at")
    _, mark = pull(found)

    before = int(server.execute("SHOW GLOBAL STATUS LIKE 'Handler_read_rnd_next'")[0][1])
    (incoming,) = find_mysql(found, Past("run", mark), around())
    rows = sum(batch.num_rows for batch in incoming.batches())
    scanned = int(server.execute("SHOW GLOBAL STATUS LIKE 'Handler_read_rnd_next'")[0][1])

    assert rows == 1
    assert scanned - before < 5000 * 2

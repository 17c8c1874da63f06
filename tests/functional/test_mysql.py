"""Pulling from a real MariaDB server: every value as its exact text, and what changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chengshu.exchange.connectors.mysql import find_mysql
from chengshu.exchange.port import Past
from chengshu.kernel.errors import ExternalError
from tests.support.home import TestHome, make_test_home
from tests.support.mariadb import MariadbServer, mariadb_server
from tests.support.mysql_pull import ZONE, around, pull, source
from tests.support.processes import PASSWORD


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with mariadb_server() as server:
        yield server


# Type, what is put in (SQL), the text that must come out.
VALUES = [
    ("date", "'0000-00-00'", "0000-00-00"),
    ("date", "'2024-00-00'", "2024-00-00"),
    ("date", "'9999-12-31'", "9999-12-31"),
    ("datetime", "'0000-00-00'", "0000-00-00 00:00:00"),
    ("datetime(6)", "'2024-02-00 01:02:03.000009'", "2024-02-00 01:02:03.000009"),
    ("datetime(6)", "'2026-01-01 08:00:00.5'", "2026-01-01 08:00:00.500000"),
    ("time", "'-838:59:59'", "-838:59:59"),
    ("time(3)", "'100:00:00.25'", "100:00:00.250"),
    ("year", "0", "0000"),
    ("year", "2155", "2155"),
    ("bigint unsigned", "18446744073709551615", "18446744073709551615"),
    ("bigint", "-9223372036854775808", "-9223372036854775808"),
    ("int(6) unsigned zerofill", "42", "000042"),
    ("tinyint(1)", "2", "2"),
    ("decimal(65,30)", "'-12345678901234567890123456789012345.1234567890123456789012345678'",
     "-12345678901234567890123456789012345.123456789012345678901234567800"),
    ("decimal(5,2)", "1.1", "1.10"),
    ("double", "0.1e0 + 0.2e0", "0.30000000000000004"),
    ("double", "1.7976931348623157e308", "1.7976931348623157e308"),
    ("double", "4.9406564584124654e-324", "5e-324"),
    ("double", "123456789012345678e0", "1.2345678901234568e17"),
    ("double(12,3)", "1.5", "1.500"),
    ("float", "0.1", "0.1"),
    ("float", "16777215", "16777215"),
    ("float", "121.557891", "121.55789184570312"),
    ("float", "3.40282346e38", "3.4028234663852886e38"),
    ("float", "0", "0"),
    ("float(8,2)", "12345.67", "12345.67"),
    ("bit(1)", "1", "1"),
    ("bit(10)", "b'1000000001'", "1000000001"),
    ("bit(64)", "b'1'", "0" * 63 + "1"),
    ("binary(4)", "x'00FF27'", r"\x00ff2700"),
    ("varbinary(9)", "x''", r"\x"),
    ("blob", "x'00FF275C'", r"\x00ff275c"),
    ("point", "POINT(1, 2)", r"\x000000000101000000000000000000f03f0000000000000040"),
    ("enum('甲','乙')", "'乙'", "乙"),
    ("enum('a')", "'none of them'", ""),
    ("set('x','y','z')", "'z,x'", "x,z"),
    ("json", """'{"b": 1.50, "a": "\\\\u0041"}'""", r'{"b": 1.50, "a": "\u0041"}'),
    ("timestamp", "0", "0000-00-00 00:00:00"),
    ("varchar(9)", "''", ""),
    ("varchar(9)", "NULL", None),
    ("varchar(9)", "'ab  '", "ab  "),
    ("char(9)", "'ab  '", "ab"),
    ("text", r"'it\'s \"so\"\n\t\\ \r\n%s ?'", "it's \"so\"\n\t\\ \r\n%s ?"),
    ("text", "'𠮷野家 👩‍👩‍👧 ﷽'", "𠮷野家 👩‍👩‍👧 ﷽"),
    ("text", "CONCAT('a', CHAR(0), 'b')", "a\0b"),
    ("varchar(9) character set gbk", "'城枢?'", "城枢?"),
    ("varchar(9) character set gbk", "_gbk x'C4E3A2AB41'", r"\xc4e3a2ab41"),
    ("char(9) character set gbk", "_gbk x'FEFE'", r"\xfefe"),
    ("varchar(9) character set big5", "'城'", "城"),
    ("varchar(9) character set latin1", "_latin1 x'C4E3819D'", "Äã\x81\x9d"),
    ("varchar(9) character set utf8mb3", "'城枢'", "城枢"),
    ("varchar(9) character set utf16", "'𠮷'", "𠮷"),
    ("varchar(9) character set ascii", "x'41FF42'", r"\x41ff42"),
    ("varchar(9) collate utf8mb4_bin", "'É'", "É"),
    ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("inet6", "'::ffff:10.1.2.3'", "::ffff:10.1.2.3"),
]  # fmt: skip
MODES = ["", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH,PIPES_AS_CONCAT",
         "TRADITIONAL,ONLY_FULL_GROUP_BY,HIGH_NOT_PRECEDENCE,IGNORE_SPACE"]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_every_awkward_value_comes_as_its_exact_text(server: MariadbServer, mode: str):
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


def test_names_are_never_read_as_sql(server: MariadbServer):
    server.execute(
        "CREATE DATABASE `o'dd`",
        "CREATE TABLE `o'dd`.`表 '`` DROP \\ TABLE %s -- ? \"x\"` "
        "(`a'b` text, `引``\"号` text, `_Line` text, `100%` text, `x\\\\'` int PRIMARY KEY)",
        "INSERT INTO `o'dd`.`表 '`` DROP \\ TABLE %s -- ? \"x\"` VALUES ('1', '2', '3', '4', 5)",
    )
    found = source(server, "o'dd.表 '` DROP \\ TABLE %s -- ? \"x\"")

    (row,), _ = pull(found)
    (incoming,) = find_mysql(found, Past("run", key=[["x\\\\'"]]), around())

    taken = [row[name] for name in ("a'b", '引`"号', "_Line", "100%", "x\\\\'")]
    assert taken == ["1", "2", "3", "4", "5"]
    assert [batch.num_rows for batch in incoming.batches()] == [1]


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


def test_an_incremental_pull_takes_what_changed_and_reaches_back(server: MariadbServer):
    server.execute(
        "SET time_zone = '+08:00'",
        "CREATE TABLE changing (id int PRIMARY KEY, note text, at timestamp NULL)",
        "INSERT INTO changing VALUES (1, 'old', '2026-01-01 08:00'), "
        "(2, 'new', '2026-01-05 08:00'), (3, 'unmarked', NULL)",
    )
    found = source(server, "changing", mode="incremental", watermark="at", overlap="1 day")

    first, mark = pull(found)
    server.execute(
        "SET time_zone = '+08:00'",
        "UPDATE changing SET note = 'changed', at = '2026-01-06 08:00' WHERE id = 1",
        "INSERT INTO changing VALUES (4, 'committed late', '2026-01-04 20:00'), "
        "(5, 'too late', '2026-01-03 08:00'), (6, 'newest', '2026-01-07 08:00')",
    )
    second, after = pull(found, mark)
    server.execute("DELETE FROM changing")
    third, kept = pull(found, after)

    assert sorted(str(row["id"]) for row in first) == ["1", "2", "3"]
    assert mark == "2026-01-05 00:00:00"
    notes = {row["note"] for row in second}
    assert notes == {"changed", "new", "unmarked", "committed late", "newest"}
    assert (after, third, kept) == ("2026-01-07 00:00:00", [], after)


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


# Type of the watermark, what is there first, what comes then, the watermarks, what is told.
MARKS: dict[str, tuple[str, list[str], list[str], str | None, str | None, set[str]]] = {
    "integer": ("int", ["8", "9"], ["10", "11"], "9", "11", set()),
    "unsigned": ("bigint unsigned", ["0", "9"], ["10", "18446744073709551615"], "9",
                 "18446744073709551615", set()),
    "number": ("decimal(10,1)", ["8.5", "-3"], ["10", "11"], "8.5", "11.0", set()),
    "double": ("double", ["8.5", "0.1"], ["10", "1e300"], "8.5", "1e300", set()),
    "float": ("float", ["0.1", "0.2"], ["0.3", "0.2"], "0.20000000298023224",
              "0.30000001192092896", set()),
    "text": ("varchar(20)", ["8", "9"], ["10", "11"], "9", "11", {"watermark_unlike"}),
    "date": ("date", ["2026-01-01", "9999-12-31"], ["2026-01-02", "0000-00-00", "2026-00-00"],
             "2026-01-01", "2026-01-02", {"watermark_ahead"}),
    "datetime": ("datetime(6)", ["2026-01-01 08:00", "2026-00-00"], ["2026-01-02", "9999-12-31"],
                 "2026-01-01 08:00:00.000000", "2026-01-02 00:00:00.000000", {"watermark_ahead"}),
    "timestamp": ("timestamp NULL", ["2026-01-01 08:00", "2037-12-31"],
                  ["2026-01-01 09:00", "0000-00-00"],
                  "2026-01-01 08:00:00", "2026-01-01 09:00:00", {"watermark_ahead"}),
    "only the future": ("date", ["9999-12-31"], ["2026-01-01"], None, "2026-01-01",
                        {"watermark_ahead"}),
    "garbage": ("varchar(20)", ["2026-01-01", "zzz"], ["2026-01-02"], "2026-01-01", "2026-01-02",
                {"watermark_unlike"}),
}  # fmt: skip


@pytest.mark.parametrize("overlap", [None, "1"])
@pytest.mark.parametrize("case", MARKS)
def test_no_watermark_keeps_a_row_out(server: MariadbServer, case: str, overlap: str | None):
    kind, first, then, mark, after, told = MARKS[case]
    unit = " day" if overlap and "2026" in str(then) else ""
    more = {"overlap": overlap + unit} if overlap else {}
    found = source(server, "marked", mode="incremental", watermark="mark", **more)
    values = ", ".join(f"('{value}')" for value in first)
    server.execute(
        "SET time_zone = '+00:00'",
        f"CREATE OR REPLACE TABLE marked (id int AUTO_INCREMENT PRIMARY KEY, mark {kind})",
        f"INSERT INTO marked (mark) VALUES {values}",
    )

    rows, kept = pull(found)
    added = ", ".join(f"('{value}')" for value in then)
    server.execute("SET time_zone = '+00:00'", f"INSERT INTO marked (mark) VALUES {added}")
    past = Past("run", kept, key=[["id"]])
    (incoming,) = find_mysql(found, past, around())
    again = [row for batch in incoming.batches() for row in batch.to_pylist()]

    assert (len(rows), kept, incoming.watermark) == (len(first), mark, after)
    ids = [int(row["id"]) for row in again]
    assert ids == sorted(ids)
    assert set(range(len(first) + 1, len(first) + len(then) + 1)) <= set(ids)
    assert {f.code for f in incoming.findings} == told


def test_numbered_batches_are_deliveries_in_their_order(server: MariadbServer):
    server.execute(
        "CREATE OR REPLACE TABLE numbered (id int, batch varchar(9) character set gbk)",
        r"INSERT INTO numbered VALUES (1, '10'), (2, '9'), (3, '9'), (4, 'a\\b'), (5, NULL)",
    )
    found = source(server, "numbered", mode="incremental", batch="batch")

    parts = find_mysql(found, Past("run"), around())

    ids = [[row["id"] for b in part.batches() for row in b.to_pylist()] for part in parts]
    assert [part.number for part in parts] == [9, 10, None]
    assert [sorted(of) for of in ids] == [["2", "3"], ["1"], ["4", "5"]]


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


DECLARED = """\
name: shop
label: 商铺
owner: office
sharing: unconditional
update: daily
key: [id]
fields:
  - {{name: id, label: 编号, type: text}}
  - {{name: name, label: 名称, type: text}}
  - {{name: opened, label: 日期, type: date}}
source: {{kind: mysql, host: 127.0.0.1, port: {port}, database: city, user: front,
  secret: front, table: shops, mode: incremental, watermark: changed}}
"""


def make_home(folder: Path, server: MariadbServer) -> TestHome:
    return make_test_home(folder, {
        "city.yaml": f"name: x\nlabel: x\ndivision: 330200\ntimezone: {ZONE}\n",
        "departments.yaml": "departments: {office: {label: 办公室}}\n",
        "resources/office/shop.yaml": DECLARED.format(port=server.port),
    })  # fmt: skip


def test_rows_are_pulled_landed_and_refined(tmp_path: Path, server: MariadbServer):
    home = make_home(tmp_path / "home", server)
    server.execute(
        "CREATE TABLE shops (id int PRIMARY KEY, name varchar(20) character set gbk, opened date,"
        " changed datetime)",
        "INSERT INTO shops VALUES (1, '早餐店', '2020-01-02', '2026-01-01'), "
        "(2, '书店', '0000-00-00', '2026-01-02')",
    )

    without = home.call("run", "shop")
    with home.home.open_secrets() as secrets:
        secrets.put("front", "not-the-word")
    wrong = home.call("run", "shop")
    with home.home.open_secrets() as secrets:
        secrets.put("front", PASSWORD)
    first = home.run("shop")
    server.execute("UPDATE shops SET name = '大书店', changed = '2026-01-03' WHERE id = 2")
    second = home.run("shop")

    assert (without.code, wrong.code) == (1, 3)
    assert "no secret 'front'" in without.text
    assert "the secret 'front'" in wrong.text
    assert "not-the-word" not in wrong.text
    assert [line["accepted"] for line in first + second] == [2, 1]
    landed = home.rows(
        "SELECT name, opened FROM lake.landing.office__shop ORDER BY _position, name"
    )
    assert ("书店", "0000-00-00") in landed
    stored = home.rows("SELECT name FROM lake.department.office__shop ORDER BY id")
    assert stored == [("早餐店",), ("大书店",)]

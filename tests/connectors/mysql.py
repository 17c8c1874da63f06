"""The connector of MySQL and MariaDB, as the kit tests it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.connectors.kit import Database, Mark, Tested, quoted_by, server_at
from tests.support.mariadb import DATABASE, MariadbServer, mariadb_server
from tests.support.processes import USER

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

MARKS: dict[str, Mark] = {
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

SLOW = (
    "SELECT seq AS id, REPEAT('x', 200) AS name, "
    "IF(seq MOD 1000 = 0, SLEEP(0.02), '2020-01-01') AS opened FROM seq_1_to_400000"
)


@contextmanager
def opened(_folder: Path) -> Iterator[Database]:
    with mariadb_server() as server:
        yield Database(
            "mysql", server_at(server.port, DATABASE),
            lambda *statements: server.execute("SET time_zone = '+00:00'", *statements),
            quoted_by("`"), moment="datetime", scanner="mysql_scanner", slow=SLOW,
            reading=lambda: reading(server),
            breaks={
                "connection": lambda ids: _kill(server, "CONNECTION", ids),
                "query": lambda ids: _kill(server, "QUERY", ids),
                "server": lambda _: _stop(server),
            },
        )  # fmt: skip


def reading(server: MariadbServer) -> Sequence[Any]:
    """Return the ids of the connections that read the slow relation."""
    return server.execute(
        f"SELECT id FROM information_schema.processlist WHERE user = '{USER}' "
        "AND info LIKE '%.`slow` AS t%' AND time_ms > 300"
    )


def _kill(server: MariadbServer, what: str, ids: Sequence[Any]) -> Callable[[], None]:
    for (number,) in ids:
        server.execute(f"KILL {what} {number}")
    return lambda: None


def _stop(server: MariadbServer) -> Callable[[], None]:
    server.stop(signal.SIGKILL)
    return server.start


TESTED = Tested(opened, VALUES, MARKS, ("connection", "query", "server"))

"""Deliver into tables of a MySQL or MariaDB server: rows and receipt in one transaction."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from chengshu.catalog.back import MysqlBack
from chengshu.exchange.back.port import (
    RECEIPT_COLUMNS,
    RECEIPTS,
    Parcel,
    Receipt,
    check_receipt,
    name_of,
)
from chengshu.exchange.back.tables import (
    Spelling,
    columns_of,
    insert_sql,
    new_receipt,
    receipt_sql,
    tables_of,
)
from chengshu.exchange.connectors.mysql_text import Column, quote_mysql
from chengshu.exchange.mysql_server import (
    Refused,
    columns_sql,
    engine_sql,
    qualified,
    read_columns,
    refusal_of,
)
from chengshu.exchange.port import Surroundings
from chengshu.kernel.errors import ExternalError

MYSQL = Spelling(
    "%s", quote_mysql, text="LONGTEXT",
    # No longer: the oldest servers index 767 bytes, of four a character.
    key_text="VARCHAR(191)",
    options=" ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin",
)  # fmt: skip
# A server that cuts nothing short, and forgets in time a session whose machine is gone.
SESSION = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', wait_timeout = 300, "
    "lock_wait_timeout = 60, innodb_lock_wait_timeout = 60"
)
WHOLE = frozenset(("utf8mb4", "utf16", "utf16le", "utf32", "gb18030"))
ELSE = "move our tables there away, or change prefix"
REFUSED: Mapping[int, Refused] = {
    1044: "user", 1045: "user", 1698: "user", 1049: "database", 2026: "tls",
}  # fmt: skip
HELD = "another program holds our tables there"
LOST = (0, 1053, 1317, 1927, 2006, 2013)
# Numbers of errors → what they are to people.
PROBLEMS: Mapping[tuple[int, ...], str] = {
    (1044, 1142, 1143): "user {user!r} may not make or write our tables there",
    (1049,): "there is no such database as prefix names",
    (1054, 1136, 1364): f"our tables there have other columns; {ELSE}",
    (1062,): f"there are rows of this batch without their receipt; {ELSE}",
    (1021, 1114): "its disk or table is full",
    (1205, 1213): HELD,
    (1264, 1265, 1292, 1366, 1406): "the server does not take the rows; its columns are too narrow",
    (1153,): "a row is longer than the server's max_allowed_packet",
    (1290, 1792, 1836): "the server may only be read",
    (1969, 3024): "it took longer than the server allows",
    LOST: "the connection ended, or was silent for {silence_s} s, in the middle",
}


def deliver_mysql(back: MysqlBack, parcel: Parcel, around: Surroundings) -> Receipt:
    """Deliver a parcel into the server's tables (see the port)."""
    import pymysql

    con = _connect(back, around)
    try:
        with closing(con), con.cursor() as cursor:
            return _deliver(cursor, back, parcel)
    except pymysql.MySQLError as err:
        raise _failed(back, _number(err)) from err


def _connect(back: MysqlBack, around: Surroundings) -> Any:
    import pymysql

    password = around.secret(back.secret).encode()
    try:
        return pymysql.connect(
            host=back.address, port=back.port, database=back.database, user=back.user,
            password=password, charset="utf8mb4", autocommit=True,
            init_command=SESSION, connect_timeout=min(10, back.silence_s),
            read_timeout=back.silence_s, write_timeout=back.silence_s,
            ssl=_trust(back, around),
        )  # fmt: skip
    except (pymysql.MySQLError, OSError) as err:
        # By itself an OSError tells of the file of the authority.
        cause = getattr(err, "original_exception", None)
        untrusted = isinstance(err, OSError) or isinstance(cause, ssl.SSLError)
        refused = "tls" if untrusted else REFUSED.get(_number(err))
        raise refusal_of(name_of(back), back, refused) from err


def _trust(back: MysqlBack, around: Surroundings) -> ssl.SSLContext | None:
    """Return how TLS is insisted on; None uses it where the server has it."""
    if not back.tls:
        return None
    trust = ssl.create_default_context(cafile=around.root / back.ca if back.ca else None)
    # Authorities that servers make for themselves do not have all that is asked of public ones.
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not back.ca:
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    return trust


def _deliver(cursor: Any, back: MysqlBack, parcel: Parcel) -> Receipt:
    receipts, rows = (f"{back.prefix}_{kind}" for kind in (RECEIPTS, parcel.kind))
    _take_turn(cursor, back, receipts)
    _ensure(cursor, back, parcel, receipts, rows)
    # Not before: whatever makes a table commits what there is.
    cursor.connection.begin()
    receipts, rows = (qualified(back, name) for name in (receipts, rows))
    cursor.execute(receipt_sql(receipts, MYSQL), parcel.key)
    found = cursor.fetchone()
    receipt = Receipt(*found) if found else _write(cursor, receipts, rows, parcel)
    check_receipt(name_of(back), parcel, receipt)
    cursor.connection.commit()
    _let_settle(cursor)
    return receipt


def _take_turn(cursor: Any, back: MysqlBack, receipts: str) -> None:
    """Wait until no other session delivers there: an earlier try of ours may still be ending."""
    digest = hashlib.sha256(qualified(back, receipts).encode()).hexdigest()
    cursor.execute("SELECT GET_LOCK(%s, 60)", [f"chengshu {digest[:32]}"])
    if cursor.fetchone() != (1,):
        raise _unusable(back, HELD)


def _ensure(cursor: Any, back: MysqlBack, parcel: Parcel, receipts: str, rows: str) -> None:
    """Make our tables where they are not, and look whether those that are can hold the parcel."""
    made = tables_of(parcel, qualified(back, receipts), qualified(back, rows), MYSQL)
    for table, columns in {receipts: RECEIPT_COLUMNS, rows: columns_of(parcel)}.items():
        cursor.execute(engine_sql(back, table))
        engine = cursor.fetchone()
        if engine is None:
            # Where the table stands, we need no right to make one.
            cursor.execute(made[qualified(back, table)])
        elif engine != ("InnoDB",):
            kind = f"is of engine {engine[0]}" if engine[0] else "is a view"
            raise _unusable(back, f"table {table!r} {kind}, which keeps no transaction; {ELSE}")
        else:
            cursor.execute(columns_sql(back, table))
            _check(back, table, columns, read_columns(cursor.fetchall()))


def _check(back: MysqlBack, table: str, ours: Mapping[str, str], there: list[Column]) -> None:
    found = {column.name.lower(): column for column in there}
    for name, kind in ours.items():
        column = found.get(name)
        if column is None or (column.charset is None) != (kind != "TEXT"):
            raise _unusable(back, f"our tables there have other columns ({table}.{name}); {ELSE}")
        if column.charset and column.charset not in WHOLE:
            raise _unusable(
                back,
                f"column {table}.{name} is in {column.charset}, which lacks characters; make it "
                f"utf8mb4, or {ELSE}",
            )


def _write(cursor: Any, receipts: str, rows: str, parcel: Parcel) -> Receipt:
    if parcel.count:
        # Some thousands of rows a statement, each under a megabyte.
        cursor.executemany(insert_sql(rows, list(columns_of(parcel)), MYSQL), parcel.numbered())
    receipt, told = new_receipt(parcel)
    cursor.execute(insert_sql(receipts, list(told), MYSQL), list(told.values()))
    return receipt


def _let_settle(cursor: Any) -> None:
    """Wait until what was committed is on disk, on a server that is set not to wait for that."""
    cursor.execute("SELECT @@innodb_flush_log_at_trx_commit, @@innodb_flush_log_at_timeout")
    how, each_s = cursor.fetchone()
    if how in (0, 2):
        cursor.execute("DO SLEEP(%s)", [each_s + 1])


def _failed(back: MysqlBack, number: int) -> ExternalError:
    found = [told for numbers, told in PROBLEMS.items() if number in numbers]
    problem = found[0] if found else f"the rows cannot be written (error {number})"
    problem = problem.format(user=back.user, silence_s=back.silence_s)
    if number in LOST:
        # What was being committed may be there.
        return _unusable(back, problem, "The next run delivers what is not there.")
    return _unusable(back, problem)


def _unusable(
    back: MysqlBack, problem: str, hint: str = "Nothing was written; the next run delivers again."
) -> ExternalError:
    return ExternalError(name_of(back), problem, retryable=True, hint=hint)


def _number(err: Exception) -> int:
    return err.args[0] if err.args and isinstance(err.args[0], int) else 0

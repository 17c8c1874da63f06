"""Deliver into tables of an SQLite file: rows and receipt in one transaction."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from chengshu.catalog.back import SqliteBack
from chengshu.engine.sql import quote
from chengshu.exchange.back.port import RECEIPTS, Parcel, Receipt, check_receipt, name_of
from chengshu.exchange.back.tables import (
    Spelling,
    columns_of,
    insert_sql,
    new_receipt,
    receipt_sql,
    tables_of,
)
from chengshu.exchange.port import Surroundings
from chengshu.kernel.errors import ExternalError

SQLITE = Spelling("?")
# SQLite's name of what went wrong, by how it begins → what that is to people.
PROBLEMS = {
    "SQLITE_BUSY": ("another program holds the file", "Run again when it is free."),
    "SQLITE_LOCKED": ("another program holds the file", "Run again when it is free."),
    "SQLITE_FULL": ("the disk is full", "Make room, and run again."),
    "SQLITE_READONLY": ("the file may not be written", "Let this account write it and its folder."),
    "SQLITE_CANTOPEN": ("the file cannot be opened", "Let this account write it and its folder."),
    "SQLITE_PERM": ("the file may not be written", "Let this account write it and its folder."),
    "SQLITE_NOTADB": ("the file is no SQLite database", "Check the path in the declaration."),
    "SQLITE_CORRUPT": ("the file is damaged", "Check it with SQLite's own integrity check."),
    "SQLITE_ERROR": ("our tables there have other columns", "Move them away, or change prefix."),
}


def deliver_sqlite(back: SqliteBack, parcel: Parcel, around: Surroundings) -> Receipt:
    """Deliver a parcel into the file's tables (see the port)."""
    path = around.root / back.path
    if not path.is_file():
        raise ExternalError(
            name_of(back), "there is no such SQLite file", retryable=True,
            hint="Check the path in the declaration; an empty file will do.",
        )  # fmt: skip
    try:
        return _deliver(path, back, parcel)
    except sqlite3.Error as err:
        code = getattr(err, "sqlite_errorname", "")
        told = [known for name, known in PROBLEMS.items() if code.startswith(name)]
        problem, hint = told[0] if told else ("the rows cannot be written", "Run again.")
        raise ExternalError(name_of(back), problem, retryable=True, hint=hint) from err


def _deliver(path: Path, back: SqliteBack, parcel: Parcel) -> Receipt:
    receipts, rows = (quote(f"{back.prefix}_{kind}") for kind in (RECEIPTS, parcel.kind))
    uri = f"{path.resolve().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None)) as con:
        con.execute("PRAGMA synchronous = FULL")
        con.execute("BEGIN IMMEDIATE")
        try:
            for statement in tables_of(parcel, receipts, rows, SQLITE).values():
                con.execute(statement)
            found = con.execute(receipt_sql(receipts, SQLITE), parcel.key).fetchone()
            receipt = Receipt(*found) if found else _write(con, receipts, rows, parcel)
            check_receipt(name_of(back), parcel, receipt)
            con.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                con.execute("ROLLBACK")
            raise
    return receipt


def _write(con: sqlite3.Connection, receipts: str, rows: str, parcel: Parcel) -> Receipt:
    con.executemany(insert_sql(rows, list(columns_of(parcel)), SQLITE), parcel.numbered())
    receipt, told = new_receipt(parcel)
    con.execute(insert_sql(receipts, list(told), SQLITE), list(told.values()))
    return receipt

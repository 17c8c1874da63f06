"""Deliver into tables of a PostgreSQL server: rows and receipt in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from typing import Any

from chengshu.catalog.back import PostgresBack
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
from chengshu.exchange.connectors.silence import bounded_silence
from chengshu.exchange.port import Surroundings
from chengshu.kernel.errors import ExternalError

POSTGRES = Spelling("%s")
# What a server that is gone, or one that hangs, is told from one that works.
WAITS: Mapping[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "tcp_user_timeout": 60_000,
}
# State of an error, by how it begins → what that is to people.
PROBLEMS = {
    "42501": "user {user!r} may not make or write our tables there",
    "3F000": "there is no such schema",
    "42703": "our tables there have other columns; move them away, or change prefix",
    "42P": "our tables there are something else; move them away, or change prefix",
    "53100": "its disk is full",
    "55P03": "another program holds our tables there",
    "22": "the server does not take the rows; its encoding should be UTF8",
    "25006": "the server may only be read",
    "57014": "it took longer than the server allows",
}
LOST = ("08", "57")
NOTHING = "Nothing was written; the next run delivers again."


def deliver_postgres(back: PostgresBack, parcel: Parcel, around: Surroundings) -> Receipt:
    """Deliver a parcel into the server's tables (see the port)."""
    import psycopg

    password = around.secret(back.secret)
    try:
        con = psycopg.connect(
            host=back.host, port=back.port, dbname=back.database, user=back.user,
            password=password, client_encoding="UTF8", autocommit=True, **WAITS,
        )  # fmt: skip
    except (psycopg.Error, UnicodeError) as err:
        raise ExternalError(
            name_of(back), "the server does not let us in", retryable=True,
            hint=f"Check that it runs, the user, and the secret {back.secret!r}.",
        ) from err  # fmt: skip
    try:
        with _heard(back), closing(con), con.transaction():
            return check_receipt(name_of(back), parcel, _deliver(con, back, parcel))
    except psycopg.Error as err:
        raise _failed(back, str(err.sqlstate or "08")) from err


def _deliver(con: Any, back: PostgresBack, parcel: Parcel) -> Receipt:
    receipts, rows = (_qualified(back, kind) for kind in (RECEIPTS, parcel.kind))
    # The department's server may be set to forget its last moments in a crash: not this one.
    con.execute("SET LOCAL synchronous_commit = on")
    con.execute("SET LOCAL lock_timeout = '60s'")
    # One at a time for each prefix: an earlier try of ours may still be ending.
    con.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"chengshu {receipts}"])
    for table, statement in tables_of(parcel, receipts, rows, POSTGRES).items():
        # Where the table stands, we need no right to make one.
        if con.execute("SELECT to_regclass(%s)", [table]).fetchone()[0] is None:
            con.execute(statement)
    found = con.execute(receipt_sql(receipts, POSTGRES), parcel.key).fetchone()
    return Receipt(*found) if found else _write(con, receipts, rows, parcel)


def _write(con: Any, receipts: str, rows: str, parcel: Parcel) -> Receipt:
    names = POSTGRES.listed(list(columns_of(parcel)))
    with con.cursor() as cursor, cursor.copy(f"COPY {rows} ({names}) FROM STDIN") as copy:
        for row in parcel.numbered():
            copy.write_row(row)
    receipt, told = new_receipt(parcel)
    con.execute(insert_sql(receipts, list(told), POSTGRES), list(told.values()))
    return receipt


def _heard(back: PostgresBack) -> AbstractContextManager[None]:
    """End what waits for a server that is silent: it may hang though its system answers."""
    return bounded_silence(back.host, back.port, back.silence_s, lambda: None)


def _failed(back: PostgresBack, state: str) -> ExternalError:
    told = [problem for begin, problem in PROBLEMS.items() if state.startswith(begin)]
    problem, hint = f"the rows cannot be written (state {state})", NOTHING
    if told:
        problem = told[0].format(user=back.user)
    elif state.startswith(LOST):
        problem = f"the connection ended, or was silent for {back.silence_s} s, in the middle"
        # What was being committed may be there.
        hint = "The next run delivers what is not there."
    return ExternalError(name_of(back), problem, retryable=True, hint=hint)


def _qualified(back: PostgresBack, kind: str) -> str:
    return ".".join(quote(part) for part in f"{back.prefix}_{kind}".split("."))

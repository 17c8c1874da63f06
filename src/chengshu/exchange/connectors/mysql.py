"""A table of a MySQL or MariaDB server, every value as exact text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chengshu.catalog.source import MysqlSource
from chengshu.engine.sql import literal
from chengshu.exchange.connectors.front import Ask, Front, connected, read_batches
from chengshu.exchange.connectors.mysql_text import (
    TYPED,
    Column,
    exact_sql,
    literal_mysql,
    mask_sql,
    quote_mysql,
)
from chengshu.exchange.connectors.silence import bounded_silence
from chengshu.exchange.connectors.table import Part, check_columns, numbered_parts, select_sql
from chengshu.exchange.connectors.watermark import MarkColumn, Span, span_of
from chengshu.exchange.mysql_server import Refused, columns_sql, qualified, read_columns, refusal_of
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError

# What the client says when the server does not let us in.
_SAID: dict[str, Refused] = {
    "Access denied": "user", "Unknown database": "database", "TLS/SSL error": "tls",
}  # fmt: skip
_LIMITS = "Has the server a max_allowed_packet shorter than a value, or a limit on a query's time?"


def find_mysql(source: MysqlSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return the table as one delivery, what changed in it since the last pull, or its batches."""
    front = _front_of(source, around)
    with connected(front) as ask:
        columns = _columns(ask, source)
        parts = _parts(ask, source, columns, past, around)
    header = [column.name for column in columns]
    # Names of ours: DuckDB has its own mind of which names are one.
    texts = [f"{exact_sql(c, around.timezone)} AS c{at}" for at, c in enumerate(columns)]

    def incoming(part: Part) -> Incoming:
        table = f"{qualified(source, source.table)} AS t"
        sql = select_sql(table, texts, header, part.span, past.key, quote_mysql)
        return Incoming(
            source=f"{source.database}:{source.table}",
            key=part.key,
            mode=source.batch_mode,
            header=header,
            batches=lambda: read_batches(front, header, sql),
            watermark=part.span.highest,
            findings=part.span.findings,
            scan=front.scan_of(sql),
            number=part.number,
        )

    return [incoming(part) for part in parts]


def _front_of(source: MysqlSource, around: Surroundings) -> Front:
    return Front(
        extension="mysql_scanner",
        # Without streaming the client would keep the whole table before the first row.
        query="mysql_query({name}, {sql}, stream_results = true)",
        attach=lambda con, attached: _attach(con, attached, source, around),
        unreadable=ExternalError(
            source.place, f"table {source.table!r} cannot be read", retryable=True,
            hint=f"Check that user {source.user!r} may read it. {_LIMITS}",
        ),
        lost=ExternalError(
            source.place,
            f"the connection ended, or was silent for {source.silence_s} s, in the middle of the "
            "pull",
            retryable=True,
            hint=f"Nothing was taken; pull again. {_LIMITS}",
        ),
        watched=lambda heard: bounded_silence(
            source.address, source.port, source.silence_s, heard
        ),
        moved=around.moved,
    )  # fmt: skip


def _attach(con: Any, name: str, source: MysqlSource, around: Surroundings) -> None:
    import duckdb

    given = {
        "HOST": source.address, "DATABASE": source.database, "USER": source.user,
        "PASSWORD": around.secret(source.secret),
        "SSL_MODE": "verify_identity" if source.ca else "required" if source.tls else "preferred",
        **({"SSL_CA": str(around.root / source.ca)} if source.ca else {}),
    }  # fmt: skip
    settings = ", ".join(f"{key} {literal(value)}" for key, value in given.items())
    # A moment's text is made from UTC, which every server knows.
    con.execute("SET mysql_session_time_zone = '+00:00'")
    con.execute("SET mysql_query_timeout_enabled = false")
    try:
        con.execute(f"CREATE TEMPORARY SECRET {name} (TYPE mysql, PORT {source.port}, {settings})")
        con.execute(f"ATTACH '' AS {name} (TYPE mysql, SECRET {name}, READ_ONLY)")
    except duckdb.Error as err:
        refused = [told for said, told in _SAID.items() if said in str(err)]
        raise refusal_of(source.place, source, refused[0] if refused else None) from err


def _columns(ask: Ask, source: MysqlSource) -> list[Column]:
    """Return the table's columns, in their order."""
    columns = read_columns(ask(columns_sql(source, source.table)).fetchall())
    if not columns:
        raise InputError(
            f"{source.place} has no table {source.table!r} that user {source.user!r} may see"
        )
    check_columns(source, [column.name for column in columns])
    return columns


def _parts(
    ask: Ask, source: MysqlSource, columns: Sequence[Column], past: Past, around: Surroundings
) -> list[Part]:
    if not source.batch:
        return [Part(past.run, _span(ask, source, columns, past, around))]
    (column,) = [column for column in columns if column.name == source.batch]
    value = _text_sql(column, around.timezone)
    table = qualified(source, source.table)
    counts = ask(f"SELECT {value}, COUNT(*) FROM {table} AS t GROUP BY 1").fetchall()
    same, none = f"{value} = {{}}", f"{column.sql} IS NULL"
    found = ((text, int(count)) for text, count in _texts(counts))
    return list(numbered_parts(past, found, same, none, literal_mysql))


def _text_sql(column: Column, zone: str) -> str:
    """Return SQL of a column's text, compared as its characters are."""
    return f"CONVERT({exact_sql(column, zone)} USING utf8mb4) COLLATE utf8mb4_bin"


def _span(
    ask: Ask, source: MysqlSource, columns: Sequence[Column], past: Past, around: Surroundings
) -> Span:
    found = [column for column in columns if column.name == source.watermark]
    if not found:
        return Span()
    (column,) = found
    # A moment's watermark is compared, and kept, in UTC: it does not depend on the zone's summers.
    zone = "UTC" if column.kind == "timestamp" else around.timezone
    mark = _mark_of(column, f"{qualified(source, source.table)} AS t", zone)
    return span_of(source, past.watermark, zone, mark, lambda sql: _texts(ask(sql).fetchall()))


def _texts(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    # A text compared by its bytes comes as bytes.
    return [[v.decode() if isinstance(v, bytes) else v for v in row] for row in rows]


def _mark_of(column: Column, table: str, zone: str) -> MarkColumn:
    if column.kind in TYPED:
        typed, odd = TYPED[column.kind]
        exact = "CAST({} AS CHAR)"
        if column.kind == "float":
            # A float's few digits would not find the float again.
            exact = "CAST({} + 0e0 AS CHAR)"
        return MarkColumn(
            table, column.sql, lambda _: odd.format(column.sql),
            typed=typed, exact=exact, quoted=literal_mysql,
        )  # fmt: skip
    text = _text_sql(column, zone)
    mask = mask_sql(text)
    return MarkColumn(
        table, text, _unlike(mask), mask, exact="CAST({} AS CHAR)", quoted=literal_mysql
    )


def _unlike(mask: str) -> Callable[[str], str]:
    # As bytes: to collations of MySQL, spaces at the end are nothing.
    return lambda form: f"CAST({mask} AS BINARY) <> CAST({literal_mysql(form)} AS BINARY)"

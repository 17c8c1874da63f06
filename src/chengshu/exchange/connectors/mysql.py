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
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError

# What the server says when it does not let us in → what is wrong, and what to do.
_REFUSALS = {
    "Access denied": (
        "the server does not let us in",
        "Check the user, its right to the database, and the secret {secret!r}.",
    ),
    "Unknown database": ("the server has no such database", "Check the declaration."),
    "TLS/SSL error": (
        "no TLS connection as declared can be made",
        "Check tls and ca, and the server's certificate.",
    ),
}
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
        table = f"{_qualified(source)} AS t"
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
    name = _name(source)
    return Front(
        extension="mysql_scanner",
        # Without streaming the client would keep the whole table before the first row.
        query="mysql_query({name}, {sql}, stream_results = true)",
        attach=lambda con, attached: _attach(con, attached, source, around),
        unreadable=ExternalError(
            name, f"table {source.table!r} cannot be read", retryable=True,
            hint=f"Check that user {source.user!r} may read it. {_LIMITS}",
        ),
        lost=ExternalError(
            name,
            f"the connection ended, or was silent for {source.silence_s} s, in the middle of the "
            "pull",
            retryable=True,
            hint=f"Nothing was taken; pull again. {_LIMITS}",
        ),
        watched=lambda heard: bounded_silence(_host(source), source.port, source.silence_s, heard),
        moved=around.moved,
    )  # fmt: skip


def _attach(con: Any, name: str, source: MysqlSource, around: Surroundings) -> None:
    import duckdb

    given = {
        "HOST": _host(source), "DATABASE": source.database, "USER": source.user,
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
        raise _refusal(source, str(err)) from err


def _refusal(source: MysqlSource, said: str) -> ExternalError:
    for sign, (problem, hint) in _REFUSALS.items():
        if sign in said:
            hint = hint.format(secret=source.secret)
            return ExternalError(_name(source), problem, retryable=False, hint=hint)
    return ExternalError(
        _name(source), "the server cannot be reached", retryable=True, hint="Check that it runs."
    )


def _columns(ask: Ask, source: MysqlSource) -> list[Column]:
    """Return the table's columns, in their order."""
    schema, table = (literal_mysql(part) for part in _place(source))
    rows = ask(
        "SELECT CAST(column_name AS CHAR) AS a, CAST(data_type AS CHAR) AS b, "
        "CAST(character_set_name AS CHAR) AS c, CAST(numeric_precision AS CHAR) AS d "
        f"FROM information_schema.columns WHERE table_schema = {schema} AND table_name = {table} "
        "AND (@@lower_case_table_names > 0 OR (CAST(table_schema AS BINARY) = "
        f"CAST({schema} AS BINARY) AND CAST(table_name AS BINARY) = CAST({table} AS BINARY))) "
        "ORDER BY ordinal_position"
    ).fetchall()
    columns = [
        Column(str(name), str(kind).lower(), charset, int(precision or 0))
        for name, kind, charset, precision in rows
    ]
    if not columns:
        raise InputError(
            f"{_name(source)} has no table {source.table!r} that user {source.user!r} may see"
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
    counts = ask(f"SELECT {value}, COUNT(*) FROM {_qualified(source)} AS t GROUP BY 1").fetchall()
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
    mark = _mark_of(column, f"{_qualified(source)} AS t", zone)
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


def _place(source: MysqlSource) -> tuple[str, str]:
    """Return the database and the name of the table."""
    first, dot, rest = source.table.partition(".")
    return (first, rest) if dot else (source.database, first)


def _qualified(source: MysqlSource) -> str:
    return ".".join(quote_mysql(part) for part in _place(source))


def _host(source: MysqlSource) -> str:
    # By this name the client would look for a socket file, whoever's it is, and not for the port.
    return "127.0.0.1" if source.host == "localhost" else source.host


def _name(source: MysqlSource) -> str:
    return f"mysql {source.host}:{source.port}/{source.database}"

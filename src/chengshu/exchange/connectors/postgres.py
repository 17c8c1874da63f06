"""A table of a PostgreSQL server, every value as the server's own exact text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chengshu.catalog.source import PostgresSource
from chengshu.engine.sql import literal, quote
from chengshu.exchange.connectors.front import Ask, Front, connected, read_batches
from chengshu.exchange.connectors.silence import bounded_silence
from chengshu.exchange.connectors.table import Part, check_columns, numbered_parts, select_sql
from chengshu.exchange.connectors.watermark import NUMBER, TIME, MarkColumn, Span, span_of
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError

_UNORDERED = "{}::text IN ('NaN', 'Infinity', '-Infinity')"
# Type → what its values are, and the condition of those that have no place in their order; a time
# of infinity has one: it is ahead of every clock.
TYPED = {
    **dict.fromkeys(("smallint", "integer", "bigint"), (NUMBER, "FALSE")),
    **dict.fromkeys(("numeric", "real", "double precision"), (NUMBER, _UNORDERED)),
    **dict.fromkeys(
        ("date", "timestamp without time zone", "timestamp with time zone"),
        (TIME, "{} = '-infinity'"),
    ),
}


def find_postgres(source: PostgresSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return the table as one delivery, what changed in it since the last pull, or its batches."""
    front = _front_of(source, around)
    with connected(front) as ask:
        types = _columns(ask, source)
        parts = _parts(ask, source, types, past, around)
    return [_incoming(source, front, list(types), past, part) for part in parts]


def _incoming(
    source: PostgresSource, front: Front, header: list[str], past: Past, part: Part
) -> Incoming:
    columns = [f"t.{quote(name)}::text AS {quote(name)}" for name in header]
    sql = select_sql(f"{_qualified(source)} AS t", columns, header, part.span, past.key)
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


def _front_of(source: PostgresSource, around: Surroundings) -> Front:
    return Front(
        extension="postgres_scanner",
        query="postgres_query({name}, {sql})",
        attach=lambda con, attached: _attach(con, attached, source, around),
        unreadable=ExternalError(
            _name(source), f"table {source.table!r} cannot be read", retryable=True,
            hint=f"Check that user {source.user!r} may read it.",
        ),
        lost=ExternalError(
            _name(source),
            f"the connection ended, or was silent for {source.silence_s} s, in the middle of the "
            "pull",
            retryable=True, hint="Nothing was taken; pull again.",
        ),
        watched=lambda heard: bounded_silence(source.host, source.port, source.silence_s, heard),
        moved=around.moved,
    )  # fmt: skip


def _attach(con: Any, name: str, source: PostgresSource, around: Surroundings) -> None:
    import duckdb

    options = f"-c datestyle=ISO -c intervalstyle=iso_8601 -c timezone={around.timezone}"
    options += " -c bytea_output=hex -c extra_float_digits=1"
    try:
        con.execute(
            f"CREATE TEMPORARY SECRET {name} (TYPE postgres, HOST {literal(source.host)}, "
            f"PORT {source.port}, DATABASE {literal(source.database)}, "
            f"USER {literal(source.user)}, PASSWORD {literal(around.secret(source.secret))})"
        )
        con.execute(
            f"ATTACH 'options=''{options}''' AS {name} (TYPE postgres, SECRET {name}, READ_ONLY)"
        )
    except duckdb.Error as err:
        raise ExternalError(
            _name(source),
            "the server does not let us in",
            retryable=True,
            hint=f"Check that it runs, the user, and the secret {source.secret!r}.",
        ) from err


def _columns(ask: Ask, source: PostgresSource) -> dict[str, str]:
    """Return the table's columns with their types."""
    table = literal(_qualified(source))
    sql = (
        "SELECT attname::text, format_type(atttypid, NULL)::text FROM pg_attribute "
        f"WHERE attrelid = to_regclass({table}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    names = {str(name): str(kind) for name, kind in ask(sql).fetchall()}
    if not names:
        raise InputError(
            f"{_name(source)} has no table {source.table!r} that user {source.user!r} may see"
        )
    check_columns(source, list(names))
    return names


def _parts(
    ask: Ask, source: PostgresSource, types: Mapping[str, str], past: Past, around: Surroundings
) -> list[Part]:
    if not source.batch:
        return [Part(past.run, _span(ask, source, types, past, around))]
    value = f"t.{quote(source.batch)}::text"
    counts = ask(f"SELECT {value}, COUNT(*) FROM {_qualified(source)} AS t GROUP BY 1").fetchall()
    return list(numbered_parts(past, counts, f"{value} = {{}}", f"{value} IS NULL"))


def _span(
    ask: Ask, source: PostgresSource, types: Mapping[str, str], past: Past, around: Surroundings
) -> Span:
    if not source.watermark:
        return Span()
    table, value = f"{_qualified(source)} AS t", f"t.{quote(source.watermark)}"
    exact, kind = "({})::text", types[source.watermark]
    if kind in TYPED:
        typed, odd = TYPED[kind]
        column = MarkColumn(table, value, lambda _: odd.format(value), typed=typed, exact=exact)
    else:
        text = f"{value}::text"
        mask = f"translate({text}, '012345678', '999999999')"
        column = MarkColumn(table, text, lambda f: f"{mask} <> {literal(f)}", mask, exact=exact)
    return span_of(
        source,
        past.watermark,
        around.timezone,
        column,
        lambda sql: ask(sql).fetchall(),
    )


def _qualified(source: PostgresSource) -> str:
    return ".".join(quote(part) for part in source.table.split("."))


def _name(source: PostgresSource) -> str:
    return f"postgres {source.host}:{source.port}/{source.database}"

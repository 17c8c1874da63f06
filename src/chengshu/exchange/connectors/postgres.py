"""A table of a PostgreSQL server, every value as the server's own exact text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any
from uuid import uuid4

import pyarrow as pa

from chengshu.catalog.source import PostgresSource
from chengshu.engine import Scan
from chengshu.engine.lake import load_extensions
from chengshu.engine.sql import literal, quote
from chengshu.exchange.connectors.table import Part, check_columns, numbered_parts, select_sql
from chengshu.exchange.connectors.watermark import NUMBER, TIME, MarkColumn, Span, span_of
from chengshu.exchange.files.model import ROWS_PER_BATCH, schema_of
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError

Ask = Callable[[str], Any]
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
    with _connected(source, around) as ask:
        types = _columns(ask, source)
        parts = _parts(ask, source, types, past, around)
    return [_incoming(source, around, list(types), past, part) for part in parts]


def _incoming(
    source: PostgresSource, around: Surroundings, header: list[str], past: Past, part: Part
) -> Incoming:
    columns = [f"t.{quote(name)}::text AS {quote(name)}" for name in header]
    sql = select_sql(f"{_qualified(source)} AS t", columns, header, part.span, past.key)
    return Incoming(
        source=f"{source.database}:{source.table}",
        key=part.key,
        mode=source.batch_mode,
        header=header,
        batches=lambda: _read(source, around, header, sql),
        watermark=part.span.highest,
        findings=part.span.findings,
        scan=Scan(lambda con: _scanned(con, source, around, sql), lambda: _lost(source)),
        number=part.number,
    )


@contextmanager
def _connected(source: PostgresSource, around: Surroundings) -> Iterator[Ask]:
    """Attach the server to a DuckDB of its own; yields what runs queries on it."""
    import duckdb

    with closing(duckdb.connect(config={"autoinstall_known_extensions": "false"})) as con:
        load_extensions(con, ("postgres_scanner",))
        con.execute("SET TimeZone = 'UTC'")
        with _attached(con, source, around) as name:
            yield lambda sql: _query(con, name, sql, source)


@contextmanager
def _attached(con: Any, source: PostgresSource, around: Surroundings) -> Iterator[str]:
    """Attach the server under a name of its own; the password goes into a secret, never a DSN."""
    import duckdb

    name = f"front_{uuid4().hex}"
    try:
        _attach(con, name, source, around)
        yield name
    finally:
        # What failed before says more than that the connection is gone.
        with suppress(duckdb.Error):
            con.execute(f"DETACH DATABASE IF EXISTS {name}")
            con.execute(f"DROP SECRET IF EXISTS {name}")


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


@contextmanager
def _scanned(con: Any, source: PostgresSource, around: Surroundings, sql: str) -> Iterator[str]:
    """Make the rows readable on the lake's own connection; yields SQL of them."""
    with _attached(con, source, around) as name:
        yield (
            "SELECT ROW_NUMBER() OVER () AS _line, *, CAST(NULL AS VARCHAR) AS _rest, "
            f"CAST(NULL AS VARCHAR) AS _problem FROM {_query_sql(name, sql)}"
        )


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


def _read(
    source: PostgresSource, around: Surroundings, header: Sequence[str], sql: str
) -> Iterator[pa.RecordBatch]:
    import duckdb

    schema, line = schema_of(header), 0
    with _connected(source, around) as ask:
        reader = ask(sql).to_arrow_reader(ROWS_PER_BATCH)
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except (duckdb.Error, OSError, pa.ArrowException) as err:
                raise _lost(source) from err
            arrays = [pa.arange(line + 1, line + 1 + batch.num_rows)]
            arrays += [column.cast(pa.string()) for column in batch.columns]
            arrays += [pa.nulls(batch.num_rows, pa.string())] * 2
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            line += batch.num_rows


def _lost(source: PostgresSource) -> ExternalError:
    return ExternalError(
        _name(source), "the connection ended in the middle of the pull",
        retryable=True, hint="Nothing was taken; pull again.",
    )  # fmt: skip


def _query_sql(name: str, sql: str) -> str:
    return f"postgres_query({literal(name)}, {literal(sql)})"


def _query(con: Any, name: str, sql: str, source: PostgresSource) -> Any:
    import duckdb

    try:
        return con.execute(f"SELECT * FROM {_query_sql(name, sql)}")
    except duckdb.Error as err:
        raise ExternalError(
            _name(source), f"table {source.table!r} cannot be read", retryable=True,
            hint=f"Check that user {source.user!r} may read it.",
        ) from err  # fmt: skip


def _qualified(source: PostgresSource) -> str:
    return ".".join(quote(part) for part in source.table.split("."))


def _name(source: PostgresSource) -> str:
    return f"postgres {source.host}:{source.port}/{source.database}"

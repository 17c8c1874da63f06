"""A table of a PostgreSQL server, every value as the server's own exact text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from chengshu.catalog.source import PostgresSource
from chengshu.engine.lake import load_extensions
from chengshu.engine.sql import literal, quote
from chengshu.exchange.connectors.watermark import floor_of, next_watermark
from chengshu.exchange.files.model import schema_of
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError

ROWS_PER_BATCH = 122_880


def find_postgres(source: PostgresSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return one delivery: the table, or what changed in it since the last pull."""
    with _connected(source, around) as con:
        header = _header(con, source)
        high = _highest(con, source)
    floor = floor_of(source, past.watermark)
    return [
        Incoming(
            source=f"{source.database}:{source.table}",
            key=past.run,
            mode=source.mode,
            header=header,
            batches=lambda: _read(source, around, header, floor),
            watermark=next_watermark(past.watermark, high),
        )
    ]


@contextmanager
def _connected(source: PostgresSource, around: Surroundings) -> Iterator[Any]:
    """Attach the server to a DuckDB of its own; the password goes into a secret, never a DSN."""
    import duckdb

    options = f"-c datestyle=ISO -c intervalstyle=iso_8601 -c timezone={around.timezone}"
    options += " -c bytea_output=hex -c extra_float_digits=1"
    con = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    try:
        load_extensions(con, ("postgres_scanner",))
        con.execute("SET TimeZone = 'UTC'")
        try:
            con.execute(
                f"CREATE SECRET front (TYPE postgres, HOST {literal(source.host)}, "
                f"PORT {source.port}, DATABASE {literal(source.database)}, "
                f"USER {literal(source.user)}, PASSWORD {literal(around.secret(source.secret))})"
            )
            con.execute(
                f"ATTACH 'options=''{options}''' AS front (TYPE postgres, SECRET front, READ_ONLY)"
            )
        except duckdb.Error as err:
            raise ExternalError(
                _name(source),
                "the server does not let us in",
                retryable=True,
                hint=f"Check that it runs, the user, and the secret {source.secret!r}.",
            ) from err
        yield con
    finally:
        con.close()


def _header(con: Any, source: PostgresSource) -> list[str]:
    table = literal(_qualified(source))
    sql = (
        "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass("
        f"{table}) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    names = [str(row[0]) for row in _query(con, sql, source).fetchall()]
    if not names:
        raise InputError(
            f"{_name(source)} has no table {source.table!r} that user {source.user!r} may see"
        )
    if source.watermark and source.watermark not in names:
        raise InputError(
            f"table {source.table!r} has no watermark column {source.watermark!r}. "
            f"Known: {', '.join(names)}"
        )
    return names


def _highest(con: Any, source: PostgresSource) -> str | None:
    if not source.watermark:
        return None
    sql = f"SELECT MAX({quote(source.watermark)})::text FROM {_qualified(source)}"
    value = _query(con, sql, source).fetchone()[0]
    return None if value is None else str(value)


def _read(
    source: PostgresSource, around: Surroundings, header: Sequence[str], floor: str | int | None
) -> Iterator[pa.RecordBatch]:
    import duckdb

    columns = ", ".join(f"{quote(name)}::text AS {quote(name)}" for name in header)
    sql = f"SELECT {columns} FROM {_qualified(source)}"
    if floor is not None and source.watermark:
        mark = quote(source.watermark)
        sql += f" WHERE {mark} >= {literal(str(floor))} OR {mark} IS NULL"
    schema, line = schema_of(header), 0
    with _connected(source, around) as con:
        reader = _query(con, sql, source).to_arrow_reader(ROWS_PER_BATCH)
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except (duckdb.Error, OSError, pa.ArrowException) as err:
                raise ExternalError(
                    _name(source), "the connection ended in the middle of the pull",
                    retryable=True, hint="Nothing was taken; pull again.",
                ) from err  # fmt: skip
            arrays = [pa.array(range(line + 1, line + batch.num_rows + 1), pa.int64())]
            arrays += [column.cast(pa.string()) for column in batch.columns]
            arrays += [pa.nulls(batch.num_rows, pa.string())] * 2
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            line += batch.num_rows


def _query(con: Any, sql: str, source: PostgresSource) -> Any:
    import duckdb

    try:
        return con.execute(f"SELECT * FROM postgres_query('front', {literal(sql)})")
    except duckdb.Error as err:
        raise ExternalError(
            _name(source), f"table {source.table!r} cannot be read", retryable=True,
            hint=f"Check that user {source.user!r} may read it.",
        ) from err  # fmt: skip


def _qualified(source: PostgresSource) -> str:
    return ".".join(quote(part) for part in source.table.split("."))


def _name(source: PostgresSource) -> str:
    return f"postgres {source.host}:{source.port}/{source.database}"

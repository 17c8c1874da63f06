"""A table of an SQLite file, each value as exact text whatever type the cell has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from chengshu.catalog.source import SqliteSource
from chengshu.engine.sql import quote
from chengshu.exchange.connectors.table import Part, check_columns, numbered_parts, select_sql
from chengshu.exchange.connectors.watermark import NUMBER, OTHER, MarkColumn, Span, span_of
from chengshu.exchange.files.model import ROWS_PER_BATCH, schema_of
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError

FINITE = "BETWEEN -9e307 AND 9e307"


def find_sqlite(source: SqliteSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return the table as one delivery, what changed in it since the last pull, or its batches."""
    path = around.root / source.path
    with closing(_open(path, source)) as con:
        header = _header(con, source)
        parts = _parts(con, source, past, around)
    return [_incoming(source, path, header, past, part) for part in parts]


def _incoming(
    source: SqliteSource, path: Path, header: list[str], past: Past, part: Part
) -> Incoming:
    columns = [f"t.{quote(name)}" for name in header]
    sql = select_sql(f"{quote(source.table)} AS t", columns, header, part.span, past.key)
    return Incoming(
        source=f"{path.name}:{source.table}",
        key=part.key,
        mode=source.batch_mode,
        header=header,
        batches=lambda: _read(path, source, header, sql),
        watermark=part.span.highest,
        findings=part.span.findings,
        number=part.number,
    )


def _open(path: Path, source: SqliteSource) -> sqlite3.Connection:
    if not path.is_file():
        raise ExternalError(
            f"source {source.path}", "there is no such SQLite file", retryable=True,
            hint="Check the path in the declaration.",
        )  # fmt: skip
    con = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
    con.text_factory = bytes
    return con


def _header(con: sqlite3.Connection, source: SqliteSource) -> list[str]:
    rows = _execute(con, f"SELECT name FROM pragma_table_info({_text(source.table)})", source)
    names = [bytes(row[0]).decode() for row in rows]
    if not names:
        tables = _execute(
            con, "SELECT name FROM sqlite_master WHERE type IN ('table','view')", source
        )
        known = ", ".join(sorted(bytes(row[0]).decode() for row in tables))
        raise InputError(f"source {source.path} has no table {source.table!r}. Known: {known}")
    check_columns(source, names)
    return names


def _parts(
    con: sqlite3.Connection, source: SqliteSource, past: Past, around: Surroundings
) -> list[Part]:
    if not source.batch:
        return [Part(past.run, _span(con, source, past, around))]
    value = f"CAST(t.{quote(source.batch)} AS TEXT)"
    sql = f"SELECT {value}, COUNT(*) FROM {quote(source.table)} AS t GROUP BY 1"
    counts = [(_as_text(text)[0], int(count)) for text, count in _execute(con, sql, source)]
    return list(numbered_parts(past, counts, f"{value} = {{}}", f"{value} IS NULL"))


def _span(con: sqlite3.Connection, source: SqliteSource, past: Past, around: Surroundings) -> Span:
    if not source.watermark:
        return Span()
    value = f"t.{quote(source.watermark)}"
    mask = value
    for digit in "012345678":
        mask = f"REPLACE({mask}, '{digit}', '9')"
    # Each value has a type of its own, and SQLite sorts all numbers before all texts.
    form = (
        f"CASE typeof({value}) WHEN 'text' THEN {mask} WHEN 'blob' THEN '{OTHER}' "
        f"ELSE CASE WHEN {value} {FINITE} THEN '{NUMBER}' ELSE '{OTHER}' END END"
    )
    table = f"{quote(source.table)} AS t"
    column = MarkColumn(table, value, lambda found: _unlike_sql(value, found), form)
    return span_of(
        source,
        past.watermark,
        around.timezone,
        column,
        lambda sql: [[_as_text(cell)[0] for cell in row] for row in _execute(con, sql, source)],
    )


def _unlike_sql(value: str, form: str) -> str:
    """Return the condition of the values that have another form, without making each one's."""
    if form == NUMBER:
        return f"(typeof({value}) NOT IN ('integer', 'real') OR {value} NOT {FINITE})"
    signs = {"9": "[0-9]", "*": "[*]", "?": "[?]", "[": "[[]"}
    pattern = _text("".join(signs.get(sign, sign) for sign in form))
    return f"(typeof({value}) <> 'text' OR {value} NOT GLOB {pattern})"


def _read(
    path: Path, source: SqliteSource, header: Sequence[str], sql: str
) -> Iterator[pa.RecordBatch]:
    schema, line = schema_of(header), 0
    with closing(_open(path, source)) as con:
        cursor = _execute(con, sql, source)
        while rows := _fetch(cursor, source):
            texts = [[_as_text(value) for value in row] for row in rows]
            problems = ["undecodable" if any(p for _, p in row) else None for row in texts]
            columns_of = list(zip(*([text for text, _ in row] for row in texts), strict=True))
            arrays = [pa.arange(line + 1, line + 1 + len(rows))]
            arrays += [pa.array(values, pa.string()) for values in columns_of]
            arrays += [pa.nulls(len(rows), pa.string()), pa.array(problems, pa.string())]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            line += len(rows)


def _as_text(value: object) -> tuple[str | None, bool]:
    """Return a cell as text, and whether its bytes were not text."""
    if value is None:
        return None, False
    if isinstance(value, bytes):
        try:
            return value.decode(), False
        except UnicodeDecodeError:
            return value.decode(errors="replace"), True
    return repr(value), False


def _execute(con: sqlite3.Connection, sql: str, source: SqliteSource) -> sqlite3.Cursor:
    try:
        return con.execute(sql)
    except sqlite3.Error as err:
        raise _failed(source) from err


def _fetch(cursor: sqlite3.Cursor, source: SqliteSource) -> list[tuple[object, ...]]:
    try:
        return cursor.fetchmany(ROWS_PER_BATCH)
    except sqlite3.Error as err:
        raise _failed(source) from err


def _failed(source: SqliteSource) -> ExternalError:
    return ExternalError(
        f"source {source.path}", f"table {source.table!r} cannot be read to its end",
        retryable=True, hint="Nothing was taken. Check the file with SQLite's own integrity check.",
    )  # fmt: skip


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

"""From a number of a theme to the rows that it counts, each with where it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from chengshu.catalog import Pack
from chengshu.catalog.theme import Theme, ThemeTable
from chengshu.catalog.theme_input import ThemeInput, input_of
from chengshu.catalog.theme_sql import OF, ThemeSql, compile_theme, rows_view
from chengshu.engine import Engine, Row, Session
from chengshu.engine.apart import Answer, Work, apart_folder, run_apart
from chengshu.engine.sql import listed, literal, quote
from chengshu.kernel.errors import EngineError, InputError, IntegrityError, NotFoundError
from chengshu.libraries.themes.compute import LIMITS, export_inputs
from chengshu.libraries.themes.log import Computation, cells_of, standing_of

# SQL that shows each field of an input, masked or not.
Shown = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be explained.

    Attributes:
        theme: A theme of the city pack.
        table: One of its tables.
        cell: Dimension → its value as text, empty for none; dimensions left out may have any.
        shown: Input → field → SQL that shows it.
        limit: At most so many rows of each input.
    """

    theme: Theme
    table: str
    cell: Mapping[str, str]
    shown: Shown
    limit: int


@dataclass(frozen=True, slots=True)
class Explained:
    """What stands behind cells.

    Attributes:
        computation: The one that stands.
        cells: The cells that are meant.
        counted: How many rows they count.
        rows: Input → the first of those rows, as they were then, with their place.
    """

    computation: Computation
    cells: Sequence[Row]
    counted: int
    rows: Mapping[str, Sequence[Row]]


def table_of(theme: Theme, name: str | None) -> str:
    """Return the table that is meant.

    Raises:
        InputError: It has several, and none was named.
        NotFoundError: It has none of that name.
    """
    if name is None and len(theme.tables) > 1:
        raise InputError(
            f"theme {theme.theme} has several tables",
            hint=f"Name one: {', '.join(f'{theme.theme}/{table}' for table in theme.tables)}.",
        )
    chosen = name if name is not None else next(iter(theme.tables))
    if chosen not in theme.tables:
        raise NotFoundError(f"table of theme {theme.theme}", chosen, theme.tables)
    return chosen


def explain(engine: Engine, pack: Pack, asked: Question) -> Explained:
    """Return the rows behind cells of the computation that stands.

    Raises:
        InputError: It has not been computed, or no cell is meant.
        IntegrityError: The rows do not give the numbers that stand.
    """
    one = standing_of(engine, asked.theme)
    declared = one.declared
    table = table_of(declared, asked.table)
    cells = declared.tables[table]
    condition = _condition(cells, asked.cell)
    stood = cells_of(engine, one, table, condition)
    if not stood:
        raise InputError(
            f"theme {one.theme}: {table} has no such cell: it counts nothing",
            hint=f"See them: chengshu theme {one.theme}",
        )
    inputs = {of: input_of(pack, declared.inputs[of]) for of in cells.rows}
    names = sorted({name for given in inputs.values() for name in given.key})
    answer = _ask(engine, one, table, condition, names, asked.limit)
    if answer.tables["cells"].to_pylist() != stood:
        raise IntegrityError(
            f"theme {one.theme}: {table}: the rows of computation {one.number} do not give its "
            f"numbers. See: chengshu theme {one.theme} --recompute {one.number}"
        )
    found = answer.tables["found"]
    rows = {
        of: _rows(engine, one, of, given, asked.shown[of], found) for of, given in inputs.items()
    }
    return Explained(one, stood, int(str(answer.values["counted"])), rows)


def _ask(
    engine: Engine, one: Computation, table: str, condition: str, keys: Sequence[str], limit: int
) -> Answer:
    """Count the cells again, and find the keys of their rows."""
    sql = compile_theme(one.declared, one.parameters)
    with apart_folder(engine.scratch) as folder:
        with engine.session() as session:
            places = export_inputs(session, one.inputs, one.version, folder)
        return run_apart(_work(sql, table, places, condition, keys, limit), folder, LIMITS)


def _work(
    sql: ThemeSql, table: str, places: Mapping[str, Path], condition: str, keys: Sequence[str],
    limit: int,
) -> Work:  # fmt: skip
    rows = quote(rows_view(table))
    nth = f"ROW_NUMBER() OVER (PARTITION BY {OF} ORDER BY {listed(keys)})"
    return Work(
        places,
        {rows_view(table): f"SELECT * FROM ({sql.rows[table]}) AS every WHERE {condition}"},
        {
            "cells": sql.tables[table],
            "found": f"SELECT {OF}, {listed(keys)} FROM {rows} QUALIFY {nth} <= {limit}",
        },
        {"counted": f"SELECT COUNT(*) FROM {rows}"},
    )


def _condition(table: ThemeTable, cell: Mapping[str, str]) -> str:
    """Return the SQL of a cell's rows."""
    if unknown := sorted(cell.keys() - table.dimensions.keys()):
        raise NotFoundError("dimension", unknown[0], table.dimensions)
    parts = []
    for name, text in cell.items():
        dimension = table.dimensions[name]
        value = _typed(name, dimension.type, text)
        parts.append(
            f"{quote(name)} IS NOT DISTINCT FROM CAST({literal(value)} AS {dimension.column})"
        )
    return " AND ".join(parts) or "TRUE"


def _typed(name: str, kind: str, text: str) -> str | None:
    try:
        if not text:
            return None
        if kind == "integer":
            return str(int(text))
        if kind == "date":
            return date.fromisoformat(text).isoformat()
        if kind == "boolean" and text not in ("true", "false"):
            raise ValueError(text)
    except ValueError as err:
        raise InputError(f"{name}={text}: expected {kind}") from err
    return text


def _rows(
    engine: Engine,
    one: Computation,
    of: str,
    given: ThemeInput,
    shown: Mapping[str, str],
    found: pa.Table,
) -> Sequence[Row]:
    """Return rows of an input as they were, by their keys."""
    mine = found.filter(pc.equal(found[OF], of)).select(list(given.key))
    table = one.inputs[of]["table"]
    with engine.session() as session:
        session.stage_arrow("found", mine.to_reader(), step=f"rows of {table}")
        try:
            session.define_at("before", table, one.version, step=f"rows of {table}")
            rows = _joined(session, given, shown, f"rows of {table}")
        except EngineError as err:
            if err.retryable:
                raise
            raise InputError(
                f"{table} is declared otherwise than in computation {one.number}",
                hint=f"Compute it anew: chengshu theme {one.theme} --compute",
            ) from err
    if len(rows) != mine.num_rows:
        raise IntegrityError(
            f"theme {one.theme} counts {mine.num_rows} rows of {table} by {', '.join(given.key)}, "
            f"and {len(rows)} are there: its SQL makes keys that are none"
        )
    return rows


def _joined(
    session: Session, given: ThemeInput, shown: Mapping[str, str], step: str
) -> Sequence[Row]:
    same = " AND ".join(f"k.{quote(name)} = t.{quote(name)}" for name in given.key)
    fields = ", ".join(f"{sql} AS {quote(name)}" for name, sql in shown.items())
    order = listed(dict.fromkeys([*given.place, *given.key]))
    return session.rows(
        f"SELECT {listed(given.place)}, {fields} FROM (SELECT t.* FROM found AS k "
        f"JOIN before AS t ON {same}) AS counted ORDER BY {order}",
        step=step,
    )

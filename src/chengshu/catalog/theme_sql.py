"""A theme's SQL: what people wrote, checked, and put together into tables, cells and tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from sqlglot import exp

from chengshu.catalog.select import columns_in, compile_aggregate, compile_select, value_of
from chengshu.catalog.theme import MOVING, Theme, ThemeTable
from chengshu.engine.sql import listed, quote
from chengshu.kernel.errors import DeclarationError, InputError, Where

Loc: TypeAlias = tuple[int | str, ...]
# Which input a row is of, in the rows that are counted.
OF = "_of"


@dataclass(frozen=True, slots=True)
class ThemeSql:
    """The SQL of a theme, for DuckDB.

    Attributes:
        rows: Table → the rows that it counts: its dimensions, typed, `OF`, and what else the SQL
            gives; over the inputs.
        tables: Table → its cells in order; over ``rows_view`` of it.
        tests: Test → its queries; over inputs and tables.
        columns: Input → the names of columns that are used, small; None for all.
    """

    rows: Mapping[str, str]
    tables: Mapping[str, str]
    tests: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, Collection[str] | None]


def rows_view(table: str) -> str:
    """Return what the rows of a table are called."""
    return f"rows__{table}"


def compile_theme(
    theme: Theme,
    parameters: Mapping[str, str],
    where: Callable[[Loc], Where] | None = None,
) -> ThemeSql:
    """Return the SQL of a theme.

    Args:
        theme: The declaration.
        parameters: Parameter → its value as text.
        where: Returns the place of a part of the file; the file alone when not given.

    Raises:
        DeclarationError: SQL of it is wrong, or may not be used.
    """
    values = {name: value_of(p.type, parameters[name]) for name, p in theme.parameters.items()}
    relations = {*theme.inputs, *theme.tables}
    written: list[str] = []
    rows, tables = {}, {}
    place = where or (lambda _: Where(theme.path))
    for name, table in theme.tables.items():
        parts, measures = {}, {}
        for of, sql in table.rows.items():
            with _told(("tables", name, "rows", of), place):
                parts[of] = compile_select(sql, theme.inputs, values)
        for measure, one in table.measures.items():
            with _told(("tables", name, "measures", measure), place):
                measures[measure] = compile_aggregate(one.sql, values)
        rows[name] = _rows_sql(table, parts)
        tables[name] = _cells_sql(table, measures, rows_view(name))
        written += parts.values()
    tests = {}
    for name, test in theme.tests.items():
        with _told(("tests", name), place):
            tests[name] = tuple(compile_select(sql, relations, values) for sql in test.queries)
        written += tests[name]
    return ThemeSql(rows, tables, tests, _columns(theme, written))


@contextmanager
def _told(loc: Loc, place: Callable[[Loc], Where]) -> Iterator[None]:
    """Tell where in the file it stands what is wrong with SQL."""
    try:
        yield
    except InputError as err:
        raise DeclarationError(place(loc), f"{'.'.join(map(str, loc))}: {err}") from err


def sample_parameters(theme: Theme) -> dict[str, str]:
    """Return values with which a theme's SQL can be tried."""
    return {
        name: "2000-01-01" if p.type == "date" and p.default in MOVING else p.default
        for name, p in theme.parameters.items()
    }


def _rows_sql(table: ThemeTable, parts: Mapping[str, str]) -> str:
    typed = ", ".join(
        f"CAST({quote(name)} AS {dimension.column}) AS {quote(name)}"
        for name, dimension in table.dimensions.items()
    )
    every = " UNION ALL BY NAME ".join(
        f"SELECT *, {exp.Literal.string(of).sql()} AS {OF} FROM ({sql}) AS part"
        for of, sql in parts.items()
    )
    return f"SELECT * REPLACE ({typed}) FROM ({every}) AS parts"


def _cells_sql(table: ThemeTable, measures: Mapping[str, str], rows: str) -> str:
    numbers = ", ".join(
        f"CAST(ROUND({sql}, {table.measures[name].decimals}) AS {table.measures[name].column}) "
        f"AS {quote(name)}"
        for name, sql in measures.items()
    )
    dimensions = listed(table.dimensions)
    order = ", ".join(f"{quote(name)} NULLS LAST" for name in table.dimensions)
    return (
        f"SELECT {dimensions}, {numbers} FROM {quote(rows)} GROUP BY {dimensions} ORDER BY {order}"
    )


def _columns(theme: Theme, statements: list[str]) -> dict[str, Collection[str] | None]:
    """Return which columns are used; a name counts for every input, for it need not say whose."""
    named = [columns_in(sql) for sql in statements]
    if any(names is None for names in named):
        return dict.fromkeys(theme.inputs)
    used = set().union(*(names or () for names in named))
    return dict.fromkeys(theme.inputs, used)

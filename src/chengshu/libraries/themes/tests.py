"""The tests of a theme: what must be true of new cells before they stand."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from chengshu.catalog.theme import Cells, Theme, ThemeTest
from chengshu.catalog.theme_sql import ThemeSql
from chengshu.engine.apart import Answer


def queries_of(sql: ThemeSql) -> dict[str, str]:
    """Return the queries of all tests by name."""
    return {
        _named(name, at): query
        for name, queries in sql.tests.items()
        for at, query in enumerate(queries)
    }


def judge_tests(theme: Theme, answer: Answer) -> dict[str, str | None]:
    """Return test → None where it holds, else what is wrong, in numbers."""
    return {name: _judge(name, test, answer) for name, test in theme.tests.items()}


def _judge(name: str, test: ThemeTest, answer: Answer) -> str | None:
    if test.cells is not None:
        return _judge_cells(test.cells, answer.tables[str(test.table)].num_rows)
    values = [answer.values[_named(name, at)] for at in range(len(test.queries))]
    if test.holds is not None:
        return None if values == [True] else f"{test.label} does not hold"
    one, other = (_number(value) for value in values)
    if one is None or other is None:
        return f"{test.label}: a query did not give one number"
    return None if one == other else f"{test.label}: {one:,} is not {other:,}"


def _judge_cells(cells: Cells, count: int) -> str | None:
    most = cells.max if cells.max is not None else count
    if cells.min <= count <= most:
        return None
    limit = f"at least {cells.min:,}" if count < cells.min else f"at most {most:,}"
    return f"{count:,} cells, expected {limit}"


def _number(value: str | bool | None) -> Decimal | None:
    try:
        return Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None


def _named(test: str, at: int) -> str:
    return f"test__{test}__{at}"

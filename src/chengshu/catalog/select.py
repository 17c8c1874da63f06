"""SQL that people write: one SELECT over named relations, parsed, checked and written anew.

Only what stands on these lists passes: no file, no table function, no other table, nothing that
gives another answer the next time. What runs is written from the parsed tree, never their text.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from chengshu.catalog.expression import FUNCTIONS, OURS, PLAIN
from chengshu.kernel.errors import InputError

# What it cannot read it would print.
logging.getLogger("sqlglot").setLevel(logging.ERROR)
QUERIES = (exp.Select, exp.Union, exp.Except, exp.Intersect)
CLAUSES: tuple[type[exp.Expression], ...] = (
    *QUERIES, exp.From, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit,
    exp.Join, exp.Table, exp.TableAlias, exp.Subquery, exp.With, exp.CTE, exp.Alias, exp.Star,
    exp.Exists, exp.Distinct, exp.Filter, exp.Window, exp.WindowSpec, exp.Values, exp.Tuple,
    exp.Interval, exp.Var, exp.Placeholder, exp.Div, exp.Mod, exp.IntDiv, exp.TryCast, exp.Qualify,
    exp.WithinGroup, exp.DataTypeParam, exp.Anonymous,
)  # fmt: skip
MORE: tuple[type[exp.Expression], ...] = (
    exp.Count, exp.CountIf, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Median, exp.LogicalAnd,
    exp.LogicalOr, exp.Round, exp.Ceil, exp.Floor, exp.Greatest, exp.Least, exp.Concat,
    exp.ConcatWs, exp.Substring, exp.Upper, exp.Lower, exp.Trim, exp.Replace, exp.Pad, exp.EndsWith,
    exp.Quarter, exp.Extract, exp.DateDiff, exp.DateTrunc, exp.TimestampTrunc, exp.TimeToStr,
    exp.LastDay, exp.DateFromParts, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead,
    exp.FirstValue, exp.LastValue, exp.RegexpLike,
)  # fmt: skip
KNOWN = sorted(
    [*OURS, "abs", "coalesce", "contains", "day", "left", "length", "month", "nullif", "right",
     "starts_with", "year", "count", "count_if", "sum", "min", "max", "avg", "median", "bool_and",
     "bool_or", "round", "ceil", "floor", "greatest", "least", "concat", "concat_ws", "substring",
     "upper", "lower", "trim", "replace", "lpad", "rpad", "ends_with", "quarter", "extract",
     "date_diff", "date_trunc", "strftime", "last_day", "make_date", "row_number", "rank",
     "dense_rank", "lag", "lead", "first_value", "last_value", "regexp_matches", "cast",
     "try_cast", "case"]
)  # fmt: skip
TABLE_PARTS = {"this", "alias", "joins"}


def compile_select(
    text: str, relations: Collection[str], values: Mapping[str, exp.Expression]
) -> str:
    """Return a person's query as DuckDB runs it.

    Args:
        text: One SELECT.
        relations: The relations that it may read.
        values: Parameter, written ``$name`` → its value.

    Raises:
        InputError: It is none, or uses what may not be used; says what is known.
    """
    tree = _parsed(text)
    if not isinstance(tree, QUERIES):
        raise InputError(f"is {_word(tree)}, expected one SELECT")
    return _written(tree, relations, values)


def compile_aggregate(text: str, values: Mapping[str, exp.Expression]) -> str:
    """Return a person's aggregate over the columns of rows as DuckDB runs it."""
    tree = _parsed(text)
    if isinstance(tree, (*QUERIES, exp.Alias)) or tree.find(exp.Subquery, *QUERIES, exp.Table):
        raise InputError(f"{text!r} is a query, expected an aggregate: COUNT(*), say")
    if not tree.find(exp.AggFunc):
        raise InputError(f"{text!r} counts nothing, expected an aggregate: COUNT(*), say")
    return _written(tree, (), values)


def columns_in(sql: str) -> set[str] | None:
    """Return the names of columns that a compiled text uses, small; None where ``*`` takes all."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    for star in tree.find_all(exp.Star):
        if not isinstance(star.parent, exp.Count):
            return None
    names = {column.name.lower() for column in tree.find_all(exp.Column)}
    joined = [name for join in tree.find_all(exp.Join) for name in join.args.get("using") or ()]
    return names | {name.name.lower() for name in joined}


def value_of(kind: str, text: str) -> exp.Expression:
    """Return a parameter's value as SQL."""
    column = {"date": "DATE", "integer": "BIGINT"}.get(kind, "VARCHAR")
    return exp.cast(exp.Literal.string(text), column)


def _parsed(text: str) -> exp.Expression:
    try:
        trees = sqlglot.parse(text, read="duckdb")
    except (SqlglotError, RecursionError) as err:
        raise InputError("is not SQL that can be read") from err
    if len(trees) != 1 or trees[0] is None:
        raise InputError(f"holds {len(trees)} statements, expected one")
    return cast(exp.Expression, trees[0])


def _written(
    tree: exp.Expression, relations: Collection[str], values: Mapping[str, exp.Expression]
) -> str:
    known = {name.lower() for name in relations}
    for node in tree.walk():
        _check(node, known, values)
    try:
        return tree.transform(_ours, values).sql(dialect="duckdb", comments=False)
    except RecursionError as err:
        raise InputError("is nested too deep") from err


def _check(node: Any, known: set[str], values: Mapping[str, exp.Expression]) -> None:
    if not isinstance(node, PLAIN + FUNCTIONS + CLAUSES + MORE):
        raise InputError(f"{_word(node)} may not stand here", hint=_functions())
    if isinstance(node, exp.Table):
        _check_table(node, known)
    elif isinstance(node, exp.Placeholder) and node.name not in values:
        told = f"Known: {', '.join(f'${name}' for name in sorted(values)) or 'none'}."
        raise InputError(f"unknown parameter {node.sql(dialect='duckdb')!r}", hint=told)
    elif isinstance(node, exp.Anonymous) and node.name.lower() not in OURS:
        raise InputError(f"unknown function {node.name!r}", hint=_functions())
    elif isinstance(node, exp.Join) and node.args.get("method") in ("NATURAL", "POSITIONAL"):
        raise InputError(f"a {node.args['method']} join may not stand here", hint="Name columns.")
    elif isinstance(node, exp.With) and node.args.get("recursive"):
        raise InputError("a recursive WITH may not stand here", hint="It need not end.")
    elif isinstance(node, exp.Column) and node.args.get("db"):
        raise InputError(f"{node.sql()!r}: expected a column, or relation.column")


def _check_table(node: exp.Table, known: set[str]) -> None:
    given = {part for part, value in node.args.items() if value}
    named = isinstance(node.this, exp.Identifier) and given <= TABLE_PARTS
    if not named or node.name.lower() not in known | set(_withs(node)):
        told = f"Known: {', '.join(sorted(known)) or 'none'}."
        raise InputError(f"may not read {node.sql(dialect='duckdb')!r}", hint=told)


def _withs(node: exp.Expression) -> Iterator[str]:
    """Yield the names that WITH gives to what stands where ``node`` does, small."""
    below: Any = node
    own: Any = None
    while (above := below.parent) is not None:
        if isinstance(above, exp.With):
            # A name stands for what comes after it: before, it would be some table's.
            earlier = above.expressions[: above.expressions.index(below)]
            yield from (cte.alias.lower() for cte in earlier)
            own = above
        elif (names := above.args.get("with_")) is not None and names is not own:
            yield from (cte.alias.lower() for cte in names.expressions)
        below = above


def _ours(node: exp.Expression, values: Mapping[str, exp.Expression]) -> exp.Expression:
    if isinstance(node, exp.Placeholder):
        return values[node.name].copy()
    if isinstance(node, exp.Anonymous):
        given = [item.transform(_ours, values).sql(dialect="duckdb") for item in node.expressions]
        try:
            made = OURS[node.name.lower()](*given)
        except TypeError as err:
            raise InputError(f"wrong number of arguments for {node.name!r}") from err
        return exp.paren(sqlglot.parse_one(made, read="duckdb"))
    return node


def _word(node: Any) -> str:
    """Return what a person would call a part of a query."""
    if isinstance(node, exp.Func):
        return repr(node.sql_name().lower())
    return repr(node.key.upper())


def _functions() -> str:
    return f"Known: {', '.join(KNOWN)}."

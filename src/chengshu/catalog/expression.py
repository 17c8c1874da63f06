"""The expressions that people may write in a rule: one boolean over declared fields.

Whether it comes from a reviewed file or from an officer's form, it passes this parser: a short
list of functions whose meaning is the same on every engine, no subquery, no other table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from chengshu.kernel.errors import InputError
from chengshu.standards.types.citizen_id import birth_date_sql, sex_sql

PLAIN: tuple[type[exp.Expression], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Neg,
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Is,
    exp.In, exp.Between, exp.Like, exp.Add, exp.Sub, exp.Mul, exp.Case, exp.If,
    exp.Cast, exp.DataType, exp.NullSafeEQ, exp.NullSafeNEQ, exp.DPipe,
)  # fmt: skip
FUNCTIONS: tuple[type[exp.Expression], ...] = (
    exp.Abs, exp.Coalesce, exp.Nullif, exp.Length, exp.Left, exp.Right, exp.Year, exp.Month,
    exp.Day, exp.StartsWith, exp.Contains,
)  # fmt: skip
OURS: Mapping[str, Callable[..., str]] = {
    "birth_date": birth_date_sql,
    "sex_of": sex_sql,
    "days_between": lambda start, end: (
        f"DATE_DIFF('day', CAST({start} AS DATE), CAST({end} AS DATE))"
    ),
    "age_at": lambda born, day: (
        f"(YEAR({day}) - YEAR({born}) - CASE WHEN MONTH({day}) * 100 + DAY({day}) < "
        f"MONTH({born}) * 100 + DAY({born}) THEN 1 ELSE 0 END)"
    ),
}
KNOWN = sorted(
    [*OURS, "abs", "coalesce", "nullif", "length", "left", "right", "year", "month", "day",
     "starts_with", "contains"]
)  # fmt: skip


def compile_expression(text: str, columns: Mapping[str, str]) -> str:
    """Return the SQL of a rule's expression.

    Args:
        text: What the declaration says, in SQL's words.
        columns: Names that it may use → the columns that they are.

    Raises:
        InputError: It does not parse, or uses a name or function that is not known.
    """
    try:
        tree = sqlglot.parse_one(text, read="duckdb")
    except SqlglotError as err:
        raise InputError(f"not an expression: {text!r}") from err
    return _checked(cast(exp.Expression, tree), columns).sql(dialect="duckdb")


def is_condition(text: str) -> bool:
    """Tell whether an expression that compiles is true or false, not a value of another kind."""
    return _is_condition(sqlglot.parse_one(text, read="duckdb"))


def _is_condition(node: Any) -> bool:
    if isinstance(node, exp.Paren | exp.Not):
        return _is_condition(node.this)
    if isinstance(node, exp.And | exp.Or):
        return _is_condition(node.left) and _is_condition(node.right)
    if isinstance(node, exp.Case):
        results = [branch.args["true"] for branch in node.args["ifs"]]
        results += [node.args["default"]] if node.args.get("default") else []
        return all(_is_condition(result) for result in results)
    if isinstance(node, exp.Coalesce):
        return all(_is_condition(part) for part in (node.this, *node.expressions))
    return isinstance(node, exp.Predicate | exp.Boolean | exp.Null | exp.StartsWith | exp.Contains)


def names_in(text: str) -> set[str]:
    """Return the names of the fields that an expression uses."""
    return {column.name for column in sqlglot.parse_one(text, read="duckdb").find_all(exp.Column)}


def _checked(tree: exp.Expression, known: Mapping[str, str]) -> exp.Expression:
    for node in tree.walk():
        if isinstance(node, exp.Column):
            if node.table or node.name not in known:
                raise InputError(f"unknown field {node.sql()!r}. Known: {', '.join(sorted(known))}")
        elif isinstance(node, exp.Anonymous):
            if node.name.lower() not in OURS:
                raise InputError(f"unknown function {node.name!r}. Known: {', '.join(KNOWN)}")
        elif not isinstance(node, PLAIN + FUNCTIONS):
            word = node.sql() if isinstance(node, exp.Func) else type(node).__name__.lower()
            raise InputError(f"{word!r} may not stand in a rule. Known: {', '.join(KNOWN)}")
    return tree.transform(_ours, known)


def _ours(node: exp.Expression, columns: Mapping[str, str]) -> exp.Expression:
    if isinstance(node, exp.Column):
        return exp.column(exp.to_identifier(columns.get(node.name, node.name), quoted=True))
    if type(node) is exp.Cast:
        # What cannot be cast is no value: a rule says nothing of it, and ends no run.
        return exp.TryCast(this=node.this.transform(_ours, columns), to=node.args["to"])
    if isinstance(node, exp.Anonymous):
        make = OURS[node.name.lower()]
        try:
            made = make(
                *[item.transform(_ours, columns).sql(dialect="duckdb") for item in node.expressions]
            )
        except TypeError as err:
            raise InputError(f"wrong number of arguments for {node.name!r}") from err
        return exp.paren(sqlglot.parse_one(made, read="duckdb"))
    return node

"""The query by which a table is pulled."""

from __future__ import annotations

from collections.abc import Sequence

from chengshu.engine.sql import quote
from chengshu.exchange.connectors.watermark import Span


def select_sql(
    table: str,
    columns: Sequence[str],
    header: Sequence[str],
    span: Span,
    key: Sequence[Sequence[str]],
) -> str:
    """Return the query for the rows of a span, in the order of the resource's key if it has one.

    Args:
        table: The relation, called ``t``.
        columns: SQL of what is taken.
        header: The table's columns.
        span: Which rows.
        key: For each field of the key, the names that its column may have.
    """
    found = [[name for name in names if name in header][:1] for names in key]
    order = [f"t.{quote(name)}" for names in found for name in names]
    where = f" WHERE {span.condition}" if span.condition else ""
    by = f" ORDER BY {', '.join(order)}" if order else ""
    return f"SELECT {', '.join(columns)} FROM {table}{where}{by}"

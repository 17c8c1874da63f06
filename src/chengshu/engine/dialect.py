"""DuckDB's SQL in Spark's words."""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp


def translate(sql: str, view: Any = None) -> str:
    """Return DuckDB's ``sql`` in Spark's words; lake tables become what ``view`` names them."""
    tree = sqlglot.parse_one(sql, read="duckdb")
    if view is not None:
        for table in tree.find_all(exp.Table):
            if table.catalog == "lake":
                name = view(table.db, table.name)
                table.replace(exp.table_(name, alias=table.alias or table.name))
    return tree.sql(dialect="spark")

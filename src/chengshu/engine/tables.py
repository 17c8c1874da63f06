"""What the lake's catalogue says of its tables: their columns, and which have ever held rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from chengshu.engine.port import Row
from chengshu.engine.sql import listed, literal, quote
from chengshu.kernel.errors import EngineError

CATALOG = "__ducklake_metadata_lake"
KINDS = {
    "int64": "BIGINT",
    "int32": "INTEGER",
    "float64": "DOUBLE",
}
# Rows of a group that is read to find one of them: fewer make files larger and scans slower.
LOOKED_UP, GROUP = 20_480, "parquet_row_group_size"
NO_ORDER: Mapping[str, Sequence[str]] = MappingProxyType({})
# A text, a quoted name, or (the group) a table of the lake that is read.
READ = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\blake\.(\w+\.\w+)""")


@dataclass
class Written:
    """The tables that are known to have held rows, and as of which snapshot none is left out."""

    tables: set[str] = field(default_factory=set)
    snapshot: int = -1


class Asked(Protocol):
    """Who answers queries of the catalogue."""

    def rows(self, sql: str, *, step: str) -> Sequence[Row]:
        """Return all rows of a query."""
        ...


def tables_of(session: Asked, tables: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
    """Return those of ``tables`` that there are, each with its columns and types in their order."""
    rows = session.rows(
        "SELECT s.schema_name || '.' || t.table_name AS name, c.column_name, c.column_type "
        f"FROM {CATALOG}.ducklake_column AS c JOIN {CATALOG}.ducklake_table AS t USING (table_id) "
        f"JOIN {CATALOG}.ducklake_schema AS s USING (schema_id) WHERE c.end_snapshot IS NULL "
        "AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL "
        f"AND s.schema_name || '.' || t.table_name IN ({', '.join(map(literal, tables))}) "
        "ORDER BY c.column_order",
        step="columns of the lake",
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        kind = row["column_type"]
        found.setdefault(row["name"], {})[row["column_name"]] = KINDS.get(kind, kind.upper())
    return found


def columns_of(session: Asked, table: str) -> Mapping[str, str]:
    """Return column name → type of a lake table; empty when there is none."""
    return tables_of(session, [table]).get(table, {})


def columns_at(session: Asked, table: str, version: int) -> Mapping[str, str]:
    """Return column name → type of a lake table as it was in a snapshot."""
    sql = f"DESCRIBE SELECT * FROM {qualified(table)} AT (VERSION => {version})"
    rows = session.rows(sql, step=f"columns of {table}")
    return {row["column_name"]: row["column_type"] for row in rows}


def snapshots_of(session: Asked, tables: Sequence[str]) -> Mapping[str, int]:
    """Return table → the newest snapshot that changed its rows; 0 where there is none."""
    rows = session.rows(
        "SELECT name, MAX(snapshot) AS newest FROM (SELECT s.schema_name || '.' || t.table_name "
        "AS name, GREATEST(f.begin_snapshot, COALESCE(f.end_snapshot, 0), "
        # What is merged or deleted from again and again begins with its first snapshot.
        "COALESCE(f.partial_max, 0), COALESCE(d.begin_snapshot, 0), COALESCE(d.partial_max, 0)) "
        "AS snapshot "
        f"FROM {CATALOG}.ducklake_table AS t JOIN {CATALOG}.ducklake_schema AS s USING (schema_id) "
        f"JOIN {CATALOG}.ducklake_data_file AS f USING (table_id) "
        f"LEFT JOIN {CATALOG}.ducklake_delete_file AS d USING (data_file_id)) AS changes "
        f"WHERE name IN ({', '.join(map(literal, tables))}) GROUP BY name",
        step="snapshots of tables",
    )
    newest = {row["name"]: int(row["newest"]) for row in rows}
    return {table: newest.get(table, 0) for table in tables}


def count_changes_sql(table: str) -> str:
    """Return SQL of ``changes``: how many rows have ever come into the table or gone from it.

    Unlike the snapshots of its files, which compaction makes anew, it moves with the rows only.
    """
    store, name = (literal(part) for part in table.split("."))
    return (
        "SELECT 2 * COALESCE(MAX(n.next_row_id), 0) "
        "- COALESCE(SUM(f.record_count - COALESCE(d.delete_count, 0)), 0) AS changes "
        f"FROM {CATALOG}.ducklake_table AS t JOIN {CATALOG}.ducklake_schema AS s USING (schema_id) "
        f"LEFT JOIN {CATALOG}.ducklake_table_stats AS n ON n.table_id = t.table_id "
        f"LEFT JOIN {CATALOG}.ducklake_data_file AS f "
        "ON f.table_id = t.table_id AND f.end_snapshot IS NULL "
        f"LEFT JOIN {CATALOG}.ducklake_delete_file AS d "
        "ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL "
        f"WHERE s.schema_name = {store} AND t.table_name = {name} AND t.end_snapshot IS NULL"
    )


def has_columns(have: Mapping[str, str], columns: Mapping[str, str]) -> bool:
    """Tell whether a table that has ``have`` has ``columns``."""
    return all(have.get(name) == kind for name, kind in columns.items())


def render_table_sql(
    table: str, have: Mapping[str, str], columns: Mapping[str, str]
) -> Iterator[str]:
    """Yield what makes a table's columns ``columns``; nothing is dropped, old types move aside."""
    if not have:
        body = ", ".join(f"{quote(column)} {kind}" for column, kind in columns.items())
        yield f"CREATE SCHEMA IF NOT EXISTS lake.{quote(table.split('.')[0])}"
        yield f"CREATE TABLE {qualified(table)} ({body})"
        return
    change = f"ALTER TABLE {qualified(table)}"
    for name, kind in columns.items():
        if name in have and have[name] != kind:
            aside = next(f"{name}__{n}" for n in range(1, 1000) if f"{name}__{n}" not in have)
            yield f"{change} RENAME COLUMN {quote(name)} TO {quote(aside)}"
        if have.get(name) != kind:
            yield f"{change} ADD COLUMN {quote(name)} {kind}"


def render_order_sql(session: Asked, ordered: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield what keeps tables in the order of these columns, those that are not kept so yet."""
    kept = session.rows(
        f"SELECT scope_entry AS name FROM ducklake_options('lake') WHERE option_name = '{GROUP}'",
        step="order of tables",
    )
    for table in ordered.keys() - {row["name"] for row in kept}:
        store, name = (literal(part) for part in table.split("."))
        yield f"ALTER TABLE {qualified(table)} SET SORTED BY ({listed(ordered[table])})"
        yield (
            f"CALL lake.set_option('{GROUP}', {LOOKED_UP}, schema => {store}, table_name => {name})"
        )


def qualified(table: str) -> str:
    """Return ``store.table`` as the quoted name of a lake table."""
    store, name = table.split(".")
    return f"lake.{quote(store)}.{quote(name)}"


def read_tables(sql: str) -> set[str]:
    """Return the lake tables that a query reads."""
    return set(READ.findall(sql)) - {""}


def written_tables(session: Asked) -> set[str]:
    """Return the tables that have ever held rows; it stays true of a table for good.

    Ask once the snapshot of ``session`` is settled, and every table that holds rows in it is here.
    """
    rows = session.rows(
        f"SELECT s.schema_name || '.' || t.table_name AS name FROM {CATALOG}.ducklake_table_stats "
        f"JOIN {CATALOG}.ducklake_table AS t USING (table_id) "
        f"JOIN {CATALOG}.ducklake_schema AS s USING (schema_id)",
        step="tables with rows",
    )
    return {row["name"] for row in rows}


def without_reading(sql: str, tables: set[str]) -> str:
    """Return a query with ``tables`` as relations without rows, which are planned away.

    DuckLake looks for the statistics of a table that has never held rows anew at each turn, some
    five queries of its catalogue for every time that a statement names it.
    """
    return READ.sub(lambda m: f"(FROM {m[0]} WHERE FALSE)" if m[1] in tables else m[0], sql)


def render_probe_sql(expression: str, columns: Mapping[str, str]) -> str:
    """Return a query that holds no rows against a boolean expression over ``columns``."""
    body = ", ".join(f"CAST(NULL AS {kind}) AS {quote(name)}" for name, kind in columns.items())
    return f"SELECT 1 AS one FROM (SELECT {body}) AS probe WHERE {expression}"


def parses(session: Asked, expression: str, columns: Mapping[str, str]) -> str | None:
    """Return why a boolean expression over ``columns`` cannot run in the session, or None."""
    try:
        session.rows(render_probe_sql(expression, columns), step="parse a rule")
    except EngineError as err:
        return str(err.__cause__).splitlines()[0]
    return None

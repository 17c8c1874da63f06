"""When lake tables changed, and what they gained or lost since, by DuckLake's catalogue."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Protocol

from chengshu.engine.port import Row
from chengshu.engine.sql import listed, literal, quote

META = "__ducklake_metadata_lake"


class Catalogue(Protocol):
    """A DuckDB session, as far as it is needed here."""

    def rows(self, sql: str, *, step: str) -> Sequence[Row]:
        """Return all rows of a query."""
        ...


def snapshots_of(catalogue: Catalogue, tables: Collection[str]) -> Mapping[str, int]:
    """Return table → the newest snapshot that changed its rows; 0 where there is none."""
    rows = catalogue.rows(
        "SELECT name, MAX(snapshot) AS newest FROM (SELECT s.schema_name || '.' || t.table_name "
        "AS name, GREATEST(f.begin_snapshot, COALESCE(f.end_snapshot, 0), "
        "COALESCE(d.begin_snapshot, 0)) AS snapshot "
        f"FROM {META}.ducklake_table AS t JOIN {META}.ducklake_schema AS s USING (schema_id) "
        f"JOIN {META}.ducklake_data_file AS f USING (table_id) "
        f"LEFT JOIN {META}.ducklake_delete_file AS d USING (data_file_id)) AS changes "
        f"WHERE name IN ({', '.join(map(literal, tables))}) GROUP BY name",
        step="snapshots of tables",
    )
    newest = {row["name"]: int(row["newest"]) for row in rows}
    return {table: newest.get(table, 0) for table in tables}


def changes_sql(
    catalogue: Catalogue, table: str, columns: Sequence[str], since: int, step: str
) -> str | None:
    """Return SQL of the distinct ``columns`` of rows gained or lost after the snapshot ``since``.

    None when that snapshot is no longer kept. The feed is read between compactions: across one it
    loses what was deleted after it.
    """
    store, bare = (literal(part) for part in table.split("."))
    (row,) = catalogue.rows(
        f"SELECT id AS newest, (SELECT COUNT(*) FROM {META}.ducklake_snapshot "
        f"WHERE snapshot_id = {since}) AS kept FROM ducklake_current_snapshot('lake')",
        step=step,
    )
    (made,) = catalogue.rows(
        f"SELECT t.table_id AS id, t.begin_snapshot AS at FROM {META}.ducklake_table AS t "
        f"JOIN {META}.ducklake_schema AS s USING (schema_id) WHERE s.schema_name = {store} "
        f"AND t.table_name = {bare} AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL",
        step=step,
    )
    if not row["kept"]:
        return None
    compacted = catalogue.rows(
        f"SELECT snapshot_id AS id FROM {META}.ducklake_snapshot_changes "
        f"WHERE snapshot_id > {since} AND regexp_matches(changes_made, "
        f"'(rewrite|merge|compact)[a-z_]*:{made['id']}(,|$)') ORDER BY snapshot_id",
        step=step,
    )
    first = max(since, made["at"])
    edges = [first, *(r["id"] for r in compacted if r["id"] > first), row["newest"] + 1]
    feeds = [
        f"SELECT {listed(columns)} FROM "
        f"ducklake_table_changes('lake', {store}, {bare}, {before + 1}, {after - 1})"
        for before, after in pairwise(edges)
        if before + 1 < after
    ]
    kept = f"lake.{quote(table.split('.')[0])}.{quote(table.split('.')[1])}"
    feeds = feeds or [f"SELECT {listed(columns)} FROM {kept} WHERE FALSE"]
    return f"SELECT DISTINCT * FROM ({' UNION ALL '.join(feeds)}) AS feed"

"""What a lake table gained or lost since a snapshot, by DuckLake's change feed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from chengshu.engine.sql import listed, literal
from chengshu.engine.tables import CATALOG, Asked, qualified


def changes_sql(
    catalogue: Asked, table: str, columns: Sequence[str], since: int, step: str
) -> str | None:
    """Return SQL of the distinct ``columns`` of rows gained or lost after the snapshot ``since``.

    None when that snapshot, or one since, is no longer kept. The feed is read between compactions,
    which must all be known: across one it loses what was deleted after it.
    """
    store, bare = (literal(part) for part in table.split("."))
    (row,) = catalogue.rows(
        f"SELECT id AS newest, (SELECT COUNT(*) FROM {CATALOG}.ducklake_snapshot "
        f"WHERE snapshot_id >= {since}) > id - {since} AS kept "
        "FROM ducklake_current_snapshot('lake')",
        step=step,
    )
    (made,) = catalogue.rows(
        f"SELECT t.table_id AS id, t.begin_snapshot AS at FROM {CATALOG}.ducklake_table AS t "
        f"JOIN {CATALOG}.ducklake_schema AS s USING (schema_id) WHERE s.schema_name = {store} "
        f"AND t.table_name = {bare} AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL",
        step=step,
    )
    if not row["kept"]:
        return None
    compacted = catalogue.rows(
        f"SELECT snapshot_id AS id FROM {CATALOG}.ducklake_snapshot_changes "
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
    feeds = feeds or [f"SELECT {listed(columns)} FROM {qualified(table)} WHERE FALSE"]
    return f"SELECT DISTINCT * FROM ({' UNION ALL '.join(feeds)}) AS feed"

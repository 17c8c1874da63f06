"""How a DuckLake is kept: what its tables consist of, fewer and fresher files, what may go.

What was tried of DuckLake's own functions stands in ``docs/rules/lake.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from chengshu.engine.port import DataFile, Session
from chengshu.engine.sql import literal
from chengshu.engine.tables import CATALOG

# So many snapshots go in one transaction; others write between two of them.
AT_ONCE = 1000


class LakeUpkeep:
    """Keeps one lake (see the port); each call is one transaction, or several that stand alone."""

    def __init__(self, open_session: Callable[[], AbstractContextManager[Session]]) -> None:
        """Use ``open_session``, whose sessions run DuckDB's SQL on the lake."""
        self._session = open_session

    def list_files(self) -> Sequence[DataFile]:
        """Return the files of all tables (see the port)."""
        sql = (
            "SELECT s.schema_name || '.' || t.table_name AS name, f.record_count AS came, "
            "COALESCE(d.delete_count, 0) AS deleted, f.file_size_bytes AS bytes "
            f"FROM {CATALOG}.ducklake_data_file AS f "
            f"JOIN {CATALOG}.ducklake_table AS t USING (table_id) "
            f"JOIN {CATALOG}.ducklake_schema AS s USING (schema_id) "
            f"LEFT JOIN {CATALOG}.ducklake_delete_file AS d "
            "ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL "
            "WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL"
        )
        with self._session() as session:
            return [DataFile(*row.values()) for row in session.rows(sql, step="files of the lake")]

    def compact(self, table: str, *, worn: float | None, below: int | None) -> None:
        """Rewrite worn files and merge small ones (see the port)."""
        store, name = (literal(part) for part in table.split("."))
        of = f"('lake', {name}, schema => {store}"
        if worn is not None:
            rewrite = f"FROM ducklake_rewrite_data_files{of}, delete_threshold => {worn:.9f})"
            with self._session() as session:
                _call(session, rewrite, f"rewrite {table}")
        if below is not None:
            merge = f"FROM ducklake_merge_adjacent_files{of}, max_file_size => {below})"
            with self._session() as session:
                _call(session, merge, f"merge {table}")

    def expire(
        self, before: datetime, *, daily_since: datetime, zone: str, needed: Collection[int]
    ) -> int:
        """Let go of snapshots (see the port)."""
        kept = ", ".join(map(str, sorted(needed))) or "-1"
        made = "CAST(snapshot_time AS TIMESTAMPTZ)"
        day = f"CAST({made} AT TIME ZONE {literal(zone)} AS DATE)"
        sql = (
            f"SELECT id FROM (SELECT snapshot_id AS id, {made} AS made, ROW_NUMBER() OVER "
            f"(PARTITION BY {day} ORDER BY snapshot_id DESC) AS nth, MAX(snapshot_id) OVER () "
            f"AS newest FROM {CATALOG}.ducklake_snapshot) AS s WHERE made < {_utc(before)} "
            f"AND (nth > 1 OR made < {_utc(daily_since)}) AND id < newest "
            f"AND id NOT IN ({kept}) ORDER BY id LIMIT {AT_ONCE}"
        )
        gone = 0
        while True:
            with self._session() as session:
                ids = [str(row["id"]) for row in session.rows(sql, step="old snapshots")]
                if ids:
                    expire = f"ducklake_expire_snapshots('lake', versions => [{', '.join(ids)}])"
                    _call(session, f"FROM {expire}", "expire snapshots")
            gone += len(ids)
            if len(ids) < AT_ONCE:
                return gone

    def clean(self, before: datetime, *, orphans: bool) -> int:
        """Delete files that nothing names any more (see the port)."""
        # DuckLake compares these times as texts, which only tell days apart (a space is before T):
        # a day earlier is what went before the day of ``before``.
        kinds = {"cleanup_old_files": before - timedelta(days=1)}
        kinds |= {"delete_orphaned_files": before} if orphans else {}
        gone = 0
        for kind, older in kinds.items():
            with self._session() as session:
                sql = f"FROM ducklake_{kind}('lake', older_than => {_utc(older)})"
                gone += _call(session, sql, kind.replace("_", " "))
        return gone


def _call(session: Session, sql: str, step: str) -> int:
    """Run one of DuckLake's functions; return how many rows it tells."""
    return len(session.rows(sql, step=step))


def _utc(moment: datetime) -> str:
    return f"CAST({literal(moment.isoformat(sep=' '))} || '+00' AS TIMESTAMPTZ)"

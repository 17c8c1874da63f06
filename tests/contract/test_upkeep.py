"""Upkeep of the lake changes no row, at no snapshot that is kept, for no reader, on any engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.port import Engine, Session
from chengshu.kernel.clock import utc_now

TABLE = "base.t"
COLUMNS = {"id": "BIGINT", "name": "VARCHAR", "since": "TIMESTAMP", "amount": "DECIMAL(18,2)"}
WIDER = {**COLUMNS, "amount": "DECIMAL(18,4)", "extra": "VARCHAR"}
MERGES, ROWS = 5, 60


def merge(engine: Engine, number: int, columns: dict[str, str] = COLUMNS) -> None:
    """Replace some rows and add others, as a merge of the base store does."""
    engine.ensure_tables({TABLE: columns})
    kept = "NULL" if number % 2 else "'名' || i"
    rows = (
        f"SELECT i AS id, {kept} AS name, TIMESTAMP '2026-01-01 00:00:00' AS since, "
        f"CAST(i + {number} AS {columns['amount']}) AS amount FROM incoming"
    )
    ids = [(i,) for i in (range(ROWS) if number == 0 else range(number * 7, number * 7 + 10))]
    with engine.session() as session:
        session.stage_rows("incoming", {"i": "BIGINT"}, ids)
        if number:
            session.remove(TABLE, "SELECT i AS id FROM incoming", on=["id"], step="remove")
        session.append(TABLE, rows, step="append")


def table(session: Session, alias: str = "t") -> list[tuple[Any, ...]]:
    sql = f"SELECT * FROM lake.{TABLE} AS {alias} ORDER BY id, amount"
    return [tuple(row.values()) for row in session.rows(sql, step="read")]


def read(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.session() as session:
        return table(session)


def newest(session: Session) -> int:
    (row,) = session.rows("SELECT id FROM ducklake_current_snapshot('lake')", step="snapshot")
    return int(row["id"])


def as_of(session: Session, snapshot: int) -> list[tuple[Any, ...]]:
    sql = f"SELECT id, name, since FROM lake.{TABLE} AT (VERSION => {snapshot}) ORDER BY ALL"
    return [tuple(row.values()) for row in session.rows(sql, step="as of")]


@contextmanager
def reading(engine: Any) -> Iterator[DuckDBEngine]:
    """Another reader of the same lake, as another process is."""
    reader = DuckDBEngine(engine.lake, read_only=True, threads=1)
    yield reader
    reader.close()


def merged(engine: Engine) -> dict[int, list[tuple[Any, ...]]]:
    """Merge some times, the table becoming wider between; return it as of each snapshot."""
    seen = {}
    for number in range(MERGES):
        merge(engine, number, COLUMNS if number < MERGES - 1 else WIDER)
        with reading(engine) as reader, reader.session() as session:
            snapshot = newest(session)
            seen[snapshot] = as_of(session, snapshot)
    return seen


def compact(engine: Engine) -> None:
    engine.upkeep.compact(TABLE, worn=0.0, below=1 << 20)


def test_compaction_leaves_rows_and_older_snapshots_and_the_number_of_changes(engine: Engine):
    seen = merged(engine)
    before, changes, files = read(engine), engine.changes_of(TABLE), engine.upkeep.list_files()

    compact(engine)

    after = engine.upkeep.list_files()
    assert len(after) < len(files)
    assert (read(engine), engine.changes_of(TABLE)) == (before, changes)
    assert sum(f.rows - f.deleted for f in after) == len(before)
    with reading(engine) as reader, reader.session() as session:
        assert {snapshot: as_of(session, snapshot) for snapshot in seen} == seen


def test_the_newest_snapshot_of_a_table_never_falls(duckdb_engine: DuckDBEngine):
    merged(duckdb_engine)
    seen = [duckdb_engine.snapshots_of([TABLE])[TABLE]]

    # Deletes from one file again and again go into one delete file, which keeps its beginning.
    for gone in (1, 2):
        with duckdb_engine.session() as session:
            session.remove(TABLE, f"SELECT {gone} AS id", on=["id"], step="remove")
        seen.append(duckdb_engine.snapshots_of([TABLE])[TABLE])
    compact(duckdb_engine)
    compact(duckdb_engine)

    assert seen == sorted(set(seen))
    assert duckdb_engine.snapshots_of([TABLE])[TABLE] >= seen[-1]


def test_merges_go_on_after_compaction_as_without(engine: Engine, tmp_path: Any):
    plain = DuckDBEngine(type(engine.lake)(  # type: ignore[attr-defined]
        tmp_path / "p.sqlite", tmp_path / "p", tmp_path / "ptmp", 500))  # fmt: skip
    merged(engine), merged(plain)

    for number in (5, 6):
        compact(engine)
        for one in (engine, plain):
            merge(one, number, WIDER)
    compact(engine)

    assert read(engine) == read(plain)
    assert engine.changes_of(TABLE) == plain.changes_of(TABLE)
    plain.close()


def test_a_reader_keeps_its_snapshot_through_all_upkeep(engine: Engine):
    merged(engine)
    # What a reader of now may need is younger than this.
    old = utc_now() - timedelta(hours=1)
    with reading(engine) as reader, reader.session() as session, engine.session() as own:
        before = (table(session), table(own))

        compact(engine)
        engine.upkeep.expire(old, daily_since=old, zone="UTC", needed=())
        engine.upkeep.clean(old, orphans=True)
        merge(engine, 9, WIDER)

        assert (table(session, "again"), table(own, "again")) == before


def test_expiry_leaves_the_newest_the_last_of_each_day_and_what_is_needed(
    duckdb_engine: DuckDBEngine,
):
    engine = duckdb_engine
    seen = merged(engine)
    first, *middle, last = seen
    date_back(engine, {number: f"2026-01-0{n + 1} 15:30:00+00" for n, number in enumerate(seen)})
    date_back(engine, {middle[0]: "2026-01-02 15:59:00+00", middle[1]: "2026-01-02 16:01:00+00"})

    expire(engine, daily_since=datetime(2026, 1, 1), needed=[])
    # Two of one day in UTC are of two days in the city.
    assert {first, *middle, last} <= snapshots(engine)
    expire(engine, daily_since=datetime(2026, 1, 1), zone="UTC", needed=[])
    assert middle[0] not in snapshots(engine)
    compact(engine)
    expire(engine, daily_since=datetime(2026, 2, 1), needed=[first])

    assert snapshots(engine) & set(seen) == {first, last} & snapshots(engine)
    files = set(engine.lake.data.rglob("*.parquet"))
    assert engine.upkeep.clean(utc_now() + timedelta(days=1, hours=1), orphans=True) > 0
    assert set(engine.lake.data.rglob("*.parquet")) < files
    with engine.session() as session:
        assert as_of(session, first) == seen[first]
        assert as_of(session, newest(session)) == seen[last]


def expire(
    engine: Engine, daily_since: datetime, needed: list[int], zone: str = "Asia/Shanghai"
) -> None:
    engine.upkeep.expire(utc_now(), daily_since=daily_since, zone=zone, needed=needed)


def snapshots(engine: DuckDBEngine) -> set[int]:
    with engine.session() as session:
        rows = session.rows("SELECT snapshot_id AS id FROM lake.snapshots()", step="snapshots")
    return {row["id"] for row in rows}


def date_back(engine: DuckDBEngine, times: dict[int, str]) -> None:
    """Let snapshots be of other times; nothing else of a catalogue is ever written by hand."""
    with engine.session() as session:
        for snapshot, time in times.items():
            session.rows(
                "UPDATE __ducklake_metadata_lake.ducklake_snapshot SET snapshot_time = "
                f"'{time}' WHERE snapshot_id = {snapshot}",
                step="date back",
            )


def test_orphans_go_when_they_are_old_and_only_when_asked(duckdb_engine: DuckDBEngine):
    merged(duckdb_engine)
    before = read(duckdb_engine)
    left = duckdb_engine.lake.data / "base" / "t" / "left.parquet"
    left.write_bytes(b"")
    later = utc_now() + timedelta(hours=1)

    duckdb_engine.upkeep.clean(utc_now() - timedelta(hours=1), orphans=True)
    duckdb_engine.upkeep.clean(later, orphans=False)
    assert left.exists()
    duckdb_engine.upkeep.clean(later, orphans=True)

    assert not left.exists()
    assert read(duckdb_engine) == before


@pytest.mark.parametrize("part", ["rewrite", "merge"])
def test_nothing_to_do_commits_nothing(duckdb_engine: DuckDBEngine, part: str):
    merge(duckdb_engine, 0)
    before = snapshots(duckdb_engine)

    worn, below = (0.1, None) if part == "rewrite" else (None, 1 << 20)
    duckdb_engine.upkeep.compact(TABLE, worn=worn, below=below)

    assert snapshots(duckdb_engine) == before

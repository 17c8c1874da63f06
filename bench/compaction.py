"""Compaction: 100 merges of 1 % with and without, small tables that all runs write, snapshots."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.measure import WORK, Cost, Costs, main_of, run_part, show, show_ratio, timed
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.lake import Lake
from chengshu.libraries import stores, upkeep

ROWS, MERGES = 2_000_000, 100
TABLE = "base.person"
COLUMNS = {
    "_record": "VARCHAR", "name": "VARCHAR", "address": "VARCHAR", "phone": "VARCHAR",
    "born": "DATE", "_batch": "BIGINT", "_since": "TIMESTAMP",
}  # fmt: skip
DAYS, RESOURCES = 30, 50
SNAPSHOTS = (0, 10_000, 100_000)


def run() -> None:
    """Run each case in a process of its own."""
    for worn in (1.0, 0.1, 0.2):
        costs = run_part("compaction", "merges", worn)
        title = "without compaction" if worn == 1.0 else f"files worn from {worn} on"
        show(f"{MERGES} merges of 1 % into {ROWS} rows, {title}", costs)
        show_ratio("last merges to first", costs["last 5"].cpu, costs["first 5"].cpu, "≤ 2")
        show_ratio("compaction to merges", costs["compaction"].cpu, costs["merges"].cpu, "< 1")
    for kept in ("", "kept"):
        costs = run_part("compaction", "small", *filter(None, [kept]))
        show(f"{DAYS} days of {RESOURCES} runs, {kept or 'not kept'}", costs)
    show(
        "one session that reads, one that appends a row, by snapshots",
        run_part("compaction", "old"),
    )


@contextmanager
def opened(name: str) -> Iterator[DuckDBEngine]:
    """Open a new lake and remove it afterwards."""
    root = WORK / name
    shutil.rmtree(root, ignore_errors=True)
    engine = DuckDBEngine(Lake(root / "catalog.sqlite", root / "data", root / "tmp", 3000))
    try:
        yield engine
    finally:
        engine.close()
        shutil.rmtree(root)


def merges(worn: str) -> Costs:
    """Merge 1 % again and again, compacting when it is due; with ``worn`` 1.0, never."""
    upkeep.WORN = float(worn)
    costs: Costs = {}
    with opened(f"merges-{worn}") as engine:
        engine.ensure_tables({TABLE: COLUMNS})
        with engine.session() as session:
            session.append(TABLE, _people(f"(SELECT i FROM range({ROWS}) AS r(i))", 0), step="load")
        for number in range(1, MERGES + 1):
            with timed(costs, f"merge {number}"):
                _merge(engine, number)
            with timed(costs, f"compact {number}"):
                if upkeep.WORN < 1.0:
                    upkeep.compact_lake(engine)
        with timed(costs, "scan at the end"), engine.session() as session:
            sql = f"SELECT COUNT(*) AS n, SUM(_batch) AS b FROM lake.{TABLE}"
            session.rows(f"{sql} WHERE born < DATE '1960-01-01'", step="scan")
        with timed(costs, "one record at the end"), engine.session() as session:
            session.rows(f"SELECT * FROM lake.{TABLE} WHERE _record = md5('37')", step="one")
        print(len(engine.upkeep.list_files()), "files at the end", file=sys.stderr)
    groups = {
        "first 5": _mean(costs, "merge", range(1, 6)),
        "last 5": _mean(costs, "merge", range(MERGES - 4, MERGES + 1)),
        "dearest": max((costs[f"merge {n}"] for n in range(1, MERGES + 1)), key=lambda c: c.cpu),
        "merges": _mean(costs, "merge", range(1, MERGES + 1), over=1),
        "compaction": _mean(costs, "compact", range(1, MERGES + 1), over=1),
    }
    return {**groups, **{name: cost for name, cost in costs.items() if name.endswith("end")}}


def _people(source: str, number: int) -> str:
    return (
        f"SELECT md5(CAST(i AS VARCHAR)) AS _record, '名' || (i % 5000) AS name, "
        f"'某市某区某路' || (hash(i + {number}) % 900000) || '号' AS address, "
        f"'139' || (hash(i * 3 + {number}) % 100000000) AS phone, "
        f"DATE '1950-01-01' + CAST(i % 20000 AS INTEGER) AS born, CAST({number} AS BIGINT) AS "
        f"_batch, TIMESTAMP '2026-01-01 00:00:00' AS _since FROM {source} AS s"
    )


def _merge(engine: DuckDBEngine, number: int) -> None:
    some = f"hash(j * 1000003 + {number} * 7919) % {ROWS}"
    source = f"(SELECT DISTINCT {some} AS i FROM range({ROWS // 100}) AS r(j))"
    with engine.session() as session:
        session.stage("changed", _people(source, number), step="changed")
        session.remove(TABLE, "SELECT _record FROM changed", on=["_record"], step="remove")
        session.append(TABLE, "SELECT * FROM changed", step="append")


def small(kept: str = "") -> Costs:
    """Write what each run writes into tables that all share; upkeep after each day, if ``kept``."""
    costs: Costs = {}
    counts = "management.rule_counts"
    with opened(f"small-{kept}") as engine:
        engine.ensure_tables({
            stores.BATCHES: stores.BATCH_COLUMNS, stores.STEPS: stores.STEP_COLUMNS,
            counts: stores.RULE_COUNT_COLUMNS,
        })  # fmt: skip
        for day in range(DAYS):
            with timed(costs, f"day {day}"):
                for run in range(RESOURCES):
                    _write_run(engine, counts, day * RESOURCES + run)
            with timed(costs, f"upkeep {day}"):
                if kept:
                    upkeep.compact_lake(engine)
        with timed(costs, "batches of one resource at the end"), engine.session() as session:
            sql = (f"SELECT b.batch FROM lake.{stores.BATCHES} AS b JOIN lake.{stores.STEPS} AS s "
                   "USING (batch) WHERE b.resource = 'r7'")  # fmt: skip
            session.rows(sql, step="batches")
        print(len(engine.upkeep.list_files()), "files at the end", file=sys.stderr)
    return {
        "a run of the first day": _mean(costs, "day", range(1), over=RESOURCES),
        "a run of the last day": _mean(costs, "day", range(DAYS - 1, DAYS), over=RESOURCES),
        "all runs": _mean(costs, "day", range(DAYS), over=1),
        "all upkeep": _mean(costs, "upkeep", range(DAYS), over=1),
        "batches of one resource at the end": costs["batches of one resource at the end"],
    }


def _write_run(engine: DuckDBEngine, counts: str, number: int) -> None:
    with engine.session() as session:
        batch = f"CAST({number} AS BIGINT)"
        session.append(
            stores.BATCHES,
            f"SELECT {batch} AS batch, 'r{number % RESOURCES}' AS resource",
            step="a",
        )
    with engine.session() as session:
        session.append(
            stores.STEPS, f"SELECT {batch} AS batch, 'r{number % RESOURCES}' AS resource", step="b"
        )
        rules = f"SELECT {batch} AS _batch, 'rule' || i AS rule FROM range(10) AS r(i)"
        session.append(counts, rules, step="c")


def old() -> Costs:
    """Read and append where the catalogue has more and more snapshots."""
    costs: Costs = {}
    meta = "__ducklake_metadata_lake.ducklake_snapshot"
    with opened("old") as engine:
        engine.ensure_tables({stores.BATCHES: stores.BATCH_COLUMNS})
        made = 0
        for count in SNAPSHOTS:
            with engine.session() as session:
                newest = f"(SELECT MAX(snapshot_id) FROM {meta})"
                session.rows(
                    f"INSERT INTO {meta} SELECT snapshot_id + i, snapshot_time, schema_version, "
                    f"next_catalog_id, next_file_id FROM {meta}, range(1, {count - made} + 1) AS "
                    f"r(i) WHERE snapshot_id = {newest}", step="more",
                )  # fmt: skip
            made = count
            with timed(costs, f"{count} snapshots: 10 sessions that read"):
                for _ in range(10):
                    with engine.session() as session:
                        session.rows(
                            f"SELECT COUNT(*) AS n FROM lake.{stores.BATCHES}", step="read"
                        )
            with timed(costs, f"{count} snapshots: 10 that append"):
                for _ in range(10):
                    with engine.session() as session:
                        session.append(
                            stores.BATCHES, "SELECT CAST(1 AS BIGINT) AS batch", step="a"
                        )
    return costs


def _mean(costs: Costs, kind: str, numbers: range, over: int = 0) -> Cost:
    parts = [costs[f"{kind} {n}"] for n in numbers]
    count = over or len(parts)
    return Cost(sum(p.cpu for p in parts) / count, sum(p.wall for p in parts) / count)


if __name__ == "__main__":
    main_of({"merges": merges, "small": small, "old": old}, sys.argv)

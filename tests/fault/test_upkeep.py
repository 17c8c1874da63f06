"""Upkeep that is killed anywhere, or fails, changes no row; the next one does the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chengshu.engine.duckdb import DuckDBEngine
from tests.support.dying import Point, die
from tests.support.home import STREET, TestHome, make_test_home, without

pytestmark = pytest.mark.fault
UPKEEP = "chengshu.engine.upkeep"
# In order on one home; each goes on with what the one before it began.
CUTS = {
    "in the open transaction of a rewrite": Point(UPKEEP, "_call", after=True),
    "between the rewrite and the merge of it": Point(UPKEEP, "LakeUpkeep.compact", after=True),
    "in the open transaction of a merge": Point(UPKEEP, "_call", after=True),
    "in the open transaction of the expiry": Point(UPKEEP, "_call", after=True),
    "files deleted, the catalogue still names them": Point(UPKEEP, "_call", nth=2, after=True),
    "all done, not recorded": Point("chengshu.flows.upkeep", "keep_lake", after=True),
}
TABLE, OTHER, MERGES = "base.t", "base.u", 9


def make_worn(home: TestHome) -> None:
    """Give the lake two tables of many small files, in one with deleted rows, made days ago."""
    engine = DuckDBEngine(home.home.lake, threads=2)
    columns = {"id": "BIGINT", "n": "BIGINT"}
    engine.ensure_tables({TABLE: columns, OTHER: columns})
    for number in range(MERGES):
        with engine.session() as session:
            ids = [(i,) for i in range(number * 5, number * 5 + 10)]
            session.stage_rows("incoming", {"id": "BIGINT"}, ids)
            session.remove(TABLE, "SELECT id FROM incoming", on=["id"], step="remove")
            rows = f"SELECT id, CAST({number} AS BIGINT) AS n FROM incoming"
            session.append(TABLE, rows, step="append")
            session.append(OTHER, rows, step="append")
    with engine.session() as session:
        meta = "__ducklake_metadata_lake"
        for table, column in (("snapshot", "snapshot_time"),
                              ("files_scheduled_for_deletion", "schedule_start")):  # fmt: skip
            session.rows(
                f"UPDATE {meta}.ducklake_{table} SET {column} = '2026-01-01 00:00:00+00'",
                step="date back",
            )
    engine.close()


def data_files(home: TestHome) -> list[int]:
    with home.home.reading() as engine:
        files = engine.upkeep.list_files()
    return [sum(file.table == table for file in files) for table in (TABLE, OTHER)]


def rows(home: TestHome) -> dict[str, list[tuple[Any, ...]]]:
    own = {t: home.rows(f"SELECT * FROM lake.{t} ORDER BY ALL") for t in (TABLE, OTHER)}
    return {**home.snapshot(), **own}


def test_upkeep_killed_anywhere_ends_as_if_it_was_not(tmp_path: Path):
    home = make_test_home(tmp_path / "home", without("office/visit", "office/resident"))
    home.deliver("street_20260101", "code,name,opened", ["a,甲街,2001-02-03"])
    home.run(STREET)
    make_worn(home)
    before = rows(home)
    assert data_files(home) == [MERGES, MERGES]
    told = [line["table"] for line in home.call("status", "--json").lines if "bytes" in line]
    assert told == [TABLE, OTHER]

    for name, point in CUTS.items():
        die(point, "--home", home.root, "compact")
        assert rows(home) == before, name
    done = home.call("compact", "--json")

    assert done.code == 0, done
    assert rows(home) == before
    # The newest file has no deleted rows, so it is not written anew.
    assert data_files(home) == [2, 1]
    assert home.call("compact", "--json").lines == [
        {"snapshots_expired": 0, "files_deleted": 0, "runs_forgotten": 0}
    ]
    # What was there before is still delivered on.
    home.deliver("street_20260201", "code,name,opened", ["a,甲大街,2001-02-03"])
    assert [(line["batch"], line["accepted"]) for line in home.run(STREET)] == [(2, 1)]

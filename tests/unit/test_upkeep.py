"""When a table's files are worth compacting, and which runs are forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from dbos import DBOS

from chengshu.engine import DataFile
from chengshu.flows.asks import Ask, asking, enqueue, list_last_runs
from chengshu.flows.upkeep import forget_runs
from chengshu.kernel.clock import utc_now
from chengshu.libraries.upkeep import MANY, MIB, SMALL, TIERS, WORN, Work, plan_work

BIG = 100 * MIB


def file(size: int = 1000, deleted: float = 0, rows: int = 1_000_000) -> DataFile:
    return DataFile("base.t", rows, round(rows * deleted), size)


CASES: dict[str, tuple[list[DataFile], Work | None]] = {
    "nothing": ([], None),
    "few small files": ([file()] * (MANY - 1), None),
    "many small files": ([file()] * MANY, Work("base.t", None, TIERS[0])),
    "many larger ones and a tiny one": (
        [file(5 * MIB)] * (MANY - 1) + [file()], Work("base.t", None, TIERS[2])),
    "many large ones": ([file(BIG)] * 20, None),
    "a large file that can wait": ([file(BIG, WORN - 0.02)], None),
    "a large file that is worn": ([file(BIG, WORN)], Work("base.t", 0.001)),
    "small files with deletes go with it, what can wait does not": (
        [file(BIG, WORN), file(BIG, 0.05), *[file(deleted=0.07)] * 3], Work("base.t", 0.051)),
    "many small files with deletes": ([file(deleted=0.02)] * MANY, Work("base.t", 0.001)),
    "many small files with no more deletes than a large one": (
        [file(BIG, 0.05), *[file(deleted=0.04)] * MANY], None),
    "a small table that is all deleted": ([file(SMALL - 1, 1.0)], None),
    "files without rows": ([file(rows=0)] * 3, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_table_is_compacted_when_its_files_are_many_or_worn(case: str):
    files, work = CASES[case]

    assert plan_work(files) == ([work] if work else [])


def test_each_table_is_looked_at_by_itself():
    files = [DataFile(f"base.t{n % 2}", 10, 0, 100) for n in range(2 * MANY - 1)]

    assert plan_work(files) == [Work("base.t0", None, TIERS[0])]


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., None]:
    """Ask for runs in a flows' database and end them at once."""
    flows = tmp_path / "flows.sqlite"
    DBOS.migrate(f"sqlite:///{flows}")

    def made(*keys: str, ended: bool = True) -> None:
        with asking(flows) as client:
            for key in keys:
                enqueue(client, Ask(key.split(":")[1], "v", key=key))
            if ended:
                client.cancel_workflows(list(keys))

    return made


def forget(flows: Path, before: datetime) -> tuple[int, list[str]]:
    with asking(flows) as client:
        gone = forget_runs(client.list_workflows, client.delete_workflows, before)
        return gone, [status.workflow_id for status in client.list_workflows()]


def test_old_runs_are_forgotten_but_each_resources_newest_and_what_has_not_ended(
    tmp_path: Path, ask: Callable[..., None]
):
    flows = tmp_path / "flows.sqlite"
    old = [f"due:a/r:2026-01-0{day}T02.00:0" for day in range(1, 4)]
    ask(*old)
    ask("run:a/r:1", "run:a/other:1", "keep:lake:1", "keep:lake:2", "mine:a/r")
    ask("run:a/r:2", ended=False)
    later = utc_now() + timedelta(hours=1)

    assert forget(flows, utc_now() - timedelta(hours=1))[0] == 0
    gone, left = forget(flows, later)

    # Of a/r a run that waits is the newest that was asked for.
    assert left == [old[-1], "run:a/other:1", "keep:lake:2", "run:a/r:2"]
    assert gone == 5
    assert list_last_runs(flows, ["a/r"])["a/r"].key == "run:a/r:2"
    assert forget(flows, later) == (0, left)

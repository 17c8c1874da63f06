"""Power cuts and crowds: a run cut off anywhere ends, in the end, as one that was not."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chengshu.libraries import report
from chengshu.libraries.landing import list_batches
from chengshu.libraries.reconcile import balance_batches
from tests.support.commands import finish, kill
from tests.support.home import (
    PLACE,
    RESIDENT,
    STREET,
    TestHome,
    make_test_home,
    query,
    same_stores,
    without,
)

pytestmark = pytest.mark.fault
Seen = Callable[[TestHome], bool]


def snapshots(home: TestHome) -> int:
    return query(
        home.root / "lake/catalog.sqlite", "SELECT MAX(snapshot_id) FROM ducklake_snapshot"
    )


def steps(home: TestHome, name: str) -> int:
    sql = f"SELECT COUNT(*) FROM operation_outputs WHERE function_name = '{name}'"
    return query(home.root / "flows.sqlite", sql)


def known_files(home: TestHome) -> int:
    sql = (
        "SELECT (SELECT COUNT(*) FROM ducklake_data_file) + "
        "(SELECT COUNT(*) FROM ducklake_delete_file)"
    )
    return query(home.root / "lake/catalog.sqlite", sql)


def files(home: TestHome) -> int:
    return sum(1 for _ in (home.root / "lake" / "data").rglob("*.parquet"))


def first_tables(home: TestHome) -> Seen:
    return lambda h: snapshots(h) >= 5


def asked(home: TestHome) -> Seen:
    sql = "SELECT COUNT(*) FROM workflow_status WHERE status IN ('ENQUEUED', 'PENDING')"
    return lambda h: query(h.root / "flows.sqlite", sql) > 0


def step_done(name: str) -> Callable[[TestHome], Seen]:
    """Return: one more step of that name has ended than when the command started."""

    def make(home: TestHome) -> Seen:
        before = steps(home, name)
        return lambda h: steps(h, name) > before

    return make


def in_commit(home: TestHome) -> Seen:
    """Files of an uncommitted transaction lie in the lake, more than dead ones of before."""
    before = files(home)
    known = known_files(home)
    return lambda h: files(h) - before > known_files(h) - known


def commits(count: int) -> Callable[[TestHome], Seen]:
    def make(home: TestHome) -> Seen:
        before = snapshots(home)
        return lambda h: snapshots(h) >= before + count

    return make


# Each cuts off one run of the same home, one after the other.
FIRST = (first_tables, asked, in_commit, step_done("waiting"), in_commit, commits(1),
         step_done("land"), commits(2), step_done("refine"))  # fmt: skip
SECOND = (step_done("waiting"), in_commit, commits(1), step_done("land"), in_commit,
          step_done("refine"), step_done("back"), in_commit, step_done("merge"))  # fmt: skip


def cut_off(home: TestHome, point: Callable[[TestHome], Seen]) -> bool:
    """Start a run and end it by force at the point; tell whether it was still going."""
    seen = point(home)
    process = home.start("run", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 90
        while process.poll() is None and not seen(home) and time.monotonic() < until:
            time.sleep(0.002)
        return process.poll() is None
    finally:
        kill(process)


def deliver_again(home: TestHome) -> None:
    rows = ["a,甲大街,2001-02-03", "b,乙路,2002-02-02", "e,戊街,2005-05-05"]
    home.deliver("street_20260301", "code,name,opened", rows)
    home.register([("2", "李小红", "a", 2500, "2026-02-02 08:00:00"),
                   ("6", "钱小文", "e", "7", "2026-02-02 09:00:00")])  # fmt: skip


def result(home: TestHome) -> dict[str, list[tuple[Any, ...]]]:
    """Return the stores without what a repeated pull of the residents may count otherwise.

    A table is pulled once by each run that was cut off after it had pulled, so its batches may be
    more; each file lands once whatever happens.
    """
    found = home.snapshot()
    for table in list(found):
        if "resident" in table or table in ("landing.batches", "management.steps"):
            del found[table]
    records = "number, person, street, income, changed"
    table = "office__resident"
    for name, sql in {
        "batches": "SELECT * EXCLUDE (step_key, landed_at) FROM lake.landing.batches "
        f"WHERE resource = '{STREET}'",
        "steps": "SELECT batch, step, rules FROM lake.management.steps "
        f"WHERE resource = '{STREET}'",
        "landed residents": f"SELECT DISTINCT _digest FROM lake.landing.{table}",
        "residents": f"SELECT {records}, _awaiting IS NULL AS w FROM lake.department.{table}",
        "past residents": f"SELECT {records} FROM lake.department.{table}__history",
        "refused residents": f"SELECT _digest, {records} FROM lake.management.{table}__refused",
        "places": "SELECT place_code, place_name, opened, last_resident, _by FROM lake.base.place",
        "findings": f"SELECT _digest, rule, reason FROM lake.management.{table}__findings",
    }.items():
        found[name] = home.rows(f"{sql} ORDER BY ALL")
    return found


def make_city(folder: Path) -> TestHome:
    home = make_test_home(folder, without("office/visit") | PLACE)
    home.deliver_all()
    return home


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The stores after one run, and after a second one over new deliveries."""
    home = make_city(tmp_path_factory.mktemp("undisturbed") / "home")
    home.run()
    first = result(home)
    deliver_again(home)
    home.run()
    return first, result(home)


def test_runs_that_are_killed_anywhere_end_as_if_they_were_not(
    tmp_path: Path, undisturbed: tuple[Any, Any]
):
    home = make_city(tmp_path / "home")

    cuts = [cut_off(home, point) for point in FIRST]
    home.run()
    same_stores(undisturbed[0], result(home))
    deliver_again(home)
    cuts += [cut_off(home, point) for point in SECOND]
    home.run()

    same_stores(undisturbed[1], result(home))
    balances = home.balances()
    assert len({(b["resource"], b["batch"]) for b in balances}) == len(balances)
    assert sum(cuts) >= 10, cuts


def test_runs_that_are_killed_after_some_time_end_as_if_they_were_not(
    tmp_path: Path, undisturbed: tuple[Any, Any]
):
    home = make_city(tmp_path / "home")

    for delay in (0.9, 1.6, 2.3):
        until = time.monotonic() + delay
        cut_off(home, lambda _, until=until: lambda _: time.monotonic() > until)
    home.run()

    same_stores(undisturbed[0], result(home))
    home.balances()


REPORTED: dict[str, Callable[[TestHome], Seen]] = {
    "landed": step_done("land"),
    "in the queue": asked,
    "refined": step_done("refine"),
}


@pytest.mark.parametrize("point", REPORTED)
def test_a_run_tells_of_batches_that_a_killed_run_began(tmp_path: Path, point: str):
    home = make_city(tmp_path / "home")
    home.run(STREET)
    deliver_again(home)
    cut_off(home, REPORTED[point])

    lines = home.run(STREET)

    # A line of a resource that was not asked for is of the killed run, which ended beside this.
    assert [(r["batch"], r["pulled"]) for r in lines if r["resource"] == STREET] == [(3, 3)]


def test_a_run_tells_of_batches_that_it_judged_again(tmp_path: Path):
    home = make_city(tmp_path / "home")
    home.run(STREET)
    assert home.run(STREET)[0] == {"resource": STREET, "batch": None, "pulled": 0}
    home.mend("resources/office/street.yaml", "type: date}", "type: date, required: true}")

    lines = home.run(STREET)

    batches = [(r["batch"], r["pulled"]) for r in lines if r["resource"] == STREET]
    assert batches == [(1, 4), (2, 3)]


def whole(home: TestHome) -> dict[str, tuple[int, ...]]:
    """Read the stores as `status` does, and check that every refined batch is closed."""
    counts = {}
    with home.home.reading() as engine:
        known = [r for r in map(home.resource, (STREET, RESIDENT)) if report.is_known(engine, r)]
        with engine.session() as session:
            for resource in known:
                refined = [b.number for b in list_batches(session, resource) if b.is_refined]
                balances = balance_batches(session, resource, refined)
                assert all(b.is_closed for b in balances), balances
                assert len(balances) == len(refined)
                stores = report.count_stores(session, resource)
                pulled = sum(b.rows for b in list_batches(session, resource))
                assert stores["landing"] + stores["landing repeats"] == pulled
                counts[resource.id] = (stores["department"], stores["history"])
    return counts


def test_two_runs_at_once_agree_and_readers_see_whole_snapshots(
    tmp_path: Path, undisturbed: tuple[Any, Any]
):
    home = make_city(tmp_path / "home")
    runs = [home.start("run", "--json") for _ in range(2)]
    looks = []

    while any(run.poll() is None for run in runs):
        if home.home.lake.exists() and snapshots(home):
            looks.append(whole(home))
            time.sleep(0.1)
        elif home.home.lock.exists():
            early = home.call("status")
            assert early.code in (0, 1), early

    ends = [finish(run) for run in runs]
    assert [end.code for end in ends] == [0, 0], ends
    same_stores(undisturbed[0], result(home))
    landed = [(line["resource"], line.get("batch")) for end in ends for line in end.lines]
    batches = [pair for pair in landed if pair[1] is not None and pair[0] == STREET]
    # A worker tells of what it did for the other, too.
    assert set(batches) == {(STREET, 1), (STREET, 2)}
    assert len(list(itertools.groupby(looks))) >= 2, "too few different snapshots were seen"
    home.balances()


def test_a_status_in_the_middle_of_a_run_is_whole(tmp_path: Path):
    home = make_city(tmp_path / "home")
    home.run()
    deliver_again(home)
    run = home.start("run")

    while run.poll() is None:
        done = home.call("status", "--all", "--json")
        assert done.code == 0, done
        assert all(line["closed"] for line in done.lines if line["about"] == "batch")

    assert finish(run).code == 0

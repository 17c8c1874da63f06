"""Either side dies while findings go back: in the end each is there once, and whole."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fault.test_disks import mounted
from tests.support.back import (
    FOLDER,
    SQLITE,
    Server,
    Store,
    back_of,
    declare_back,
    deliver_bad,
    emptied,
    fetched,
    findings_in,
    kind_of,
    make_back_home,
    receipts_in,
    sent,
    started,
    undelivered,
    uses,
)
from tests.support.commands import finish, kill
from tests.support.home import STREET, TestHome
from tests.support.processes import USER

pytestmark = pytest.mark.fault
ROWS = 400
TABLE = (
    "CREATE TABLE chengshu_findings (resource {0}, batch bigint, number bigint, source {0}, "
    "position bigint, record_key {0}, rule {0}, field {0}, reason {0}, effect {0}, sentence {0})"
)


@dataclass(frozen=True)
class Ways:
    """How a kind of server is made slow and looked into.

    Attributes:
        lock: Takes the lock that a delivery waits for.
        slow: Makes our table such that a row takes the server a while, as where a department has
            triggers of its own.
        writing: The query of who writes rows.
        waiting: The query of who waits for the lock.
        down: What is told while the server is not there.
    """

    lock: str
    slow: tuple[str, ...]
    writing: str
    waiting: str
    down: str


WAYS = {
    "postgres": Ways(
        "SELECT pg_advisory_lock(hashtext('chengshu \"chengshu_receipts\"'))",
        (
            TABLE.format("text"),
            "CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END'",
            "CREATE TRIGGER slow BEFORE INSERT ON chengshu_findings FOR EACH ROW "
            "EXECUTE FUNCTION slow()",
        ),
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY %' AND state = 'active'",
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
        "the server does not let us in",
    ),
    "mysql": Ways(
        "SELECT GET_LOCK(CONCAT('chengshu ', "
        "LEFT(SHA2('`city`.`chengshu_receipts`', 256), 32)), 0)",
        (
            f"{TABLE.format('text')} ENGINE=InnoDB",
            # Another's would hide from us who is in it.
            f"CREATE DEFINER = {USER}@'%' TRIGGER slow BEFORE INSERT ON chengshu_findings "
            "FOR EACH ROW SET @slow = SLEEP(0.01)",
        ),
        "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'INSERT INTO %' "
        "OR info LIKE 'SET @slow%'",
        "SELECT 1 FROM information_schema.processlist WHERE state = 'User lock'",
        "the server cannot be reached",
    ),
}


@pytest.fixture(scope="module", params=["postgres", "mysql"])
def running(request: pytest.FixtureRequest) -> Iterator[Server]:
    with started(request.param) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    return emptied(running)


def ways(server: Server) -> Ways:
    return WAYS[kind_of(server)]


def start(home: TestHome) -> subprocess.Popen[str]:
    return home.start("run", STREET)


def until(seen: Callable[[], bool], run: subprocess.Popen[str]) -> None:
    """Wait until something is seen while the run still goes."""
    end = time.monotonic() + 60
    while not seen():
        assert run.poll() is None, finish(run)
        assert time.monotonic() < end, "never seen"
        time.sleep(0.005)


def check_once(home: TestHome, store: Store, rows: int = ROWS) -> None:
    """Run again, twice; check that the store has every finding once, and one receipt."""
    home.run()
    came = findings_in(store)
    assert [row[2] for row in came] == [str(number) for number in range(1, rows + 1)]
    assert [row[5] for row in came] == [f'{{"code": "s{number}"}}' for number in range(rows)]
    assert (receipts_in(store), sent(home)) == ([(1, rows)], [1])
    assert [use.partition(",")[0] for use in uses(home)] == ["office/street batch 1 findings"]
    home.run()
    assert (findings_in(store), receipts_in(store)) == (came, [(1, rows)])


def test_a_run_killed_before_it_writes_to_the_server(tmp_path: Path, server: Server):
    home = make_back_home(tmp_path / "home", back_of(server))
    deliver_bad(home, ROWS)
    with closing(server.connect()) as con, con.cursor() as cursor:
        cursor.execute(ways(server).lock)
        run = start(home)
        until(lambda: fetched(server, ways(server).waiting) != [], run)
        kill(run)

    assert (findings_in(server), sent(home), undelivered(home)) == ([], [], [1])
    check_once(home, server)


def test_a_run_killed_in_the_middle_of_the_rows(tmp_path: Path, server: Server):
    home = make_back_home(tmp_path / "home", back_of(server))
    deliver_bad(home, ROWS)
    server.execute(*ways(server).slow)
    run = start(home)
    until(lambda: fetched(server, ways(server).writing) != [], run)

    kill(run)

    assert (findings_in(server), sent(home)) == ([], [])
    check_once(home, server)


def hold_catalog(home: TestHome) -> sqlite3.Connection:
    """Keep everyone else from writing the lake's catalogue."""
    con = sqlite3.connect(home.root / "lake" / "catalog.sqlite", timeout=30)
    con.execute("BEGIN IMMEDIATE")
    return con


def test_a_run_killed_after_the_commit_before_it_is_recorded(tmp_path: Path, server: Server):
    home = make_back_home(tmp_path / "home", back_of(server))
    deliver_bad(home, ROWS)
    server.execute(*ways(server).slow)
    run = start(home)
    until(lambda: fetched(server, ways(server).writing) != [], run)
    with closing(hold_catalog(home)):
        until(lambda: receipts_in(server) != [], run)
        kill(run)

    assert (receipts_in(server), sent(home)) == ([(1, ROWS)], [])
    check_once(home, server)


@pytest.mark.parametrize(
    ("running", "how"),
    [("postgres", signal.SIGQUIT), ("postgres", signal.SIGKILL), ("mysql", signal.SIGKILL)],
    indirect=["running"],
)
def test_a_server_that_dies_in_the_middle_of_the_rows(tmp_path: Path, server: Server, how: int):
    home = make_back_home(tmp_path / "home", back_of(server))
    deliver_bad(home, ROWS)
    server.execute(*ways(server).slow)
    run = start(home)
    until(lambda: fetched(server, ways(server).writing) != [], run)

    server.stop(how)
    done = finish(run)
    refused = home.call("run", STREET)
    server.start()

    assert (done.code, refused.code) == (3, 3), (done, refused)
    assert re.search("the connection ended.* in the middle", done.text)
    assert ways(server).down in refused.text
    assert home.rows("SELECT COUNT(*) FROM lake.department.office__street") == [(ROWS,)]
    check_once(home, server)


@pytest.mark.parametrize("running", ["postgres"], indirect=True)
def test_another_table_of_our_name_is_told(tmp_path: Path, server: Server):
    home = make_back_home(tmp_path / "home", back_of(server))
    deliver_bad(home, 3)
    server.execute("CREATE TABLE chengshu_findings (id int)")

    done = home.call("run", STREET)

    assert done.code == 3, done
    assert "our tables there have other columns" in done.text


def test_a_run_killed_before_and_in_the_middle_of_an_sqlite_file(tmp_path: Path):
    home = make_back_home(tmp_path / "home", SQLITE)
    store = home.root / "back" / "store.sqlite"
    deliver_bad(home, ROWS)
    with closing(sqlite3.connect(store)) as con:
        con.execute("BEGIN IMMEDIATE")
        run = start(home)
        until(lambda: list((home.root / "spool").rglob("*.jsonl")) != [], run)
        time.sleep(0.3)
        kill(run)
    assert (receipts_in(store), sent(home)) == ([], [])
    with closing(sqlite3.connect(store)) as con:
        con.execute("CREATE TABLE other (id INTEGER)")
        con.commit()
        # A reader keeps the commit waiting, when all rows have been written.
        con.execute("BEGIN")
        con.execute("SELECT COUNT(*) FROM other").fetchall()
        run = start(home)
        until(lambda: store.with_name("store.sqlite-journal").exists(), run)
        time.sleep(0.3)
        kill(run)

    assert (receipts_in(store), sent(home)) == ([], [])
    check_once(home, store)


def test_a_run_killed_before_an_sqlite_delivery_is_recorded(tmp_path: Path):
    home = make_back_home(tmp_path / "home", SQLITE)
    store = home.root / "back" / "store.sqlite"
    deliver_bad(home, ROWS)
    with closing(sqlite3.connect(store)) as con:
        con.execute("BEGIN IMMEDIATE")
        run = start(home)
        until(lambda: list((home.root / "spool").rglob("*.jsonl")) != [], run)
        with closing(hold_catalog(home)):
            con.rollback()
            until(lambda: receipts_in(store) != [], run)
            kill(run)

    assert (receipts_in(store), sent(home)) == ([(1, ROWS)], [])
    check_once(home, store)


def test_an_sqlite_file_that_cannot_be_written_is_told(tmp_path: Path):
    home = make_back_home(tmp_path / "home", SQLITE)
    deliver_bad(home, 3)
    store = home.root / "back" / "store.sqlite"
    store.write_bytes(b"no database at all" * 100)

    done = home.call("run", STREET)

    assert done.code == 3, done
    assert "the file is no SQLite database" in done.text


def test_a_run_killed_in_the_middle_of_a_file(tmp_path: Path):
    home = make_back_home(tmp_path / "home", FOLDER)
    deliver_bad(home, 30_000)
    back = home.root / "back"
    run = start(home)
    until(lambda: list(back.glob("*.part")) != [], run)

    kill(run)

    assert not list(back.glob("*.ok"))
    check_once(home, back, 30_000)
    assert sorted(path.suffix for path in back.glob("*chengshu*")) == [".csv", ".ok"]


@pytest.mark.parametrize("left", ["half a file", "no receipt", "half a receipt"])
def test_what_a_killed_run_left_in_a_folder_is_completed(tmp_path: Path, left: str):
    home = make_back_home(tmp_path / "home", FOLDER)
    deliver_bad(home, ROWS)
    back = home.root / "back"
    home.call("run", STREET)
    (csv,), (told,) = back.glob("*.csv"), back.glob("*.ok")
    written = csv.stat().st_ino
    # As it is when the step was never recorded: another home, cut off at that point.
    again = make_back_home(tmp_path / "again", FOLDER.replace("../../back", str(back)))
    deliver_bad(again, ROWS)
    if left == "half a file":
        whole = csv.read_bytes()
        csv.unlink()
        (back / f".{csv.name}.part").write_bytes(whole[: len(whole) // 2])
    if left == "half a receipt":
        (back / f".{told.name}.part").write_bytes(told.read_bytes()[:20])
    told.unlink()

    check_once(again, back)

    assert not list(back.glob(".*.part"))
    assert (csv.stat().st_ino == written) or left == "half a file"


def test_a_full_disk_of_the_department_is_told_and_the_next_run_completes(tmp_path: Path):
    disk = tmp_path / "disk"
    with mounted(disk, "size=1m"):
        home = make_back_home(tmp_path / "home", FOLDER.replace("../../back", str(disk)))
        deliver_bad(home, ROWS)
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 1_020_000)

        done = home.call("run", STREET)

        assert done.code == 3, done
        assert "the disk is full" in done.text
        assert [path.name for path in disk.iterdir()] == ["ballast"]
        ballast.unlink()
        check_once(home, disk)


def test_a_folder_that_may_not_be_written_or_is_gone_is_told(tmp_path: Path):
    disk = tmp_path / "disk"
    with mounted(disk, "size=1m,ro"):
        home = make_back_home(tmp_path / "home", FOLDER.replace("../../back", str(disk)))
        deliver_bad(home, 3)

        may_not = home.call("run", STREET)
        declare_back(home, FOLDER.replace("../../back", "../../gone"))
        gone = home.call("run", STREET)

    assert (may_not.code, gone.code) == (3, 3)
    assert "the disk may only be read" in may_not.text
    assert "there is no such folder" in gone.text

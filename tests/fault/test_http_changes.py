"""APIs that change while they are read, and pulls that are killed: all or nothing lands."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chengshu.exchange.port import Incoming, Past
from chengshu.kernel.errors import ExternalError
from tests.support.api import Api, Reply, Request, department_api, number_rows, paged
from tests.support.apis import OFFSET, PAGE, PAGE_HTML, TOKEN, find, ids, make_home, refused
from tests.support.commands import finish, kill

pytestmark = pytest.mark.fault
TOTAL = {"total": "data.total"}


@pytest.fixture
def api() -> Iterator[Api]:
    with department_api() as api:
        yield api


def change_once(api: Api, at: int, change: Callable[[list[str]], object]) -> None:
    """Change the rows before the request of that number."""
    api.before = lambda number: change(api.rows) if number == at else None


def added(rows: list[str]) -> None:
    rows.insert(0, '{"id": "new"}')


def removed(rows: list[str]) -> None:
    del rows[0]


def replaced(rows: list[str]) -> None:
    del rows[0]
    rows.append('{"id": "new"}')


CHANGES = {"added": added, "removed": removed}


@pytest.mark.parametrize("paging", [PAGE, OFFSET], ids=["page", "offset"])
@pytest.mark.parametrize("total", [TOTAL, {}], ids=["total", "no total"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("at", [2, 3])
def test_a_change_between_pages_is_found_and_all_is_read_again(
    api: Api, tmp_path: Path, paging: dict[str, Any], total: dict[str, Any], change: str, at: int
):
    api.rows = number_rows(6)
    change_once(api, at, CHANGES[change])

    (incoming,) = find(api, tmp_path, paging=paging, **total)

    assert sorted(ids(incoming)) == sorted(json.loads(row)["id"] for row in api.rows)


def test_without_a_total_a_change_that_no_page_shows_is_found(api: Api, tmp_path: Path):
    api.rows = number_rows(6)
    change_once(api, 2, replaced)

    (incoming,) = find(api, tmp_path, paging=PAGE)

    assert sorted(ids(incoming)) == ["2", "3", "4", "5", "6", "new"]


def test_a_row_that_moves_while_it_is_read_is_known_by_its_key(api: Api, tmp_path: Path):
    api.rows = number_rows(6)
    change_once(api, 2, lambda rows: rows.append(rows.pop(0).replace("第", "改")))

    (incoming,) = find(api, tmp_path, Past("run", key=[["id"]]), paging=PAGE, **TOTAL)

    assert sorted(ids(incoming)) == list("123456")


def test_an_api_that_never_keeps_still_is_no_delivery(api: Api, tmp_path: Path):
    api.rows = number_rows(6)
    api.before = lambda number: api.rows.insert(0, f'{{"id": "new {number}"}}')

    error = refused(api, tmp_path, paging=PAGE, **TOTAL)

    assert "changed during each of 5 readings, so rows may be missing: the total" in str(error)
    assert error.retryable


def test_a_total_that_more_rows_are_promised_by_is_no_delivery(api: Api, tmp_path: Path):
    api.envelope = '{"data": {"total": 9, "items": ROWS}}'
    api.rows = number_rows(6)

    error = refused(api, tmp_path, paging=PAGE, **TOTAL)

    assert "6 rows came, and the total says 9" in str(error)


def test_rows_in_a_new_order_for_each_page_are_no_delivery(api: Api, tmp_path: Path):
    # As of a query without ORDER BY: the total is right, and rows are missing.
    api.rows = number_rows(60)

    def shuffled(api: Api, request: Request) -> Reply:
        kept = list(api.rows)
        random.Random(request.given["page"] + request.given["size"]).shuffle(api.rows)
        reply = paged(api, request)
        api.rows = kept
        return reply

    api.answer = shuffled
    error = refused(api, tmp_path, paging={**PAGE, "size": 20}, **TOTAL)

    assert "rows came on two pages" in str(error)
    assert "a fixed order" in str(error)


def test_rows_that_really_are_there_twice_land_twice_and_are_told(api: Api, tmp_path: Path):
    api.rows = [*number_rows(4), *number_rows(3)]

    (incoming,) = find(api, tmp_path, paging=PAGE, **TOTAL)

    assert sorted(ids(incoming)) == ["1", "1", "2", "2", "3", "3", "4"]
    assert [f.code for f in incoming.findings] == ["row_on_two_pages"]


def asked(api: Api, tmp_path: Path, run: str) -> tuple[Incoming, int]:
    before = len(api.seen)
    (incoming,) = find(api, tmp_path, Past(run))
    return incoming, len(api.seen) - before


def test_what_a_run_has_read_is_kept_until_it_lands_and_no_longer(api: Api, tmp_path: Path):
    api.rows = number_rows(1)
    spool = tmp_path / "spool"

    assert [asked(api, tmp_path, "one")[1] for _ in range(2)] == [1, 0]
    (spool / "pulled.json").write_text('{"run": "one", "dec')
    assert asked(api, tmp_path, "one")[1] == 1
    incoming, times = asked(api, tmp_path, "two")
    assert times == 1
    incoming.landed()

    assert list(spool.iterdir()) == []


def test_a_spool_that_cannot_be_written_is_told(api: Api, tmp_path: Path):
    api.rows = number_rows(1)
    (tmp_path / "spool").write_text("no folder")

    with pytest.raises(ExternalError, match="it cannot be written"):
        find(api, tmp_path)


def test_what_cannot_be_read_whole_ends_no_record(api: Api, tmp_path: Path):
    home = make_home(tmp_path / "home", api.url)
    api.rows = number_rows(50)
    home.run()
    before = home.snapshot(times=True)

    api.before = lambda _: removed(api.rows)
    moving = home.call("run", "big")
    api.before = lambda _: None
    api.next = [Reply(PAGE_HTML)]
    barred = home.call("run", "big")
    api.rows = []
    empty = home.call("run", "big")

    assert [done.code for done in (moving, barred, empty)] == [3, 3, 3]
    assert "changed during each of 5 readings" in moving.text
    assert "web page" in barred.text
    assert "no rows at all" in empty.text
    assert home.snapshot(times=True) == before
    assert TOKEN not in moving.text + barred.text + empty.text
    api.rows = number_rows(49)
    assert [(line["pulled"], line["unchanged"]) for line in home.run()] == [(49, 49)]


def test_a_pull_that_is_killed_begins_again_and_lands_once(api: Api, tmp_path: Path):
    home = make_home(tmp_path / "home", api.url)
    api.rows = number_rows(100)
    stop = False

    def slowly(number: int) -> None:
        if number > 2 and not stop:
            time.sleep(60 if number > 3 else 0)

    api.before = slowly
    run = home.start("run", "big")
    try:
        until = time.monotonic() + 60
        while len(api.seen) < 4 and run.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        going = run.poll() is None
    finally:
        kill(run)
    stop = True
    spool = home.root / "spool" / "office__big"
    half = [path.name for path in spool.iterdir()]

    done = finish(home.start("run", "big", "--json"))

    assert (going, half) == (True, ["pulled.jsonl"])
    assert done.code == 0, done
    assert home.rows("SELECT COUNT(*) FROM lake.department.office__big") == [(100,)]
    # The run that was killed is taken up again, too: it lands nothing that is new.
    assert sum(line["accepted"] for line in home.balances()) == 100
    assert list(spool.iterdir()) == []

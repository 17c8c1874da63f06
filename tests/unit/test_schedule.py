"""When resources are due, which tries are to be asked for, and whose turn it is."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chengshu.catalog.model import UpdateCycle
from chengshu.catalog.pack import PackReader
from chengshu.catalog.schedule import Schedule
from chengshu.flows.due import due_after, due_before
from chengshu.flows.schedule import BACKOFF, Try, key_of, next_try, try_of
from chengshu.flows.turns import BEHIND, MOST, STALLED_S, Turn, Turns, next_of
from chengshu.standards.calendar import Calendar
from tests.support.home import CITY, STREET, make_test_home

NIGHT = {"at": ["02:30"]}
# Schedule, update cycle, now (a Tuesday in November) → was due, will be due.
DUE = [
    (NIGHT, "daily", "2026-11-24 02:29", "2026-11-23 02:30", "2026-11-24 02:30"),
    (NIGHT, "daily", "2026-11-24 02:30", "2026-11-24 02:30", "2026-11-25 02:30"),
    ({"at": ["22:00", "06:00"]}, "daily", "2026-11-24 12:00", "2026-11-24 06:00",
     "2026-11-24 22:00"),
    (NIGHT, "irregular", "2026-11-24 12:00", "2026-11-24 02:30", "2026-11-25 02:30"),
    (NIGHT, "weekly", "2026-11-24 12:00", "2026-11-23 02:30", "2026-11-30 02:30"),
    (NIGHT, "monthly", "2026-11-24 12:00", "2026-11-01 02:30", "2026-12-01 02:30"),
    (NIGHT, "quarterly", "2026-11-24 12:00", "2026-10-01 02:30", "2027-01-01 02:30"),
    (NIGHT, "half_yearly", "2026-11-24 12:00", "2026-07-01 02:30", "2027-01-01 02:30"),
    (NIGHT, "yearly", "2026-11-24 12:00", "2026-01-01 02:30", "2027-01-01 02:30"),
    (NIGHT, "never", "2026-11-24 12:00", None, None),
    ({**NIGHT, "days": ["mon", "fri"]}, "yearly", "2026-11-24 12:00", "2026-11-23 02:30",
     "2026-11-27 02:30"),
    ({**NIGHT, "days": ["15"]}, "daily", "2026-11-24 12:00", "2026-11-15 02:30",
     "2026-12-15 02:30"),
    # The last of a month that is shorter.
    ({**NIGHT, "days": ["31"]}, "daily", "2026-11-24 12:00", "2026-10-31 02:30",
     "2026-11-30 02:30"),
    # Monthly within the National Day holiday: put on the first day that is worked on.
    ({**NIGHT, "working": "true"}, "monthly", "2026-10-05 12:00", "2026-09-01 02:30",
     "2026-10-08 02:30"),
    # A Saturday that is worked on, a Sunday that is not.
    ({**NIGHT, "working": "true"}, "daily", "2026-10-10 01:00", "2026-10-09 02:30",
     "2026-10-10 02:30"),
    ({**NIGHT, "working": "true"}, "daily", "2026-11-28 01:00", "2026-11-27 02:30",
     "2026-11-30 02:30"),
    ({"every": "5 minutes"}, "monthly", "2026-11-24 00:04", "2026-11-24 00:00",
     "2026-11-24 00:05"),
    ({"every": "7 hours"}, "daily", "2026-11-24 23:00", "2026-11-24 21:00", "2026-11-25 00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "update", "now", "before", "after"), DUE)
def test_what_is_due(given: Any, update: str, now: str, before: str | None, after: str | None):
    schedule, cycle = Schedule.model_validate(given), UpdateCycle(update)
    moment = datetime.fromisoformat(now)

    found = [f(schedule, cycle, moment, Calendar()) for f in (due_before, due_after)]

    assert found == [datetime.fromisoformat(m) if m else None for m in (before, after)]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "give either at"),
        ({"at": ["02:30"], "every": "1 hour"}, "give either at"),
        ({"at": ["2:30"]}, "expected 02:30"),
        ({"at": ["24:00"]}, "expected 02:30"),
        ({"every": "0 minutes"}, "pattern"),
        ({"every": "25 hours"}, "at most 24 hours"),
        ({"at": ["02:30"], "days": ["monday"]}, "expected mon to sun"),
        ({"at": ["02:30"], "days": ["32"]}, "expected mon to sun"),
        ({"at": ["02:30"], "priority": "urgent"}, "high"),
    ],
)
def test_a_schedule_that_means_nothing_is_refused(given: Any, problem: str):
    with pytest.raises(ValueError, match=problem):
        Schedule.model_validate(given)


def tried(last: Try | None, minutes: int, **more: Any) -> Try | None:
    """Ask what is to be tried so many minutes after midnight, of a resource due each hour."""
    schedule = Schedule.model_validate({"every": "1 hour", **more})
    resource: Any = SimpleNamespace(schedule=schedule, update=UpdateCycle.DAILY)
    return next_try(resource, last, MIDNIGHT + timedelta(minutes=minutes), Calendar())


MIDNIGHT = datetime(2026, 11, 24)
FAILED = Try(MIDNIGHT, 0, MIDNIGHT + timedelta(minutes=3), fails=True)


def test_what_was_missed_is_one_run_and_what_hangs_is_not_asked_for_again():
    assert tried(None, 190) == Try(MIDNIGHT + timedelta(hours=3), 0)
    assert tried(Try(MIDNIGHT, 0), 190) is None
    assert tried(Try(MIDNIGHT, 0, MIDNIGHT), 59) is None
    assert tried(Try(MIDNIGHT, 0, MIDNIGHT), 60) == Try(MIDNIGHT + timedelta(hours=1), 0)


def test_what_failed_is_tried_again_at_growing_intervals():
    assert [tried(FAILED, m) for m in (3, 4)] == [None, Try(MIDNIGHT, 1)]
    second = Try(MIDNIGHT, 1, MIDNIGHT + timedelta(minutes=4), fails=True)
    assert [tried(second, m) for m in (8, 9)] == [None, Try(MIDNIGHT, 2)]
    assert tried(second, 59, retries=1) is None
    assert tried(Try(MIDNIGHT, 9, MIDNIGHT, fails=True), BACKOFF[-1] - 1, retries=20) is None
    assert tried(second, 60) == Try(MIDNIGHT + timedelta(hours=1), 0), "a new one is due"
    assert tried(Try(MIDNIGHT, 0, MIDNIGHT, fails=False), 59) is None


def test_a_try_has_a_name_that_tells_it():
    assert try_of(key_of(STREET, FAILED)) == Try(MIDNIGHT, 0)


def pulls(count: int, host: str | None = None, **how: Any) -> list[Turn]:
    return [Turn("pull", host=host, **how) for _ in range(count)]


def test_who_goes_next():
    low, normal, high = (Turn("pull", priority) for priority in ("low", "normal", "high"))
    busy, full = pulls(2, "db"), pulls(MOST["pull"])
    next_there, refine = Turn("pull", host="db"), Turn("refine")

    assert next_of([low, normal, high], [], 0) is high
    assert next_of([low, normal], [], 0) is normal
    assert next_of([normal, Turn("pull")], [], 0) is normal, "who came first"
    assert next_of([next_there, low], busy, 0) is low, "a host has its limit"
    assert next_of([Turn("pull", host="db", limit=3)], busy, 0) is not None
    assert next_of([high], full, 0) is None
    assert next_of([high], full, STALLED_S + 1) is high, "what hangs does not count"
    assert next_of([next_there], busy, STALLED_S + 1) is None, "but with its own host"
    assert next_of([refine], full, 0) is refine
    assert next_of([refine], [Turn("refine")] * MOST["refine"], STALLED_S + 1) is None
    behind = [Turn("refine") for _ in range(BEHIND)]
    assert next_of([high, *behind], [Turn("refine")] * MOST["refine"], 0) is None, "behind"


def test_turns_are_kept_among_threads():
    turns, lock, going, most, done = Turns(), threading.Lock(), [0], [0], []

    def work(at: int) -> None:
        with turns.taken(Turn("pull", host=f"h{at % 2}", limit=1)):
            with lock:
                going[0] += 1
                most[0] = max(most[0], going[0])
            time.sleep(0.01)
            with lock:
                going[0] -= 1
            done.append(at)

    threads = [threading.Thread(target=work, args=(at,)) for at in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(done) == list(range(12))
    assert most[0] == 2


def test_a_pack_is_read_anew_once_it_was_edited(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    read = PackReader(home.pack)
    first = read()

    assert read() is first
    home.mend("resources/office/street.yaml", "街道", "道路")
    second = read()
    assert second.get(STREET).label == "道路"
    assert read() is second
    (home.pack / "resources/office/visit.yaml").unlink()
    assert len(read().resources) == len(CITY) - 4

"""The commands of schedules: `serve`, `schedule`, `pause` and `resume`."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any

from chengshu.catalog import Pack, Resource, usable_pack
from chengshu.flows.asks import DUE, LastRun, Outcome, list_last_runs
from chengshu.flows.due import due_after
from chengshu.flows.pauses import Pause, list_pauses, pause, pause_of, resume
from chengshu.flows.schedule import next_try, try_of_run
from chengshu.flows.serve import serve
from chengshu.flows.worker import is_free
from chengshu.kernel.clock import wall_of, wall_time
from chengshu.main.home import Home, open_home
from chengshu.main.render import say, show_json, show_table, warn
from chengshu.main.runs import lines_of, sound_pack
from chengshu.main.shows import BALANCE
from chengshu.main.uses import person

COLUMNS = ("resource", "schedule", "priority", "last_run", "ended", "next", "paused")


def serve_home(root: Path, json: bool) -> None:
    """Serve a home until stopped, and tell of each run."""
    home = open_home(root)
    pack = sound_pack(home, [])
    scheduled = sum(resource.schedule is not None for resource in pack.resources.values())
    stop = _stopped()
    if not is_free(home.lock):
        warn("another command works on this home; serving begins when it has ended")
    if not json:
        say(f"serving {home.root}: {scheduled} of {len(pack.resources)} resources have a schedule")
        say("stop with Ctrl-C; see what is due in another terminal with: chengshu schedule")
    with closing(home.open_state()) as state:
        platform = lambda: home.writing(lambda *_: None)  # noqa: E731
        for told in serve(platform, home.flows, home.lock, lambda: list_pauses(state), stop):
            if told == "":
                _leave("stopped; runs that were under way go on at the next start")
            elif isinstance(told, str):
                warn(f"{wall_time(pack.zone)}  {told}")
            else:
                _tell(home, pack.zone, told, json)
    if not json:
        say("stopped; nothing was under way")


def _stopped() -> Event:
    """Return what is set when the process is told to stop; told again, it ends at once."""
    stop = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return stop


def _leave(message: str) -> None:
    """End the process without waiting for its threads: one may wait for a source that hangs."""
    warn(message)
    sys.stdout.flush()
    os._exit(0)


def _tell(home: Home, zone: str, outcome: Outcome, json: bool) -> None:
    now = wall_time(zone)
    for line in lines_of(home, outcome):
        if json:
            show_json([{"at": now, **line}])
        elif "theme" in line:
            what = f"computation {line['computation']}: {line['cells']:,} cells"
            say(f"{now}  {'theme ' + line['theme']:<36} {what}")
        elif line.get("error"):
            say(f"{now}  {outcome.resource:<36} failed: {outcome.error['message']}")  # type: ignore[index]
        elif line.get("batch") is not None:
            counts = ", ".join(f"{name} {line[name]:,}" for name in BALANCE[3:] if line.get(name))
            say(f"{now}  {outcome.resource:<36} batch {line['batch']}: {counts}")
    sys.stdout.flush()


def show_schedule(root: Path, json: bool) -> None:
    """Print what is due when, how it went last, and what is paused."""
    home = open_home(root)
    pack = usable_pack(home.pack)
    runs = list_last_runs(home.flows, list(pack.resources))
    with closing(home.open_state()) as state:
        pauses = list_pauses(state)
    now = wall_time(pack.zone)
    lines = [
        _line(pack, resource, runs.get(resource.id), pause_of(pauses, resource), now)
        for resource in pack.resources.values()
    ]
    if json:
        show_json(lines)
        return
    title = f"schedules (time of {pack.zone}, now {now:%Y-%m-%d %H:%M})"
    show_table(title, COLUMNS, [[line[name] for name in COLUMNS] for line in lines])
    for line in lines:
        if line["error"]:
            say(f"{line['resource']} failed: {line['error']}")
    if is_free(home.lock):
        say("nobody serves this home now: chengshu serve")


def _line(
    pack: Pack, resource: Resource, last: LastRun | None, paused: Pause | None, now: datetime
) -> dict[str, Any]:
    schedule = resource.schedule
    return {
        "resource": resource.id,
        "schedule": schedule.told(resource.update) if schedule else None,
        "priority": schedule.priority if schedule else None,
        "last_run": wall_of(last.at, pack.zone) if last else None,
        "ended": last.state if last else None,
        "error": last.error["message"] if last and last.error else None,
        "next": None if paused else _next(pack, resource, last, now),
        "paused": f"by {paused.person}: {paused.reason}" if paused else None,
    }


def _next(pack: Pack, resource: Resource, last: LastRun | None, now: datetime) -> Any:
    """Return when a resource is pulled next: ``now`` where it should have been already."""
    schedule = resource.schedule
    if schedule is None:
        return None
    one = try_of_run(last, pack.zone) if last and last.key.startswith(f"{DUE}:") else None
    if one and one.ended is None:
        return "now"
    if next_try(resource, one, now, pack.calendar):
        return "now"
    again = one.again_at(schedule.retries) if one else None
    due = due_after(schedule, resource.update, now, pack.calendar)
    return min((moment for moment in (again, due) if moment), default=None)


def pause_one(root: Path, name: str, reason: str) -> None:
    """Pause a resource or a department of a home."""
    home = open_home(root)
    pack = usable_pack(home.pack)
    with closing(home.open_state()) as state:
        pause(state, pack, name, person(), reason)
    say(f"{name} is paused; what is under way ends. go on with: chengshu resume {name}")


def resume_one(root: Path, name: str) -> None:
    """End a pause."""
    home = open_home(root)
    with closing(home.open_state()) as state:
        resume(state, name)
    say(f"{name} goes on")

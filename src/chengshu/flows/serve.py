"""Serve a home: ask for what is due, follow it, and listen to what is sent to us."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from threading import Event
from typing import Any

from dbos import DBOSClient

from chengshu.catalog import Pack, Resource
from chengshu.flows.asks import (
    DUE,
    ENDED,
    Ask,
    Outcome,
    ask_of,
    asking,
    enqueue,
    in_order,
    last_run_of,
    merges_of,
    newest_run,
    outcome_of,
    themes_ask,
)
from chengshu.flows.pauses import Pause, pause_of
from chengshu.flows.platform import Platform
from chengshu.flows.receivers import Receivers
from chengshu.flows.schedule import PATIENCE, Try, key_of, next_try, rests, try_of_run
from chengshu.flows.upkeep import EVERY_S, start_upkeep
from chengshu.flows.worker import drain, serving
from chengshu.kernel.clock import wall_time
from chengshu.kernel.errors import ChengshuError

LOOK_S = 0.5
# So long, once told to stop, what is under way may take; the rest goes on at the next start.
GRACE_S = 10.0
Paused = Callable[[], Mapping[str, Pause]]


def serve(
    open_platform: Callable[[], Any], flows: Path, lock: Path, paused: Paused, stop: Event
) -> Iterator[Outcome | str]:
    """Serve a home until told to stop.

    Args:
        open_platform: Context manager of the platform.
        flows: SQLite file of the flows.
        lock: Lock file of the home; while another process works, this one waits for it.
        paused: Returns what is paused.
        stop: Set to end it.

    Yields:
        How each run ended, and as text what goes wrong besides. After the stop, where runs are
        still under way, ``""``: the process may end as it stands, and they go on at the next start.
    """
    with serving(open_platform, flows, lock) as platform, asking(flows) as client:
        board, themes, reader = Board(client), Themes(client), _Reader(platform)
        kept = -math.inf
        with closing(Receivers(platform)) as receivers:
            while not stop.wait(LOOK_S):
                if time.monotonic() - kept > EVERY_S:
                    start_upkeep()
                    kept = time.monotonic()
                pack, troubles = reader.read()
                yield from troubles
                if pack is not None:
                    pauses = paused()
                    going = [r for r in pack.resources.values() if not pause_of(pauses, r)]
                    yield from receivers.keep(pack, [r for r in going if r.schedule])
                    now = wall_time(pack.zone)
                    board.ask(pack, going, now)
                    board.merge(pack, now)
                    for outcome in board.ended(pack.zone):
                        themes.note(outcome)
                        yield outcome
                    themes.ask(pack, now, idle=board.is_idle(pack))
                    yield from themes.ended()
        if not drain(GRACE_S):
            yield ""


class _Reader:
    """Reads the city pack; while it is broken, the last one that was whole stands."""

    def __init__(self, platform: Platform) -> None:
        self._platform, self._told = platform, ""
        self._pack: Pack | None = None

    def read(self) -> tuple[Pack | None, list[str]]:
        """Return the pack, and what is newly wrong with it."""
        trouble = ""
        try:
            self._pack = self._platform.pack()
        except ChengshuError as err:
            trouble = f"{err} Until it is mended, schedules stay as they were."
        news = [trouble] if trouble and trouble != self._told else []
        self._told = trouble
        return self._pack, news


@dataclass(slots=True)
class Board:
    """The tries of every resource that has a schedule: the last one, and those under way.

    ``resting`` says since when one that is due has waited for what it refers to. ``moved`` is the
    resources that ran since their entities were merged; at the start nobody knows.
    """

    client: DBOSClient
    last: dict[str, Try | None] = field(default_factory=dict)
    going: dict[str, Ask] = field(default_factory=dict)
    resting: dict[str, datetime] = field(default_factory=dict)
    moved: set[str] | None = None

    def ask(self, pack: Pack, resources: Sequence[Resource], now: datetime) -> None:
        """Ask for the runs of ``resources`` that are due now."""
        for name in in_order(pack, [r.id for r in resources if r.schedule]):
            resource = pack.resources[name]
            if name not in self.last:
                self.last[name] = self._last_of(name, pack.zone)
            one = next_try(resource, self.last[name], now, pack.calendar)
            busy = {ask.resource for ask in self.going.values()}
            if one is None or (rests(resource, busy) and self._is_patient(name, now)):
                continue
            ask = replace(ask_of(pack, name), key=key_of(name, one))
            self.last[name], self.going[enqueue(self.client, ask)] = one, ask
            self.resting.pop(name, None)

    def merge(self, pack: Pack, now: datetime) -> None:
        """Ask for the merges of what has moved, once its inputs are not under way."""
        self.moved = set(pack.resources) if self.moved is None else self.moved
        busy = {ask.resource for ask in self.going.values()}
        for ask in merges_of(pack, self.moved) if self.moved else ():
            inputs = pack.entities[ask.resource.removeprefix("base/")].resources
            if ask.resource not in busy and (
                busy.isdisjoint(inputs) or not self._is_patient(ask.resource, now)
            ):
                self.going[enqueue(self.client, ask)] = ask
                self.resting.pop(ask.resource, None)
                self.moved.difference_update(inputs)

    def is_idle(self, pack: Pack) -> bool:
        """Tell whether nothing is under way, nor any merge about to be."""
        return not self.going and not (self.moved and merges_of(pack, self.moved))

    def _is_patient(self, name: str, now: datetime) -> bool:
        return now - self.resting.setdefault(name, now) < PATIENCE

    def ended(self, zone: str) -> Iterator[Outcome]:
        """Yield how runs ended since the last look."""
        found: Any = self.client.list_workflows(workflow_ids=list(self.going)) if self.going else ()
        for status in found:
            if status.status in ENDED:
                ask = self.going.pop(status.workflow_id)
                if ask.merges:
                    yield outcome_of(ask, status)
                    continue
                self.moved = {*(self.moved or ()), ask.resource}
                last = last_run_of(ask.resource, status)
                self.last[ask.resource] = try_of_run(last, zone)
                yield outcome_of(ask, status)

    def _last_of(self, name: str, zone: str) -> Try | None:
        """Return the last try that an earlier process asked for; it may still be under way."""
        for status in newest_run(self.client, name, DUE):
            if status.status not in ENDED:
                self.going[status.workflow_id] = Ask(*status.input["args"])
            return try_of_run(last_run_of(name, status), zone)
        return None


@dataclass(slots=True)
class Themes:
    """Brings themes up to date: when runs have moved something and have ended, and each day anew.

    ``since`` says since when that is due; at a start it is, for the process before may have been
    cut off.
    """

    client: DBOSClient
    moved: bool = True
    since: datetime | None = None
    day: date | None = None
    going: str = ""

    def note(self, outcome: Outcome) -> None:
        """Note how a run of a resource, or a merge, ended."""
        self.moved |= bool(outcome.batches or (outcome.merged and outcome.merged[1]))

    def ask(self, pack: Pack, now: datetime, *, idle: bool) -> None:
        """Ask for it if it is due; while runs are under way it waits, but not for ever."""
        if self.going or not pack.themes or not (self.moved or self.day != now.date()):
            return
        self.since = self.since or now
        if idle or now - self.since > PATIENCE:
            self.going = enqueue(self.client, themes_ask())
            self.moved, self.since, self.day = False, None, now.date()

    def ended(self) -> Iterator[Outcome]:
        """Yield how it ended."""
        found: Any = self.client.list_workflows(workflow_ids=[self.going]) if self.going else ()
        for status in found:
            if status.status in ENDED:
                self.going = ""
                yield outcome_of(themes_ask(), status)

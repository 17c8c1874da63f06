"""Whose turn it is: how many runs pull and refine at once, and who of those that wait goes next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

from chengshu.catalog.schedule import Priority

# Pulls mostly wait for others' machines; refining keeps this one busy.
MOST = {"pull": 8, "refine": 2}
# So many pulls from one host at once, where the city says nothing.
AT_ONCE = 2
# With so many deliveries landed that wait to be refined, no pull begins.
BEHIND = 8
# A pull that has not moved for so long no longer counts: what hangs holds up its own host only.
STALLED_S = 20.0
PRIORITIES = get_args(Priority)


@dataclass(eq=False, slots=True)
class Turn:
    """What one run asks for.

    Attributes:
        kind: What it is for.
        priority: One of `PRIORITIES`.
        host: The host that it asks, or None.
        limit: How many may ask that host at once.
        moved: When it last moved, by the clock of `Turns`.
    """

    kind: Literal["pull", "refine"]
    priority: str = "normal"
    host: str | None = None
    limit: int = AT_ONCE
    moved: float = field(default=0.0)


def next_of(waiting: Sequence[Turn], running: Sequence[Turn], now: float) -> Turn | None:
    """Return who goes next: of the highest priority, who has waited longest, and has room."""
    refining = sum(turn.kind == "refine" for turn in waiting)
    for turn in sorted(waiting, key=lambda turn: PRIORITIES.index(turn.priority)):
        moving = [r for r in running if r.kind == turn.kind and not _hangs(r, now)]
        there = [r for r in running if turn.host and r.host == turn.host]
        behind = turn.kind == "pull" and refining >= BEHIND
        if not behind and len(moving) < MOST[turn.kind] and len(there) < turn.limit:
            return turn
    return None


def _hangs(turn: Turn, now: float) -> bool:
    return turn.kind == "pull" and now - turn.moved > STALLED_S


class Turns:
    """The turns of one worker; threads take them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nobody waiting."""
        self._clock, self._changed = clock, threading.Condition()
        self._waiting: list[Turn] = []
        self._running: list[Turn] = []

    @contextmanager
    def taken(self, turn: Turn) -> Iterator[Callable[[], None]]:
        """Wait for a turn and keep it; yields what tells that it moves."""
        try:
            with self._changed:
                self._waiting.append(turn)
                while not self._admitted(turn):
                    # Also by itself: that others hang, nobody tells.
                    self._changed.wait(1.0)
            yield lambda: self._move(turn)
        finally:
            with self._changed:
                for turns in (self._waiting, self._running):
                    if turn in turns:
                        turns.remove(turn)
                self._changed.notify_all()

    def _admitted(self, turn: Turn) -> bool:
        """Let in who is next; tell whether ``turn`` is."""
        while (chosen := next_of(self._waiting, self._running, self._clock())) is not None:
            self._waiting.remove(chosen)
            self._move(chosen)
            self._running.append(chosen)
            self._changed.notify_all()
        return turn in self._running

    def _move(self, turn: Turn) -> None:
        turn.moved = self._clock()

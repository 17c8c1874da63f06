"""What a flow needs of the platform it runs in; `main` makes it, tests make it too."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chengshu.catalog import Pack, Resource
from chengshu.catalog.source import system_of
from chengshu.engine import Engine
from chengshu.exchange.port import Surroundings
from chengshu.flows.cluster import Cluster, Task, choose
from chengshu.flows.turns import AT_ONCE, Turn, Turns
from chengshu.kernel.errors import ExternalError


def none_needed() -> Collection[int]:
    """Need no snapshot."""
    return ()


def silent(resource: str, stage: str, rows: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Platform:
    """One home folder, opened by the one process that may write it.

    Attributes:
        engine: Where data is pulled, landed and refined.
        pack: Reads the city pack anew; a run sees one reading from its start to its end.
        flows: The SQLite file of the durable flows.
        spool: Folder for what has been received and has not landed yet.
        objects: Folder of the object store.
        record: Told ``purpose, what, reason`` of what is handed over, before it is; the same again
            stays one use.
        progress: Told ``resource, stage, rows so far``.
        cluster: The distributed engine, where the home has one.
        needed: Returns the lake's snapshots that may not expire, whatever their age.
        turns: Who may go, of the runs that are under way.
    """

    engine: Engine
    pack: Callable[[], Pack]
    flows: Path
    secret: Callable[[str], str]
    spool: Path
    objects: Path
    record: Callable[[str, str, str], None]
    progress: Callable[[str, str, int], None] = silent
    needed: Callable[[], Collection[int]] = none_needed
    turns: Turns = field(default_factory=Turns)
    cluster: Cluster | None = None

    def choose(self, what: str, step: str, tables: Sequence[str], asked: str | None) -> Engine:
        """Return the engine that is to do a step on ``tables`` (see `chengshu.flows.cluster`)."""
        return choose(self.engine, self.cluster, Task(what, step, tables, asked))

    def around(self, pack: Pack, moved: Callable[[], None] = lambda: None) -> Surroundings:
        """Return what connectors need."""
        return Surroundings(pack.root, pack.zone, self.secret, self.spool, self.objects, moved)

    @contextmanager
    def pulling(self, pack: Pack, resource: Resource) -> Iterator[Surroundings]:
        """Wait for a resource's turn at its source; yields what its connector needs.

        Raises:
            ExternalError: It took longer than its schedule allows.
        """
        schedule, host = resource.schedule, system_of(resource.source)
        limits = pack.city.limits if pack.city else {}
        turn = Turn("pull", resource.priority, host, limits.get(str(host), AT_ONCE))
        with self.turns.taken(turn) as moves:
            until = time.monotonic() + (schedule.longest_s if schedule else math.inf)

            def moved() -> None:
                moves()
                if schedule and time.monotonic() > until:
                    raise ExternalError(
                        resource.id, f"its pull took longer than {schedule.longest}",
                        retryable=True, hint="Nothing of the delivery was taken; mend the source, "
                        "or let schedule.longest be longer.",
                    )  # fmt: skip

            try:
                yield self.around(pack, moved)
            except ExternalError:
                # Who was cut off because of that has told of a source that is lost.
                moved()
                raise

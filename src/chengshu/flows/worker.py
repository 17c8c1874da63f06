"""The one process that writes a home: it holds the lock, and runs what others ask for too.

Two commands on one home are ordered, not refused: each asks for its runs in the flows' database,
then either becomes the worker or waits for the one that is.
"""

from __future__ import annotations

import fcntl
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from chengshu.flows.asks import (
    ENDED,
    PAUSE_S,
    VERSION,
    Ask,
    Outcome,
    ask_for,
    asking,
    follow,
    left_over,
)
from chengshu.flows.platform import Platform
from chengshu.flows.run import QUEUE, make_tables, use_platform
from chengshu.flows.upkeep import ask_upkeep, start_upkeep
from chengshu.kernel.errors import ExternalError
from chengshu.state import told_database

# One name for every process: a second executor would run live steps again (decisions.md, trap 6).
EXECUTOR = "chengshu"
# Runs are begun as they are asked for, and wait for their turns (`Turns`).
MOST_RUNS = 500


def run_asks(
    open_platform: Callable[[], Any], flows: Path, lock: Path, waves: Sequence[Sequence[Ask]]
) -> Iterator[Outcome]:
    """Ask for runs, wave after wave, and yield each run's outcome as it ends.

    Args:
        open_platform: Context manager of the platform; entered by the process that has the lock.
        flows: SQLite file of the flows.
        lock: Lock file of the home.
        waves: Runs of one wave go side by side; a wave starts when the one before has ended.
    """
    with _migrated(flows):
        waiting: dict[str, Ask] = {}
        rest = list(waves)
        while rest or waiting:
            if not waiting:
                waiting = ask_for(flows, rest.pop(0))
            with _held(lock) as mine:
                if mine:
                    left = left_over(flows, waiting)
                    with open_platform() as platform:
                        runs = [*waiting.values(), *chain(*rest), *left.values()]
                        make_tables(platform, {ask.resource for ask in runs})
                        with _worker(platform, flows):
                            yield from _serve(flows, waiting, rest, left)
                    continue
            with asking(flows) as client:
                yield from follow(client.list_workflows, waiting, lambda: not is_free(lock))


@contextmanager
def serving(open_platform: Callable[[], Any], flows: Path, lock: Path) -> Iterator[Platform]:
    """Be the worker of a home, once nobody else is; yields its platform.

    Raises:
        ExternalError: The home cannot be written.
    """
    with (
        _migrated(flows),
        _held(lock, wait=True),
        open_platform() as platform,
        _worker(platform, flows),
    ):
        yield platform


def keep(open_platform: Callable[[], Any], flows: Path, lock: Path) -> Mapping[str, Any]:
    """Do all upkeep, or have the worker of the home do it; return how it ended (`run_upkeep`)."""
    with _migrated(flows):
        with asking(flows) as client:
            key = ask_upkeep(client)
        while True:
            with _held(lock) as mine:
                if mine:
                    with open_platform() as platform, _worker(platform, flows):
                        ended = _wait(DBOS.list_workflows, key, lambda: True)
                        drain()
                        return ended
            with asking(flows) as client:
                if ended := _wait(client.list_workflows, key, lambda: not is_free(lock)):
                    return ended


def _wait(
    list_workflows: Callable[..., Any], key: str, go_on: Callable[[], bool]
) -> Mapping[str, Any]:
    """Return how the upkeep of that name ended; empty while it has not and ``go_on`` says no."""
    while True:
        (status,) = list_workflows(workflow_ids=[key])
        if status.status in ENDED:
            fault = f"upkeep ended as {status.status.lower()}: a fault of the platform."
            return status.output or {"error": {"message": fault, "exit_code": 3}}
        if not go_on():
            return {}
        time.sleep(PAUSE_S)


@contextmanager
def _migrated(flows: Path) -> Iterator[None]:
    """Make the flows' database, or bring it up to date."""
    with told_database("flows", flows):
        with _held(flows.with_suffix(".lock"), wait=True):
            DBOS.migrate(f"sqlite:///{flows}")
        yield


def _serve(
    flows: Path, waiting: dict[str, Ask], rest: list[Sequence[Ask]], left: Mapping[str, Ask]
) -> Iterator[Outcome]:
    """As the worker, yield the outcome of every run, and last what it did of those left over."""
    yield from follow(DBOS.list_workflows, waiting, lambda: True)
    while rest:
        waiting.update(ask_for(flows, rest.pop(0)))
        yield from follow(DBOS.list_workflows, waiting, lambda: True)
    start_upkeep()
    drain()
    ended: Any = DBOS.list_workflows(workflow_ids=list(left)) if left else ()
    for status in ended:
        # What they failed at, the runs after them have told.
        if status.status == "SUCCESS" and status.output["batches"]:
            yield Outcome(left[status.workflow_id].resource, status.output["batches"], None)


@contextmanager
def _held(lock: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold the lock file if it is free, or once it is; tell whether we do.

    It is freed when the process dies.
    """
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as err:
        raise ExternalError(f"home {lock.parent}", "cannot be written", retryable=True) from err
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def is_free(lock: Path) -> bool:
    """Tell whether nobody works on the home whose lock that is."""
    with _held(lock) as mine:
        return mine


@contextmanager
def _worker(platform: Platform, flows: Path) -> Iterator[None]:
    """Run flows in this process: first those that an earlier worker left, then what is asked."""
    config: DBOSConfig = {
        "name": "chengshu",
        "system_database_url": f"sqlite:///{flows}",
        "executor_id": EXECUTOR,
        "application_version": VERSION,
        "log_level": "CRITICAL",
        "enable_otlp": False,
        "serializer": DBOSPortableJSONSerializer(),
    }
    use_platform(platform)
    DBOS(config=config)
    try:
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            partition_concurrency=1,
            worker_concurrency=MOST_RUNS,
            polling_interval_sec=PAUSE_S,
        )
        yield
    finally:
        DBOS.destroy()
        use_platform(None)


def drain(most_s: float = math.inf) -> bool:
    """Wait for the runs that are under way; tell whether all have ended.

    What is still queued is for the next worker.
    """
    until = time.monotonic() + most_s
    while DBOS.list_workflows(status="PENDING"):
        if time.monotonic() > until:
            return False
        time.sleep(PAUSE_S)
    return True

"""The one process that writes a home: it holds the lock, and runs what others ask for too.

Two commands on one home are ordered, not refused: each asks for its runs in the flows' database,
then either becomes the worker or waits for the one that is.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, EnqueueOptions

import chengshu.flows.clock  # noqa: F401 - old SQLite lacks what dbos asks of it
from chengshu.catalog import Pack
from chengshu.flows.platform import Platform
from chengshu.flows.run import QUEUE, WORKFLOW, use_platform
from chengshu.kernel.errors import ExternalError
from chengshu.state import told_database

# One name for every process: a second executor would run live steps again (decisions.md, trap 6).
EXECUTOR, VERSION = "chengshu", "1"
PARALLEL_RUNS = 2
ENDED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Ask:
    """A run that is asked for.

    Attributes:
        resource: ``department/resource``.
        version: The declaration's version that was meant.
        as_of: Business time as ISO text, or None.
        refine: False to pull and land only.
        decision: What was decided of a held batch: its number, ``confirm`` or ``discard``, and who
            decided why.
        key: Names the run; asking twice under one name runs it once.
    """

    resource: str
    version: str
    as_of: str | None = None
    refine: bool = True
    decision: list[Any] | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        batches: The batches that landed, were refined or judged again; also before an error.
        error: ``code``, ``message``, ``exit_code``; None when all went well.
    """

    resource: str
    batches: Sequence[int]
    error: Mapping[str, Any] | None


def asks_of(
    pack: Pack, names: Sequence[str], as_of: str | None, *, refine: bool, key: str = ""
) -> list[Ask]:
    """Return the runs of the named resources (all when none is named), references first."""
    chosen = [pack.get(name) for name in names] or list(pack.resources.values())
    ids = {resource.id for resource in chosen}
    order: list[str] = []

    def place(name: str, above: frozenset[str]) -> None:
        if name in order or name in above:
            return
        for rule in pack.resources[name].rules:
            if rule.other in ids:
                place(str(rule.other), above | {name})
        order.append(name)

    for resource in chosen:
        place(resource.id, frozenset())
    return [
        Ask(n, pack.version_of(pack.resources[n]), as_of, refine, key=f"{key}:{n}" if key else "")
        for n in order
    ]


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
    with told_database("flows", flows):
        with _held(flows.with_suffix(".lock"), wait=True):
            DBOS.migrate(f"sqlite:///{flows}")
        waiting: dict[str, Ask] = {}
        rest = list(waves)
        while rest or waiting:
            if not waiting:
                waiting = _ask(flows, rest.pop(0))
            with _held(lock) as mine:
                if mine:
                    left = _left(flows, waiting)
                    with open_platform() as platform, _worker(platform, flows):
                        yield from _serve(flows, waiting, rest, left)
                    continue
            with _client(flows) as client:
                yield from _follow(client.list_workflows, waiting, lambda: not _is_free(lock))


@contextmanager
def _client(flows: Path) -> Iterator[DBOSClient]:
    """Open the flows' database; never across the life of a worker in the same process.

    The worker's end takes SQLite's files from under connections that it does not know.
    """
    client = DBOSClient(
        system_database_url=f"sqlite:///{flows}", serializer=DBOSPortableJSONSerializer()
    )
    try:
        yield client
    finally:
        client.destroy()


def _enqueue(client: DBOSClient, ask: Ask) -> str:
    options: EnqueueOptions = {
        "queue_name": QUEUE,
        "workflow_name": WORKFLOW,
        "workflow_id": ask.key or f"run-{uuid.uuid4().hex}",
        "queue_partition_key": ask.resource,
        "app_version": VERSION,
    }
    client.enqueue(options, ask.resource, ask.version, ask.as_of, ask.refine, ask.decision)
    return options["workflow_id"]


def _ask(flows: Path, wave: Sequence[Ask]) -> dict[str, Ask]:
    with _client(flows) as client:
        return {_enqueue(client, ask): ask for ask in wave}


def _left(flows: Path, mine: Mapping[str, Ask]) -> dict[str, Ask]:
    """Return the runs that others asked for and that have not ended; who asked may be dead."""
    with _client(flows) as client:
        found: Any = client.list_workflows(status=["PENDING", "ENQUEUED"], queue_name=QUEUE)
    return {s.workflow_id: Ask(*s.input["args"]) for s in found if s.workflow_id not in mine}


def _serve(
    flows: Path, waiting: dict[str, Ask], rest: list[Sequence[Ask]], left: Mapping[str, Ask]
) -> Iterator[Outcome]:
    """As the worker, yield the outcome of every run, and last what it did of those left over."""
    yield from _follow(DBOS.list_workflows, waiting, lambda: True)
    while rest:
        waiting.update(_ask(flows, rest.pop(0)))
        yield from _follow(DBOS.list_workflows, waiting, lambda: True)
    _drain()
    ended: Any = DBOS.list_workflows(workflow_ids=list(left)) if left else ()
    for status in ended:
        # What they failed at, the runs after them have told.
        if status.status == "SUCCESS" and status.output["batches"]:
            yield Outcome(left[status.workflow_id].resource, status.output["batches"], None)


def _follow(
    list_workflows: Callable[..., Any], waiting: dict[str, Ask], go_on: Callable[[], bool]
) -> Iterator[Outcome]:
    """Yield outcomes as they come, taking them out of ``waiting``, while ``go_on``."""
    while waiting and go_on():
        for status in list_workflows(workflow_ids=list(waiting)):
            if status.status in ENDED:
                yield _outcome(waiting.pop(status.workflow_id), status)
        if waiting:
            time.sleep(PAUSE_S)


def _outcome(ask: Ask, status: Any) -> Outcome:
    if status.status == "SUCCESS":
        return Outcome(ask.resource, status.output["batches"], status.output["error"])
    problem = f"run {status.workflow_id} ended as {status.status.lower()}: a fault of the platform"
    log = logging.getLogger("chengshu")
    log.error("%s: %s (%s)", ask.resource, problem, type(status.error).__name__)
    told = {"code": "internal", "message": f"{ask.resource}: {problem}.", "exit_code": 3}
    return Outcome(ask.resource, [], told)


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


def _is_free(lock: Path) -> bool:
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
            worker_concurrency=PARALLEL_RUNS,
            polling_interval_sec=PAUSE_S,
        )
        yield
    finally:
        DBOS.destroy()
        use_platform(None)


def _drain() -> None:
    """Wait for the runs that are under way; what is still queued is for the next worker."""
    while DBOS.list_workflows(status="PENDING"):
        time.sleep(PAUSE_S)

"""Runs as they are asked for, in the flows' database, and how they end."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions

import chengshu.flows.clock  # noqa: F401 - old SQLite lacks what dbos asks of it
from chengshu.catalog import Pack
from chengshu.flows.merge import MERGE
from chengshu.flows.run import QUEUE, WORKFLOW
from chengshu.flows.themes import THEMES, THEMES_WORKFLOW
from chengshu.state import told_database

VERSION = "1"
# What the name of a run begins with: one that a person asked for, one that fell due.
RUN, DUE = "run", "due"
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
        engine: Which engine is to do it, ``duckdb`` or ``spark``; None leaves it to its size.
        key: Names the run; asking twice under one name runs it once.
        workflow: What is run: the run of a resource; the merge of an entity, ``base/entity``, whose
            ``decision`` is a link; or, under the name `THEMES`, that of the themes.
    """

    resource: str
    version: str
    as_of: str | None = None
    refine: bool = True
    decision: list[Any] | None = None
    engine: str | None = None
    key: str = ""
    workflow: str = WORKFLOW

    @property
    def merges(self) -> bool:
        """Tell whether it is the merge of an entity."""
        return self.workflow == MERGE


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        batches: The batches that landed, were refined or judged again; also before an error.
        error: ``code``, ``message``, ``exit_code``, ``retryable``; None when all went well.
        merged: Of a merge: how many entities it touched, and how many have changed.
        themes: What was computed: ``theme``, ``computation``, ``cells``.
    """

    resource: str
    batches: Sequence[int]
    error: Mapping[str, Any] | None
    merged: Sequence[int] | None = None
    themes: Sequence[Mapping[str, Any]] = ()


def asks_of(pack: Pack, names: Sequence[str], as_of: str | None, *, refine: bool) -> list[Ask]:
    """Return the runs of the named resources (all when none is named), references first."""
    ids = [pack.get(name).id for name in names] or list(pack.resources)
    return [replace(ask_of(pack, name), as_of=as_of, refine=refine) for name in in_order(pack, ids)]


def ask_of(pack: Pack, name: str) -> Ask:
    """Return the run of a resource as it is declared now."""
    return Ask(name, pack.version_of(pack.resources[name]))


def merges_of(pack: Pack, names: AbstractSet[str]) -> list[Ask]:
    """Return the merges of the entities that are merged from resources (all when none is named)."""
    return [
        Ask(entity.id, "", workflow=MERGE)
        for entity in pack.entities.values()
        if not names or not names.isdisjoint(entity.resources)
    ]


def themes_ask(chosen: Sequence[str] = ()) -> Ask:
    """Return the run that brings themes up to date; those chosen, whether they are due or not."""
    return Ask(THEMES, "", decision=list(chosen) or None, workflow=THEMES_WORKFLOW)


def in_order(pack: Pack, ids: Sequence[str]) -> list[str]:
    """Return the resources with what their rules refer to before them."""
    order: list[str] = []

    def place(name: str, above: frozenset[str]) -> None:
        if name in order or name in above:
            return
        for rule in pack.resources[name].rules:
            if rule.other in ids:
                place(str(rule.other), above | {name})
        order.append(name)

    for name in ids:
        place(name, frozenset())
    return order


@contextmanager
def asking(flows: Path) -> Iterator[DBOSClient]:
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


def enqueue(client: DBOSClient, ask: Ask) -> str:
    """Ask for a run; return its name."""
    options: EnqueueOptions = {
        "queue_name": QUEUE,
        "workflow_name": ask.workflow,
        "workflow_id": ask.key or f"{RUN}:{ask.resource}:{uuid.uuid4().hex}",
        "queue_partition_key": ask.resource,
        "app_version": VERSION,
    }
    of_a_run = [ask.version, ask.as_of, ask.refine] if ask.workflow == WORKFLOW else []
    client.enqueue(options, ask.resource, *of_a_run, ask.decision, ask.engine)
    return options["workflow_id"]


def ask_for(flows: Path, wave: Sequence[Ask]) -> dict[str, Ask]:
    """Ask for runs; return them by their names."""
    with asking(flows) as client:
        return {enqueue(client, ask): ask for ask in wave}


def left_over(flows: Path, mine: Mapping[str, Ask]) -> dict[str, Ask]:
    """Return the runs that others asked for and that have not ended; who asked may be dead."""
    with asking(flows) as client:
        found: Any = client.list_workflows(status=["PENDING", "ENQUEUED"], queue_name=QUEUE)
    return {
        s.workflow_id: Ask(*s.input["args"])
        for s in found
        if s.workflow_id not in mine and s.name == WORKFLOW
    }


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a resource.

    Attributes:
        key: Its name.
        state: ``waiting``, ``running``, ``done`` or ``failed``.
        at: When it ended, or else was asked for; UTC.
        error: See `Outcome`.
    """

    key: str
    state: str
    at: datetime
    error: Mapping[str, Any] | None = None


def list_last_runs(flows: Path, names: Sequence[str]) -> dict[str, LastRun]:
    """Return the newest run of each of the resources that have been run."""
    found: dict[str, LastRun] = {}
    if not flows.exists():
        return found
    with told_database("flows", flows), asking(flows) as client:
        for name in names:
            newest = newest_run(client, name, DUE, RUN)
            found.update((name, last_run_of(name, status)) for status in newest)
    return found


def newest_run(client: DBOSClient, name: str, *kinds: str) -> Sequence[Any]:
    """Return the status of the resource's newest run of those kinds, if there is one."""
    prefixes = [f"{kind}:{name}:" for kind in kinds]
    return client.list_workflows(workflow_id_prefix=prefixes, sort_desc=True, limit=1)


def last_run_of(name: str, status: Any) -> LastRun:
    """Return what a run's status says."""
    at = datetime.fromtimestamp(status.updated_at / 1000, UTC).replace(tzinfo=None)
    if status.status not in ENDED:
        state = "waiting" if status.status == "ENQUEUED" else "running"
        return LastRun(status.workflow_id, state, at)
    error = outcome_of(Ask(name, ""), status).error
    return LastRun(status.workflow_id, "failed" if error else "done", at, error)


def follow(
    list_workflows: Callable[..., Any], waiting: dict[str, Ask], go_on: Callable[[], bool]
) -> Iterator[Outcome]:
    """Yield outcomes as they come, taking them out of ``waiting``, while ``go_on``."""
    while waiting and go_on():
        for status in list_workflows(workflow_ids=list(waiting), status=list(ENDED)):
            yield outcome_of(waiting.pop(status.workflow_id), status)
        if waiting:
            time.sleep(PAUSE_S)


def outcome_of(ask: Ask, status: Any) -> Outcome:
    """Return how a run ended that has."""
    if status.status == "SUCCESS":
        told = status.output
        merged, themes = told.get("merged"), told.get("themes", ())
        return Outcome(ask.resource, told["batches"], told["error"], merged, themes)
    problem = f"run {status.workflow_id} ended as {status.status.lower()}: a fault of the platform"
    log = logging.getLogger("chengshu")
    log.error("%s: %s (%s)", ask.resource, problem, type(status.error).__name__)
    told = {"code": "internal", "message": f"{ask.resource}: {problem}.", "exit_code": 3,
            "retryable": False}  # fmt: skip
    return Outcome(ask.resource, [], told)

"""Upkeep of a home by its worker: the lake is compacted, old snapshots, files and runs go.

It needs no memory of its own: what is cut off is found undone the next time.
"""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from dbos import DBOS, DBOSClient, EnqueueOptions, SetWorkflowID

from chengshu.catalog.file_source import duration_of
from chengshu.flows.asks import DUE, ENDED, RUN, VERSION
from chengshu.flows.run import QUEUE, opened_pack, telling
from chengshu.flows.turns import Turn
from chengshu.kernel.clock import utc_now
from chengshu.libraries.upkeep import Retention, keep_lake

UPKEEP = "upkeep"
# What the names of its runs begin with.
KEEP = "keep:lake"
# Not before so long after the last one began.
EVERY_S = 300.0
# So many runs are forgotten at once.
CHUNK = 1000
Lists = Callable[..., Any]


@DBOS.workflow(name=UPKEEP)
def run_upkeep(orphans: bool) -> dict[str, Any]:
    """Do all upkeep; return ``value``, what was done, and ``error``, or told."""
    told = keep_step(orphans)
    if told["error"]:
        logging.getLogger("chengshu").error("upkeep: %s", told["error"]["message"])
    return told


@DBOS.step(name="keep")
@telling
def keep_step(orphans: bool) -> dict[str, Any]:
    """Do all upkeep when it is its turn; return what `Kept` holds, and ``runs``."""
    platform, pack = opened_pack()
    snapshots, runs = map(duration_of, pack.kept)
    now = utc_now()
    with platform.turns.taken(Turn("refine")):
        retention = Retention(snapshots, pack.zone, platform.needed())
        kept = keep_lake(platform.engine, retention, now, orphans=orphans)
    forgotten = forget_runs(DBOS.list_workflows, DBOS.delete_workflows, now - runs)
    return {**asdict(kept), "runs": forgotten}


def forget_runs(list_runs: Lists, delete: Callable[[list[str]], None], before: datetime) -> int:
    """Forget the runs that ended before ``before``, in UTC; return how many.

    Of each resource the newest run stays, and the newest that was due: what comes next rests on it.
    """
    gone = stay = 0
    while True:
        old = list_runs(
            status=list(ENDED), end_time=before.isoformat() + "Z", limit=CHUNK, offset=stay,
            load_input=False, load_output=False,
        )  # fmt: skip
        ids = [status.workflow_id for status in old if status.updated_at < _ms(before)]
        kept = _newest(list_runs, ids)
        delete([run for run in ids if run not in kept])
        gone += len(ids) - len(kept)
        stay += len(old) - (len(ids) - len(kept))
        if len(old) < CHUNK:
            return gone


def _newest(list_runs: Lists, ids: Sequence[str]) -> set[str]:
    """Return those of ``ids`` that are the newest of their kind and resource."""
    groups: dict[str, set[str]] = defaultdict(set)
    for run in ids:
        kind, _, rest = run.partition(":")
        name = f"{kind}:{rest.partition(':')[0]}"
        if kind in (RUN, DUE) or name == KEEP:
            groups[name].add(run)
    found: set[str] = set()
    for name, among in groups.items():
        newest = list_runs(workflow_id_prefix=f"{name}:", sort_desc=True, limit=1)
        found |= among & {status.workflow_id for status in newest}
    return found


def start_upkeep() -> None:
    """As the worker, begin upkeep unless the last one began a moment ago."""
    last: Any = DBOS.list_workflows(workflow_id_prefix=f"{KEEP}:", sort_desc=True, limit=1)
    if not last or last[0].created_at < _ms(utc_now()) - EVERY_S * 1000:
        with SetWorkflowID(f"{KEEP}:{uuid.uuid4().hex}"):
            DBOS.start_workflow(run_upkeep, False)


def ask_upkeep(client: DBOSClient) -> str:
    """Ask the worker for upkeep; return the run's name."""
    options: EnqueueOptions = {
        "queue_name": QUEUE,
        "workflow_name": UPKEEP,
        "workflow_id": f"{KEEP}:{uuid.uuid4().hex}",
        "queue_partition_key": KEEP,
        "app_version": VERSION,
    }
    client.enqueue(options, True)
    return options["workflow_id"]


def _ms(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)

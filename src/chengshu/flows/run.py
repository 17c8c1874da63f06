"""The run of a resource: refine what waits, pull, land, refine, deliver back; each step once.

Every step is idempotent by itself: landing knows its delivery's key, refining its batch, in the
same transaction as their rows. The workflow only remembers how far it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import wraps
from typing import Any

from dbos import DBOS

from chengshu.catalog import Pack, Resource
from chengshu.exchange.back import Parcel
from chengshu.exchange.back.send import send_back
from chengshu.exchange.pull import Pull, find_incoming, land_incoming
from chengshu.flows.platform import Platform
from chengshu.flows.turns import Turn
from chengshu.kernel.errors import ChengshuError, ConflictError, HeldError
from chengshu.libraries import stores
from chengshu.libraries.landing import find_batch
from chengshu.libraries.refine import decide, refine_pending
from chengshu.libraries.report import list_held
from chengshu.libraries.stores import ensure_tables, tables_of

QUEUE = "resources"
WORKFLOW = "run_resource"
_platforms: list[Platform] = []


def use_platform(platform: Platform | None) -> None:
    """Say in which platform this process runs flows; None ends it."""
    _platforms[:] = [platform] if platform else []


def make_tables(platform: Platform, names: Iterable[str]) -> None:
    """Make the tables of resources in one go, or leave them to their runs, which tell of errors.

    Whenever there are new tables, the engine reads the whole of the lake's catalogue anew.
    """
    with suppress(ChengshuError):
        pack = platform.pack()
        tables: dict[str, Mapping[str, str]] = {}
        for resource in map(pack.get, names):
            tables |= tables_of(resource, {f.name: pack.type_of(f) for f in resource.fields})
        platform.engine.ensure_tables(tables)


@DBOS.workflow(name=WORKFLOW)
def run_resource(
    name: str,
    version: str,
    as_of: str | None,
    refine: bool,
    decision: list[Any] | None = None,
    engine: str | None = None,
) -> dict[str, Any]:
    """Bring a resource up to date; return ``batches`` that it moved and ``error``, None or told.

    With a ``decision`` (see `decide_step`) that is all it acts on, and what waits behind it.
    Errors are told as data: what a workflow remembers must read the same after any upgrade.
    """
    run = str(DBOS.workflow_id)
    batches: set[int] = set()

    def refined() -> dict[str, Any]:
        told = refine_step(name, version, engine)
        batches.update(told["value"] or ())
        return told

    nothing: dict[str, Any] = {"value": None, "error": None}
    told = decide_step(name, version, decision) if decision else nothing
    if told["error"] is None and refine:
        told = refined()
    keys: list[str] = []
    if told["error"] is None and decision is None:
        told = waiting_step(name, version, run)
        keys = told["value"] or []
    for key in keys:
        told = land_step(name, version, run, key, as_of)
        if told["error"] is None:
            batches.add(int(told["value"]))
            told = refined() if refine else told
        if told["error"] is not None:
            break
    if told["error"] is None and refine:
        told = held_step(name, version)
    back = deliver_step(name, version, run) if refine else told
    return {"batches": sorted(batches), "error": told["error"] or back["error"]}


def telling(act: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Make a step tell its error as data instead of raising it."""

    @wraps(act)
    def tell(*args: Any) -> dict[str, Any]:
        try:
            return {"value": act(*args), "error": None}
        except ChengshuError as err:
            told = {
                "code": err.code, "message": str(err), "exit_code": err.exit_code,
                "retryable": err.retryable,
            }  # fmt: skip
            return {"value": None, "error": told}

    return tell


@DBOS.step(name="waiting")
@telling
def waiting_step(name: str, version: str, run: str) -> list[str]:
    """Return the keys of the deliveries that wait, in order."""
    platform, pack, resource = _opened(name, version)
    with platform.pulling(pack, resource) as around:
        return [item.key for item in find_incoming(platform.engine, resource, around, run)]


@DBOS.step(name="land")
@telling
def land_step(name: str, version: str, run: str, key: str, as_of: str | None) -> int:
    """Pull one delivery and land it; return its batch."""
    platform, pack, resource = _opened(name, version)
    with platform.pulling(pack, resource) as around:
        found = find_incoming(platform.engine, resource, around, run)
        incoming = [item for item in found if item.key == key]
        if not incoming:
            return _landed(platform, resource, key)

        def tell(rows: int) -> None:
            around.moved()
            platform.progress(resource.id, "pull", rows)

        pull = Pull(run, datetime.fromisoformat(as_of) if as_of else None, tell)
        return land_incoming(platform.engine, pack, resource, incoming[0], pull).number


@DBOS.step(name="refine")
@telling
def refine_step(name: str, version: str, engine: str | None = None) -> list[int]:
    """Refine everything of the resource that landed; return the batches judged now, or again."""
    platform, pack, resource = _opened(name, version)
    with platform.turns.taken(Turn("refine", resource.priority)):
        platform.progress(resource.id, "refine", 0)
        tables = [stores.landing(resource), stores.current(resource)]
        chosen = platform.choose(name, "refine", tables, engine)
        judged = refine_pending(chosen, pack, resource)
    platform.progress(resource.id, "done", 0)
    return sorted(judged)


@DBOS.step(name="back")
@telling
def deliver_step(name: str, version: str, run: str) -> list[int]:
    """Deliver back to the owner what was found; return the batches whose findings went now.

    It goes whatever else failed, and its own failure undoes nothing. Each parcel is on the usage
    record before it leaves.
    """
    platform, pack, resource = _opened(name, version)

    def leave(parcel: Parcel, to: str) -> None:
        what = f"{parcel.name}, {parcel.count} rows (digest {parcel.digest[:12]}), to {to}"
        platform.record("delivery back", what, f"to its owner {resource.owner}, by {run}")
        platform.progress(resource.id, "back", parcel.count)

    sent = send_back(platform.engine, pack, resource, platform.around(pack), leave)
    if sent:
        platform.progress(resource.id, "done", 0)
    return sent


@DBOS.step(name="decide")
@telling
def decide_step(name: str, version: str, decision: list[Any]) -> None:
    """Record a decision: the batch, ``confirm`` or ``discard``, and who decided why."""
    platform, pack, resource = _opened(name, version)
    batch, step, note = decision
    decide(platform.engine, pack, resource, batch, step, note)


@DBOS.step(name="held")
@telling
def held_step(name: str, version: str) -> None:
    """Tell of a batch that waits for a decision, as an error: nothing after it is refined."""
    platform, _, resource = _opened(name, version)
    with platform.engine.session() as session:
        for held in list_held(session, resource):
            raise HeldError(
                f"{name} batch {held['batch']} would end {held['ends']} of {held['standing']} "
                f"records, more than rows.most_ended allows. It is held, and what came after it "
                f"waits. See them: chengshu show {name} --store held; then: chengshu decide {name} "
                f"{held['batch']} confirm (or discard) --reason …"
            )


def _landed(platform: Platform, resource: Resource, key: str) -> int:
    """Return the batch of a delivery that landed just before this step was interrupted."""
    with platform.engine.session() as session:
        batch = find_batch(session, resource, key)
    if batch is None:
        raise ConflictError(
            f"{resource.id}: delivery {key} is gone from its source and has not landed. Run again."
        )
    return batch.number


def opened_pack() -> tuple[Platform, Pack]:
    """Return the platform, and the pack as it is now."""
    (platform,) = _platforms
    return platform, platform.pack()


def _opened(name: str, version: str) -> tuple[Platform, Pack, Resource]:
    """Return the platform, and the pack as it was when the run was asked for.

    Raises:
        ConflictError: The pack was edited since.
    """
    platform, pack = opened_pack()
    resource = pack.get(name)
    if pack.version_of(resource) != version:
        raise ConflictError(
            f"{name}: the city pack was edited while the run was under way. What had landed stays; "
            "run it again to go on under the new declaration."
        )
    ensure_tables(platform.engine, resource, {f.name: pack.type_of(f) for f in resource.fields})
    return platform, pack, resource

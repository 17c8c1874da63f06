"""The merge of an entity as a durable workflow: one transaction, so it is done or not begun."""

from __future__ import annotations

from typing import Any

from dbos import DBOS

from chengshu.flows.run import opened_pack, telling
from chengshu.flows.turns import Turn
from chengshu.kernel.errors import NotFoundError
from chengshu.libraries import stores
from chengshu.libraries.base.links import record_link
from chengshu.libraries.base.merge import merge
from chengshu.libraries.base.merger import make_merger

MERGE = "merge_entity"


@DBOS.workflow(name=MERGE)
def merge_entity(
    name: str, link: list[Any] | None = None, engine: str | None = None
) -> dict[str, Any]:
    """Bring an entity, ``base/entity``, up to date.

    A ``link`` (old key, new or None, note) is recorded before. Returns ``batches`` (none),
    ``merged`` (touched and changed entities) and ``error``.
    """
    entity = name.removeprefix("base/")
    told = link_step(entity, link) if link else {"error": None}
    told = merge_step(entity, engine) if told["error"] is None else told
    return {"batches": [], "merged": told.get("value"), "error": told["error"]}


@DBOS.step(name="link")
@telling
def link_step(name: str, link: list[Any]) -> None:
    """Record that a key has changed, or has not after all."""
    platform, pack = opened_pack()
    old, new, note = link
    record_link(platform.engine, make_merger(pack, pack.entities[name]), old, new, note)


@DBOS.step(name="merge")
@telling
def merge_step(name: str, engine: str | None = None) -> list[int]:
    """Merge the entities that were touched; return how many, and how many have changed."""
    platform, pack = opened_pack()
    if name not in pack.entities:
        raise NotFoundError("entity", name, pack.entities)
    entity = pack.entities[name]
    with platform.turns.taken(Turn("refine")):
        platform.progress(entity.id, "merge", 0)
        tables = [stores.current(pack.get(name)) for name in sorted(entity.resources)]
        done = merge(platform.choose(entity.id, "merge", tables, engine), pack, entity)
        platform.progress(entity.id, "done", 0)
    return [done.touched, done.changed] if done else [0, 0]

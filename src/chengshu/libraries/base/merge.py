"""Merge what departments hold into one record per entity; only entities that are touched.

The base store is a function of the department store and the links: merging again changes nothing,
and whether entities were merged often or seldom only shows in when we knew what.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from chengshu.catalog import Pack
from chengshu.catalog.entity import Entity
from chengshu.engine import Engine, Session
from chengshu.engine.sql import listed, literal, quote
from chengshu.kernel.clock import utc_now
from chengshu.libraries import stores
from chengshu.libraries.base import tables
from chengshu.libraries.base.claims import stage_claims, waiting_sql
from chengshu.libraries.base.links import relinked_sql, stage_links
from chengshu.libraries.base.merger import Merger, make_merger
from chengshu.libraries.base.versions import disagreements_sql, stage_versions
from chengshu.libraries.base.write import stage_moves, write_difference, write_first, write_moves


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did.

    Attributes:
        touched: Entities that were merged again.
        changed: Those of them that are not what they were.
    """

    touched: int
    changed: int


def merge(engine: Engine, pack: Pack, entity: Entity) -> Merged | None:
    """Merge the entities that were touched since the last merge; None when none was."""
    merger = make_merger(pack, entity)
    _ensure(engine, pack, merger)
    # Read before the session is opened: what is committed meanwhile is merged again next time.
    now = engine.snapshots_of(_inputs(merger))
    with engine.session() as session:
        before = _last_merge(session, merger)
        links = stage_links(session, merger)
        whole = before is None or not _stage_touched(session, merger, before, now)
        touched = 0 if whole else _count_touched(session)
        if not whole and not touched and before == now:
            return None
        stage_claims(session, merger, whole=whole, linked=bool(links))
        counts = stage_versions(session, merger, linked=bool(links))
        touched, changed = (counts.entities if whole else touched), counts.entities
        if whole and _is_empty(session, entity):
            write_first(session, merger, counts)
            session.append(tables.disagreements(entity), disagreements_sql(merger), step="disagree")
        else:
            stage_moves(session, merger, whole=whole)
            changed = write_moves(session, merger)
            _write_disagreements(session, merger, whole=whole)
        waiting, resolved = tables.waiting(entity), tables.resolved(entity)
        write_difference(
            session, waiting, tables.WAITING_COLUMNS, waiting_sql(merger), on=("_source", "_record")
        )
        now_linked = "SELECT old, new FROM resolved_now"
        write_difference(session, resolved, tables.RESOLVED_COLUMNS, now_linked, on=("old",))
        _record(session, engine.name, merger, now, Merged(touched, changed))
    return Merged(touched, changed)


def _ensure(engine: Engine, pack: Pack, merger: Merger) -> None:
    for resource in {**merger.resources, **merger.links}.values():
        types = {field.name: pack.type_of(field) for field in resource.fields}
        stores.ensure_tables(engine, resource, types)
    tables.ensure_tables(engine, merger)


def _inputs(merger: Merger) -> list[str]:
    """Return the tables that the entity is merged from."""
    read = [merger.resources[name] for name in merger.entity.claimants]
    named = [table(r) for r in read for table in (stores.current, stores.history)]
    return sorted({*named, *map(stores.current, merger.links.values())})


def _last_merge(session: Session, merger: Merger) -> Mapping[str, int] | None:
    """Return up to which snapshots the entity is merged; None when it must be merged whole."""
    rows = session.rows(
        f"SELECT version, inputs FROM lake.{tables.MERGES} "
        f"WHERE entity = {literal(merger.entity.entity)} ORDER BY merged_at DESC LIMIT 1",
        step=f"last merge of {merger.entity.id}",
    )
    if not rows or rows[0]["version"] != merger.version:
        return None
    inputs: Mapping[str, int] = json.loads(rows[0]["inputs"])
    return inputs


def _stage_touched(
    session: Session, merger: Merger, before: Mapping[str, int], now: Mapping[str, int]
) -> bool:
    """Stage ``touched`` (``_key``): entities of which something has changed; False when unknown."""
    parts = [relinked_sql(merger)]
    for name in merger.entity.claimants:
        source, resource = merger.entity.sources[name], merger.resources[name]
        keys = [role.key for role in source.speaks]
        for at, table in enumerate((stores.current(resource), stores.history(resource))):
            if before.get(table) == now[table]:
                continue
            changed = f"changed{at}__{name}"
            if not session.stage_changes(
                changed, table, keys, since=before[table], step=f"changes of {resource.id}"
            ):
                return False
            parts += [
                f"SELECT COALESCE(r.new, c.{quote(key)}) AS _key FROM {changed} AS c "
                f"LEFT JOIN resolved_now AS r ON c.{quote(key)} = r.old "
                f"WHERE c.{quote(key)} IS NOT NULL"
                for key in keys
            ]
    session.stage("touched", " UNION ".join(parts), step=f"touched of {merger.entity.id}")
    return True


def _count_touched(session: Session) -> int:
    (row,) = session.rows("SELECT COUNT(*) AS n FROM touched", step="count entities")
    return int(row["n"])


def _is_empty(session: Session, entity: Entity) -> bool:
    both = " UNION ALL ".join(
        f"SELECT 1 AS one FROM lake.{table(entity)}" for table in (tables.current, tables.history)
    )
    return not session.rows(f"SELECT one FROM ({both}) AS t LIMIT 1", step="look for entities")


def _write_disagreements(session: Session, merger: Merger, *, whole: bool) -> None:
    write_difference(
        session,
        tables.disagreements(merger.entity),
        tables.DISAGREEMENT_COLUMNS,
        disagreements_sql(merger),
        on=("_key", "_attribute", "_source"),
        among="TRUE" if whole else "_key IN (SELECT _key FROM touched)",
    )


def _record(
    session: Session, engine: str, merger: Merger, inputs: Mapping[str, int], done: Merged
) -> None:
    row = (
        merger.entity.entity, merger.version, json.dumps(inputs, sort_keys=True), utc_now(),
        done.touched, done.changed, engine,
    )  # fmt: skip
    session.stage_rows("merge_row", tables.MERGE_COLUMNS, [row])
    columns = listed(tables.MERGE_COLUMNS)
    session.append(tables.MERGES, f"SELECT {columns} FROM merge_row", step="log a merge")

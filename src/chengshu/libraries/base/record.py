"""One entity as the base store holds it: on any day, as known on any day, and from where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from chengshu.catalog.entity import Child
from chengshu.engine import Engine, Row, Session
from chengshu.engine.sql import listed, literal, quote
from chengshu.libraries import stores
from chengshu.libraries.base import tables
from chengshu.libraries.base.claims import only_sql
from chengshu.libraries.base.merger import Merger

Shown = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class When:
    """Which version is meant.

    Attributes:
        day: What was so at the end of this day; now if none.
        known: What was known at this time (UTC); all that is known if none.
    """

    day: date | None = None
    known: datetime | None = None


def is_merged(engine: Engine, merger: Merger) -> bool:
    """Tell whether the entity has its tables."""
    return bool(engine.columns_of(tables.disagreements(merger.entity)))


def find_version(
    session: Session, merger: Merger, key: str, shown: Shown, when: When
) -> Row | None:
    """Return the version of an entity that is meant; None when there is none, or it was gone.

    Args:
        session: Where to look.
        merger: What is declared.
        key: The entity's key.
        shown: Attribute → SQL that shows it.
        when: Which version.
    """
    if when == When():
        condition = f"WHERE {_key(merger)} = {literal(key)}"
        source = f"SELECT *, FALSE AS _gone FROM lake.{tables.current(merger.entity)} {condition}"
    else:
        source = _versions_sql(merger, key, when.known)
        source += f" AND _from <= DATE '{when.day}'" if when.day else ""
    rows = session.rows(
        f"SELECT {_shown_sql(merger, shown)} FROM ({source}) AS v ORDER BY _from DESC LIMIT 1",
        step=f"look up {merger.entity.id}",
    )
    return rows[0] if rows and not rows[0]["_gone"] else None


def list_versions(
    session: Session, merger: Merger, key: str, shown: Shown, when: When
) -> Sequence[Row]:
    """Return every version of an entity that was known then, oldest first."""
    return session.rows(
        f"SELECT {_shown_sql(merger, shown)} FROM ({_versions_sql(merger, key, when.known)}) AS v "
        "ORDER BY _from",
        step=f"history of {merger.entity.id}",
    )


def _versions_sql(merger: Merger, key: str, known: datetime | None) -> str:
    """Return SQL of the versions of an entity that were known at a time."""
    own = (merger.entity.key.name, *tables.said_columns(merger), "_from", "_known_from")
    columns = listed(own)
    moment = f"TIMESTAMP '{known.isoformat(sep=' ')}'" if known else None
    since = f" AND _known_from <= {moment}" if moment else ""
    until = f"(_known_until IS NULL OR _known_until > {moment})" if moment else (
        "_known_until IS NULL"
    )  # fmt: skip
    named = f"{_key(merger)} = {literal(key)}{since}"
    now, before = (f"lake.{table(merger.entity)}" for table in (tables.current, tables.history))
    return (
        f"SELECT * FROM (SELECT {columns}, FALSE AS _gone FROM {now} WHERE {named} UNION ALL "
        f"SELECT {columns}, _gone FROM {before} WHERE {named} AND {until}) AS versions WHERE TRUE"
    )


def _shown_sql(merger: Merger, shown: Shown) -> str:
    columns = [f"{sql} AS {quote(name)}" for name, sql in shown.items()]
    own = ["_by", *tables.place_columns(merger), "_from", "_known_from", "_gone"]
    return ", ".join([*columns, *own])


def list_disagreements(
    session: Session, merger: Merger, key: str, masks: Mapping[str, str]
) -> Sequence[Row]:
    """Return where other collectors differ; ``masks`` maps each attribute to SQL of ``_value``."""
    arms = " ".join(f"WHEN {literal(name)} THEN {sql}" for name, sql in masks.items())
    return session.rows(
        f"SELECT _attribute, _source, CASE _attribute {arms} END AS _value, _rule, _batch, "
        f"_position FROM lake.{tables.disagreements(merger.entity)} "
        f"WHERE _key = {literal(key)} ORDER BY _attribute, _source",
        step=f"disagreements of {merger.entity.id}",
    )


def find_now(session: Session, merger: Merger, key: str) -> str:
    """Return the key that an entity has now, when the one given has changed."""
    rows = session.rows(
        f"SELECT new FROM lake.{tables.resolved(merger.entity)} WHERE old = {literal(key)}",
        step=f"links of {merger.entity.id}",
    )
    return str(rows[0]["new"]) if rows else key


def list_children(
    session: Session,
    merger: Merger,
    child: Child,
    key: str,
    shown: Shown,
    day: date | None,
    limit: int,
) -> Sequence[Row]:
    """Return a department's records that belong to an entity on a day, or now; newest first."""
    source, resource = merger.entity.sources[child.source], merger.resources[child.source]
    old = f"SELECT old FROM lake.{tables.resolved(merger.entity)} WHERE new = {literal(key)}"
    named = " OR ".join(
        f"{quote(role.key)} = {literal(key)} OR {quote(role.key)} IN ({old})"
        for role in source.speaks
    )
    own = listed((*(f.name for f in resource.fields), "_record", "_batch", "_position"))
    whole = f"SELECT {own} FROM lake.{stores.current(resource)}"
    if day:
        end = f"DATE '{day}' + 1"
        whole += (
            f" WHERE _since < {end} UNION ALL SELECT {own} FROM lake.{stores.history(resource)} "
            f"WHERE _since < {end} AND _until >= {end}"
        )
    columns = ", ".join(f"{sql} AS {quote(name)}" for name, sql in shown.items())
    newest = f"{quote(source.newest)} DESC NULLS LAST, " if source.newest else ""
    return session.rows(
        f"SELECT {columns}, _batch, _position FROM ({whole}) AS c "
        f"WHERE ({named}){only_sql(source, resource)} ORDER BY {newest}_record LIMIT {limit}",
        step=f"{child.name} of {merger.entity.id}",
    )


def list_deliveries(
    session: Session, batches: Iterable[tuple[str, int]]
) -> Mapping[tuple[str, int], Row]:
    """Return when and from where batches came, by resource and number."""
    named = [f"(resource = {literal(name)} AND batch = {number})" for name, number in batches]
    if not named:
        return {}
    rows = session.rows(
        f"SELECT resource, batch, as_of, source FROM lake.{stores.BATCHES} "
        f"WHERE {' OR '.join(sorted(named))}",
        step="deliveries",
    )
    return {(row["resource"], row["batch"]): row for row in rows}


def count_entities(session: Session, merger: Merger) -> dict[str, Any]:
    """Return how many entities there are, and what waits for people."""
    entity = merger.entity
    parts = {
        "entities": tables.current(entity),
        "versions": tables.history(entity),
        "disagreements": tables.disagreements(entity),
        "waiting": tables.waiting(entity),
        "linked": tables.resolved(entity),
    }
    counts = stores.counts_sql(parts)
    held = f"(SELECT COUNT(*) FROM lake.{tables.current(entity)} WHERE _by LIKE '%h%') AS held"
    (row,) = session.rows(f"SELECT {counts}, {held}", step=f"count {entity.id}")
    return {"entity": entity.id, **row}


def _key(merger: Merger) -> str:
    return quote(merger.entity.key.name)

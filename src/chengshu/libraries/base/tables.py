"""What the tables of an entity are called, and what their columns are.

A version of an entity says what it is from a day on (``_from``), and when we knew it
(``_known_from``, UTC). The history holds the versions that a later one followed (``_to``), those
that say that the entity is in no source any more (``_gone``), and those that what came late has
corrected (``_known_until``).
"""

from __future__ import annotations

from collections.abc import Mapping

from chengshu.catalog.entity import Entity
from chengshu.engine import Engine
from chengshu.libraries.base.merger import Merger

MERGES = "management.merges"
MERGE_COLUMNS = {
    "entity": "VARCHAR",
    "version": "VARCHAR",  # of the declaration
    "inputs": "VARCHAR",  # JSON: table → the snapshot up to which it is merged
    "merged_at": "TIMESTAMP",  # UTC
    "touched": "BIGINT",
    "changed": "BIGINT",
    "engine": "VARCHAR",
}
LINK_COLUMNS = {
    "old": "VARCHAR",
    "new": "VARCHAR",
    "event": "VARCHAR",  # link or unlink
    "number": "BIGINT",
    "at": "TIMESTAMP",
    "note": "VARCHAR",
}
RESOLVED_COLUMNS = {"old": "VARCHAR", "new": "VARCHAR"}
WAITING_COLUMNS = {
    "_source": "VARCHAR",
    "_record": "VARCHAR",
    "_batch": "BIGINT",
    "_position": "BIGINT",
}
DISAGREEMENT_COLUMNS = {
    "_key": "VARCHAR",
    "_attribute": "VARCHAR",
    "_source": "VARCHAR",
    "_value": "VARCHAR",
    "_chosen": "VARCHAR",
    "_rule": "VARCHAR",  # authority or hold
    "_batch": "BIGINT",
    "_position": "BIGINT",
}


def current(entity: Entity) -> str:
    """Return the table of entities as they are now."""
    return f"base.{entity.entity}"


def history(entity: Entity) -> str:
    """Return the table of all other versions."""
    return f"base.{entity.entity}__history"


def waiting(entity: Entity) -> str:
    """Return the table of records without a key, which wait to be matched."""
    return f"base.{entity.entity}__waiting"


def links(entity: Entity) -> str:
    """Return the table of what people said of changed keys, in order."""
    return f"base.{entity.entity}__links"


def resolved(entity: Entity) -> str:
    """Return the table of changed keys as they were merged last."""
    return f"base.{entity.entity}__resolved"


def disagreements(entity: Entity) -> str:
    """Return the management store's table of values that differ from the one chosen."""
    return f"management.{entity.entity}__disagreements"


def place_columns(merger: Merger) -> dict[str, str]:
    """Return the columns that say where each source's part came from: batch and position."""
    names = merger.entity.claimants
    return {f"_{part}__{name}": "BIGINT" for name in names for part in ("batch", "position")}


def said_columns(merger: Merger) -> dict[str, str]:
    """Return the columns of what a version says: attributes, who by, and from where."""
    attributes = {name: merger.types[name].column for name in merger.attributes}
    return {**attributes, "_by": "VARCHAR", **place_columns(merger)}


def tables_of(merger: Merger) -> Mapping[str, Mapping[str, str]]:
    """Return every table of the entity with its columns; what makes a first merge last is last."""
    entity = merger.entity
    version = {entity.key.name: "VARCHAR", **said_columns(merger)}
    version |= {"_from": "DATE", "_known_from": "TIMESTAMP"}
    ended = {"_to": "DATE", "_known_until": "TIMESTAMP", "_gone": "BOOLEAN"}
    return {
        MERGES: MERGE_COLUMNS,
        current(entity): version,
        history(entity): {**version, **ended},
        waiting(entity): WAITING_COLUMNS,
        links(entity): LINK_COLUMNS,
        resolved(entity): RESOLVED_COLUMNS,
        disagreements(entity): DISAGREEMENT_COLUMNS,
    }


def ensure_tables(engine: Engine, merger: Merger) -> None:
    """Make the entity's tables, or widen them to what is declared now."""
    key = merger.entity.key.name
    ordered = {current(merger.entity): [key], history(merger.entity): [key, "_from"]}
    engine.ensure_tables(tables_of(merger), ordered)

"""What each source says of entities, and for which days, as relations."""

from __future__ import annotations

from chengshu.catalog import Resource
from chengshu.catalog.entity import EntitySource, Role
from chengshu.catalog.expression import compile_expression
from chengshu.engine import Session
from chengshu.engine.sql import listed, literal, quote
from chengshu.libraries import stores
from chengshu.libraries.base import tables
from chengshu.libraries.base.merger import Merger

# The keys under which the touched entities are spoken of, each with the key that it is now.
ASKED = (
    "SELECT _key AS _said, _key FROM touched WHERE _key NOT IN (SELECT old FROM resolved_now) "
    "UNION ALL SELECT old AS _said, new AS _key FROM resolved_now "
    "WHERE new IN (SELECT _key FROM touched)"
)
OWN = "_newest, _filled, _from, _to, _record, _role, _batch, _position"


def stage_claims(session: Session, merger: Merger, *, whole: bool, linked: bool) -> None:
    """Make ``claims__<source>`` for each source that attributes come from, and ``points``.

    ``claims__<source>``: ``_key``, the fields that are used, and `OWN`: what a version of a
    department's record says of an entity from the end of day ``_from`` until before ``_to`` (NULL:
    still). ``points``: the days (``_day``) at whose end something may have changed for an entity.

    Args:
        session: ``resolved_now`` (see `stage_links`) is staged; unless ``whole``, so is ``touched``
            (``_key``), the entities to merge.
        merger: What is declared.
        whole: All entities are merged.
        linked: Some keys have changed.
    """
    step = f"claims of {merger.entity.id}"
    if not whole:
        session.stage("asked", ASKED, step=step)
    days = []
    for name, fields in merger.entity.claimants.items():
        columns = f"{listed(fields, 'c.')}, c.{OWN.replace(', ', ', c.')}"
        said = f"FROM ({claims_sql(merger, name, fields)}) AS c"
        if not whole:
            sql = f"SELECT a._key, {columns} {said} JOIN asked AS a ON c._said = a._said"
            session.stage(f"claims__{name}", sql, step=step)
        else:
            # Read twice, which costs less than to keep it.
            key = "COALESCE(r.new, c._said)" if linked else "c._said"
            link = "LEFT JOIN resolved_now AS r ON c._said = r.old" if linked else ""
            sql = f"SELECT {key} AS _key, {columns} {said} {link}"
            session.define(f"claims__{name}", sql, step=step)
        days.append(f"SELECT _key, _from AS _day FROM claims__{name}")
        days.append(f"SELECT _key, _to AS _day FROM claims__{name} WHERE _to IS NOT NULL")
    session.stage("points", " UNION ".join(days), step=step)


def claims_sql(merger: Merger, name: str, fields: list[str]) -> str:
    """Return SQL of all that a source has ever said: ``_said`` (the key), fields, `OWN`."""
    source, resource = merger.entity.sources[name], merger.resources[name]
    parts = []
    for number, role in enumerate(source.speaks):
        for table, until in (
            (stores.current(resource), "CAST(NULL AS DATE)"),
            (stores.history(resource), "CAST(_until AS DATE)"),
        ):
            said = _role_sql(source, role, fields, until, number)
            named = f"{quote(role.key)} IS NOT NULL{only_sql(source, resource)}"
            parts.append(f"{said} FROM lake.{table} WHERE {named}")
    return " UNION ALL ".join(parts)


def _role_sql(source: EntitySource, role: Role, fields: list[str], until: str, number: int) -> str:
    own = {field: quote(role.fields.get(field, field)) for field in fields}
    filled = " + ".join(f"CASE WHEN {c} IS NULL THEN 0 ELSE 1 END" for c in own.values())
    newest = f"CAST({quote(source.newest)} AS DATE)" if source.newest else "CAST(NULL AS DATE)"
    said = ", ".join(f"{column} AS {quote(field)}" for field, column in own.items())
    return (
        f"SELECT {quote(role.key)} AS _said, {said}, {newest} AS _newest, {filled} AS _filled, "
        f"CAST(_since AS DATE) AS _from, {until} AS _to, _record, {number} AS _role, "
        "_batch, _position"
    )


def only_sql(source: EntitySource, resource: Resource) -> str:
    """Return what more a row must be to speak of an entity, from `` AND`` on."""
    if not source.only:
        return ""
    columns = {field.name: field.name for field in resource.fields}
    return f" AND ({compile_expression(source.only, columns)})"


def waiting_sql(merger: Merger) -> str:
    """Return SQL of the records that name no entity (see `tables.WAITING_COLUMNS`)."""
    parts = []
    for name in merger.entity.claimants:
        source, resource = merger.entity.sources[name], merger.resources[name]
        missing = " AND ".join(f"{quote(role.key)} IS NULL" for role in source.speaks)
        parts.append(
            f"SELECT {literal(name)} AS _source, _record, _batch, _position "
            f"FROM lake.{stores.current(resource)} WHERE {missing}{only_sql(source, resource)}"
        )
    return f"SELECT {', '.join(tables.WAITING_COLUMNS)} FROM ({' UNION ALL '.join(parts)}) AS w"

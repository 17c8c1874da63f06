"""What the management store found, and of which values each finding speaks.

A finding speaks of the fields that its rule looks at, of its own row; where a rule holds a row
against others (``unique``, ``agrees``, ``identity``, a disagreement in the base store), of theirs
as well: it cannot know which of the two is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chengshu.catalog import Pack, Resource, Rule
from chengshu.catalog.expression import names_in
from chengshu.engine import Session
from chengshu.engine.sql import literal, quote
from chengshu.libraries import stores
from chengshu.libraries.base import tables
from chengshu.libraries.base.merger import Merger
from chengshu.libraries.control import list_missing

REFINE, COMPARE, MERGE, DELIVERY = "清洗", "比对", "入基础库", "对账"
STORES = (REFINE, COMPARE, MERGE, DELIVERY)
COMPARED = ("identity", "append", "operation")
COLUMNS = "finding, resource, rule, store, at_resource, _digest, field"


@dataclass(frozen=True, slots=True)
class Told:
    """Resources and entities of a home that have been pulled and merged."""

    pack: Pack
    resources: Sequence[Resource]
    mergers: Sequence[Merger]


def stage_findings(session: Session, told: Told) -> None:
    """Stage ``speaks``: of each finding every value of which it speaks.

    ``finding`` names it, ``resource, rule, store`` say who found it where, ``at_resource, _digest,
    field`` of what it speaks; ``field`` is NULL for the row as a whole.
    """
    parts: list[str] = []
    for resource in told.resources:
        parts += _resource_sqls(told, resource)
    for merger in told.mergers:
        parts += _disagreement_sqls(merger)
    for at, sql in enumerate(parts):
        session.stage(f"speaks__{at}", f"SELECT DISTINCT {COLUMNS} FROM ({sql})", step="findings")
    union = " UNION ALL ".join(f"SELECT * FROM speaks__{at}" for at in range(len(parts)))
    empty = ", ".join(f"CAST(NULL AS VARCHAR) AS {name}" for name in COLUMNS.split(", "))
    session.define("speaks", union or f"SELECT {empty} WHERE FALSE", step="findings")
    _stage_missing(session, told)


def _resource_sqls(told: Told, resource: Resource) -> Iterator[str]:
    rules = {rule.name: rule for rule in resource.rules}
    rows = f"lake.{stores.findings(resource)}"
    # Checks that every resource has; a value type's speaks of its field.
    plain = f"rule NOT IN ({', '.join(map(literal, [*rules, *COMPARED]))})"
    field = "CASE WHEN rule = 'intact' THEN NULL ELSE field END"
    yield _own_sql(resource, REFINE, f"SELECT *, {field} AS spoken FROM {rows} WHERE {plain}")
    for name in COMPARED:
        mine = f"SELECT *, {literal(None)} AS spoken FROM {rows} WHERE rule = {literal(name)}"
        yield _own_sql(resource, COMPARE, mine)
        if name == "identity" and resource.key:
            yield _others_sql(resource, mine, resource, [(k, k) for k in resource.key], [None])
    for rule in rules.values():
        store = REFINE if rule.kind == "row" else COMPARE
        looked = [literal(name) for name in looked_at(resource, rule)] or [literal(None)]
        mine = f"SELECT * FROM {rows} WHERE rule = {literal(rule.name)}"
        yield _own_sql(resource, store, f"SELECT *, UNNEST([{', '.join(looked)}]) AS spoken "
                       f"FROM ({mine})")  # fmt: skip
        if rule.unique:
            pairs = [(name, name) for name in rule.unique]
            yield _others_sql(resource, mine, resource, pairs, [None, *rule.unique])
        elif rule.other and any(r.id == rule.other for r in told.resources):
            pairs = list(zip(rule.fields, rule.to, strict=True))
            theirs = [*rule.to, *rule.value.values()]
            yield _others_sql(resource, mine, told.pack.get(rule.other), pairs, [*theirs])
    yield (
        f"SELECT CONCAT_WS('/', 'source', a._batch, a._position, s.code) AS finding, "
        f"{literal(resource.id)} AS resource, 'source ' || s.code AS rule, {literal(REFINE)} AS "
        f"store, {literal(resource.id)} AS at_resource, a._digest, {literal(None)} AS field "
        f"FROM lake.{stores.SOURCE_FINDINGS} AS s JOIN ({stores.arrivals_sql(resource)}) AS a "
        f"ON a._batch = s.batch AND a._position = s.line "
        f"WHERE s.resource = {literal(resource.id)} AND s.line > 0"
    )


def looked_at(resource: Resource, rule: Rule) -> list[str]:
    """Return the fields that a rule looks at."""
    named = names_in(rule.where_bad) if rule.where_bad else set()
    fields = [n.removeprefix("previous_") if not resource.has_field(n) else n for n in named]
    fields += [*rule.unique, *rule.fields, *rule.value, *([rule.field] if rule.field else [])]
    return sorted({name for name in fields if resource.has_field(name)})


def _finding_sql(resource: Resource, alias: str) -> str:
    parts = ", ".join(f"{alias}.{name}" for name in ("rule", "field", "reason", "_digest"))
    return f"CONCAT_WS('/', {literal(resource.id)}, {parts})"


def _own_sql(resource: Resource, store: str, rows: str) -> str:
    us = literal(resource.id)
    return (
        f"SELECT {_finding_sql(resource, 'f')} AS finding, {us} AS resource, f.rule, "
        f"{literal(store)} AS store, {us} AS at_resource, f._digest, f.spoken AS field "
        f"FROM ({rows}) AS f"
    )


def _others_sql(
    resource: Resource,
    rows: str,
    other: Resource,
    pairs: Sequence[tuple[str, str]],
    fields: Sequence[str | None],
) -> str:
    """Return SQL of the other rows, alike in ``pairs`` as they came, that findings speak of."""
    same = " AND ".join(f"o.{quote(theirs)} = l.{quote(ours)}" for ours, theirs in pairs)
    spoken = ", ".join(map(literal, fields))
    return (
        f"SELECT {_finding_sql(resource, 'f')} AS finding, {literal(resource.id)} AS resource, "
        f"f.rule, {literal(COMPARE)} AS store, {literal(other.id)} AS at_resource, o._digest, "
        f"UNNEST([{spoken}]) AS field FROM ({rows}) AS f "
        f"JOIN lake.{stores.landing(resource)} AS l ON l._digest = f._digest "
        f"JOIN lake.{stores.landing(other)} AS o ON {same}"
    )


def _disagreement_sqls(merger: Merger) -> Iterator[str]:
    """Yield SQL of what disagreements speak of: the other's value, and that of who answers."""
    entity = merger.entity
    key = quote(entity.key.name)
    for attribute in entity.attributes:
        for source, field in attribute.claims[1:]:
            rows = (
                f"(SELECT _key, _batch, _position FROM lake.{tables.disagreements(entity)} "
                f"WHERE _attribute = {literal(attribute.name)} AND _source = {literal(source)})"
            )
            own, own_field = attribute.claims[0]
            places = [(source, field, rows)]
            places.append((
                own, own_field,
                f"(SELECT d._key, c._batch__{own} AS _batch, c._position__{own} AS _position "
                f"FROM {rows} AS d JOIN lake.{tables.current(entity)} AS c ON c.{key} = d._key)",
            ))  # fmt: skip
            for name, said, place in places:
                resource = merger.resources[name]
                fields = {role.fields.get(said, said) for role in entity.sources[name].speaks}
                spoken = ", ".join(map(literal, sorted(fields)))
                yield (
                    f"SELECT CONCAT_WS('/', {literal(entity.id)}, {literal(attribute.name)}, "
                    f"{literal(source)}, d._key) AS finding, "
                    f"{literal(merger.resources[source].id)} AS resource, "
                    f"{literal(f'{entity.id} {attribute.name}')} AS rule, {literal(MERGE)} AS "
                    f"store, {literal(resource.id)} AS at_resource, a._digest, "
                    f"UNNEST([{spoken}]) AS field FROM {place} AS d "
                    f"JOIN ({stores.arrivals_sql(resource)}) AS a "
                    "ON a._batch = d._batch AND a._position = d._position"
                )


def _stage_missing(session: Session, told: Told) -> None:
    """Stage ``missing``: records that a control total names and that have not come."""
    known = {resource.id for resource in told.resources}
    rows = [
        (resource.id, "|".join(str(row[name]) for name in resource.key))
        for resource in told.resources
        if resource.control and resource.control.keys and resource.control.resource in known
        for row in list_missing(
            session, resource, resource.control, told.pack.get(resource.control.resource),
            2**31 - 1, {name: f"CAST({quote(name)} AS VARCHAR)" for name in resource.key},
        )
    ]  # fmt: skip
    session.stage_rows("missing", {"resource": "VARCHAR", "record": "VARCHAR"}, rows)

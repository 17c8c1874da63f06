"""Hold raw rows against every check of their resource, in one pass, and stage what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chengshu.catalog import Check, Resource, Rule, Types
from chengshu.catalog.checks import (
    lookups_of,
    render_judged_sql,
    render_plain_sql,
    render_typed_sql,
    row_expression,
)
from chengshu.engine import Session
from chengshu.engine.sql import listed, literal, quote
from chengshu.libraries import stores
from chengshu.standards.facts import load_facts


@dataclass(frozen=True, slots=True)
class Judge:
    """Everything that decides what a raw row of a resource becomes.

    Attributes:
        others: The resources that its rules look into, by id.
        rules: Version of the declaration; rows judged under another one are judged again.
        references: Version of the rows that its rules look into.
    """

    resource: Resource
    types: Types
    checks: tuple[Check, ...]
    others: dict[str, Resource]
    rules: str
    references: str

    @property
    def fields(self) -> list[str]:
        """Return the names of the fields."""
        return [f.name for f in self.resource.fields]

    def resting(self) -> list[Check]:
        """Return the checks whose outcome also rests on other rows."""
        return [c for c in self.checks if c.rests_on is not None]

    def joined(self) -> list[Rule]:
        """Return the rules that look at more than the row itself."""
        return [rule for rule in self.resource.rules if rule.kind != "row"]


def judge_rows(session: Session, judge: Judge, source: str) -> None:
    """Define ``judged`` (see `render_judged_sql`) from raw rows.

    The rows in which nothing can be wrong are known at first sight (``plain``); only the ``odd``
    others are read and judged in full.

    Args:
        session: Where ``source`` is.
        judge: The checks.
        source: Relation of raw rows with ``_as_of`` and ``_unit``, unique by batch and position.
    """
    resource, step = judge.resource, f"refine {judge.resource.id}"
    for table in lookups_of(judge.types):
        facts = load_facts(table)
        session.stage_rows(f"facts__{table}", facts.columns, facts.rows)
    session.stage("plain", render_plain_sql(resource, judge.types, source), step=step)
    session.stage(
        "odd",
        f"SELECT raw.* FROM {source} JOIN (SELECT _batch, _position FROM plain WHERE NOT _plain) "
        "AS p ON raw._batch = p._batch AND raw._position = p._position",
        step=step,
    )
    session.stage("read", render_typed_sql(resource, judge.types, "odd"), step=step)
    values = ", ".join(["_record, _as_of", *(f'"v__{name}"' for name in judge.fields)])
    columns = f"SELECT _batch, _position, _digest, {values} FROM"
    session.define("typed", f"{columns} plain WHERE _plain UNION ALL {columns} read", step=step)
    for rule in judge.joined():
        bad = _bad_rows_sql(judge, rule)
        session.stage(f"bad__{rule.name}", bad, step=f"{step}: rule {rule.name}")
    odd = render_judged_sql(resource, judge.checks, "read")
    session.stage("judged_odd", odd, step=step)
    names = {rule.name for rule in judge.joined()}
    others = [check for check in judge.checks if check.rule in names]
    plain = render_judged_sql(resource, others, "(SELECT * FROM plain WHERE _plain)")
    session.define("judged", f"{plain} UNION ALL SELECT * FROM judged_odd", step=step)


def release(session: Session, judge: Judge) -> None:
    """Drop what `judge_rows` made."""
    names = ["judged", "judged_odd", *(f"bad__{rule.name}" for rule in judge.joined())]
    names += ["typed", "read", "odd", "plain"]
    for name in [*names, *(f"facts__{table}" for table in lookups_of(judge.types))]:
        session.drop(name)


def _bad_rows_sql(judge: Judge, rule: Rule) -> str:
    """Return SQL of ``_batch, _position`` of the typed rows that fail a rule about other rows."""
    if rule.kind == "unique":
        return _unique_sql(judge.resource, rule)
    if rule.kind == "sequence":
        return _sequence_sql(judge.resource, rule)
    other = judge.others[str(rule.reference or rule.agrees)]
    return _reference_sql(rule, other) if rule.kind == "reference" else _agrees_sql(rule, other)


def _present(rule_fields: Sequence[str], alias: str = "t") -> str:
    return " AND ".join(f'{alias}."v__{name}" IS NOT NULL' for name in rule_fields)


def _reference_sql(rule: Rule, other: Resource) -> str:
    equal = " AND ".join(
        f't."v__{ours}" = o.{quote(theirs)}'
        for ours, theirs in zip(rule.fields, rule.to, strict=True)
    )
    return (
        "SELECT t._batch, t._position FROM typed AS t LEFT JOIN (SELECT DISTINCT "
        f"{listed(rule.to)}, 1 AS _found FROM lake.{stores.current(other)}) AS o ON {equal} "
        f"WHERE o._found IS NULL AND {_present(rule.fields)}"
    )


def _agrees_sql(rule: Rule, other: Resource) -> str:
    equal = " AND ".join(
        f't."v__{ours}" = o.{quote(theirs)}'
        for ours, theirs in zip(rule.fields, rule.to, strict=True)
    )
    differs = " OR ".join(
        f't."v__{ours}" <> o.{quote(theirs)}' for ours, theirs in rule.value.items()
    )
    return (
        f"SELECT DISTINCT t._batch, t._position FROM typed AS t JOIN lake.{stores.current(other)} "
        f"AS o ON {equal} WHERE {differs}"
    )


def _peers_sql(resource: Resource, fields: Sequence[str]) -> str:
    """Return SQL of the typed rows and the current records that they do not replace."""
    typed = ", ".join(f'"v__{name}" AS {quote(name)}' for name in fields)
    return (
        f"SELECT _record, _as_of, _batch, _position, {typed}, TRUE AS _new FROM typed UNION ALL "
        f"SELECT _record, _since AS _as_of, _batch, _position, {listed(fields)}, FALSE AS _new "
        f"FROM lake.{stores.current(resource)} "
        "WHERE _record NOT IN (SELECT _record FROM typed WHERE _record IS NOT NULL)"
    )


def _unique_sql(resource: Resource, rule: Rule) -> str:
    filled = " AND ".join(f"{quote(name)} IS NOT NULL" for name in rule.unique)
    over = f"OVER (PARTITION BY {listed(rule.unique)})"
    return (
        f"SELECT _batch, _position FROM (SELECT _new, _batch, _position, "
        f"MIN(_record) {over} AS lo, MAX(_record) {over} AS hi "
        f"FROM ({_peers_sql(resource, rule.unique)}) AS peers "
        f"WHERE {filled} AND _record IS NOT NULL) AS groups WHERE _new AND lo <> hi"
    )


def _sequence_sql(resource: Resource, rule: Rule) -> str:
    fields = [f.name for f in resource.fields]
    order = f"PARTITION BY {listed(rule.sequence)} ORDER BY {listed(rule.order_by)}, _record"
    before = ", ".join(
        f'LAG({quote(name)}) OVER ({order}) AS "previous__{name}"' for name in fields
    )
    values = ", ".join(f'{quote(name)} AS "v__{name}"' for name in fields)
    filled = " AND ".join(f"{quote(name)} IS NOT NULL" for name in (*rule.sequence, *rule.order_by))
    return (
        f"SELECT _batch, _position FROM (SELECT _new, _batch, _position, _as_of, "
        f"{values}, {before} FROM ({_peers_sql(resource, fields)}) AS peers "
        f"WHERE {filled}) AS ordered "
        f"WHERE _new AND ({row_expression(resource, rule)})"
    )


def stage_findings(session: Session, judge: Judge) -> None:
    """Stage ``failures`` (one row per failed check of a distinct raw row) from ``judged``."""
    texts = ", ".join(
        f"({c.number}, {literal(c.rule)}, {literal(c.field)}, {literal(c.effect.value)})"
        for c in judge.checks
    )
    session.stage(
        "failures",
        "SELECT s._digest, s._batch, s._position, s._record, c.rule, c.field, "
        "SUBSTR(s.failed, POSITION(':' IN s.failed) + 1) AS reason, c.effect, "
        f"{literal(judge.references)} AS _references FROM ("
        "SELECT _digest, _batch, _position, _record, UNNEST(STRING_SPLIT(_fails, ',')) AS failed "
        "FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY _digest "
        "ORDER BY _batch, _position) AS _nth "
        "FROM judged WHERE _fails IS NOT NULL) AS failing WHERE _nth = 1) AS s "
        f"JOIN (VALUES {texts}) AS c(number, rule, field, effect) "
        "ON CAST(SUBSTR(s.failed, 1, POSITION(':' IN s.failed) - 1) AS INTEGER) = c.number",
        step=f"findings of {judge.resource.id}",
    )

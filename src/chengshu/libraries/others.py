"""Rules that hold a row against other rows, as SQL of the rows that fail them."""

from __future__ import annotations

from collections.abc import Sequence

from chengshu.catalog import Check, Effect, Resource, Rule
from chengshu.catalog.checks import row_expression
from chengshu.engine.sql import listed, literal, quote
from chengshu.libraries import stores
from chengshu.libraries.judge import OWN, Judge, base_sql


def fallen_sql(judge: Judge) -> str:
    """Return SQL of ``_digest, _record`` of current rows that fail a rule about other rows now."""
    current = f"lake.{stores.current(judge.resource)}"
    values = ", ".join(f'{quote(name)} AS "v__{name}"' for name in judge.fields)
    first = "_record LIKE '%#1'" if judge.resource.identity == "content" else "TRUE"
    standing = (
        f"(SELECT {base_sql(judge.resource)} AS _record, _digest, _batch, _position, "
        f"_since AS _as_of, {values}, {first} AS _holds FROM {current})"
    )
    parts = []
    for rule in judge.joined():
        rows, names = standing, listed(f"v__{name}" for name in rule.unique)
        if names:  # Most values are held once, and cheaply known to be.
            twice = f"SELECT {names} FROM {standing} AS s GROUP BY {names} HAVING COUNT(*) > 1"
            rows = f"(SELECT * FROM {standing} AS s JOIN ({twice}) AS twice USING ({names}))"
        parts.append(_failing_sql(judge, rule, rows))
    return (
        f"SELECT c._digest, c._record FROM {current} AS c JOIN ({' UNION '.join(parts)}) AS f "
        "ON c._batch = f._batch AND c._position = f._position"
    )


def bad_rows_sql(judge: Judge, rule: Rule) -> str:
    """Return SQL of ``_batch, _position`` of the typed rows that fail a rule about other rows.

    For rules about the resource's own rows they are those of the newest batch: held against what
    stands. `spoken` holds any row against what was said in its time.
    """
    return _failing_sql(judge, rule, _speaking_sql(judge) if rule.kind in OWN else "typed")


def _failing_sql(judge: Judge, rule: Rule, rows: str) -> str:
    """Return SQL of ``_batch, _position`` of those of typed ``rows`` that fail a rule.

    Only rows that speak for their record are held against the resource's own rows; any other
    keeps what was found before.
    """
    if rule.kind == "unique":
        return _unique_sql(judge.resource, rule, rows)
    if rule.kind == "sequence":
        return _sequence_sql(judge.resource, rule, rows)
    other = judge.others[str(rule.other)]
    render = _reference_sql if rule.kind == "reference" else _agrees_sql
    return render(rule, other, rows)


def weighed_sql(judge: Judge) -> str:
    """Return the relation of typed rows with ``_sound``: nothing but an own rule may block it.

    ``bad__<rule>`` of the rules about other resources stand. A value that another rule withholds
    is NULL: the department store does not hold it either.
    """
    joined = {rule.name: rule.kind for rule in judge.joined()}
    declared = {rule.name for rule in judge.resource.rules}
    checks = [c for c in judge.checks if joined.get(c.rule) not in OWN]

    def fails(check: Check) -> str:
        if check.rule in joined:
            return f'("{check.rule}"._position IS NOT NULL AND NOT COALESCE(t._ends, FALSE))'
        return f"({check.reason}) IS NOT NULL"

    def value(name: str) -> str:
        withhold = [c for c in checks if c.field == name and c.effect is Effect.WITHHOLD]
        empty = " OR ".join(fails(c) for c in withhold if c.rule in declared)
        kept = f't."v__{name}"'
        return f"CASE WHEN NOT ({empty}) THEN {kept} END" if empty else kept

    values = ", ".join(f'{value(name)} AS "v__{name}"' for name in judge.fields)
    blocks = " OR ".join(fails(c) for c in checks if c.effect is Effect.BLOCK)
    joins = "".join(
        f' LEFT JOIN "bad__{name}" AS "{name}" ON t._batch = "{name}"._batch '
        f'AND t._position = "{name}"._position'
        for name, kind in joined.items()
        if kind not in OWN
    )
    return (
        "(SELECT t._record, t._digest, t._batch, t._position, t._as_of, "
        f"COALESCE(t._ends, FALSE) AS _ends, {values}, NOT ({blocks}) AS _sound "
        f"FROM typed AS t{joins})"
    )


def _speaking_sql(judge: Judge) -> str:
    """Return the relation of a batch's rows with ``_holds``: whether it speaks for its record.

    The last sound row does that. After a row that ends the record none does.
    """
    return (
        "(SELECT * FROM (SELECT *, _sound AND ROW_NUMBER() OVER (PARTITION BY _record, _sound "
        f"ORDER BY _position DESC) = 1 AS _holds FROM {weighed_sql(judge)} AS weighed) AS spoken "
        "WHERE NOT _ends)"
    )


def _present(rule_fields: Sequence[str], alias: str = "t") -> str:
    return " AND ".join(f'{alias}."v__{name}" IS NOT NULL' for name in rule_fields)


def _reference_sql(rule: Rule, other: Resource, rows: str) -> str:
    equal = " AND ".join(
        f't."v__{ours}" = o.{quote(theirs)}'
        for ours, theirs in zip(rule.fields, rule.to, strict=True)
    )
    return (
        f"SELECT t._batch, t._position FROM {rows} AS t LEFT JOIN (SELECT DISTINCT "
        f"{listed(rule.to)}, 1 AS _found FROM lake.{stores.current(other)}) AS o ON {equal} "
        f"WHERE o._found IS NULL AND {_present(rule.fields)}"
    )


def _agrees_sql(rule: Rule, other: Resource, rows: str) -> str:
    equal = " AND ".join(
        f't."v__{ours}" = o.{quote(theirs)}'
        for ours, theirs in zip(rule.fields, rule.to, strict=True)
    )
    differs = " OR ".join(
        f't."v__{ours}" <> o.{quote(theirs)}' for ours, theirs in rule.value.items()
    )
    return (
        f"SELECT DISTINCT t._batch, t._position FROM {rows} AS t "
        f"JOIN lake.{stores.current(other)} AS o ON {equal} WHERE {differs}"
    )


def _unique_sql(resource: Resource, rule: Rule, rows: str) -> str:
    """Return SQL of the rows whose value another record claimed first, or at the same time.

    A record claims a value when a delivery first gives it that value, and holds it while it
    stands or wants to stand. Of rows that failing keeps out, those that came together hold
    nothing against later ones.
    """
    names = listed(rule.unique)
    together = (
        f"SELECT *, SUM(_holds) OVER (PARTITION BY {names}, _came) AS _together "
        f"FROM ({_claims_sql(resource, rule, rows)}) AS claims"
    )
    first = (
        f"SELECT *, MIN(CASE WHEN _together {'=' if rule.keeps_out else '>='} 1 THEN _came END) "
        f"OVER (PARTITION BY {names}) AS _first FROM ({together}) AS together"
    )
    equal = " AND ".join(f't."v__{name}" = c.{quote(name)}' for name in rule.unique)
    return (
        f"SELECT t._batch, t._position FROM {rows} AS t JOIN ({first}) AS c "
        f"ON t._record = c._record AND {equal} "
        "WHERE (c._holds = 1 AND (c._together > 1 OR c._first < c._came)) "
        f"OR (c._holds = 0 AND {_found_before(resource, rule)})"
    )


def _claims_sql(resource: Resource, rule: Rule, rows: str) -> str:
    """Return SQL of who ever had a value that ``rows`` have: when first, and whether still."""
    names, typed = listed(rule.unique), _untyped(rule.unique)
    stored = f"SELECT {names}, {base_sql(resource)} AS _record, _since AS _as_of, _batch"
    said = (
        f"SELECT {typed}, _record, _as_of, _batch, CASE WHEN _holds THEN 1 ELSE 0 END AS _holds "
        f"FROM {rows} AS t UNION ALL {stored}, 1 AS _holds FROM lake.{stores.current(resource)} "
        f"UNION ALL {stored}, 0 AS _holds FROM lake.{stores.history(resource)}"
    )
    ranked = (
        f"SELECT {names}, _record, _holds, RANK() OVER (PARTITION BY {names} "
        f"ORDER BY _as_of, _batch) AS _came FROM ({said}) AS said "
        f"JOIN (SELECT DISTINCT {typed} FROM {rows} AS t) AS asked USING ({names})"
    )
    return (
        f"SELECT {names}, _record, MIN(_came) AS _came, MAX(_holds) AS _holds "
        f"FROM ({ranked}) AS ranked WHERE _record IS NOT NULL GROUP BY {names}, _record"
    )


def _found_before(resource: Resource, rule: Rule) -> str:
    found = f"SELECT _digest FROM lake.{stores.findings(resource)}"
    return f"t._digest IN ({found} WHERE rule = {literal(rule.name)})"


def _untyped(fields: Sequence[str]) -> str:
    return ", ".join(f'"v__{name}" AS {quote(name)}' for name in fields)


def _peers_sql(resource: Resource, fields: Sequence[str], rows: str) -> str:
    """Return SQL of the rows that speak for a record and the current ones they do not replace."""
    own = f"SELECT _record, _digest, _as_of, {_untyped(fields)}, TRUE AS _new"
    speaking = f"FROM {rows} AS t WHERE _holds AND _record IS NOT NULL"
    return (
        f"{own} {speaking} UNION ALL SELECT c._record, c._digest, c._since AS _as_of, "
        f"{listed(fields, 'c.')}, FALSE AS _new FROM lake.{stores.current(resource)} AS c "
        f"LEFT JOIN (SELECT DISTINCT _record {speaking}) AS n "
        f"ON {base_sql(resource, 'c._record')} = n._record WHERE n._record IS NULL"
    )


def _sequence_sql(resource: Resource, rule: Rule, rows: str) -> str:
    fields = [f.name for f in resource.fields]
    order = f"PARTITION BY {listed(rule.sequence)} ORDER BY {listed(rule.order_by)}, _record"
    before = ", ".join(
        f'LAG({quote(name)}) OVER ({order}) AS "previous__{name}"' for name in fields
    )
    values = ", ".join(f'{quote(name)} AS "v__{name}"' for name in fields)
    filled = " AND ".join(f"{quote(name)} IS NOT NULL" for name in (*rule.sequence, *rule.order_by))
    # Copies of one row are judged as one.
    said = "_record" if resource.identity == "content" else "_digest"
    failing = (
        f"SELECT {said} FROM (SELECT _new, {said}, _as_of, "
        f"{values}, {before} FROM ({_peers_sql(resource, fields, rows)}) AS peers "
        f"WHERE {filled}) AS ordered WHERE _new AND ({row_expression(resource, rule)})"
    )
    return (
        f"SELECT t._batch, t._position FROM {rows} AS t WHERE t.{said} IN ({failing}) "
        f"OR (NOT t._holds AND {_found_before(resource, rule)})"
    )

"""The checks that a declaration implies, and the one statement that judges rows by all of them.

Columns on the way: ``raw__f`` the field's raw text (NULL where missing), ``v__f`` its typed value,
``v__f__…`` a value type's helpers. Stores' own columns start with ``_``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chengshu.catalog.expression import compile_expression, names_in
from chengshu.catalog.model import FieldSpec, Resource
from chengshu.catalog.rule import Effect, Rule
from chengshu.engine.sql import literal, quote
from chengshu.standards.model import Stage, ValueType, Verdict
from chengshu.standards.reading import side_by_side

Types = Mapping[str, ValueType]
CARRIED = ("_digest", "_batch", "_position", "_as_of", "_unit", "_ends", "_problem")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that every row is held against.

    Attributes:
        number: Its place; ``_fails`` of a judged row names it.
        rule: ``intact``, ``required``, a value type, or a declared rule's name.
        field: The field it speaks of, if one.
        effect: What a failure does to the row.
        applies: SQL, true for a row on which the check could be evaluated.
        reason: SQL, the reason's code for a row that fails, NULL otherwise.
        rests_on: Resource whose rows decide too (its own for unique and sequence rules), or None.
    """

    number: int
    rule: str
    field: str | None
    effect: Effect
    applies: str
    reason: str
    rests_on: str | None = None


def checks_of(resource: Resource, types: Types) -> tuple[Check, ...]:
    """Return every check that the declaration implies, in declaration order."""
    made: list[_Parts] = [("intact", None, Effect.BLOCK, "TRUE", "_problem", None)]
    if resource.source.operation:
        why = f"CASE WHEN _ends IS NULL THEN 'unknown' ELSE {literal(None)} END"
        made.append(("operation", None, Effect.BLOCK, "TRUE", why, None))
    for spec in resource.fields:
        made += _field_checks(spec, types[spec.name], needed=is_needed(resource, spec))
    made += [_rule_check(resource, rule) for rule in resource.rules]
    if resource.source.operation:
        made = [_of_kept_rows(resource, parts) for parts in made]
    return tuple(Check(number, *parts) for number, parts in enumerate(made))


def _of_kept_rows(resource: Resource, parts: _Parts) -> _Parts:
    """Return a check that a row which ends its record is only held against for its key."""
    rule, field, effect, applies, reason, rests_on = parts
    if rule in ("intact", "operation") or (field in resource.key and rests_on is None):
        return parts
    reason = f"CASE WHEN _ends THEN {literal(None)} ELSE {reason} END"
    return rule, field, effect, f"{applies} AND NOT _ends", reason, rests_on


def is_needed(resource: Resource, spec: FieldSpec) -> bool:
    """Tell whether a row without this field is refused."""
    return spec.required or spec.name in resource.key


_Parts = tuple[str, str | None, Effect, str, str, str | None]


def _field_checks(spec: FieldSpec, kind: ValueType, *, needed: bool) -> Iterator[_Parts]:
    raw, value = f'"raw__{spec.name}"', f'"v__{spec.name}"'
    why = f'"v__{spec.name}__why"'
    codes = {
        verdict: [literal(r.code) for r in kind.reasons.values() if r.verdict is verdict]
        for verdict in (Verdict.INVALID, Verdict.WARNING)
    }
    # Nearly all rows leave at the first arm; `IN` would become a join over all of them.
    if needed:
        # Whatever is neither read nor invalid is missing: blank in any way, or a zero date.
        arms = "".join(f" WHEN {why} = {code} THEN NULL" for code in codes[Verdict.INVALID])
        reason = f"CASE WHEN {value} IS NOT NULL THEN {literal(None)}{arms} ELSE 'missing' END"
        yield ("required", spec.name, Effect.BLOCK, "TRUE", reason, None)
    for verdict, effect in (
        (Verdict.INVALID, Effect.BLOCK if needed else Effect.WITHHOLD),
        (Verdict.WARNING, Effect.WARN),
    ):
        if codes[verdict]:
            arms = " ".join(f"WHEN {why} = {code} THEN {code}" for code in codes[verdict])
            reason = f"CASE WHEN {why} IS NULL THEN {literal(None)} {arms} END"
            yield (str(spec.type), spec.name, effect, f"{raw} IS NOT NULL", reason, None)


def _rule_check(resource: Resource, rule: Rule) -> _Parts:
    names = [*rule.unique, *rule.fields]
    rests_on = {"row": None, "unique": resource.id, "sequence": resource.id}.get(
        rule.kind, rule.other
    )
    if rule.where_bad:
        names = sorted(n for n in names_in(rule.where_bad) if resource.has_field(n))
        rests_on = resource.id if "as_of" in names_in(rule.where_bad) else rests_on
    failed = f'"bad__{rule.name}" IS NOT NULL'
    if rule.kind == "row":
        failed = f"({row_expression(resource, rule)})"
    applies = " AND ".join(f'"v__{name}" IS NOT NULL' for name in names) or "TRUE"
    reason = f"CASE WHEN {failed} THEN {literal(rule.name)} END"
    return (rule.name, rule.field, rule.effect, applies, reason, rests_on)


def row_expression(resource: Resource, rule: Rule) -> str:
    """Return the SQL of a rule's ``where_bad`` over typed columns.

    Raises:
        InputError: It does not parse, or uses what a rule may not use.
    """
    names = {f.name: f"v__{f.name}" for f in resource.fields} | {"as_of": "_as_of"}
    if rule.kind == "sequence":
        names |= {f"previous_{f.name}": f"previous__{f.name}" for f in resource.fields}
    return compile_expression(str(rule.where_bad), names)


def lookups_of(types: Types) -> list[str]:
    """Return the names of the facts that judging joins."""
    stages = [stage for name, kind in types.items() for stage in kind.stages('"r"', f"v__{name}")]
    return sorted({lookup.table for stage in stages for lookup in stage.lookups})


def render_plain_sql(resource: Resource, types: Types, source: str) -> str:
    """Return SQL that finds the rows in which nothing can be wrong, at a fraction of the cost.

    Most rows of most deliveries are well written: `render_typed_sql` need only read the others.

    Args:
        resource: The declaration.
        types: Field → value type.
        source: Relation with the resource's raw fields as text and `CARRIED`.

    Returns:
        One row per row: ``_record, _digest, _batch, _position, _as_of, _ends``, ``v__f``,
        and ``_plain`` boolean: the row ends nothing, every field is well written and no rule of
        the row alone fails it. Values count only where it is true.
    """
    sights = {name: types[name].plain(f'"raw__{name}"', f"v__{name}") for name in types}
    sql = _raws_sql(resource, source)
    for stage in side_by_side(sight.stages for sight in sights.values()):
        sql = _nested(sql, stage)
    holds = ["_problem IS NULL"]
    if resource.source.operation:
        holds.append("COALESCE(NOT _ends, FALSE)")
    for spec in resource.fields:
        missing = "" if is_needed(resource, spec) else f'"raw__{spec.name}" IS NULL OR '
        holds.append(f"({missing}COALESCE({sights[spec.name].holds}, FALSE))")
    rules = [row_expression(resource, rule) for rule in resource.rules if rule.kind == "row"]
    holds += [f"NOT COALESCE({rule}, FALSE)" for rule in rules]
    values = ", ".join(f'"v__{spec.name}"' for spec in resource.fields)
    return (
        f"SELECT {_record_sql(resource)} AS _record, _digest, _batch, _position, _as_of, "
        f"FALSE AS _ends, {values}, {' AND '.join(holds)} AS _plain FROM ({sql}) AS seen"
    )


def render_typed_sql(resource: Resource, types: Types, source: str) -> str:
    """Return SQL that reads every field of raw rows.

    Args:
        resource: The declaration.
        types: Field → value type.
        source: Relation with the resource's raw fields as text and `CARRIED`.

    Returns:
        One row per row: `CARRIED`, ``raw__f``, ``v__f``, ``v__f__why``, and ``_record``: the
        record's identity, NULL when a part of its key is. For identity ``content`` it is the
        content's digest without its occurrence number.
    """
    sql = _raws_sql(resource, source)
    staged = (types[name].stages(f'"raw__{name}"', f"v__{name}") for name in types)
    for stage in side_by_side(staged):
        sql = _nested(sql, stage)
    keep = [*CARRIED]
    for spec in resource.fields:
        keep += [f'"raw__{spec.name}"', f'"v__{spec.name}"', f'"v__{spec.name}__why"']
    return f"SELECT {', '.join(keep)}, {_record_sql(resource)} AS _record FROM ({sql}) AS typed"


def render_judged_sql(resource: Resource, checks: Sequence[Check], typed: str) -> str:
    """Return SQL that judges typed rows by all checks.

    Args:
        resource: The declaration.
        checks: From `checks_of`; those left out are known not to fail.
        typed: Relation of `render_typed_sql`. For each rule that is not a row's own affair there
            is a relation ``bad__<rule>`` of ``_batch, _position``, the rows that fail it.

    Returns:
        One row per row: ``_record, _digest, _batch, _position, _as_of, _ends``, the fields (typed,
        withheld ones NULL), ``_fails`` (``number:reason`` joined by commas, NULL when nothing
        failed), ``_blocked`` boolean.
    """
    rules = {c.rule for c in checks}
    joined = [r for r in resource.rules if r.kind != "row" and r.name in rules]
    joins = "".join(
        f' LEFT JOIN "bad__{r.name}" AS "b{i}" ON t._batch = "b{i}"._batch '
        f'AND t._position = "b{i}"._position'
        for i, r in enumerate(joined)
    )
    marks = "".join(f', "b{i}"._position AS "bad__{r.name}"' for i, r in enumerate(joined))
    reasons = "".join(f', {check.reason} AS "why__{check.number}"' for check in checks)
    inner = f"SELECT t.*{marks} FROM {typed} AS t{joins}"
    parts = ", ".join(f'{literal(f"{c.number}:")} || "why__{c.number}"' for c in checks)
    whys = ", ".join(f'"why__{c.number}"' for c in checks)
    fails = f"CASE WHEN COALESCE({whys}) IS NOT NULL THEN CONCAT_WS(',', {parts}) END"
    blocking = " OR ".join(
        f'"why__{c.number}" IS NOT NULL' for c in checks if c.effect is Effect.BLOCK
    )
    fields = ", ".join(_withheld_sql(spec, checks) for spec in resource.fields)
    return (
        f"SELECT _record, _digest, _batch, _position, _as_of, _ends, {fields}, "
        f"{fails if checks else literal(None)} AS _fails, {blocking or 'FALSE'} AS _blocked "
        f"FROM (SELECT *{reasons} FROM ({inner}) AS marked) AS judged"
    )


def content_sql(resource: Resource, prefix: str = "") -> str:
    """Return SQL of a digest over the compared fields; a field that is NULL adds nothing."""
    parts = ", ".join(
        f"{literal(f.name + '=')} || CAST({quote(prefix + f.name)} AS VARCHAR)"
        for f in resource.fields
        if f.compared
    )
    return f"MD5(CONCAT_WS('\x1f', {parts}))"


def _raws_sql(resource: Resource, source: str) -> str:
    raws = [_raw_sql(spec) for spec in resource.fields]
    return f"SELECT {', '.join([*CARRIED, *raws])} FROM {source}"


def _raw_sql(spec: FieldSpec) -> str:
    column = quote(spec.name)
    if spec.missing:
        texts = ", ".join(literal(text) for text in spec.missing)
        column = f"CASE WHEN TRIM({column}) NOT IN ({texts}) THEN {column} END"
    return f"NULLIF({column}, '') AS \"raw__{spec.name}\""


def _nested(sql: str, stage: Stage) -> str:
    columns = "".join(f", {value} AS {quote(name)}" for name, value in stage.columns.items())
    joins = "".join(
        f' LEFT JOIN "facts__{item.table}" AS {quote(item.alias)} '
        f"ON {item.on} = {quote(item.alias)}.key"
        for item in stage.lookups
    )
    return f"SELECT s.*{columns} FROM ({sql}) AS s{joins}"


def _record_sql(resource: Resource) -> str:
    if resource.identity == "none":
        return "_unit || ':' || CAST(_position AS VARCHAR)"
    if resource.identity == "content":
        return content_sql(resource, "v__")
    return key_sql([f'"v__{name}"' for name in resource.key])


def key_sql(values: Sequence[str]) -> str:
    """Return SQL of the record that the values of a key, SQL too, name."""
    parts = [f"CAST({value} AS VARCHAR)" for value in values]
    if len(parts) == 1:
        return parts[0]
    escaped = [f"REPLACE(REPLACE({part}, '~', '~~'), '|', '~|')" for part in parts]
    return " || '|' || ".join(escaped)


def _withheld_sql(spec: FieldSpec, checks: Sequence[Check]) -> str:
    value = f'"v__{spec.name}"'
    ours = [c for c in checks if c.field == spec.name and c.effect is Effect.WITHHOLD]
    # An invalid value is NULL already; only a declared rule empties a value that could be read.
    failed = " OR ".join(f'"why__{c.number}" IS NOT NULL' for c in ours if c.applies != _raw(spec))
    value = f"CASE WHEN NOT ({failed}) THEN {value} END" if failed else value
    return f"{value} AS {quote(spec.name)}"


def _raw(spec: FieldSpec) -> str:
    return f'"raw__{spec.name}" IS NOT NULL'

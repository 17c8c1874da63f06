"""What entities were on each day, from what their sources say: the merge rule, in one place.

An attribute takes the value of its source; where that has none, the first other collector's. The
versions of an entity follow from the versions of departments' records alone, in whatever order
they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chengshu.catalog.entity import SIGNS, Attribute
from chengshu.engine import Session
from chengshu.engine.sql import listed, literal, quote
from chengshu.libraries.base.merger import HELD, NOBODY, Merger
from chengshu.libraries.base.tables import DISAGREEMENT_COLUMNS, said_columns


@dataclass(frozen=True, slots=True)
class Counts:
    """How many points there are, of how many entities."""

    points: int
    entities: int


ORDER = "PARTITION BY _key ORDER BY _day"
# How many points an entity has, and whether this is its last.
DAYS = (
    "COUNT(*) OVER (PARTITION BY _key) AS _days, _day = MAX(_day) OVER (PARTITION BY _key) AS _last"
)


def stage_versions(session: Session, merger: Merger, *, linked: bool) -> Counts:
    """Make ``versions`` from ``points`` and ``claims__<source>`` (see `stage_claims`).

    ``versions``: ``_key``, the columns of `said_columns`, ``_from``, ``_gone``: one row for each
    day on which an entity became another, or went. ``merged`` is the same for every point, with
    ``_last`` true for the entity's last one, and of each other collector the value that differs
    from the chosen one, ``differs__<n>__<attribute>``.

    Args:
        session: Where they are.
        merger: What is declared.
        linked: Some keys have changed, so several records may speak of one entity.

    Returns:
        How many points there are, of how many entities.
    """
    step = f"merge {merger.entity.id}"
    joins = []
    for name in merger.entity.claimants:
        session.define(f"picked__{name}", _picked_sql(merger, name, linked=linked), step=step)
        alias = _alias(name)
        joins.append(
            f"LEFT JOIN picked__{name} AS {alias} "
            f"ON p._key = {alias}._key AND p._day = {alias}._day"
        )
    (row,) = session.rows(
        "SELECT COUNT(*) AS points, COUNT(DISTINCT _key) AS entities FROM points", step=step
    )
    counts = Counts(row["points"], row["entities"])
    days = DAYS if counts.points > counts.entities else "1 AS _days, TRUE AS _last"
    points = f"(SELECT _key, _day, {days} FROM points) AS p"
    session.stage("merged", _merged_sql(merger, points, joins), step=step)
    columns = f"_key, {listed(said_columns(merger))}, _day AS _from, _gone"
    versions = f"SELECT {columns} FROM merged WHERE _days = 1 AND NOT _gone"
    if counts.points > counts.entities:
        versions += f" UNION ALL SELECT {columns} FROM ({_changes_sql(merger)}) AS c"
    session.define("versions", versions, step=step)
    return counts


def _picked_sql(merger: Merger, name: str, *, linked: bool) -> str:
    """Return SQL of what speaks for a source at each point: the newest row, then the fullest."""
    valid = (
        f"points AS p JOIN claims__{name} AS c ON p._key = c._key AND c._from <= p._day "
        "AND (c._to IS NULL OR c._to > p._day)"
    )
    columns = listed((*merger.entity.claimants[name], "_batch", "_position"), "c.")
    if merger.is_single(name) and not linked:
        return f"SELECT p._key, p._day, {columns} FROM {valid}"
    best = "c._newest DESC NULLS LAST, c._filled DESC, c._record, c._role"
    return (
        f"SELECT * FROM (SELECT p._key, p._day, {columns}, ROW_NUMBER() OVER "
        f"(PARTITION BY p._key, p._day ORDER BY {best}) AS _nth FROM {valid}) AS r WHERE _nth = 1"
    )


def _merged_sql(merger: Merger, points: str, joins: Sequence[str]) -> str:
    """Return SQL of what each entity is at each point (see `stage_versions`)."""
    entity = merger.entity
    held = [a for a in entity.attributes if a.disagree == "hold" and a.also]
    columns, signs = [], []
    for attribute in entity.attributes:
        value = f"COALESCE({', '.join(_claimed(attribute))})" if attribute.also else (
            _claimed(attribute)[0]
        )  # fmt: skip
        columns.append(f"{value} AS {quote(attribute.name)}")
        columns += _differing(attribute, value)
        signs.append(_sign_sql(attribute))
    for name in entity.claimants:
        columns += [f"{_alias(name)}._{p} AS _{p}__{name}" for p in ("batch", "position")]
    gone = " AND ".join(f"{_alias(name)}._key IS NULL" for name in entity.claimants)
    sql = (
        f"SELECT p._key, p._day, {', '.join(columns)}, {' || '.join(signs)} AS _by, "
        f"{gone} AS _gone, p._days, p._last FROM {points} {' '.join(joins)}"
    )
    return _held_sql(merger, held, sql) if held else sql


def _claimed(attribute: Attribute) -> list[str]:
    return [f"{_alias(source)}.{quote(field)}" for source, field in attribute.claims]


def _alias(source: str) -> str:
    """Return what a source is called in the join; no name that people give has two underscores."""
    return quote(f"said__{source}")


def _differing(attribute: Attribute, chosen: str) -> list[str]:
    return [
        f"CASE WHEN {claim} <> {chosen} THEN {claim} END AS {_differs(attribute, n)}"
        for n, claim in enumerate(_claimed(attribute))
        if n > 0
    ]


def _differs(attribute: Attribute, n: int) -> str:
    return quote(f"differs__{n}__{attribute.name}")


def _sign_sql(attribute: Attribute) -> str:
    """Return SQL of the sign that says whose value it is."""
    arms = " ".join(
        f"WHEN {claim} IS NOT NULL THEN {literal(SIGNS[n])}"
        for n, claim in enumerate(_claimed(attribute))
    )
    return f"CASE {arms} ELSE {literal(NOBODY)} END"


def _disputed_sql(attribute: Attribute) -> str:
    others = range(1, len(attribute.claims))
    return " OR ".join(f"{_differs(attribute, n)} IS NOT NULL" for n in others)


def _held_sql(merger: Merger, held: Sequence[Attribute], sql: str) -> str:
    """Return SQL in which disputed attributes that are held keep what was last agreed."""
    names = [attribute.name for attribute in held]
    agreed = ", ".join(
        f"CASE WHEN {_disputed_sql(a)} THEN NULL ELSE {quote(a.name)} END "
        f"AS {quote('agreed__' + a.name)}"
        for a in held
    )
    kept = {
        name: f"LAST_VALUE({quote('agreed__' + name)} IGNORE NULLS) OVER ({ORDER} "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
        for name in names
    }
    values = []
    for a in merger.entity.attributes:
        column = quote(a.name)
        if a.name in names:
            value = f"CASE WHEN {_disputed_sql(a)} THEN {kept[a.name]} ELSE {column} END"
            column = f"{value} AS {column}"
        values.append(column)
        values += [_differs(a, n) for n in range(1, len(a.claims))]
    places = [name for name in said_columns(merger) if name.startswith(("_batch_", "_position_"))]
    by = " || ".join(
        f"CASE WHEN {_disputed_sql(a)} THEN {literal(HELD)} ELSE {sign} END"
        if a.name in names
        else sign
        for at, a in enumerate(merger.entity.attributes, 1)
        for sign in [f"SUBSTR(_by, {at}, 1)"]
    )
    return (
        f"SELECT _key, _day, {', '.join(values)}, {listed(places)}, {by} AS _by, _gone, _days, "
        f"_last FROM (SELECT *, {agreed} FROM ({sql}) AS said) AS weighed"
    )


def _changes_sql(merger: Merger) -> str:
    """Return SQL of the points at which an entity of several points became another, or went."""
    said = [*merger.attributes, "_by"]
    values = ", ".join(f"{literal(n + '=')} || CAST({quote(n)} AS VARCHAR)" for n in said)
    state = f"CASE WHEN _gone THEN '' ELSE MD5(CONCAT_WS('\x1f', {values})) END"
    columns = listed(("_key", "_day", *said_columns(merger), "_gone"))
    return (
        f"SELECT {columns} FROM (SELECT {columns}, _state, "
        f"COALESCE(LAG(_state) OVER ({ORDER}), '') AS _before FROM ("
        f"SELECT {columns}, {state} AS _state FROM merged WHERE _days > 1) AS s) AS compared "
        "WHERE _state <> _before"
    )


def disagreements_sql(merger: Merger) -> str:
    """Return SQL of the values of other collectors that differ now (`DISAGREEMENT_COLUMNS`)."""
    parts = []
    for attribute in merger.entity.attributes:
        for n, (source, _) in enumerate(attribute.claims):
            if n > 0:
                parts.append(
                    f"SELECT _key, {literal(attribute.name)} AS _attribute, {literal(source)} AS "
                    f"_source, CAST({_differs(attribute, n)} AS VARCHAR) AS _value, "
                    f"CAST({quote(attribute.name)} AS VARCHAR) AS _chosen, "
                    f"{literal(attribute.disagree)} AS _rule, _batch__{source} AS _batch, "
                    f"_position__{source} AS _position FROM merged "
                    f"WHERE _last AND {_differs(attribute, n)} IS NOT NULL"
                )
    if not parts:
        kinds = DISAGREEMENT_COLUMNS.items()
        return f"SELECT {', '.join(f'CAST(NULL AS {k}) AS {n}' for n, k in kinds)} WHERE FALSE"
    return " UNION ALL ".join(parts)

"""Rules about a resource's own rows, over all that landed: what was said when decides.

A record speaks through its last sound row (`weighed_sql`) from the delivery that brings it until
another replaces it or the record ends. A value that must be unique is judged as of the last
moment at which its record said it, a row of a sequence as of the last moment at which it spoke:
against what the other records said at that moment. So a verdict hangs on what landed alone, not
on when it landed or was judged. `others.bad_rows_sql` is the short way for the newest batch.
"""

from __future__ import annotations

from collections.abc import Sequence

from chengshu.catalog import Effect, Resource, Rule
from chengshu.catalog.checks import row_expression
from chengshu.catalog.expression import names_in
from chengshu.engine import Session
from chengshu.engine.sql import listed, literal, quote
from chengshu.libraries import stores
from chengshu.libraries.judge import Judge, base_sql
from chengshu.libraries.judging import stage_bad
from chengshu.libraries.others import bad_rows_sql, weighed_sql

FOREVER = 1_000_000_000  # more deliveries than there are
DURING = "p._from <= m._moment AND m._moment < p._until"


def waiting_sql(judge: Judge) -> str:
    """Return SQL of the ``_digest`` of rows whose values an own rule keeps out of the stores."""
    keep_out = [rule for rule in judge.own() if rule.effect is not Effect.WARN]
    names = ", ".join(literal(rule.name) for rule in keep_out) or "''"
    return f"SELECT _digest FROM lake.{stores.findings(judge.resource)} WHERE rule IN ({names})"


def stage_sharers(session: Session, judge: Judge) -> None:
    """Stage ``sharers``: each ``_base`` that ever shared with the ``named`` what a rule compares.

    ``asked__<rule>`` is the values that the named ones ever had.

    Args:
        session: ``typed`` has the rows to judge again and those of `waiting_sql`.
        judge: The checks.
    """
    resource, step = judge.resource, f"rows that bear on each other in {judge.resource.id}"
    base, parts = base_sql(resource), []
    for rule in judge.own():
        names = _compared(rule)
        untyped = ", ".join(f"{quote(name)} AS {_v([name])}" for name in names)
        filled = " AND ".join(f"{_v([name])} IS NOT NULL" for name in names)
        ever = f"SELECT _record AS _base, {_v(names)} FROM typed" + "".join(
            f" UNION ALL SELECT {base} AS _base, {untyped} FROM lake.{table(resource)}"
            for table in (stores.current, stores.history)
        )
        session.stage(
            f"asked__{rule.name}",
            f"SELECT DISTINCT {_v(names)} FROM ({ever}) AS ever JOIN named USING (_base) "
            f"WHERE {filled}",
            step=step,
        )
        parts.append(
            f"SELECT _base FROM ({ever}) AS ever JOIN asked__{rule.name} USING ({_v(names)})"
        )
    sharers = f"SELECT DISTINCT _base FROM ({' UNION ALL '.join(parts)}) AS every_rule"
    session.stage("sharers", f"{sharers} WHERE _base IS NOT NULL", step=step)


def stage_failing(session: Session, judge: Judge) -> list[str]:
    """Stage ``failing__<rule>`` (``_digest``), and in ``moved`` each ``_base`` it newly tells of.

    Args:
        session: ``typed`` has all rows of ``named`` and ``sharers``.
        judge: The checks.

    Returns:
        The relations that were made on the way, for `release`.
    """
    resource, step = judge.resource, f"what was said when in {judge.resource.id}"
    made = stage_bad(session, judge, judge.foreign(), bad_rows_sql)
    session.stage("weighed", f"SELECT * FROM {weighed_sql(judge)} AS weighed", step=step)
    session.stage("said", _said_sql(resource), step=step)
    session.stage("spans_spoken", _spoken_sql(judge), step=step)
    moved = []
    for rule in judge.own():
        failing = f"failing__{rule.name}"
        fails = _unique_sql(rule) if rule.kind == "unique" else _sequence_sql(resource, rule)
        session.stage(
            failing,
            f"{fails} UNION {_not_asked_sql(resource, rule)}",
            step=f"{step}: rule {rule.name}",
        )
        before = (
            f"SELECT w._digest FROM weighed AS w JOIN lake.{stores.findings(resource)} AS f "
            f"ON w._digest = f._digest WHERE f.rule = {literal(rule.name)}"
        )
        now = f"SELECT _digest FROM {failing}"
        moved += [f"({now} EXCEPT {before})", f"({before} EXCEPT {now})"]
    digests = " UNION ".join(f"SELECT _digest FROM {part} AS part" for part in moved)
    session.stage(
        "moved",
        f"SELECT DISTINCT w._record AS _base FROM weighed AS w JOIN ({digests}) AS d "
        "ON w._digest = d._digest WHERE w._record IS NOT NULL",
        step=step,
    )
    return [*made, "weighed", "said", "spans_spoken"]


def failing_rows_sql(judge: Judge, rule: Rule) -> str:
    """Return SQL of ``_batch, _position`` of the typed rows that fail a rule about other rows."""
    if rule not in judge.own():
        return bad_rows_sql(judge, rule)
    return (
        f"SELECT t._batch, t._position FROM typed AS t JOIN failing__{rule.name} AS f "
        "ON t._digest = f._digest"
    )


def _compared(rule: Rule) -> Sequence[str]:
    """Return the fields by which rows bear on each other: one value, or one sequence."""
    return rule.unique or rule.sequence


def _v(names: Sequence[str], alias: str = "") -> str:
    return listed((f"v__{name}" for name in names), alias)


def _said_sql(resource: Resource) -> str:
    """Return SQL of each time that a weighed row came; ``_lacks`` is the next full delivery."""
    record = "w._record"
    if resource.identity == "none":
        record = "b.unit || ':' || CAST(a._position AS VARCHAR)"
    # A refused row still stands for its record, where it says which.
    known = "w._sound" if resource.identity == "content" else "w._record IS NOT NULL"
    return (
        f"SELECT {record} AS _record, b.nth AS _nth, b.lacks AS _lacks, a._position, w._digest, "
        f"w._sound, w._ends FROM ({stores.arrivals_sql(resource)}) AS a "
        "JOIN weighed AS w ON a._digest = w._digest "
        f"JOIN refined_batches AS b ON a._batch = b.batch WHERE {known}"
    )


def _spoken_sql(judge: Judge) -> str:
    """Return SQL of who spoke: through which row, ``_from`` which delivery to before ``_until``."""
    told = (
        "SELECT *, LEAD(_nth) OVER (PARTITION BY _record ORDER BY _nth) AS _next FROM ("
        "SELECT _record, _nth, _lacks, MAX(CASE WHEN _sound THEN _position END) AS _last "
        "FROM said GROUP BY _record, _nth, _lacks) AS told"
    )
    turns = (
        f"SELECT _record, _nth, _last FROM ({told}) AS t WHERE _last IS NOT NULL UNION ALL "
        f"SELECT _record, _lacks AS _nth, CAST(NULL AS BIGINT) AS _last FROM ({told}) AS t "
        f"WHERE _lacks < COALESCE(_next, {FOREVER})"
    )
    return (
        f"SELECT t._record, t._nth AS _from, COALESCE(t._until, {FOREVER}) AS _until, w._digest, "
        f"w._as_of, {_v(judge.fields, 'w.')} FROM (SELECT *, LEAD(_nth) OVER "
        f"(PARTITION BY _record ORDER BY _nth) AS _until FROM ({turns}) AS turns) AS t "
        "JOIN said AS s ON t._record = s._record AND t._nth = s._nth AND t._last = s._position "
        "JOIN weighed AS w ON s._digest = w._digest WHERE NOT s._ends"
    )


def _not_asked_sql(resource: Resource, rule: Rule) -> str:
    """Return SQL of the rows that failed before, and on which nothing new bears."""
    names = _compared(rule)
    equal = " AND ".join(f"w.{_v([name])} = a.{_v([name])}" for name in names)
    return (
        f"SELECT w._digest FROM weighed AS w JOIN lake.{stores.findings(resource)} AS f "
        f"ON w._digest = f._digest LEFT JOIN asked__{rule.name} AS a ON {equal} "
        f"LEFT JOIN named AS n ON w._record = n._base WHERE f.rule = {literal(rule.name)} "
        f"AND a.{_v(names[:1])} IS NULL AND n._base IS NULL"
    )


def _unique_sql(rule: Rule) -> str:
    """Return SQL of the rows whose value another record claimed first, or at the same time.

    A record claims a value when a delivery first gives it that value, and holds it while it says
    it. Of rows that failing keeps out, those that came together hold nothing against later ones.
    """
    names = _v(rule.unique)
    claims = (
        f"SELECT {names}, s._record, MIN(s._nth) AS _came FROM said AS s "
        f"JOIN weighed AS w ON s._digest = w._digest JOIN asked__{rule.name} AS a USING ({names}) "
        f"WHERE s._sound AND NOT s._ends GROUP BY {names}, s._record"
    )
    last = (
        f"SELECT {names}, _record, MAX(_until) - 1 AS _moment FROM spans_spoken "
        f"JOIN asked__{rule.name} AS a USING ({names}) GROUP BY {names}, _record"
    )
    held = (
        f"SELECT {names}, m._moment, p._record, c._came "
        f"FROM (SELECT DISTINCT {names}, _moment FROM ({last}) AS l) AS m "
        f"JOIN spans_spoken AS p USING ({names}) JOIN ({claims}) AS c USING ({names}, _record) "
        f"WHERE {DURING}"
    )
    together = (
        f"SELECT *, COUNT(*) OVER (PARTITION BY {names}, _moment, _came) AS _together "
        f"FROM ({held}) AS held"
    )
    first = (
        f"SELECT *, MIN(CASE WHEN _together {'=' if rule.keeps_out else '>='} 1 THEN _came END) "
        f"OVER (PARTITION BY {names}, _moment) AS _first FROM ({together}) AS together"
    )
    return (
        f"SELECT w._digest FROM weighed AS w JOIN ({last}) AS l USING ({names}, _record) "
        f"JOIN ({first}) AS f USING ({names}, _record, _moment) "
        "WHERE w._sound AND NOT w._ends AND (f._together > 1 OR f._first < f._came)"
    )


def _sequence_sql(resource: Resource, rule: Rule) -> str:
    """Return SQL of the rows that fail by the row that was before them when they last spoke."""
    group = _v(rule.sequence)
    # Copies of one row are judged as one.
    one = "_record" if resource.identity == "content" else "_digest"
    used = names_in(str(rule.where_bad))
    order = f"PARTITION BY {group}, m._moment ORDER BY {_v(rule.order_by)}, p._record"
    before = ", ".join(
        f'LAG({_v([f.name])}) OVER ({order}) AS "previous__{f.name}"'
        for f in resource.fields
        if f"previous_{f.name}" in used
    )
    last = (
        f"SELECT {one}, {group}, _until - 1 AS _moment FROM (SELECT *, ROW_NUMBER() OVER "
        f"(PARTITION BY {one} ORDER BY _until DESC, _from DESC, _record DESC) AS _nth "
        f"FROM spans_spoken) AS s JOIN asked__{rule.name} AS a USING ({group}) WHERE _nth = 1"
    )
    filled = " AND ".join(f"{_v([name])} IS NOT NULL" for name in rule.order_by)
    fields = [f.name for f in resource.fields]
    ordered = (
        f"SELECT p._record, p._digest, p._as_of, {_v(fields, 'p.')}, m._moment"
        f"{', ' + before if before else ''} "
        f"FROM (SELECT DISTINCT {group}, _moment FROM ({last}) AS l) AS m "
        f"JOIN spans_spoken AS p USING ({group}) WHERE {DURING} AND {filled}"
    )
    return (
        f"SELECT w._digest FROM weighed AS w JOIN (SELECT o.{one} FROM ({ordered}) AS o "
        f"JOIN (SELECT {one}, _moment FROM ({last}) AS l) AS l USING ({one}, _moment) "
        f"WHERE {row_expression(resource, rule)}) AS f ON w.{one} = f.{one} "
        "WHERE w._sound AND NOT w._ends"
    )

"""Write what judging found: refused rows, findings, and how each rule fared."""

from __future__ import annotations

from chengshu.catalog import Resource
from chengshu.engine import Session
from chengshu.engine.sql import listed, literal
from chengshu.libraries import stores
from chengshu.libraries.judge import Judge
from chengshu.libraries.landing import Batch


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


def _compared_sql(resource: Resource) -> str:
    """Return SQL of what only comparing finds, from ``spans``: warnings about good rows.

    Rows of one batch that speak of one record and differ; rows that end what is not there; and
    changes from a source that only adds.
    """
    good = "SELECT * FROM spans WHERE _kind = 'good'"
    differ = (
        "SELECT _record, _batch FROM spans WHERE _kind = 'good' "
        "GROUP BY _record, _batch HAVING COUNT(DISTINCT _state) > 1"
    )
    both = f"({good}) AS s JOIN ({differ}) AS d USING (_record, _batch)"
    parts = [("identity", "contradicted", both)]
    if resource.source.operation:
        ends = "SELECT * FROM spans WHERE _kind = 'absent' AND _digest IS NOT NULL AND NOT _changed"
        parts.append(("operation", "nothing_to_end", f"({ends}) AS s"))
    if resource.source.mode == "append":
        parts.append(("append", "changed", f"({good} AND _changed AND _before <> '') AS s"))
    return " UNION ALL ".join(
        "SELECT _digest, MIN(_batch) AS _batch, MIN(_position) AS _position, MIN(_record) AS "
        f"_record, {literal(rule)} AS rule, {literal(None)} AS field, {literal(reason)} AS reason, "
        f"'warn' AS effect, '' AS _references FROM {source} GROUP BY _digest"
        for rule, reason, source in parts
    )


def write_judgements(session: Session, judge: Judge, what: str) -> None:
    """Write what was refused and why, in the place of what was known of the same raw rows."""
    resource = judge.resource
    raw = listed((c for c in stores.raw_columns(resource)), "r.")
    # A plain row can only be refused for what other rows say.
    source = f"lake.{stores.landing(resource)}" if judge.joined() else "odd"
    for table in (stores.refused(resource), stores.findings(resource)):
        again = f"SELECT t._digest FROM judged JOIN lake.{table} AS t ON t._digest = judged._digest"
        session.remove(table, again, on=["_digest"], step=f"{what}: forget old findings")
    session.append(
        stores.findings(resource),
        f"SELECT * FROM failures UNION ALL {_compared_sql(resource)}",
        step=f"{what}: write findings",
    )
    session.append(
        stores.refused(resource),
        f"SELECT {raw}, j._record, {literal(judge.rules)} AS _rules "
        f"FROM {source} AS r JOIN (SELECT _batch, _position, _record, "
        "ROW_NUMBER() OVER (PARTITION BY _digest ORDER BY _batch, _position) AS _nth "
        "FROM judged WHERE _blocked) AS j "
        "ON r._batch = j._batch AND r._position = j._position AND j._nth = 1",
        step=f"{what}: write refused rows",
    )


def write_rule_counts(session: Session, judge: Judge, batch: Batch) -> None:
    """Write how many judged rows each check was held against, and how many failed it.

    A value that failed may be NULL by now: evaluated = read well + failed and no longer there.
    All rows are counted once for each set of fields; checks are looked for in failed rows only.
    """
    applies = [c.applies.replace('"v__', '"').replace('"raw__', '"') for c in judge.checks]
    kinds = sorted(set(applies))
    present = [f"COUNT(CASE WHEN {sql} THEN 1 END) AS n{at}" for at, sql in enumerate(kinds)]
    present.append("COUNT(_fails) AS failed")
    counts = []
    for check, sql in zip(judge.checks, applies, strict=True):
        failed = f"',' || _fails LIKE '%,{check.number}:%'"
        counts.append(f"COUNT(CASE WHEN {failed} THEN 1 END) AS f{check.number}")
        gone = f"{failed} AND NOT ({sql})"
        counts.append(f"COUNT(CASE WHEN {gone} THEN 1 END) AS g{check.number}")
    judged, step = f"FROM judged WHERE _batch = {batch.number}", f"count {judge.resource.id}"
    (whole,) = session.rows(f"SELECT {', '.join(present)} {judged}", step=step)
    failing = f"SELECT {', '.join(counts)} {judged} AND _fails IS NOT NULL"
    row = session.rows(failing, step=step)[0] if whole["failed"] else {}
    session.stage_rows(
        "rule_counts",
        stores.RULE_COUNT_COLUMNS,
        [
            (
                batch.number,
                c.rule,
                c.field,
                c.effect.value,
                whole[f"n{kinds.index(sql)}"] + row.get(f"g{c.number}", 0),
                row.get(f"f{c.number}", 0),
            )
            for c, sql in zip(judge.checks, applies, strict=True)
        ],
    )
    session.append(
        stores.rule_counts(judge.resource), "SELECT * FROM rule_counts", step="write rule counts"
    )

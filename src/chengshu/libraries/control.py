"""Control totals 对账单: what a source says it has sent, against what has come; missing keys 掉件.

declared = pulled + missing - surplus, where pulled counts records: accepted ones, and those of
which only refused rows have come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chengshu.catalog import Resource
from chengshu.catalog.checks import key_sql
from chengshu.catalog.control import Control
from chengshu.engine import Session
from chengshu.engine.sql import literal, quote
from chengshu.libraries import stores

WIDTHS = {"day": 10, "month": 7, "year": 4}


def compare_totals(
    session: Session, resource: Resource, control: Control, told: Resource
) -> list[dict[str, Any]]:
    """Return each period with what was declared and what has come of it.

    ``digest`` is true where the keys are those that were declared, None where none was told. A
    period of which nothing was declared is not shown.

    Args:
        session: Reads the stores.
        resource: What was sent.
        control: How it is told.
        told: The resource of the statements.
    """
    records = _records_sql(resource, control)
    come = (
        "SELECT period, COUNT(*) AS pulled, COUNT(*) - SUM(only_refused) AS accepted, "
        "SUM(only_refused) AS refused, "
        "MD5(STRING_AGG(_record, CHR(10) ORDER BY _record)) AS digest "
        f"FROM ({records}) AS records GROUP BY period"
    )
    rows = session.rows(
        "SELECT d.period, d.declared, COALESCE(c.accepted, 0) AS accepted, "
        "COALESCE(c.refused, 0) AS refused, "
        "COALESCE(d.missing, GREATEST(d.declared - COALESCE(c.pulled, 0), 0)) AS missing, "
        "COALESCE(c.pulled, 0) AS pulled, LOWER(d.digest) = c.digest AS digest "
        f"FROM ({_declared_sql(control, told, records)}) AS d LEFT JOIN ({come}) AS c "
        "ON d.period = c.period ORDER BY d.period",
        step=f"control totals of {resource.id}",
    )
    return [_line(resource, row) for row in rows]


def _declared_sql(control: Control, told: Resource, records: str) -> str:
    """Return SQL of ``period, declared, missing, digest`` of what was told; missing where known."""
    said = f"lake.{stores.current(told)} AS s"
    period = _period_sql(control, f"s.{quote(str(control.told))}")
    if control.keys:
        name = key_sql([f"s.{quote(field)}" for field in control.keys])
        return (
            f"SELECT {period} AS period, COUNT(*) AS declared, COUNT(*) - COUNT(k._record) AS "
            f"missing, {literal(None)} AS digest FROM {said} LEFT JOIN ({records}) AS k "
            f"ON {name} = k._record GROUP BY 1"
        )
    digest = f"s.{quote(control.digest)}" if control.digest else literal(None)
    return (
        f"SELECT {period} AS period, "
        f"CAST(s.{quote(str(control.count))} AS BIGINT) AS declared, "
        f"CAST(NULL AS BIGINT) AS missing, {digest} AS digest FROM {said}"
    )


def list_missing(
    session: Session,
    resource: Resource,
    control: Control,
    told: Resource,
    limit: int,
    columns: Mapping[str, str],
) -> Sequence[Mapping[str, Any]]:
    """Return the keys that were declared and have not come; none where only counts are told.

    ``columns`` maps each field to the SQL that shows it.
    """
    if not control.keys:
        return []
    pairs = list(zip(resource.key, control.keys, strict=True))
    keys = ", ".join(f"s.{quote(theirs)} AS {quote(ours)}" for ours, theirs in pairs)
    shown = ", ".join(f"{columns[ours]} AS {quote(ours)}" for ours, _ in pairs)
    name = key_sql([f"s.{quote(theirs)}" for _, theirs in pairs])
    return session.rows(
        f"SELECT _period, {shown} FROM (SELECT "
        f"{_period_sql(control, f's.{quote(str(control.told))}')} AS _period, {keys} "
        f"FROM lake.{stores.current(told)} AS s LEFT JOIN ({_records_sql(resource, control)}) AS k "
        f"ON {name} = k._record WHERE k._record IS NULL) AS missing ORDER BY 1, 2 LIMIT {limit}",
        step=f"missing keys of {resource.id}",
    )


def _line(resource: Resource, row: Mapping[str, Any]) -> dict[str, Any]:
    pulled = row["pulled"]
    return {
        "resource": resource.id,
        "period": row["period"],
        "declared": row["declared"],
        "accepted": row["accepted"],
        "refused": row["refused"],
        "missing": row["missing"],
        "surplus": pulled + row["missing"] - row["declared"],
        "digest": row["digest"],
    }


def _period_sql(control: Control, value: str) -> str:
    """Return SQL of the period that a date, a time or an ISO text lies in."""
    if control.period is None:
        return "'all'"
    return f"SUBSTR(CAST({value} AS VARCHAR), 1, {WIDTHS[control.by]})"


def _records_sql(resource: Resource, control: Control) -> str:
    """Return SQL of ``_record, period, only_refused`` of everything that has ever come.

    A record's period is what it says now, or said last; a refused row's, where its text is a date.
    """
    field = quote(str(control.period))
    period = _period_sql(control, field)
    raw = _period_sql(control, f"TRY_CAST({field} AS DATE)")
    parts = [
        f"SELECT _record, {period} AS period, 0 AS place FROM lake.{stores.current(resource)}",
        f"SELECT _record, {period} AS period, 1 AS place FROM lake.{stores.history(resource)}",
        f"SELECT COALESCE(_record, _digest) AS _record, {raw} AS period, 2 AS place "
        f"FROM lake.{stores.refused(resource)}",
    ]
    return (
        "SELECT _record, ARG_MIN(period, place) AS period, "
        "CASE WHEN MIN(place) = 2 THEN 1 ELSE 0 END AS only_refused "
        f"FROM ({' UNION ALL '.join(parts)}) AS said GROUP BY _record"
    )

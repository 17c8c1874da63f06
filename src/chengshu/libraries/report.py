"""What the stores hold, as small answers for people: counts, rows, one record's history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from chengshu.catalog import Resource
from chengshu.engine import Engine, Session
from chengshu.engine.sql import literal, quote
from chengshu.libraries import stores
from chengshu.libraries.landing import list_batches

TABLES = {
    "landing": stores.landing,
    "department": stores.current,
    "history": stores.history,
    "management": stores.refused,
    "findings": stores.findings,
    "held": stores.held,
}
OWN = {
    "landing": ("_batch", "_position", "_source", "_problem"),
    "department": ("_batch", "_position", "_since", "_awaiting"),
    "history": ("_batch", "_position", "_since", "_until"),
    "management": ("_batch", "_position", "_source", "_problem", "_why"),
    "findings": ("_batch", "_position", "_source", "_rule", "_field", "_reason", "_effect"),
    "held": ("_batch", "_position", "_since"),
}


def is_known(engine: Engine, resource: Resource) -> bool:
    """Tell whether the resource has its tables; a first run makes this one last."""
    return bool(engine.columns_of(stores.rule_counts(resource)))


def count_stores(session: Session, resource: Resource) -> dict[str, Any]:
    """Return how many rows each store holds of the resource."""
    parts = {
        "landing": stores.landing(resource),
        "landing repeats": stores.repeats(resource),
        "department": stores.current(resource),
        "history": stores.history(resource),
        "management": stores.refused(resource),
        "findings": stores.findings(resource),
    }
    counts = stores.counts_sql(parts)
    awaiting = f"(SELECT COUNT(_awaiting) FROM lake.{stores.current(resource)}) AS awaiting"
    (row,) = session.rows(f"SELECT {counts}, {awaiting}", step=f"count {resource.id}")
    return {"resource": resource.id, **row}


def list_waiting(session: Session, resource: Resource) -> list[dict[str, Any]]:
    """Return the batches that landed and wait to be refined."""
    pending = [b for b in list_batches(session, resource) if b.waits and b.state != "held"]
    return [{"resource": resource.id, "batch": b.number, "rows": b.rows} for b in pending]


def list_held(session: Session, resource: Resource) -> list[dict[str, Any]]:
    """Return the batches that wait for a decision, with how many records they would end."""
    held = [b.number for b in list_batches(session, resource) if b.state == "held"]
    if not held:
        return []
    rows = session.rows(
        f"SELECT _batch, COUNT(*) AS ends, (SELECT COUNT(*) FROM lake.{stores.current(resource)}) "
        f"AS standing FROM lake.{stores.held(resource)} GROUP BY _batch",
        step=f"held deliveries of {resource.id}",
    )
    return [
        {
            "resource": resource.id,
            "batch": r["_batch"],
            "ends": r["ends"],
            "standing": r["standing"],
        }
        for r in rows
        if r["_batch"] in held
    ]


def list_undelivered(session: Session, resource: Resource) -> list[dict[str, Any]]:
    """Return the refined batches whose findings have not been delivered back to the owner."""
    if resource.back is None:
        return []
    rows = session.rows(
        f"SELECT DISTINCT batch FROM lake.{stores.STEPS} "
        f"WHERE resource = {literal(resource.id)} AND step = 'back'",
        step=f"deliveries back of {resource.id}",
    )
    done = {row["batch"] for row in rows}
    return [
        {"resource": resource.id, "batch": batch.number}
        for batch in list_batches(session, resource)
        if batch.is_refined and batch.number not in done
    ]


def list_missing_numbers(session: Session, resource: Resource) -> list[dict[str, Any]]:
    """Return which of the numbers that the source gives its deliveries have not come."""
    numbers = {b.source_number for b in list_batches(session, resource)}
    known = sorted(number for number in numbers if number is not None)
    return [
        {"resource": resource.id, "from": before + 1, "to": after - 1}
        for before, after in pairwise(known)
        if after > before + 1
    ]


def count_findings(session: Session, resource: Resource) -> list[dict[str, Any]]:
    """Return how many distinct rows fail each rule, of how many it was held against."""
    evaluated = (
        "SELECT rule, field, effect, SUM(evaluated) AS evaluated "
        f"FROM lake.{stores.rule_counts(resource)} GROUP BY rule, field, effect"
    )
    rows = session.rows(
        "SELECT f.rule, f.field, f.reason, f.effect, COUNT(*) AS n, MAX(e.evaluated) AS evaluated "
        f"FROM lake.{stores.findings(resource)} AS f LEFT JOIN ({evaluated}) AS e "
        "ON f.rule = e.rule AND f.effect = e.effect AND f.field IS NOT DISTINCT FROM e.field "
        "GROUP BY f.rule, f.field, f.reason, f.effect "
        "ORDER BY COUNT(*) DESC, f.rule, f.field, f.reason",
        step=f"findings of {resource.id}",
    )
    return [{"resource": resource.id, **_renamed(row)} for row in rows]


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {("rows" if name == "n" else name): value for name, value in row.items()}


def count_source_findings(session: Session, resource: Resource) -> list[dict[str, Any]]:
    """Return what was found about the sources themselves, by batch and kind."""
    rows = session.rows(
        f"SELECT batch, code, COUNT(*) AS n, MIN(message) AS message "
        f"FROM lake.{stores.SOURCE_FINDINGS} WHERE resource = {literal(resource.id)} "
        "GROUP BY batch, code ORDER BY batch, code",
        step=f"source findings of {resource.id}",
    )
    return [{"resource": resource.id, **_renamed(row)} for row in rows]


def list_rows(
    session: Session,
    resource: Resource,
    store: str,
    batch: int | None,
    limit: int,
    columns: Mapping[str, str],
) -> list[Mapping[str, Any]]:
    """Return rows of a store; ``columns`` maps each field to the SQL that shows it.

    Rows of the management store come with what is wrong with them; ``findings`` lists every row
    that failed a rule, whatever the effect.
    """
    shown = ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
    own = ", ".join(OWN[store])  # With their underscore: a field may be called position, too.
    source = f"lake.{TABLES[store](resource)}"
    if store in ("management", "findings"):
        source = f"({failing_sql(resource, columns, store)})"
    if store == "held":
        held = [str(line["batch"]) for line in list_held(session, resource)]
        source = (
            f"(SELECT c.* EXCLUDE (_batch), h._batch FROM {source} AS h "
            f"JOIN lake.{stores.current(resource)} AS c ON h._record = c._record "
            f"WHERE h._batch IN ({', '.join(held) or 'NULL'}))"
        )
    condition = f" WHERE _batch = {batch}" if batch is not None else ""
    return list(
        session.rows(
            f"SELECT {own}, {shown} FROM {source} AS r{condition} "
            f"ORDER BY _batch, _position LIMIT {limit}",
            step=f"show {resource.id}",
        )
    )


def failing_sql(resource: Resource, fields: Iterable[str], store: str) -> str:
    """Return SQL of every row that failed, wherever it came: a row said again fails again."""
    first = (
        "SELECT *, ROW_NUMBER() OVER (PARTITION BY _digest ORDER BY _batch, _position) AS _nth "
        f"FROM lake.{stores.landing(resource)} "
        f"WHERE _digest IN (SELECT _digest FROM lake.{TABLES[store](resource)})"
    )
    found = (
        "SELECT _digest, rule AS _rule, field AS _field, reason AS _reason, effect AS _effect "
        f"FROM lake.{stores.findings(resource)}"
    )
    names = ", ".join(f"f.{name}" for name in OWN["findings"][3:])
    if store == "management":
        names = "l._problem, f._why"
        why = "CONCAT_WS(' ', _field, _rule, NULLIF(_reason, _rule))"
        found = (
            f"SELECT r._digest, STRING_AGG({why}, '; ' ORDER BY _rule, _field) AS _why "
            f"FROM lake.{stores.refused(resource)} AS r LEFT JOIN ({found}) AS b "
            "ON r._digest = b._digest AND b._effect = 'block' GROUP BY r._digest"
        )
    raw = ", ".join(f"l.{quote(name)}" for name in fields)
    return (
        f"SELECT a._batch, a._position, l._source, {names}, {raw} "
        f"FROM ({stores.arrivals_sql(resource)}) AS a JOIN ({found}) AS f ON a._digest = f._digest "
        f"JOIN ({first}) AS l ON a._digest = l._digest AND l._nth = 1"
    )


def list_faults(session: Session, resource: Resource, batch: int) -> list[Mapping[str, Any]]:
    """Return what is wrong with each row of a batch, by position; no values of the row."""
    return list(
        session.rows(
            "SELECT a._position, f.rule, f.field, f.reason, f.effect "
            f"FROM ({stores.arrivals_sql(resource)}) AS a "
            f"JOIN lake.{stores.findings(resource)} AS f ON a._digest = f._digest "
            f"WHERE a._batch = {batch} ORDER BY a._position, f.effect, f.rule, f.field",
            step=f"what is wrong in {resource.id}",
        )
    )


def list_source_faults(session: Session, resource: Resource, batch: int) -> list[Mapping[str, Any]]:
    """Return what was found about the source of a batch itself: line and code."""
    return list(
        session.rows(
            f"SELECT line, code FROM lake.{stores.SOURCE_FINDINGS} "
            f"WHERE resource = {literal(resource.id)} AND batch = {batch} ORDER BY line, code",
            step=f"source findings of {resource.id}",
        )
    )


def list_raw_rows(session: Session, resource: Resource, batch: int) -> list[Mapping[str, Any]]:
    """Return a batch as it came, in its order: position, raw fields, operation."""
    first = (
        "SELECT *, ROW_NUMBER() OVER (PARTITION BY _digest ORDER BY _batch, _position) AS _nth "
        f"FROM lake.{stores.landing(resource)}"
    )
    raw = ", ".join(f"l.{quote(f.name)}" for f in resource.fields)
    return list(
        session.rows(
            f"SELECT a._position, l._operation, {raw} FROM ({stores.arrivals_sql(resource)}) AS a "
            f"JOIN ({first}) AS l ON a._digest = l._digest AND l._nth = 1 "
            f"WHERE a._batch = {batch} ORDER BY a._position",
            step=f"rows of {resource.id}",
        )
    )


def find_source(session: Session, resource: Resource, batch: int) -> tuple[str, str | None]:
    """Return what a batch came from, and its digest where that is a file."""
    (row,) = session.rows(
        f"SELECT source, source_digest FROM lake.{stores.BATCHES} "
        f"WHERE resource = {literal(resource.id)} AND batch = {batch}",
        step=f"source of {resource.id}",
    )
    return row["source"], row["source_digest"]


def list_versions(
    session: Session, resource: Resource, record: str, columns: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    """Return every version of a record, oldest first; the current one has no end."""
    shown = ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
    both = " UNION ALL ".join(
        f"SELECT _since, {until} AS _until, _batch, _position, {awaiting} AS _awaiting, "
        + ", ".join(quote(name) for name in columns)
        + f" FROM lake.{table} WHERE _record = {literal(record)}"
        for table, until, awaiting in (
            (stores.history(resource), "_until", "CAST(NULL AS BIGINT)"),
            (stores.current(resource), "CAST(NULL AS TIMESTAMP)", "_awaiting"),
        )
    )
    return list(
        session.rows(
            f"SELECT _since, _until, _batch, _position, _awaiting, {shown} "
            f"FROM ({both}) AS versions ORDER BY _since, _batch, _position",
            step=f"history in {resource.id}",
        )
    )

"""What the stores hold, as small answers for people: counts, rows, one record's history."""

from __future__ import annotations

from collections.abc import Mapping
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
}
OWN = {
    "landing": ("_batch", "_position", "_source", "_problem"),
    "department": ("_batch", "_position", "_since", "_awaiting"),
    "history": ("_batch", "_position", "_since", "_until"),
    "management": ("_batch", "_position", "_source", "_problem"),
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
    counts = ", ".join(
        f"(SELECT COUNT(*) FROM lake.{table}) AS {quote(name)}" for name, table in parts.items()
    )
    awaiting = f"(SELECT COUNT(_awaiting) FROM lake.{stores.current(resource)}) AS awaiting"
    (row,) = session.rows(f"SELECT {counts}, {awaiting}", step=f"count {resource.id}")
    return {"resource": resource.id, **row}


def list_waiting(session: Session, resource: Resource) -> list[dict[str, Any]]:
    """Return the batches that landed and are not refined."""
    pending = [b for b in list_batches(session, resource) if not b.is_refined]
    return [{"resource": resource.id, "batch": b.number, "rows": b.rows} for b in pending]


def count_findings(session: Session, resource: Resource) -> list[dict[str, Any]]:
    """Return how many distinct rows fail each rule, the most first."""
    rows = session.rows(
        "SELECT rule, field, reason, effect, COUNT(*) AS n "
        f"FROM lake.{stores.findings(resource)} GROUP BY rule, field, reason, effect "
        "ORDER BY COUNT(*) DESC, rule, field, reason",
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

    Rows of the management store come with what is wrong with them.
    """
    table = f"lake.{TABLES[store](resource)}"
    shown = ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
    own = ", ".join(OWN[store])  # With their underscore: a field may be called position, too.
    source = f"{table} AS r"
    if store == "management":
        own += ", _why"
        source = (
            f"{table} AS r LEFT JOIN (SELECT _digest AS _d, STRING_AGG("
            "CONCAT_WS(' ', field, rule, NULLIF(reason, rule)), '; ' ORDER BY rule, field) AS _why "
            f"FROM lake.{stores.findings(resource)} WHERE effect = 'block' GROUP BY _digest) AS f "
            "ON r._digest = f._d"
        )
    condition = f" WHERE _batch = {batch}" if batch is not None else ""
    return list(
        session.rows(
            f"SELECT {own}, {shown} FROM {source}{condition} "
            f"ORDER BY _batch, _position LIMIT {limit}",
            step=f"show {resource.id}",
        )
    )


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

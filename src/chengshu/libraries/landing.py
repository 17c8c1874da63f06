"""Land pulled rows as they came: each new one whole, each known one by its digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chengshu.catalog import Resource
from chengshu.engine import Session
from chengshu.engine.sql import literal, quote
from chengshu.kernel.clock import utc_now
from chengshu.libraries import stores


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery, staged as ``pulled``, on its way to becoming a batch.

    Attributes:
        step_key: Names the delivery; landing the same key again changes nothing.
        mode: ``full`` (what it lacks has ended) or ``incremental``.
        as_of: Business time, the city's wall time; deliveries apply in its order.
        source: What it came from, as people name it: a file name, a table.
        source_digest: Digest of the whole where the source is a file.
        watermark: Highest watermark pulled so far, as text.
        findings: ``(line, code, message)`` about the source itself.
    """

    step_key: str
    mode: str
    as_of: datetime
    source: str
    source_digest: str | None = None
    watermark: str | None = None
    findings: Sequence[tuple[int, str, str]] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """A landed delivery; numbers count up within a resource."""

    number: int
    resource: str
    mode: str
    as_of: datetime
    rows: int
    is_refined: bool = False


def pulled_columns(resource: Resource) -> list[str]:
    """Return the columns of ``pulled``: position, source, raw fields, rest, problem."""
    return ["_position", "_source", *(f.name for f in resource.fields), "_rest", "_problem"]


def digest_sql(resource: Resource, columns: Mapping[str, str] | None = None) -> str:
    """Return SQL of a raw row's digest; NULL and empty differ, and every column counts.

    Values are joined by RS US, and RS alone stands for NULL. Where a value holds RS itself, three
    of them (which no other row can begin with) come first, and the lengths last.

    Where the row is still on its way, ``columns`` gives the SQL of each raw field and ``_rest``.
    """
    names = [*(f.name for f in resource.fields), "_rest", "_problem"]
    made = columns or {}
    sqls = [made.get(name, quote(name)) for name in names]
    joined = ", ".join(f"COALESCE({sql}, '\x1e')" for sql in sqls)
    lengths = ", ".join(f"COALESCE(CAST(LENGTH({sql}) AS VARCHAR), '-')" for sql in sqls)
    return (
        f"MD5(CASE WHEN CONTAINS(CONCAT_WS('', {', '.join(sqls)}), '\x1e') "
        f"THEN CONCAT_WS('\x1e\x1f', '\x1e\x1e\x1e', {joined}, {lengths}) "
        f"ELSE CONCAT_WS('\x1e\x1f', {joined}) END)"
    )


def land(session: Session, resource: Resource, delivery: Delivery) -> Batch:
    """Land the staged relation ``pulled`` as one batch.

    Args:
        session: ``pulled`` is staged, with `pulled_columns` and ``_digest`` by `digest_sql`.
        resource: The declaration.
        delivery: What the rows are.

    Returns:
        The batch; the one landed before when ``step_key`` has been landed.
    """
    done = find_batch(session, resource, delivery.step_key)
    if done is not None:
        return done
    landed = list_batches(session, resource)
    (count,) = session.rows("SELECT COUNT(*) AS n FROM pulled", step=f"count {resource.id}")
    last = max((batch.number for batch in landed), default=0)
    batch = Batch(last + 1, resource.id, delivery.mode, delivery.as_of, count["n"])
    # What is known now is not what will be known once a waiting batch is refined.
    waits = not all(b.is_refined for b in landed)
    whole = not landed or waits or resource.identity == "none"
    _append_rows(session, resource, f"CAST({batch.number} AS BIGINT) AS _batch", whole=whole)
    _record_batch(session, resource, delivery, batch)
    return batch


def _append_rows(session: Session, resource: Resource, number: str, *, whole: bool) -> None:
    step = f"land {resource.id}"
    if whole:
        session.append(stores.landing(resource), f"SELECT *, {number} FROM pulled", step=step)
        return
    # Digests are compared once; what is left is found by position, a shorter key.
    session.stage(
        "again",
        "SELECT DISTINCT p._position, p._digest FROM pulled AS p "
        f"JOIN ({_known_sql(resource)}) AS k ON p._digest = k._digest",
        step=step,
    )
    session.append(stores.repeats(resource), f"SELECT *, {number} FROM again", step=step)
    session.append(
        stores.landing(resource),
        f"SELECT p.*, {number} FROM pulled AS p LEFT JOIN again AS a "
        "ON p._position = a._position WHERE a._position IS NULL",
        step=step,
    )


def _known_sql(resource: Resource) -> str:
    """Return the digests whose rows need not land again: current ones, and refused ones."""
    return (
        f"SELECT _digest FROM lake.{stores.current(resource)} "
        f"UNION ALL SELECT a._digest FROM lake.{stores.aliases(resource)} AS a "
        f"JOIN lake.{stores.current(resource)} AS c ON {stores.alias_of('a', 'c')} "
        f"UNION ALL SELECT _digest FROM lake.{stores.refused(resource)}"
    )


def _record_batch(session: Session, resource: Resource, delivery: Delivery, batch: Batch) -> None:
    session.stage_rows(
        "batch_row",
        stores.BATCH_COLUMNS,
        [
            (
                batch.number, resource.id, delivery.step_key, delivery.mode, delivery.as_of,
                utc_now(), delivery.source, delivery.source_digest, delivery.watermark, batch.rows,
            )
        ],
    )  # fmt: skip
    session.append(stores.BATCHES, "SELECT * FROM batch_row", step="record the batch")
    if delivery.findings:
        session.stage_rows(
            "finding_rows",
            stores.SOURCE_FINDING_COLUMNS,
            [(batch.number, resource.id, *finding) for finding in delivery.findings],
        )
        session.append(
            stores.SOURCE_FINDINGS, "SELECT * FROM finding_rows", step="record source findings"
        )


def find_batch(session: Session, resource: Resource, step_key: str) -> Batch | None:
    """Return the batch of the resource that was landed under ``step_key``, if one was."""
    found = _batches(session, resource, f"step_key = {literal(step_key)}")
    return found[0] if found else None


def list_batches(session: Session, resource: Resource) -> list[Batch]:
    """Return the resource's batches in the order in which they landed."""
    return _batches(session, resource, "TRUE")


def _batches(session: Session, resource: Resource, condition: str) -> list[Batch]:
    refined = f"SELECT DISTINCT batch, resource FROM lake.{stores.STEPS} WHERE step = 'refine'"
    rows = session.rows(
        "SELECT b.batch, b.mode, b.as_of, b.row_count, s.batch IS NOT NULL AS is_refined "
        f"FROM lake.{stores.BATCHES} AS b LEFT JOIN ({refined}) AS s "
        "ON b.batch = s.batch AND b.resource = s.resource "
        f"WHERE b.resource = {literal(resource.id)} AND {condition} ORDER BY b.batch",
        step=f"batches of {resource.id}",
    )
    return [
        Batch(r["batch"], resource.id, r["mode"], r["as_of"], r["row_count"], r["is_refined"])
        for r in rows
    ]

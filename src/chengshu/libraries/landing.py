"""Land pulled rows as they came: each new one whole, each known one by its digest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chengshu.catalog import Resource
from chengshu.engine import Session
from chengshu.engine.sql import literal, quote
from chengshu.kernel.clock import utc_now
from chengshu.libraries import stores

# Step in the log → the state that a batch has from then on; later ones outdo earlier ones.
STATES = {
    "hold": "held",
    "confirm": "confirmed",
    "refine": "refined",
    "discard": "discarded",
}


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
        number: What the source calls it, where it numbers its deliveries; they apply in the order
            of their numbers, whenever they come.
    """

    step_key: str
    mode: str
    as_of: datetime
    source: str
    source_digest: str | None = None
    watermark: str | None = None
    findings: Sequence[tuple[int, str, str]] = ()
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """A landed delivery; numbers count up within a resource.

    Attributes:
        number: Its place among the resource's batches as they landed.
        mode: ``full``, ``incremental``, ``append`` or ``zero``.
        as_of: Business time; batches apply in its order.
        rows: How many it has.
        step_key: Names the delivery that it was.
        state: ``waiting``, ``held`` (for a person to decide), ``confirmed``, ``refined`` or
            ``discarded``.
        source_number: What its source calls it, where it numbers its deliveries.
    """

    number: int
    resource: str
    mode: str
    as_of: datetime
    rows: int
    step_key: str
    state: str = "waiting"
    source_number: int | None = None

    @property
    def is_refined(self) -> bool:
        """Tell whether the stores have it."""
        return self.state == "refined"

    @property
    def is_confirmed(self) -> bool:
        """Tell whether a person has said that it is right."""
        return self.state == "confirmed"

    @property
    def waits(self) -> bool:
        """Tell whether it is still to be refined."""
        return self.state in ("waiting", "held", "confirmed")


def pulled_columns(resource: Resource) -> list[str]:
    """Return the columns of ``pulled``: position, source, raw fields, rest, problem, operation."""
    own = ["_rest", "_problem", "_operation"]
    return ["_position", "_source", *(f.name for f in resource.fields), *own]


def digest_sql(resource: Resource, columns: Mapping[str, str] | None = None) -> str:
    """Return SQL of a raw row's digest; NULL and empty differ, and every column counts.

    Values are joined by RS US, and RS alone stands for NULL. Where a value holds RS itself, three
    of them (which no other row can begin with) come first, and the lengths last.

    Where the row is still on its way, ``columns`` gives the SQL of each raw field, ``_rest`` and
    ``_operation``, which counts where the source has one.
    """
    names = [*(f.name for f in resource.fields), "_rest", "_problem"]
    names += ["_operation"] if resource.source.operation else []
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
    landed = list_batches(session, resource)
    for batch in landed:
        if batch.step_key == delivery.step_key:
            return batch
    (count,) = session.rows("SELECT COUNT(*) AS n FROM pulled", step=f"count {resource.id}")
    last = max((batch.number for batch in landed), default=0)
    as_of = _place_in_time(delivery, landed)
    batch = Batch(
        last + 1, resource.id, delivery.mode, as_of, count["n"], delivery.step_key,
        source_number=delivery.number,
    )  # fmt: skip
    # What is known now is not what will be known once a waiting batch is refined.
    waits = any(b.waits for b in landed)
    whole = not landed or waits or resource.identity == "none"
    _append_rows(session, resource, f"CAST({batch.number} AS BIGINT) AS _batch", whole=whole)
    findings = [*delivery.findings, *_number_findings(batch, landed)]
    _record_batch(session, resource, replace(delivery, findings=findings), batch)
    return batch


def _place_in_time(delivery: Delivery, landed: Sequence[Batch]) -> datetime:
    """Return the business time at which a delivery applies.

    One that its source numbers comes after all lower numbers and before all higher ones: each
    number is at least a microsecond apart from its neighbours, so there is always room.
    """
    number = delivery.number
    if number is None:
        return delivery.as_of
    known = [(b.source_number, b.number, b.as_of) for b in landed if b.source_number is not None]
    lower = max((k for k in known if k[0] <= number), default=None)
    higher = min((k for k in known if k[0] > number), default=None)
    if lower is not None:
        least = lower[2] + timedelta(microseconds=number - lower[0])
        return least if higher else max(least, delivery.as_of)
    return higher[2] - timedelta(microseconds=higher[0] - number) if higher else delivery.as_of


def _number_findings(batch: Batch, landed: Sequence[Batch]) -> Iterator[tuple[int, str, str]]:
    """Yield what a source's own number says about deliveries before and after it."""
    number, known = batch.source_number, {b.source_number for b in landed} - {None}
    if number is None or not known:
        return
    if number in known:
        yield 0, "number_again", f"number {number} has come before, with other rows"
        return
    lower = [n for n in known if n is not None and n < number]
    if len(lower) < len(known):
        yield 0, "number_late", f"number {number} comes after higher ones; it applies in its place"
    elif max(lower) < number - 1:
        gap = f"{max(lower) + 1} to {number - 1}" if max(lower) < number - 2 else f"{number - 1}"
        yield 0, "number_missing", f"number {number} comes before {gap}, which may still come"


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
                batch.number, resource.id, delivery.step_key, delivery.mode, batch.as_of,
                utc_now(), delivery.source, delivery.source_digest, delivery.watermark, batch.rows,
                batch.source_number,
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
    # Two plain queries: the rows are few, and a join costs more than both.
    ours = f"resource = {literal(resource.id)}"
    found = session.rows(
        "SELECT batch, mode, as_of, row_count, step_key, number "
        f"FROM lake.{stores.BATCHES} WHERE {ours} AND {condition} ORDER BY batch",
        step=f"batches of {resource.id}",
    )
    states = _states(session, resource, ours) if found else {}
    return [
        Batch(
            row["batch"], resource.id, row["mode"], row["as_of"], row["row_count"],
            row["step_key"], states.get(row["batch"], "waiting"), row["number"],
        )
        for row in found
    ]  # fmt: skip


def _states(session: Session, resource: Resource, ours: str) -> dict[int, str]:
    """Return the state of each batch that has left the first one."""
    steps = list(STATES)
    done = session.rows(
        f"SELECT batch, step FROM lake.{stores.STEPS} "
        f"WHERE {ours} AND step IN ({', '.join(map(literal, steps))})",
        step=f"steps of {resource.id}",
    )
    in_order = sorted(done, key=lambda row: steps.index(row["step"]))
    return {row["batch"]: STATES[row["step"]] for row in in_order}

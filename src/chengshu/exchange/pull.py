"""Pull a delivery and land it: the source's columns become the resource's fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event

import pyarrow as pa

from chengshu.catalog import Pack, Resource
from chengshu.engine import Engine
from chengshu.engine.sql import listed, literal, quote
from chengshu.exchange.connectors import CONNECTORS, RECEIVERS
from chengshu.exchange.files.model import schema_of
from chengshu.exchange.files.own import PROBLEM_COLUMN
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.exchange.report import find_reports
from chengshu.kernel.clock import wall_time
from chengshu.kernel.errors import ExternalError, QualityGateError
from chengshu.libraries import stores
from chengshu.libraries.landing import (
    Batch,
    Delivery,
    digest_sql,
    find_batch,
    land,
    pulled_columns,
)

FINDINGS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Pull:
    """One pull of one resource.

    Attributes:
        run: Names it; what a database gives is landed once under this name.
        as_of: Business time to use where the source does not say it.
        progress: Told how many rows have come so far.
    """

    run: str
    as_of: datetime | None = None
    progress: Callable[[int], None] = lambda _rows: None


def find_incoming(
    engine: Engine, resource: Resource, around: Surroundings, run: str
) -> list[Incoming]:
    """Return the deliveries of the resource that have not landed yet, in order."""
    past = _past(engine, resource, run)
    reported = find_reports(around.spool, resource)
    around = replace(around, spool=around.spool / resource.table)
    try:
        found: list[Incoming] = CONNECTORS[resource.source.kind](resource.source, past, around)
    except ExternalError:
        # A department that has reported no change need not have delivered anything.
        if not reported:
            raise
        found = []
    return [*found, *reported]


def is_received(resource: Resource) -> bool:
    """Tell whether what a resource is made of is sent to us, so that somebody must listen."""
    return resource.source.kind in RECEIVERS


def receive_into(resource: Resource, around: Surroundings, stop: Event) -> None:
    """Listen to what is sent for a resource until told to stop; it waits in the spool.

    Raises:
        ConflictError: Somebody else listens already.
        ExternalError: The other side refuses us, or too much waits to be landed.
    """
    around = replace(around, spool=around.spool / resource.table)
    RECEIVERS[resource.source.kind](resource.source, around, stop)


def _past(engine: Engine, resource: Resource, run: str) -> Past:
    with engine.session() as session:
        rows = session.rows(
            "SELECT source, source_digest, watermark, number, row_count "
            f"FROM lake.{stores.BATCHES} WHERE resource = {literal(resource.id)} ORDER BY batch",
            step=f"past pulls of {resource.id}",
        )
    marks = [row["watermark"] for row in rows if row["watermark"] is not None]
    digests: dict[str, list[str]] = {}
    for row in rows:
        digests.setdefault(row["source"], []).append(row["source_digest"])
    key = [resource.field(name).source_names for name in resource.key]
    fields = [field.source_names for field in resource.fields]
    numbers = {row["number"]: row["row_count"] for row in rows if row["number"] is not None}
    return Past(run, marks[-1] if marks else None, digests, key, numbers, fields)


def land_incoming(
    engine: Engine, pack: Pack, resource: Resource, incoming: Incoming, pull: Pull
) -> Batch:
    """Land one delivery whole, or nothing of it.

    Raises:
        QualityGateError: A key or required column is missing, or a full delivery is out of the
            declared row range.
        ExternalError: The source ended in the middle.
    """
    stores.ensure_tables(engine, resource, {f.name: pack.type_of(f) for f in resource.fields})
    with engine.session() as session:
        batch = find_batch(session, resource, incoming.key)
    if batch is None:
        batch = _land(engine, pack, resource, incoming, pull)
    incoming.landed()
    return batch


def _land(engine: Engine, pack: Pack, resource: Resource, incoming: Incoming, pull: Pull) -> Batch:
    if incoming.mode == "zero":
        names = dict.fromkeys(f.source_names[0] for f in resource.fields)
        operation = resource.source.operation
        header = [*names, *([operation.column] if operation else [])]
        incoming = replace(incoming, header=header)
    columns, missing = _matched(resource, incoming.header)
    # A new session has not seen the lake yet: others may commit for as long as the pull takes.
    with engine.session() as session:
        seen = _Counter(incoming, pull.progress)
        reader = pa.RecordBatchReader.from_batches(seen.schema, seen.batches())
        select, step = _select_sql(resource, incoming, columns), f"pull {resource.id}"
        # A stream has no key by which a row that comes again would be known.
        again = resource.identity == "none" and resource.source.brings_again
        arrived = "arrived" if again else "pulled"
        session.stage_arrow(arrived, reader, scan=incoming.scan, select=select, step=step)
        (count,) = session.rows(f"SELECT COUNT(*) AS n FROM {arrived}", step=step)
        pull.progress(count["n"])
        _check_range(resource, incoming, count["n"])
        if again:
            session.stage("pulled", _new_sql(resource), step=step)
        return land(session, resource, _delivery(pack, incoming, pull, missing))


def _new_sql(resource: Resource) -> str:
    """Return SQL of what arrived and had not landed: of equal rows, as many as are new.

    A pull of a table begins at the last watermark itself, so it brings rows of that moment again.
    """
    columns = listed([*pulled_columns(resource), "_digest"], "a.")
    return (
        f"SELECT {columns} FROM (SELECT *, ROW_NUMBER() OVER "
        "(PARTITION BY _digest ORDER BY _position) AS _copy FROM arrived) AS a "
        "LEFT JOIN (SELECT _digest, COUNT(*) AS copies FROM "
        f"lake.{stores.landing(resource)} GROUP BY _digest) AS k ON a._digest = k._digest "
        "WHERE a._copy > COALESCE(k.copies, 0)"
    )


def _delivery(pack: Pack, incoming: Incoming, pull: Pull, missing: Sequence[str]) -> Delivery:
    return Delivery(
        step_key=incoming.key,
        mode=incoming.mode,
        as_of=incoming.as_of or pull.as_of or wall_time(pack.zone),
        source=incoming.source,
        source_digest=incoming.digest,
        watermark=incoming.watermark,
        findings=[*_missing_findings(missing), *_findings_of(incoming)],
        number=incoming.number,
    )


class _Counter:
    """Counts rows as they pass, and names columns by their place (see `_place`)."""

    def __init__(self, incoming: Incoming, progress: Callable[[int], None]) -> None:
        self._incoming, self._progress, self.rows = incoming, progress, 0
        self.schema = schema_of([f"c{at}" for at in range(len(incoming.header))])

    def batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self._incoming.batches():
            self.rows += batch.num_rows
            self._progress(self.rows)
            yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)


def _place(incoming: Incoming, column: str) -> str:
    """Return what a source's column is called on the way.

    To engines ``code`` and ``CODE`` are one name, and ``_line`` is ours: places never collide.
    """
    return f"c{list(incoming.header).index(column)}"


def _matched(resource: Resource, header: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return field → source column, and the fields that the source lacks."""
    columns, missing = {}, []
    for spec in resource.fields:
        found = [name for name in spec.source_names if name in header]
        if found:
            columns[spec.name] = found[0]
        else:
            missing.append(spec.name)
    needed = [n for n in missing if n in resource.key or resource.field(n).required]
    lacks = [resource.field(n).column or n for n in needed or (() if columns else missing)]
    operation = resource.source.operation
    if operation and operation.column not in header:
        lacks.append(operation.column)
    if lacks:
        # The rest of a header is not shown: where it is missing, its place is taken by a record.
        raise QualityGateError(
            f"{resource.id}: the delivery lacks the columns {', '.join(lacks)}; of its "
            f"{len(header)} columns these are declared: {', '.join(columns.values()) or 'none'}. "
            "Nothing was taken; mend the delivery (has it a header?), or the declaration."
        )
    return columns, missing


def _select_sql(resource: Resource, incoming: Incoming, columns: dict[str, str]) -> str:
    """Return the select list that turns the source's columns into the columns of ``pulled``."""
    operation = resource.source.operation
    taken = {*columns.values(), *([operation.column] if operation else []), PROBLEM_COLUMN}
    others = [name for name in incoming.header if name not in taken]
    made = {
        f.name: _place(incoming, columns[f.name]) if f.name in columns else literal(None)
        for f in resource.fields
    } | {
        "_rest": _rest_sql({name: _place(incoming, name) for name in others}),
        "_operation": _place(incoming, operation.column) if operation else literal(None),
    }
    return ", ".join(
        [
            "_line AS _position",
            f"{literal(incoming.source)} AS _source",
            *(f"{sql} AS {quote(name)}" for name, sql in made.items()),
            "_problem",
            f"{digest_sql(resource, made)} AS _digest",
        ]
    )


def _rest_sql(others: Mapping[str, str]) -> str:
    """Return SQL of what no field takes: undeclared columns as JSON, or the reader's own rest.

    ``others`` maps the names of columns to where they are.
    """
    if not others:
        return "_rest"
    parts = []
    for name, text in others.items():
        for plain, escaped in (
            ("\\", "\\\\"),
            ('"', '\\"'),
            ("\n", "\\n"),
            ("\r", "\\r"),
            ("\t", "\\t"),
        ):
            text = f"REPLACE({text}, {literal(plain)}, {literal(escaped)})"
        key = literal('"' + name.replace("\\", "\\\\").replace('"', '\\"') + '":"')
        parts.append(f"{key} || {text} || '\"'")
    return f"CONCAT_WS(' ', _rest, '{{' || CONCAT_WS(',', {', '.join(parts)}) || '}}')"


def _check_range(resource: Resource, incoming: Incoming, rows: int) -> None:
    most = resource.rows.max
    low, high = rows < resource.rows.min, most is not None and rows > most
    if incoming.mode == "full" and (low or high):
        raise QualityGateError(
            f"{resource.id}: {incoming.source} has {rows} rows, expected "
            f"{resource.rows.min} to {'any number' if most is None else most}. Nothing was taken; "
            "ask the department whether the delivery is whole, or mend the range."
        )


def _missing_findings(missing: Sequence[str]) -> list[tuple[int, str, str]]:
    return [
        (0, "column_missing", f"the source has no column for field {name!r}; it stays empty")
        for name in missing
    ]


def _findings_of(incoming: Incoming) -> list[tuple[int, str, str]]:
    kept = [(f.line, f.code, f.message) for f in incoming.findings[:FINDINGS_KEPT]]
    more = len(incoming.findings) - len(kept)
    if more > 0:
        kept.append((0, "more_findings", f"{more} more findings of the source are not kept"))
    return kept

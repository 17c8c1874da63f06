"""Where the entries of the answer key landed: each one's raw row, by its digest."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

from chengshu.catalog import Resource
from chengshu.engine import Session
from chengshu.engine.sql import literal, quote
from chengshu.libraries import stores

FIRST_DAY = date(2026, 3, 31)
KEY = "resource, day, row, record, kind, field, truth, delivered"


def stage_entries(
    session: Session, resources: Sequence[Resource], key: Path, absent: Collection[str]
) -> None:
    """Stage ``entries``: the answer key, numbered (``n``), each with its row's ``_digest``.

    A file's row is found by its place in the batch of its day; a table's, and the API's, by its
    record in the first batch from that day on that brings the spoilt text. Where nothing landed,
    ``_digest`` is NULL; so it is for rows that were not delivered.

    Args:
        session: Reads the stores.
        resources: Those that have been pulled.
        key: The answer key, as Parquet.
        absent: The kinds whose rows were not delivered.
    """
    step = "read the answer key"
    source = f"READ_PARQUET({literal(str(key))})"
    session.stage("key", f"SELECT ROW_NUMBER() OVER () AS n, {KEY} FROM {source}", step=step)
    session.stage_rows("absent_kinds", {"kind": "VARCHAR"}, [(kind,) for kind in sorted(absent)])
    places = []
    for at, resource in enumerate(resources):
        session.stage(f"place__{at}", _places_sql(resource), step=f"place {resource.id}")
        places.append(f"SELECT * FROM place__{at}")
    placed = " UNION ALL ".join(places) or "SELECT 0 AS n, '' AS _digest WHERE FALSE"
    session.stage(
        "entries",
        "SELECT k.*, k.kind IN (SELECT kind FROM absent_kinds) AS absent, p._digest "
        f"FROM key AS k LEFT JOIN ({placed}) AS p ON k.n = p.n",
        step=step,
    )


def _places_sql(resource: Resource) -> str:
    """Return SQL of ``n, _digest`` of the entries of a resource."""
    ours = f"resource = {literal(resource.id)}"
    entries = f"(SELECT * FROM key WHERE {ours} AND kind NOT IN (SELECT kind FROM absent_kinds))"
    batches = (
        "SELECT batch, COALESCE(number - 1, DATE_DIFF('day', "
        f"DATE '{FIRST_DAY}', CAST(as_of AS DATE))) AS day "
        f"FROM lake.{stores.BATCHES} WHERE {ours}"
    )
    arrivals = (
        "SELECT b.day, a._digest, "
        "ROW_NUMBER() OVER (PARTITION BY a._batch ORDER BY a._position) AS row "
        f"FROM ({stores.arrivals_sql(resource)}) AS a JOIN ({batches}) AS b ON a._batch = b.batch"
    )
    by_row = (
        f"SELECT e.n, MIN(a._digest) AS _digest FROM {entries} AS e JOIN ({arrivals}) AS a "
        "ON a.day = e.day AND a.row = e.row GROUP BY e.n"
    )
    if not resource.key:
        return by_row
    record = f"CONCAT_WS('|', {', '.join(f'l.{quote(name)}' for name in resource.key)})"
    texts = " ".join(f"WHEN {literal(f.name)} THEN l.{quote(f.name)}" for f in resource.fields)
    return (
        f"{by_row} UNION ALL SELECT e.n, ARG_MIN(a._digest, (a.day, a._digest)) AS _digest "
        f"FROM {entries} AS e JOIN lake.{stores.landing(resource)} AS l ON {record} = e.record "
        f"AND (e.field IS NULL OR COALESCE(CASE e.field {texts} END, '') = "
        f"COALESCE(e.delivered, '')) JOIN ({arrivals}) AS a ON a._digest = l._digest "
        "AND a.day >= e.day WHERE e.row IS NULL GROUP BY e.n"
    )

"""Run the SQL of a value type as the platform does, and its Python beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from chengshu.engine.port import Engine, Session
from chengshu.engine.sql import quote
from chengshu.standards.facts import load_facts
from chengshu.standards.model import Stage, ValueType
from chengshu.standards.reading import side_by_side

Found = tuple[str | None, str | None]
"""Canonical value as text, and reason."""


def render_stages_sql(source: str, stages: Sequence[Stage]) -> str:
    """Return a query that adds the columns of all stages to relation ``source``."""
    query = f"SELECT * FROM {source}"
    for stage in stages:
        made = ", ".join(f"{sql} AS {quote(name)}" for name, sql in stage.columns.items())
        joins = " ".join(
            f"LEFT JOIN {quote(look.table)} AS {quote(look.alias)} "
            f"ON {look.on} = {quote(look.alias)}.key"
            for look in stage.lookups
        )
        query = f"SELECT s.*, {made} FROM ({query}) AS s {joins}"
    return query


def stage_facts(session: Session, stages: Iterable[Stage]) -> None:
    """Stage every relation of facts that the stages join."""
    for table in {look.table for stage in stages for look in stage.lookups}:
        facts = load_facts(table)
        session.stage_rows(table, facts.columns, facts.rows)


def read_by_sql(engine: Engine, kind: ValueType, raws: Sequence[str | None]) -> list[Found]:
    """Return what the SQL of ``kind`` finds in each of ``raws``, in their order."""
    return read_side_by_side(engine, {"v": (kind, raws)})["v"]


def read_side_by_side(
    engine: Engine, fields: Mapping[str, tuple[ValueType, Sequence[str | None]]]
) -> dict[str, list[Found]]:
    """Return what SQL finds in the values of each field, all fields read by one query.

    What a type knows plainly must be read as ok, or as respelled only, with the same value.
    """
    plain = {f: kind.plain(f'"raw_{f}"', f"{f}_plain") for f, (kind, _) in fields.items()}
    stages = side_by_side(
        [
            *(kind.stages(f'"raw_{f}"', f) for f, (kind, _) in fields.items()),
            *(sight.stages for sight in plain.values()),
        ]
    )
    query = render_stages_sql("raws", stages)
    columns = {"n": "BIGINT", **{f"raw_{f}": "VARCHAR" for f in fields}}
    rows = enumerate(zip_longest(*(raws for _, raws in fields.values())))
    found = ", ".join(
        f'CAST("{f}" AS VARCHAR) AS "{f}", "{f}__why", '
        f'CAST("{f}_plain" AS VARCHAR) AS "{f}_plain", '
        f'COALESCE({sight.holds}, FALSE) AS "{f}_holds"'
        for f, sight in plain.items()
    )
    with engine.session() as session:
        stage_facts(session, stages)
        session.stage_rows("raws", columns, [(n, *values) for n, values in rows])
        read = session.rows(f"SELECT n, {found} FROM ({query}) AS q", step="read values")
    read = sorted(read, key=lambda row: row["n"])
    assert [row["n"] for row in read] == list(range(max(len(raws) for _, raws in fields.values())))
    for f, (_, raws) in fields.items():
        for row in (row for row in read if row[f"{f}_holds"]):
            assert row[f"{f}_plain"] == row[f], (f, raws[row["n"]])
            assert row[f"{f}__why"] in (None, "respelled"), (f, raws[row["n"]])
    return {
        f: [(row[f], row[f"{f}__why"]) for row in read[: len(raws)]]
        for f, (_, raws) in fields.items()
    }


def known_plainly(engine: Engine, values: Mapping[str, tuple[ValueType, str]]) -> list[str]:
    """Return the names of the values that their type knows plainly, all asked by one query."""
    plain = {name: kind.plain(f'"raw_{name}"', name) for name, (kind, _) in values.items()}
    stages = side_by_side(sight.stages for sight in plain.values())
    known = ", ".join(f"COALESCE({sight.holds}, FALSE) AS {quote(n)}" for n, sight in plain.items())
    with engine.session() as session:
        stage_facts(session, stages)
        columns = {f"raw_{name}": "VARCHAR" for name in values}
        session.stage_rows("raws", columns, [[raw for _, raw in values.values()]])
        query = render_stages_sql("raws", stages)
        (row,) = session.rows(f"SELECT {known} FROM ({query}) AS q", step="look plainly")
    return [name for name, holds in row.items() if holds]


def read_by_python(kind: ValueType, raws: Sequence[str | None]) -> list[Found]:
    """Return what the Python of ``kind`` finds in each of ``raws``, in their order."""
    readings = [kind.read(raw or "") for raw in raws]
    return [(reading.canonical, reading.reason) for reading in readings]


def differences(
    engine: Engine, kind: ValueType, raws: Sequence[str | None]
) -> list[tuple[str | None, Found, Found]]:
    """Return each raw value that Python and SQL read differently, with both findings."""
    python, sql = read_by_python(kind, raws), read_by_sql(engine, kind, raws)
    return [(raw, a, b) for raw, a, b in zip(raws, python, sql, strict=True) if a != b]


def masked_by_sql(
    engine: Engine, kind: ValueType, canonicals: Sequence[str | None]
) -> list[str | None]:
    """Return what `ValueType.mask` shows of each canonical value, in their order."""
    rows = [(n, value) for n, value in enumerate(canonicals)]
    column = f"CAST(CAST(c AS {kind.column}) AS VARCHAR)"
    with engine.session() as session:
        session.stage_rows("canonicals", {"n": "BIGINT", "c": "VARCHAR"}, rows)
        shown = session.rows(
            f"SELECT n, {kind.mask(column)} AS m FROM canonicals ORDER BY n", step="mask"
        )
    return [row["m"] for row in shown]


__all__ = [
    "Found",
    "differences",
    "known_plainly",
    "masked_by_sql",
    "read_by_python",
    "read_by_sql",
    "read_side_by_side",
    "render_stages_sql",
    "stage_facts",
]

"""What became of each value that the answer key names: its standard form against the truth's."""

from __future__ import annotations

from collections.abc import Sequence

from chengshu.catalog import Pack, Resource
from chengshu.engine import Session
from chengshu.engine.sql import literal, quote
from chengshu.libraries import stores


def stage_outcomes(session: Session, pack: Pack, resources: Sequence[Resource]) -> None:
    """Stage ``outcomes``: ``n`` (the entry) and what became of its value in the department store.

    ``right``: it stands as the truth would; ``wrong``: it stands otherwise; ``emptied``: nothing
    stands, and the truth is something; ``refused``: the row is not there. Of a row as a whole
    it can only be that it was refused; of rows that have not landed there is none.
    """
    parts: list[str] = []
    for resource in resources:
        parts.append(
            "SELECT e.n, 'refused' AS outcome FROM entries AS e "
            f"JOIN lake.{stores.refused(resource)} AS r ON r._digest = e._digest "
            f"WHERE e.field IS NULL AND e.resource = {literal(resource.id)}"
        )
        named = session.rows(
            "SELECT DISTINCT field, truth FROM entries WHERE field IS NOT NULL "
            f"AND resource = {literal(resource.id)} AND _digest IS NOT NULL",
            step=f"truth of {resource.id}",
        )
        known = [row for row in named if resource.has_field(row["field"])]
        if not known:
            continue
        at = len(parts)
        session.stage_rows(
            f"truth__{at}",
            {"field": "VARCHAR", "truth": "VARCHAR", "standard": "VARCHAR"},
            [(r["field"], r["truth"], _standard(pack, resource, **r)) for r in known],
        )
        fields = sorted({row["field"] for row in known})
        session.stage(f"outcome__{at}", _outcome_sql(resource, fields, f"truth__{at}"),
                      step=f"values of {resource.id}")  # fmt: skip
        parts.append(f"SELECT * FROM outcome__{at}")
    empty = "SELECT CAST(0 AS BIGINT) AS n, '' AS outcome WHERE FALSE"
    session.define("outcomes", " UNION ALL ".join(parts) or empty, step="values")


def _standard(pack: Pack, resource: Resource, field: str, truth: str | None) -> str | None:
    spec = resource.field(field)
    if truth is None or truth in spec.missing:
        return None
    return pack.type_of(spec).read(truth).canonical


def _outcome_sql(resource: Resource, fields: Sequence[str], truth: str) -> str:
    values = ", ".join(f"CAST({quote(name)} AS VARCHAR)" for name in fields)
    versions = " UNION ALL ".join(
        f"SELECT _digest, _record, _batch, _position, {values} FROM lake.{table}"
        for table in (stores.current(resource), stores.history(resource))
    )
    columns = [quote(f"v__{name}") for name in fields]
    listed = ", ".join(columns)
    said = (
        f"SELECT _digest, {listed} FROM versions UNION ALL SELECT a._digest, {listed} "
        f"FROM lake.{stores.aliases(resource)} AS a JOIN versions AS v "
        f"ON {stores.alias_of('a', 'v')}"
    )
    stored = " ".join(
        f"WHEN {literal(name)} THEN s.{column}"
        for name, column in zip(fields, columns, strict=True)
    )
    one = f"SELECT *, ROW_NUMBER() OVER (PARTITION BY _digest ORDER BY {listed}) AS nth FROM said"
    return (
        f"WITH versions(_digest, _record, _batch, _position, {listed}) AS ({versions}), "
        f"said AS ({said}), one AS (SELECT * FROM ({one}) WHERE nth = 1) "
        "SELECT n, CASE WHEN NOT stands THEN 'refused' "
        "WHEN stored IS NOT DISTINCT FROM standard THEN 'right' "
        "WHEN stored IS NULL THEN 'emptied' ELSE 'wrong' END AS outcome FROM ("
        "SELECT e.n, s._digest IS NOT NULL AS stands, t.standard, "
        f"CASE e.field {stored} END AS stored "
        f"FROM entries AS e JOIN {truth} AS t ON t.field = e.field "
        "AND t.truth IS NOT DISTINCT FROM e.truth "
        "LEFT JOIN one AS s ON s._digest = e._digest "
        f"WHERE e.resource = {literal(resource.id)} AND e._digest IS NOT NULL) AS held"
    )

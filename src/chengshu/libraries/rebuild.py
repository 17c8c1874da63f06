"""Make records again from everything that landed: for late batches and for changed rules."""

from __future__ import annotations

from chengshu.engine import Session
from chengshu.engine.sql import listed, literal
from chengshu.libraries import stores
from chengshu.libraries.change import NOTHING, raw_sql
from chengshu.libraries.judge import Judge, base_sql
from chengshu.libraries.judgement import stage_findings, write_judgements, write_rule_counts
from chengshu.libraries.judging import judge_rows, release, type_rows
from chengshu.libraries.landing import Batch
from chengshu.libraries.spoken import (
    failing_rows_sql,
    stage_failing,
    stage_sharers,
    waiting_sql,
)
from chengshu.libraries.timeline import PLACE, aliases_sql, endings_sql, stage_versions


def rebuild(session: Session, judge: Judge, late: Batch | None = None) -> None:
    """Judge rows again and make their records' versions anew, from every refined batch.

    Args:
        session: ``stale`` (``_digest, _record``) is staged: the raw rows to judge again; a record
            that is not known yet is NULL.
        judge: The checks as they are now.
        late: A batch that counts as refined from now on.
    """
    resource = judge.resource
    step = f"rebuild {resource.id}"
    _stage_batches(session, judge, late)
    _stage_named(session, judge)
    bases = "SELECT _base FROM named"
    if judge.own():
        both = f"{bases} UNION SELECT _base FROM sharers"
        session.stage("bearing", _digests_sql(judge, both), step=step)
        made = type_rows(session, judge, _landed_sql(judge, "bearing"))
        release(session, [*stage_failing(session, judge), *made])
        bases += " UNION SELECT _base FROM moved"
    session.stage("bases", bases, step=step)
    session.stage("digests", _digests_sql(judge, "SELECT _base FROM bases"), step=step)
    judge_rows(session, judge, _landed_sql(judge, "digests"), failing_rows_sql)
    session.stage("events", _events_sql(judge), step=step)
    if resource.identity != "none":
        _stage_absences(session, judge)
    stage_versions(session, judge)
    stage_findings(session, judge)
    session.stage("rebuilt", _rebuilt_sql(judge), step=step)
    write_judgements(session, judge, step)
    if late is not None:
        write_rule_counts(session, judge, late)
    _write_versions(session, judge)


def _stage_batches(session: Session, judge: Judge, late: Batch | None) -> None:
    """Stage ``refined_batches`` by time, ``nth``; ``lacks`` is the next full delivery after one."""
    resource = literal(judge.resource.id)
    retires = "FALSE" if judge.resource.identity == "none" else "mode = 'full'"
    session.stage(
        "refined_batches",
        f"SELECT *, MIN(CASE WHEN {retires} THEN nth END) OVER (ORDER BY nth DESC "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS lacks FROM (SELECT batch, mode, "
        "as_of, COALESCE(source_digest, 'batch ' || CAST(batch AS VARCHAR)) AS unit, "
        "ROW_NUMBER() OVER (ORDER BY as_of, batch) AS nth "
        f"FROM lake.{stores.BATCHES} WHERE resource = {resource} AND "
        f"(batch = {late.number if late else 0} OR batch IN (SELECT batch FROM lake.{stores.STEPS} "
        f"WHERE resource = {resource} AND step = 'refine'))) AS numbered",
        step="refined batches",
    )


def _stage_named(session: Session, judge: Judge) -> None:
    """Stage ``named``, whom the stale rows speak of, and ``sharers`` where own rules hold."""
    step = f"records of {judge.resource.id} to make again"
    first = "SELECT _digest FROM stale"
    if judge.own():
        first += f" UNION {waiting_sql(judge)}"
    session.stage("first", first, step=step)
    made = type_rows(session, judge, _landed_sql(judge, "first"))
    session.stage(
        "named",
        f"SELECT DISTINCT {base_sql(judge.resource)} AS _base FROM (SELECT t._record "
        "FROM typed AS t JOIN stale AS s ON t._digest = s._digest "
        "UNION ALL SELECT _record FROM stale) AS named WHERE _record IS NOT NULL",
        step=step,
    )
    if judge.own():
        stage_sharers(session, judge)
    release(session, made)


def _landed_sql(judge: Judge, digests: str) -> str:
    """Return the relation of the row of each digest that landed last, as `apply_batch` saw it."""
    refined = (
        f"_digest IN (SELECT _digest FROM {digests}) "
        "AND _batch IN (SELECT batch FROM refined_batches)"
    )
    raw = listed((c for c in stores.raw_columns(judge.resource)), "l.")
    return (
        f"(SELECT {raw}, l._as_of, l._unit, l._ends FROM "
        "(SELECT *, ROW_NUMBER() OVER (PARTITION BY _digest ORDER BY _as_of DESC, _batch DESC, "
        f"_position) AS _nth FROM ({raw_sql(judge.resource, refined)}) AS landed) AS l "
        "WHERE l._nth = 1) AS raw"
    )


def _digests_sql(judge: Judge, bases: str) -> str:
    """Return SQL of every digest that has spoken of the records, and of the stale ones."""
    tables = [stores.current, stores.history, stores.aliases, stores.refused, stores.endings]
    known = " UNION ".join(
        f"SELECT _digest FROM lake.{table(judge.resource)} "
        f"WHERE {base_sql(judge.resource)} IN ({bases})"
        for table in tables
    )
    return f"{known} UNION SELECT _digest FROM stale"


def _events_sql(judge: Judge) -> str:
    resource = judge.resource
    record = {
        "key": "j._record",
        "content": "j._record || '#' || CAST(ROW_NUMBER() OVER (PARTITION BY a._batch, j._record, "
        "j._blocked ORDER BY a._position) AS VARCHAR)",
        "none": "b.unit || ':' || CAST(a._position AS VARCHAR)",
    }[resource.identity]
    refused = "TRUE" if resource.identity == "key" else "NOT _blocked"
    fields = ", ".join(
        f"CASE WHEN NOT j._blocked THEN j.{listed([name])} END AS {listed([name])}"
        for name in judge.fields
    )
    return (
        "SELECT _record, CASE WHEN _blocked THEN 'refused' WHEN _ends THEN 'absent' "
        "ELSE 'good' END AS _kind, _as_of, "
        f"{listed(judge.fields)}, {PLACE} FROM (SELECT {record} AS _record, j._blocked, j._ends, "
        f"b.as_of AS _as_of, {fields}, a._digest, a._batch, a._position "
        f"FROM ({stores.arrivals_sql(resource)}) AS a JOIN judged AS j ON a._digest = j._digest "
        f"JOIN refined_batches AS b ON a._batch = b.batch) AS said "
        f"WHERE _record IS NOT NULL AND {refused}"
    )


def _stage_absences(session: Session, judge: Judge) -> None:
    """Add to ``events`` that a later full delivery did not have a record."""
    nothing = ", ".join(
        f"{NOTHING.format(judge.types[name].column)} AS {listed([name])}" for name in judge.fields
    )
    step = f"absences of {judge.resource.id}"
    session.stage(
        "all_events",
        f"SELECT * FROM events UNION ALL SELECT r._record, 'absent' AS _kind, b.as_of AS _as_of, "
        f"{nothing}, CAST(NULL AS VARCHAR) AS _digest, b.batch AS _batch, "
        "CAST(0 AS BIGINT) AS _position FROM (SELECT _record, MIN(_as_of) AS _first FROM events "
        "GROUP BY _record) AS r JOIN refined_batches AS b ON b.mode = 'full' "
        "AND b.as_of >= r._first LEFT JOIN (SELECT DISTINCT _record, _batch FROM events) AS e "
        "ON e._record = r._record AND e._batch = b.batch WHERE e._record IS NULL",
        step=step,
    )
    session.drop("events")
    session.stage("events", "SELECT * FROM all_events", step=step)


def _rebuilt_sql(judge: Judge) -> str:
    known = " UNION ".join(
        f"SELECT _record FROM lake.{table(judge.resource)} "
        f"WHERE {base_sql(judge.resource)} IN (SELECT _base FROM bases)"
        for table in (stores.current, stores.history)
    )
    return f"{known} UNION SELECT _record FROM events"


def _write_versions(session: Session, judge: Judge) -> None:
    """Write the records whose versions differ from what stands; else snapshots stay as they are."""
    resource, columns = judge.resource, listed(stores.version_columns(judge.resource, judge.types))
    made = {
        stores.current(resource): (columns, "versions WHERE _ended IS NULL"),
        stores.history(resource): (
            f"{columns}, _until, _ended",
            "versions WHERE _ended IS NOT NULL",
        ),
        stores.aliases(resource): (
            f"{PLACE}, _record",
            f"({aliases_sql('FALSE')}) AS aliases WHERE TRUE",
        ),
        stores.endings(resource): (
            f"{PLACE}, _record, _rules",
            f"({endings_sql(judge)}) AS endings WHERE TRUE",
        ),
    }
    step = f"rebuild {resource.id}"
    for at, (table, (names, source)) in enumerate(made.items()):
        stands = f"SELECT {names} FROM lake.{table} WHERE _record IN (SELECT _record FROM rebuilt)"
        makes = f"SELECT {names} FROM {source}"
        session.stage(
            f"moved{at}",
            f"SELECT _record FROM ({stands} EXCEPT {makes}) AS old "
            f"UNION SELECT _record FROM ({makes} EXCEPT {stands}) AS new",
            step=step,
        )
        session.remove(table, f"SELECT _record FROM moved{at}", on=["_record"], step=step)
        session.append(table, f"{makes} AND _record IN (SELECT _record FROM moved{at})", step=step)

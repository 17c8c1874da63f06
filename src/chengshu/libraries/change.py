"""Change check 变更检查: what the rows of a batch mean for the records they speak of."""

from __future__ import annotations

from chengshu.catalog import Resource
from chengshu.engine import Session
from chengshu.engine.sql import listed, literal
from chengshu.libraries import stores
from chengshu.libraries.judge import Judge
from chengshu.libraries.judgement import stage_findings, write_judgements, write_rule_counts
from chengshu.libraries.judging import judge_rows
from chengshu.libraries.landing import Batch
from chengshu.libraries.timeline import PLACE, aliases_sql, endings_sql, stage_versions

NOTHING = "CAST(NULL AS {})"


def apply_batch(session: Session, judge: Judge, batch: Batch) -> bool:
    """Apply the newest batch of a resource: judge its new rows, compare, write what changed.

    Returns False when it is held instead: it would end more records than the declaration lets a
    delivery end unasked. Then only the list of these records is written.
    """
    resource = judge.resource
    judge_rows(session, judge, f"({raw_sql(resource, f'_batch = {batch.number}')}) AS raw")
    if resource.identity == "content":
        _stage_numbered(session, judge, batch)
    _stage_touched(session, judge, batch)
    _stage_events(session, judge, batch)
    stage_versions(session, judge)
    stage_findings(session, judge)
    retires = batch.mode == "full" and resource.identity != "none"
    if retires:
        _stage_absent(session, judge, batch)
        if _is_held(session, judge, batch):
            return False
    # From here on nothing is read that is written.
    write_judgements(session, judge, f"batch {batch.number}")
    write_rule_counts(session, judge, batch)
    if retires:
        _write_absent(session, judge, batch)
    _write_touched(session, judge)
    _write_new(session, judge)
    return True


def _is_held(session: Session, judge: Judge, batch: Batch) -> bool:
    """Hold a full delivery that would end too many records, unless a person has confirmed it."""
    resource, table = judge.resource, stores.held(judge.resource)
    if batch.is_confirmed or not resource.rows.most_ended:
        return False
    (row,) = session.rows(
        "SELECT (SELECT COUNT(*) FROM absent) AS ends, "
        f"(SELECT COUNT(*) FROM lake.{stores.current(resource)}) AS standing",
        step=f"count ended records of {resource.id}",
    )
    if row["ends"] <= row["standing"] * resource.rows.ended_share:
        return False
    ends = f"SELECT CAST({batch.number} AS BIGINT) AS _batch, _record FROM absent"
    session.append(table, ends, step=f"hold a delivery of {resource.id}")
    return True


def raw_sql(resource: Resource, condition: str) -> str:
    """Return SQL of landed rows with their batch's time, the unit that numbers them, ``_ends``."""
    raw = listed((c for c in stores.raw_columns(resource)), "l.")
    return (
        f"SELECT {raw}, b.as_of AS _as_of, "
        "COALESCE(b.source_digest, 'batch ' || CAST(b.batch AS VARCHAR)) AS _unit, "
        f"{_ends_sql(resource)} AS _ends "
        f"FROM lake.{stores.landing(resource)} AS l JOIN lake.{stores.BATCHES} AS b "
        f"ON l._batch = b.batch AND b.resource = {literal(resource.id)} WHERE {condition}"
    )


def _ends_sql(resource: Resource) -> str:
    operation = resource.source.operation
    if operation is None:
        return "FALSE"
    said = "TRIM(l._operation)"
    keeps = ", ".join(map(literal, (*operation.insert, *operation.update)))
    ends = ", ".join(map(literal, operation.delete))
    return f"CASE WHEN {said} IN ({ends}) THEN TRUE WHEN {said} IN ({keeps}) THEN FALSE END"


def _good_sql(judge: Judge) -> str:
    """Return the relation of this batch's good judged rows, with their record."""
    return "numbered" if judge.resource.identity == "content" else "judged"


def _stage_numbered(session: Session, judge: Judge, batch: Batch) -> None:
    """Stage this batch's good rows of a resource without key, copies numbered into records.

    Rows that landed before are known by their digest; their content is their record's.
    """
    resource, fields = judge.resource, listed(judge.fields)
    now = f"lake.{stores.current(resource)}"
    known = (
        f"SELECT _digest, _record, {fields} FROM {now} UNION ALL "
        f"SELECT a._digest, c._record, {listed(judge.fields, 'c.')} "
        f"FROM lake.{stores.aliases(resource)} AS a JOIN {now} AS c ON {stores.alias_of('a', 'c')}"
    )
    session.stage(
        "numbered",
        "SELECT _content || '#' || CAST(ROW_NUMBER() OVER (PARTITION BY _content "
        "ORDER BY _position) AS VARCHAR) AS _record, _digest, _batch, _position, _as_of, "
        f"{fields}, _blocked FROM ("
        f"SELECT _record AS _content, {PLACE}, _as_of, {fields}, _blocked FROM judged "
        "WHERE NOT _blocked UNION ALL "
        f"SELECT SUBSTR(c._record, 1, 32) AS _content, r._digest, r._batch, r._position, "
        f"{_time(batch)} AS _as_of, {listed(judge.fields, 'c.')}, FALSE AS _blocked "
        f"FROM lake.{stores.repeats(resource)} AS r JOIN (SELECT *, ROW_NUMBER() OVER "
        f"(PARTITION BY _digest ORDER BY _record) AS _nth FROM ({known}) AS every_copy) AS c "
        f"ON r._digest = c._digest AND c._nth = 1 WHERE r._batch = {batch.number}) AS good",
        step=f"number copies of {resource.id}",
    )


def _stage_touched(session: Session, judge: Judge, batch: Batch) -> None:
    """Stage ``touched``: the records that are neither just new nor just the same.

    ``existing`` is their current version; ``hits`` is where this batch repeats it exactly.
    """
    resource = judge.resource
    now, step = f"lake.{stores.current(resource)}", f"compare {resource.id}"
    arrived = f"SELECT _record FROM {_good_sql(judge)} WHERE _record IS NOT NULL"
    session.stage("said_twice", f"{arrived} GROUP BY _record HAVING COUNT(*) > 1", step=step)
    # Rows that end nothing are told of, too.
    marked = "(_blocked OR _ends)" if resource.source.operation else "_blocked"
    awaiting = f"(SELECT * FROM {now} WHERE _awaiting IS NOT NULL)"
    session.stage(
        "touched",
        f"SELECT _record FROM said_twice UNION SELECT n._record FROM ({arrived}) AS a "
        f"JOIN {now} AS n ON n._record = a._record"
        f" UNION SELECT _record FROM judged WHERE {marked} AND _record IS NOT NULL "
        f"UNION SELECT _record FROM ({_hits_sql(judge, batch, awaiting)}) AS good_again "
        f"UNION SELECT f._record FROM lake.{stores.refused(resource)} AS f "
        f"JOIN lake.{stores.repeats(resource)} AS r ON f._digest = r._digest "
        f"WHERE r._batch = {batch.number} AND f._record IS NOT NULL",
        step=step,
    )
    session.stage(
        "existing",
        f"SELECT * FROM {now} WHERE _record IN (SELECT _record FROM touched)",
        step=step,
    )
    session.stage("hits", _hits_sql(judge, batch, "existing"), step=step)


def _hits_sql(judge: Judge, batch: Batch, versions: str) -> str:
    """Return SQL of the rows of this batch that repeat one of ``versions``."""
    resource = judge.resource
    if resource.identity != "key":
        return f"SELECT _record, {PLACE} FROM {versions} AS c WHERE FALSE"
    said = f"SELECT c._record, r._digest, r._batch, r._position FROM {versions} AS c JOIN"
    again = f"lake.{stores.repeats(resource)} AS r ON r._batch = {batch.number} AND r._digest ="
    return (
        f"{said} {again} c._digest UNION ALL {said} lake.{stores.aliases(resource)} AS a "
        f"ON {stores.alias_of('a', 'c')} JOIN {again} a._digest"
    )


def _time(batch: Batch) -> str:
    return f"CAST('{batch.as_of.isoformat(sep=' ')}' AS TIMESTAMP)"


def _stage_events(session: Session, judge: Judge, batch: Batch) -> None:
    """Stage ``events`` of the touched records: their current version, and all this batch says."""
    resource, fields = judge.resource, listed(judge.fields)
    nothing = ", ".join(
        f"{NOTHING.format(judge.types[name].column)} AS {listed([name])}" for name in judge.fields
    )
    touched = "_record IN (SELECT _record FROM touched)"
    good = _good_sql(judge)
    kind = "CASE WHEN _ends THEN 'absent' ELSE 'good' END" if good == "judged" else "'good'"
    refused_rows = f"SELECT _record, 'refused' AS _kind, {{}} AS _as_of, {nothing}, {{}} FROM {{}}"
    parts = [
        f"SELECT _record, 'good' AS _kind, _since AS _as_of, {fields}, {PLACE} FROM existing",
        refused_rows.format(
            "_since",
            "_digest, _awaiting AS _batch, CAST(9223372036854775807 AS BIGINT) AS _position",
            "existing WHERE _awaiting IS NOT NULL",
        ),
        f"SELECT _record, {kind} AS _kind, _as_of, {fields}, {PLACE} FROM {good} "
        f"WHERE NOT _blocked AND {touched}",
        refused_rows.format("_as_of", PLACE, f"judged WHERE _blocked AND {touched}"),
        f"SELECT h._record, 'good' AS _kind, {_time(batch)} AS _as_of, "
        f"{listed(judge.fields, 'e.')}, "
        "h._digest, h._batch, h._position FROM hits AS h JOIN existing AS e "
        "ON h._record = e._record",
        refused_rows.format(
            _time(batch),
            PLACE,
            f"(SELECT f._record, r._digest, r._batch, r._position "
            f"FROM lake.{stores.refused(resource)} AS f "
            f"JOIN lake.{stores.repeats(resource)} AS r ON f._digest = r._digest "
            f"WHERE r._batch = {batch.number} AND f._record IS NOT NULL) AS again",
        ),
    ]
    session.stage("events", " UNION ALL ".join(parts), step=f"events of {resource.id}")


def _write_new(session: Session, judge: Judge) -> None:
    """Write the records that this batch brings, once and for the first time."""
    session.append(
        stores.current(judge.resource),
        f"SELECT _record, {listed(judge.fields)}, {PLACE}, {literal(judge.rules)} AS _rules, "
        f"_as_of AS _since FROM {_good_sql(judge)} "
        "WHERE NOT _blocked AND _record NOT IN (SELECT _record FROM touched)",
        step=f"write new records of {judge.resource.id}",
    )


def _stage_absent(session: Session, judge: Judge, batch: Batch) -> None:
    """Stage ``absent``: the records that a full delivery no longer has.

    A refused row still stands for its record.
    """
    resource, step = judge.resource, f"find ended records of {judge.resource.id}"
    now = f"lake.{stores.current(resource)}"
    # Names first: whole rows are read only of the few that have ended.
    # Left joins: on Spark a `NOT IN` of many rows compares every pair.
    gone = f"SELECT n._record FROM {now} AS n LEFT JOIN numbered AS h ON n._record = h._record"
    if resource.identity == "key":
        again = f"SELECT _digest FROM lake.{stores.repeats(resource)} WHERE _batch = {batch.number}"
        gone = (
            f"SELECT n._record FROM (SELECT c._record FROM {now} AS c "
            f"LEFT JOIN ({again}) AS r ON c._digest = r._digest WHERE r._digest IS NULL) AS n "
            f"LEFT JOIN (SELECT _record FROM touched UNION ALL SELECT a._record "
            f"FROM lake.{stores.aliases(resource)} AS a JOIN ({again}) AS r "
            f"ON a._digest = r._digest JOIN {now} AS c ON {stores.alias_of('a', 'c')}) AS h "
            "ON n._record = h._record"
        )
    session.stage("gone", f"{gone} WHERE h._record IS NULL", step=step)
    session.stage(
        "absent", f"SELECT * FROM {now} WHERE _record IN (SELECT _record FROM gone)", step=step
    )


def _write_absent(session: Session, judge: Judge, batch: Batch) -> None:
    """End the absent records."""
    resource = judge.resource
    session.append(
        stores.history(resource),
        f"SELECT *, {_time(batch)} AS _until, CAST({batch.number} AS BIGINT) AS _ended FROM absent",
        step=f"end records of {resource.id}",
    )
    session.remove(
        stores.current(resource),
        "SELECT _record FROM absent",
        on=["_record"],
        step=f"end records of {resource.id}",
    )


def _write_touched(session: Session, judge: Judge) -> None:
    """Write the versions of the touched records where they differ from what stands."""
    resource, columns = judge.resource, list(stores.version_columns(judge.resource, judge.types))
    step = f"write changes of {resource.id}"
    settled = (
        "SELECT v._record FROM versions AS v JOIN existing AS e ON v._record = e._record "
        "AND v._batch = e._batch AND v._position = e._position AND v._until IS NULL "
        "AND v._awaiting IS NOT DISTINCT FROM e._awaiting"
    )
    moved = f"_record NOT IN ({settled})"
    session.append(
        stores.history(resource),
        f"SELECT {listed(columns)}, _until, _ended FROM versions WHERE _ended IS NOT NULL",
        step=step,
    )
    session.append(stores.endings(resource), endings_sql(judge), step=step)
    known = "s._digest IN (SELECT _digest FROM hits)"
    session.append(stores.aliases(resource), aliases_sql(known), step=step)
    session.remove(
        stores.current(resource),
        f"SELECT _record FROM existing WHERE {moved}",
        on=["_record"],
        step=step,
    )
    session.append(
        stores.current(resource),
        f"SELECT {listed(columns)} FROM versions WHERE _ended IS NULL AND {moved}",
        step=step,
    )

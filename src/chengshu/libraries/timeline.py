"""What happened to each record, in order, becomes its versions: the change rule, in one place.

An event is what one delivery said of one record: a good row, a refused one, or that a full
delivery no longer has it. The versions of a record follow from its events alone, whatever the
order in which the deliveries came.
"""

from __future__ import annotations

from chengshu.catalog.checks import content_sql
from chengshu.engine import Session
from chengshu.engine.sql import listed, literal
from chengshu.libraries.judge import Judge

PLACE = "_digest, _batch, _position"
ORDER = "PARTITION BY _record ORDER BY _as_of, _batch, _position"


def stage_versions(session: Session, judge: Judge) -> None:
    """Stage ``spans`` and ``versions`` from ``events``.

    ``events``: ``_record, _kind`` (good, refused, absent), ``_as_of``, the fields, ``_digest,
    _batch, _position``; unique by record, time, batch and position. Fields are NULL unless good.

    ``versions``: the columns of a history row; ``_until`` and ``_ended`` are NULL for the current
    one. ``spans`` is the events that are not refused, each with its ``_state`` (a digest, empty
    when there is no record), that ``_before`` it, and whether they differ, ``_changed``.
    """
    fields = listed(judge.fields)
    session.stage(
        "spans",
        "SELECT *, _state <> _before AS _changed FROM ("
        f"SELECT *, COALESCE(LAG(_state) OVER ({ORDER}), '') AS _before FROM ("
        f"SELECT _record, _kind, _as_of, {fields}, {PLACE}, "
        f"CASE WHEN _kind = 'good' THEN {content_sql(judge.resource)} ELSE '' END AS _state "
        "FROM events WHERE _kind <> 'refused') AS said) AS compared",
        step=f"compare {judge.resource.id}",
    )
    session.stage(
        "versions",
        f"SELECT v._record, {listed(judge.fields, 'v.')}, v._digest, v._batch, v._position, "
        f"CAST('{judge.rules}' AS VARCHAR) AS _rules, v._as_of AS _since, "
        "CASE WHEN v._ended IS NULL THEN a._awaiting END AS _awaiting, v._until, v._ended "
        f"FROM (SELECT *, LEAD(_as_of) OVER ({ORDER}) AS _until, "
        f"LEAD(_batch) OVER ({ORDER}) AS _ended FROM spans WHERE _changed) AS v "
        f"LEFT JOIN ({_awaiting_sql()}) AS a ON v._record = a._record WHERE v._kind = 'good'",
        step=f"versions of {judge.resource.id}",
    )


def _awaiting_sql() -> str:
    """Return SQL of the first refused batch after a record's last good row (待更正)."""
    order = "PARTITION BY _record ORDER BY _as_of DESC, _batch DESC, _position DESC"
    told = "CASE WHEN _kind = 'refused' THEN 0 ELSE 1 END"
    later = f"SUM({told}) OVER ({order} ROWS UNBOUNDED PRECEDING)"
    return (
        "SELECT _record, _batch AS _awaiting FROM (SELECT *, ROW_NUMBER() OVER "
        f"({ORDER}) AS _nth FROM (SELECT _record, _as_of, _batch, _position, {later} AS _later "
        "FROM events) AS told WHERE _later = 0) AS tail WHERE _nth = 1"
    )


def endings_sql(judge: Judge) -> str:
    """Return SQL of the rows of ``spans`` by which the source ended records."""
    said = "spans WHERE _kind = 'absent' AND _digest IS NOT NULL"
    return f"SELECT {PLACE}, _record, {literal(judge.rules)} AS _rules FROM {said}"


def aliases_sql(known: str) -> str:
    """Return SQL of raw rows that say what a version says, though they read otherwise.

    ``known`` is true of a row of ``spans s`` that needs no alias. Versions that have ended have
    theirs too: else what said the same would be nowhere.
    """
    return (
        "SELECT DISTINCT s._digest, v._batch, v._position, s._record FROM spans AS s JOIN "
        "(SELECT s2._record, s2._state, v2._batch, v2._position, v2._digest FROM versions AS v2 "
        "JOIN spans AS s2 ON v2._record = s2._record AND v2._batch = s2._batch "
        "AND v2._position = s2._position) AS v "
        "ON s._record = v._record AND s._state = v._state WHERE NOT s._changed "
        f"AND s._digest <> v._digest AND NOT ({known})"
    )

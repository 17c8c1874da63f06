"""Write versions where they differ from what stands; what was known before stays known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chengshu.engine import Session
from chengshu.engine.sql import listed, literal, quote
from chengshu.kernel.clock import utc_now
from chengshu.libraries.base import tables
from chengshu.libraries.base.merger import Merger
from chengshu.libraries.base.versions import Counts

_MOVED = "s._key IN (SELECT _key FROM moved)"
# What moves in the history: the rows ``s`` that do not stay as they are.
_MOVES = (
    "NOT EXISTS (SELECT 1 FROM stays AS y WHERE y._key = s._key AND y._from = s._from "
    "AND y._known_from = s._known_from)"
)


def write_first(session: Session, merger: Merger, counts: Counts) -> None:
    """Write all ``versions`` into empty tables."""
    step = f"first merge of {merger.entity.id}"
    session.define("final", f"SELECT *, {_now()} AS _known_from FROM versions", step=step)
    if counts.points > counts.entities:
        _define_placed(session)
    else:
        alone = "SELECT *, CAST(NULL AS DATE) AS _to, TRUE AS _stands FROM final"
        session.define("placed", alone, step=step)
    _append(session, merger)


def stage_moves(session: Session, merger: Merger, *, whole: bool) -> None:
    """Stage ``stands`` (the versions of the entities merged, as they stand) and ``moved``.

    ``moved`` (``_key``) is the entities whose versions are no longer those.
    """
    entity, step = merger.entity, f"compare {merger.entity.id}"
    key, said = quote(entity.key.name), listed(tables.said_columns(merger))
    mine = "" if whole else f" AND {key} IN (SELECT _key FROM touched)"
    session.stage(
        "stands",
        f"SELECT {key} AS _key, {said}, _from, FALSE AS _gone, _known_from, TRUE AS _is_current, "
        f"CAST(NULL AS DATE) AS _to FROM lake.{tables.current(entity)} WHERE TRUE{mine} "
        f"UNION ALL SELECT {key} AS _key, {said}, _from, _gone, _known_from, FALSE AS _is_current, "
        f"_to FROM lake.{tables.history(entity)} WHERE _known_until IS NULL{mine}",
        step=step,
    )
    columns = f"_key, {said}, _from, _gone"
    old, new = f"SELECT {columns} FROM stands", f"SELECT {columns} FROM versions"
    session.stage("dropped", f"{old} EXCEPT {new}", step=step)
    session.stage("added", f"{new} EXCEPT {old}", step=step)
    session.stage("moved", "SELECT _key FROM dropped UNION SELECT _key FROM added", step=step)


def write_moves(session: Session, merger: Merger) -> int:
    """Write the versions of the entities in ``moved``; return how many they are."""
    (row,) = session.rows("SELECT COUNT(*) AS n FROM moved", step="count changed entities")
    if not row["n"]:
        return 0
    entity, step = merger.entity, f"write {merger.entity.id}"
    key, said = quote(entity.key.name), listed(tables.said_columns(merger))
    _stage_final(session, said, step)
    session.remove(
        tables.current(entity), f"SELECT _key AS {key} FROM moved", on=[entity.key.name], step=step
    )
    session.remove(
        tables.history(entity),
        f"SELECT _key AS {key}, _from, _known_from FROM stands AS s WHERE NOT _is_current "
        f"AND {_MOVED} AND {_MOVES}",
        on=[entity.key.name, "_from", "_known_from"],
        step=step,
    )
    _append(session, merger, f"AND {_MOVES}")
    session.append(
        tables.history(entity),
        f"SELECT _key AS {key}, {said}, _from, _gone, _known_from, _to, _known_until FROM past",
        step=step,
    )
    return int(row["n"])


def _stage_final(session: Session, said: str, step: str) -> None:
    """Stage what entities in ``moved`` are to be: ``placed``, ``past`` (corrected), ``stays``."""
    columns = f"_key, {said}, _from, _gone, _known_from"
    dropped = "(s._key, s._from) IN (SELECT _key, _from FROM dropped)"
    session.stage(
        "final",
        f"SELECT {columns} FROM stands AS s WHERE {_MOVED} AND NOT {dropped} UNION ALL "
        f"SELECT _key, {said}, _from, _gone, {_now()} AS _known_from FROM added",
        step=step,
    )
    _define_placed(session)
    session.stage(
        "past",
        f"SELECT {columns}, CAST(NULL AS DATE) AS _to, {_now()} AS _known_until "
        f"FROM stands AS s WHERE {dropped}",
        step=step,
    )
    # Earlier versions that are still followed by the same one stay where they are.
    session.stage(
        "stays",
        "SELECT s._key, s._from, s._known_from FROM stands AS s JOIN placed AS p "
        "ON s._key = p._key AND s._from = p._from AND s._known_from = p._known_from "
        "AND NOT s._is_current AND NOT p._stands AND s._to IS NOT DISTINCT FROM p._to",
        step=step,
    )


def write_difference(
    session: Session,
    table: str,
    columns: Iterable[str],
    sql: str,
    *,
    on: Sequence[str],
    among: str = "TRUE",
) -> None:
    """Let the rows of a table that are ``among`` be those of ``sql``; the same ones stay.

    ``on`` names a row among them.
    """
    names, step = listed(columns), f"write {table}"
    stands = f"SELECT {names} FROM lake.{table} WHERE {among}"
    session.stage("wanted", f"SELECT {names} FROM ({sql}) AS made", step=step)
    session.stage("missing", f"SELECT * FROM wanted EXCEPT {stands}", step=step)
    gone = f"SELECT {listed(on)} FROM ({stands} EXCEPT SELECT * FROM wanted) AS gone"
    session.remove(table, gone, on=on, step=step)
    session.append(table, f"SELECT {names} FROM missing", step=step)
    session.drop("missing")
    session.drop("wanted")


def _define_placed(session: Session) -> None:
    """Define ``placed``: ``final`` with ``_to``, the day of the next version, and ``_stands``."""
    order = "OVER (PARTITION BY _key ORDER BY _from)"
    session.define(
        "placed",
        "SELECT *, _to IS NULL AND NOT _gone AS _stands FROM "
        f"(SELECT *, LEAD(_from) {order} AS _to FROM final) AS ordered",
        step="place versions",
    )


def _append(session: Session, merger: Merger, among: str = "") -> None:
    """Append ``placed`` to the tables, in the order of the key: that is how it is looked up.

    Of what has ended, only the rows ``s`` that are ``among``.
    """
    entity, step = merger.entity, f"write {merger.entity.id}"
    key, said = quote(entity.key.name), listed(tables.said_columns(merger))
    columns = f"_key AS {key}, {said}, _from, _known_from"
    session.append(
        tables.current(entity),
        f"SELECT {columns} FROM placed WHERE _stands ORDER BY {key}",
        step=step,
    )
    session.append(
        tables.history(entity),
        f"SELECT {columns}, _gone, _to, CAST(NULL AS TIMESTAMP) AS _known_until FROM placed "
        f"AS s WHERE NOT _stands {among} ORDER BY {key}, _from",
        step=step,
    )


def _now() -> str:
    return f"CAST({literal(utc_now().isoformat(sep=' '))} AS TIMESTAMP)"

"""Changed keys: which key an entity has now, as people and departments say; it can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chengshu.engine import Engine, Session
from chengshu.engine.sql import listed, quote
from chengshu.kernel.clock import utc_now
from chengshu.kernel.errors import InputError, NotFoundError
from chengshu.libraries import stores
from chengshu.libraries.base import tables
from chengshu.libraries.base.merger import Merger


def stage_links(session: Session, merger: Merger) -> Mapping[str, str]:
    """Stage ``resolved_now`` (``old, new``), each changed key with what it is now; return it.

    A chain leads to its end. What leads back to itself says nothing: such keys stay apart.
    """
    found = resolve(_said(session, merger))
    session.stage_rows("resolved_now", tables.RESOLVED_COLUMNS, sorted(found.items()))
    return found


def resolve(links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return old key → the key that it is in the end, of pairs of old and new; later ones win.

    >>> resolve([("a", "b"), ("b", "c"), ("x", "y"), ("y", "x")])
    {'a': 'c', 'b': 'c'}
    """
    step = dict(links)
    found: dict[str, str] = {}
    for old in step:
        seen, key = {old}, step[old]
        while key in step and key not in seen:
            seen.add(key)
            key = step[key]
        if key not in step:
            found[old] = key
    return found


def _said(session: Session, merger: Merger) -> list[tuple[str, str]]:
    """Return the links that hold, those that departments tell before those that people made."""
    step = f"links of {merger.entity.id}"
    pairs: list[tuple[str, str]] = []
    for link in merger.entity.links:
        resource = merger.links[link.resource]
        rows = session.rows(
            f"SELECT {quote(link.old)} AS old, {quote(link.new)} AS new FROM "
            f"lake.{stores.current(resource)} WHERE {quote(link.old)} <> {quote(link.new)} "
            "ORDER BY _since, _record",
            step=step,
        )
        pairs += [(row["old"], row["new"]) for row in rows]
    events = session.rows(
        f"SELECT old, new, event FROM lake.{tables.links(merger.entity)} ORDER BY number", step=step
    )
    for row in events:
        pairs = [pair for pair in pairs if pair[0] != row["old"]]
        pairs += [(row["old"], row["new"])] if row["event"] == "link" else []
    return pairs


def record_link(engine: Engine, merger: Merger, old: str, new: str | None, note: str) -> None:
    """Record that a key has changed to ``new``, or with None that it has not: a link is undone.

    Raises:
        InputError: The link would lead back to where it starts.
        NotFoundError: There is no link to undo.
    """
    table = tables.links(merger.entity)
    tables.ensure_tables(engine, merger)
    with engine.session() as session:
        pairs = _said(session, merger)
        if new is None and old not in dict(pairs):
            raise NotFoundError("link of a key", "that one", ())
        if new is not None and old not in resolve([*pairs, (old, new)]):
            raise InputError(
                "the new key leads back to the old one; undo the link between them first "
                "(chengshu link --undo)"
            )
        (row,) = session.rows(
            f"SELECT COALESCE(MAX(number), 0) AS n FROM lake.{table}", step="number a link"
        )
        made = (old, new, "unlink" if new is None else "link", row["n"] + 1, utc_now(), note)
        session.stage_rows("link", tables.LINK_COLUMNS, [made])
        columns = listed(tables.LINK_COLUMNS)
        session.append(table, f"SELECT {columns} FROM link", step="write a link")


def relinked_sql(merger: Merger) -> str:
    """Return SQL of the keys that a changed link touches, ``_key``."""
    before = f"SELECT old, new FROM lake.{tables.resolved(merger.entity)}"
    now = "SELECT old, new FROM resolved_now"
    moved = f"({before} EXCEPT {now}) AS gone"
    came = f"({now} EXCEPT {before}) AS came"
    return " UNION ".join(
        f"SELECT {key} AS _key FROM {pairs}" for pairs in (moved, came) for key in ("old", "new")
    )

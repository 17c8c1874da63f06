"""Hold raw rows against every check of their resource, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chengshu.catalog import Rule
from chengshu.catalog.checks import (
    lookups_of,
    render_judged_sql,
    render_plain_sql,
    render_typed_sql,
)
from chengshu.engine import Session
from chengshu.engine.sql import literal
from chengshu.libraries.judge import Judge
from chengshu.libraries.others import bad_rows_sql
from chengshu.standards.facts import load_facts

Finder = Callable[[Judge, Rule], str]


def judge_rows(session: Session, judge: Judge, source: str, bad: Finder = bad_rows_sql) -> None:
    """Define ``judged`` (see `render_judged_sql`) from raw rows.

    Args:
        session: Where ``source`` is.
        judge: The checks.
        source: Relation of raw rows, see `type_rows`.
        bad: Returns SQL of ``_batch, _position`` of the typed rows that fail a rule about others.
    """
    step = f"refine {judge.resource.id}"
    has_odd = "read" in type_rows(session, judge, source)
    stage_bad(session, judge, judge.joined(), bad)
    if has_odd:
        odd = render_judged_sql(judge.resource, judge.checks, "read")
        session.stage("judged_odd", odd, step=step)
    session.define("judged", _judged_sql(judge, has_odd=has_odd), step=step)


def type_rows(session: Session, judge: Judge, source: str) -> list[str]:
    """Define ``typed``: what raw rows say, before they are held against other rows.

    The rows in which nothing can be wrong are known at first sight (``plain``); only the ``odd``
    others, where there are any, are read in full.

    Args:
        session: Where ``source`` is.
        judge: The checks.
        source: Relation of raw rows, called ``raw``, unique by batch and position, with ``_as_of``,
            ``_unit`` and ``_ends`` (whether the row ends its record; NULL when its operation is
            unknown).

    Returns:
        The relations that were made, for `release`.
    """
    step = f"refine {judge.resource.id}"
    facts = lookups_of(judge.types)
    for table in facts:
        loaded = load_facts(table)
        session.stage_rows(f"facts__{table}", loaded.columns, loaded.rows)
    session.stage("plain", render_plain_sql(judge.resource, judge.types, source), step=step)
    (row,) = session.rows("SELECT COUNT(*) AS n FROM plain WHERE NOT _plain", step=step)
    has_odd = bool(row["n"])
    _take_odd(session, judge, source, has_odd=has_odd)
    session.define("typed", _typed_sql(judge, has_odd=has_odd), step=step)
    read = ["read"] if has_odd else []
    return ["typed", *read, "odd", "plain", *(f"facts__{table}" for table in facts)]


def stage_bad(session: Session, judge: Judge, rules: Sequence[Rule], bad: Finder) -> list[str]:
    """Stage ``bad__<rule>``: the typed rows that fail rules about other rows; return the names."""
    for rule in rules:
        step = f"refine {judge.resource.id}: rule {rule.name}"
        session.stage(f"bad__{rule.name}", bad(judge, rule), step=step)
    return [f"bad__{rule.name}" for rule in rules]


def _take_odd(session: Session, judge: Judge, source: str, *, has_odd: bool) -> None:
    """Stage the ``odd`` rows, and in ``read`` what every field of them says."""
    step = f"refine {judge.resource.id}"
    if not has_odd:
        session.define("odd", f"SELECT raw.* FROM {source} WHERE FALSE", step=step)
        return
    session.stage(
        "odd",
        f"SELECT raw.* FROM {source} JOIN (SELECT _batch, _position FROM plain WHERE NOT _plain) "
        "AS p ON raw._batch = p._batch AND raw._position = p._position",
        step=step,
    )
    session.stage("read", render_typed_sql(judge.resource, judge.types, "odd"), step=step)


def _judged_sql(judge: Judge, *, has_odd: bool) -> str:
    names = {rule.name for rule in judge.joined()}
    others = [check for check in judge.checks if check.rule in names]
    plain = render_judged_sql(judge.resource, others, "(SELECT * FROM plain WHERE _plain)")
    return f"{plain} UNION ALL SELECT * FROM judged_odd" if has_odd else plain


def release(session: Session, made: Sequence[str]) -> None:
    """Drop what `type_rows` or `stage_bad` made."""
    for name in made:
        session.drop(name)


def _typed_sql(judge: Judge, *, has_odd: bool) -> str:
    """Return SQL of all typed rows, for rules that hold them against other rows."""
    columns = "_record, _digest, _batch, _position, _as_of, _ends"
    values = ", ".join(f'"v__{name}"' for name in judge.fields)
    whys = [f'"v__{name}__why"' for name in judge.fields]
    fine = ", ".join(f"{literal(None)} AS {why}" for why in ("_problem", *whys))
    plain = f"SELECT {columns}, {values}, {fine} FROM plain WHERE _plain"
    read = f"SELECT {columns}, {values}, {', '.join(['_problem', *whys])} FROM read"
    return f"{plain} UNION ALL {read}" if has_odd else plain

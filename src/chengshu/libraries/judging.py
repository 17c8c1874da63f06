"""Hold raw rows against every check of their resource, in one pass."""

from __future__ import annotations

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


def judge_rows(session: Session, judge: Judge, source: str) -> None:
    """Define ``judged`` (see `render_judged_sql`) from raw rows.

    The rows in which nothing can be wrong are known at first sight (``plain``); only the ``odd``
    others are read and judged in full.

    Args:
        session: Where ``source`` is.
        judge: The checks.
        source: Relation of raw rows, called ``raw``, unique by batch and position, with ``_as_of``,
            ``_unit``, ``_ends`` (whether the row ends its record; NULL when its operation is
            unknown) and ``_said``, which grows with the place where a delivery last said the row;
            NULL when a later full one lacks it.
    """
    resource, step = judge.resource, f"refine {judge.resource.id}"
    for table in lookups_of(judge.types):
        facts = load_facts(table)
        session.stage_rows(f"facts__{table}", facts.columns, facts.rows)
    session.stage("plain", render_plain_sql(resource, judge.types, source), step=step)
    session.stage(
        "odd",
        f"SELECT raw.* FROM {source} JOIN (SELECT _batch, _position FROM plain WHERE NOT _plain) "
        "AS p ON raw._batch = p._batch AND raw._position = p._position",
        step=step,
    )
    session.stage("read", render_typed_sql(resource, judge.types, "odd"), step=step)
    session.define("typed", _typed_sql(judge), step=step)
    for rule in judge.joined():
        bad = bad_rows_sql(judge, rule)
        session.stage(f"bad__{rule.name}", bad, step=f"{step}: rule {rule.name}")
    odd = render_judged_sql(resource, judge.checks, "read")
    session.stage("judged_odd", odd, step=step)
    names = {rule.name for rule in judge.joined()}
    others = [check for check in judge.checks if check.rule in names]
    plain = render_judged_sql(resource, others, "(SELECT * FROM plain WHERE _plain)")
    session.define("judged", f"{plain} UNION ALL SELECT * FROM judged_odd", step=step)


def release(session: Session, judge: Judge) -> None:
    """Drop what `judge_rows` made."""
    names = ["judged", "judged_odd", *(f"bad__{rule.name}" for rule in judge.joined())]
    names += ["typed", "read", "odd", "plain"]
    for name in [*names, *(f"facts__{table}" for table in lookups_of(judge.types))]:
        session.drop(name)


def _typed_sql(judge: Judge) -> str:
    """Return SQL of all typed rows, for rules that hold them against other rows."""
    columns = "_record, _digest, _batch, _position, _as_of, _said, _ends"
    values = ", ".join(f'"v__{name}"' for name in judge.fields)
    whys = [f'"v__{name}__why"' for name in judge.fields]
    fine = ", ".join(f"{literal(None)} AS {why}" for why in ("_problem", *whys))
    return (
        f"SELECT {columns}, {values}, {fine} FROM plain WHERE _plain UNION ALL "
        f"SELECT {columns}, {values}, {', '.join(['_problem', *whys])} FROM read"
    )

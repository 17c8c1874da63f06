"""Refine a landed batch and check what changed: judged rows become versions, or stay refused.

The stores are a function of what has landed: whatever order deliveries came in and however often
a step was interrupted, records, versions, refusals and what rules found of them are what `rebuild`
would make of landing. `apply_batch` and what is judged again after it are the short way to the same
result for the newest batch. (Counts of a rule are those of when a batch was refined.)
"""

from __future__ import annotations

from collections.abc import Sequence

from chengshu.catalog import Pack, Resource, checks_of
from chengshu.engine import Engine, Session
from chengshu.engine.sql import literal
from chengshu.kernel.errors import NotFoundError
from chengshu.libraries import stores
from chengshu.libraries.change import apply_batch
from chengshu.libraries.judge import Judge
from chengshu.libraries.landing import Batch, list_batches
from chengshu.libraries.others import fallen_sql
from chengshu.libraries.rebuild import rebuild
from chengshu.libraries.steps import Step, record_step

PASSES = 9
NO_BATCH = 0


def make_judge(engine: Engine, pack: Pack, resource: Resource) -> Judge:
    """Return the judge of a resource as its pack declares it now."""
    types = {spec.name: pack.type_of(spec) for spec in resource.fields}
    checks = checks_of(resource, types)
    others = {c.rests_on: pack.get(c.rests_on) for c in checks if c.rests_on}
    snapshots = [
        f"{name}@{engine.changes_of(stores.current(other))}" for name, other in others.items()
    ]
    if resource.id in others:
        # A delivery that changes no record may still no longer have a row that waits: each one
        # writes its counts.
        snapshots.append(f"deliveries@{engine.changes_of(stores.rule_counts(resource))}")
    # A reference that has never been delivered is empty, not an error: its table must stand.
    for other in others.values():
        stores.ensure_tables(engine, other, {f.name: pack.type_of(f) for f in other.fields})
    version = pack.version_of(resource)
    return Judge(resource, types, checks, others, version, " ".join(sorted(snapshots)))


def refine_pending(engine: Engine, pack: Pack, resource: Resource) -> set[int]:
    """Refine every landed batch of the resource that is not refined yet, oldest first.

    Rows that were judged under other rules, or failed under other references, are judged again
    first. A batch that is held keeps those after it waiting: they may rest on it.

    Returns:
        The batches whose rows were judged now: for the first time, or again under other rules.
    """
    types = {spec.name: pack.type_of(spec) for spec in resource.fields}
    stores.ensure_tables(engine, resource, types)
    judged = settle(engine, pack, resource)
    with engine.session() as session:
        batches = list_batches(session, resource)
    done = [batch for batch in batches if batch.is_refined]
    judge = None
    for batch in batches:
        if batch.state == "held":
            break
        if not batch.waits:
            continue
        judge = make_judge(engine, pack, resource)
        with engine.session() as session:
            applied = _refine(session, judge, batch, done)
            step = "refine" if applied else "hold"
            _record_step(session, engine.name, judge, step, batch.number)
        if not applied:
            break
        done.append(batch)
        judged.add(batch.number)
        if judge.own():
            # A row that the next batch replaces is judged as of now.
            judged |= settle(engine, pack, resource)
    if judge and resource.id in judge.others and not judge.own():
        judged |= settle(engine, pack, resource)
    return judged


def decide(
    engine: Engine, pack: Pack, resource: Resource, batch: int, step: str, note: str
) -> None:
    """Record what a person decided of a held batch; the same decision again changes nothing.

    Args:
        engine: Where the stores are.
        pack: The city pack.
        resource: The declaration.
        batch: The batch.
        step: ``confirm`` (it is refined next, whatever it ends) or ``discard`` (it never is).
        note: Who decided, and why.

    Raises:
        NotFoundError: The resource has no held batch of that number.
    """
    judge = make_judge(engine, pack, resource)
    with engine.session() as session:
        held = [b.number for b in list_batches(session, resource) if b.state == "held"]
        # A flow that was killed before it could note this step takes it again.
        taken = session.rows(
            f"SELECT 1 AS one FROM lake.{stores.STEPS} WHERE batch = {batch} AND resource = "
            f"{literal(resource.id)} AND step = {literal(step)} AND note = {literal(note)}",
            step=f"decisions of {resource.id}",
        )
        if taken:
            return
        if batch not in held:
            raise NotFoundError("held batch", f"{resource.id} {batch}", map(str, held))
        _record_step(session, engine.name, judge, step, batch, note)


def settle(engine: Engine, pack: Pack, resource: Resource) -> set[int]:
    """Judge again until no row's judgement moves another's; see `recheck` for what it returns.

    One time is nearly always enough. Rules that contradict each other may never settle; the next
    refine goes on with them.
    """
    judged: set[int] = set()
    for _ in range(PASSES):
        again = recheck(engine, make_judge(engine, pack, resource))
        if again is None:
            break
        judged |= again
    return judged


def recheck(engine: Engine, judge: Judge) -> set[int] | None:
    """Judge again what was judged under other rules, and what changed references bear on.

    The latter is rows that failed a rule that looks into them, and current rows that fail one now.

    Returns:
        The batches of the rows that were judged under other rules; None when there was no row of
        either kind.
    """
    step = f"rows of {judge.resource.id} to judge again"
    with engine.session() as session:
        moved = _has_moved(session, judge)
        session.stage("stale", _stale_sql(judge, moved), step=step)
        batches = session.rows("SELECT DISTINCT _batch FROM stale", step=step)
        if batches:
            rebuild(session, judge)
        if moved:
            _record_step(session, engine.name, judge, "judge again")
    return {int(row["_batch"]) for row in batches} - {NO_BATCH} if batches else None


def _stale_sql(judge: Judge, moved: bool) -> str:
    """Return SQL of the rows to judge again; ``_batch`` is theirs if for other rules."""
    resource = judge.resource
    parts = [
        f"SELECT _digest, _record, _batch FROM lake.{table} WHERE _rules <> {literal(judge.rules)}"
        for table in (stores.current(resource), stores.refused(resource), stores.endings(resource))
    ]
    rest = f"SELECT _digest, _record, CAST({NO_BATCH} AS BIGINT) AS _batch FROM"
    if resting := sorted({literal(check.rule) for check in judge.resting()}):
        parts.append(
            f"{rest} lake.{stores.findings(resource)} WHERE rule IN ({', '.join(resting)}) "
            f"AND _references <> {literal(judge.references)}"
        )
    if moved:
        parts.append(f"{rest} ({fallen_sql(judge)}) AS fallen")
    return " UNION ALL ".join(parts)


def _has_moved(session: Session, judge: Judge) -> bool:
    """Tell whether current rows were not yet held against the references as they are now."""
    if all(rule.kind == "row" for rule in judge.resource.rules):
        return False
    (row,) = session.rows(
        f"SELECT COUNT(*) AS n FROM lake.{stores.STEPS} WHERE step = 'judge again' "
        f"AND resource = {literal(judge.resource.id)} "
        f"AND looked_into = {literal(judge.references)}",
        step=f"references of {judge.resource.id}",
    )
    return not row["n"]


def _refine(session: Session, judge: Judge, batch: Batch, done: Sequence[Batch]) -> bool:
    """Apply a batch: by the short way when it is the newest, by a rebuild when it is late.

    Returns False when it is held.
    """
    resource = judge.resource
    late = any((b.as_of, b.number) > (batch.as_of, batch.number) for b in done)
    if not late or resource.identity == "none":
        return apply_batch(session, judge, batch)
    everything = (
        f" UNION SELECT _digest, _record FROM lake.{stores.current(resource)}"
        f" UNION SELECT _digest, _record FROM lake.{stores.history(resource)}"
    )
    arrived = " UNION ".join(
        f"SELECT _digest, CAST(NULL AS VARCHAR) AS _record FROM lake.{table} "
        f"WHERE _batch = {batch.number}"
        for table in (stores.landing(resource), stores.repeats(resource))
    )
    session.stage(
        "stale",
        arrived + (everything if batch.mode == "full" else ""),
        step=f"rows of a late batch of {resource.id}",
    )
    rebuild(session, judge, late=batch)
    return True


def _record_step(
    session: Session,
    engine: str,
    judge: Judge,
    step: str,
    batch: int | None = None,
    note: str | None = None,
) -> None:
    rules, references = judge.rules, judge.references
    record_step(session, Step(judge.resource.id, step, engine, batch, rules, references, note))

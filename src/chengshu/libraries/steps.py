"""The log of steps: what has been done with a resource and its batches, by which rules."""

from __future__ import annotations

from dataclasses import dataclass

from chengshu.engine import Session
from chengshu.engine.sql import listed
from chengshu.kernel.clock import utc_now
from chengshu.libraries import stores


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was done.

    Attributes:
        resource: The resource's id.
        name: ``refine``, ``hold``, ``confirm``, ``discard``, ``judge again`` or ``back``.
        engine: What it ran on.
        batch: The batch, if it was about one.
        rules: Version of the rules.
        looked_into: Snapshots of the rows that the rules look into.
        note: Who decided, and why; or what a receipt says.
    """

    resource: str
    name: str
    engine: str
    batch: int | None = None
    rules: str | None = None
    looked_into: str | None = None
    note: str | None = None


def record_step(session: Session, step: Step) -> None:
    """Write a step to the log."""
    row = (
        step.batch, step.resource, step.name, step.rules, step.looked_into, step.engine,
        utc_now(), step.note,
    )  # fmt: skip
    session.stage_rows("step_row", stores.STEP_COLUMNS, [row])
    session.append(stores.STEPS, f"SELECT {listed(stores.STEP_COLUMNS)} FROM step_row", step="log")

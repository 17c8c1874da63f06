"""Silence 静默: a source that has not been heard of past its update cycle."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from chengshu.catalog import Resource
from chengshu.catalog.model import UpdateCycle
from chengshu.engine import Session
from chengshu.engine.sql import literal
from chengshu.kernel.clock import wall_of
from chengshu.libraries import stores
from chengshu.standards.calendar import Calendar, add_months

MONTHS = {
    UpdateCycle.MONTHLY: 1,
    UpdateCycle.QUARTERLY: 3,
    UpdateCycle.HALF_YEARLY: 6,
    UpdateCycle.YEARLY: 12,
}
DAYS = {UpdateCycle.REALTIME: 1, UpdateCycle.DAILY: 1, UpdateCycle.WEEKLY: 7}


def due_on(update: UpdateCycle, heard: date, calendar: Calendar) -> date | None:
    """Return the working day by whose end a source must be heard of again; None for no day."""
    if update in MONTHS:
        return calendar.next_worked(add_months(heard, MONTHS[update]))
    if update in DAYS:
        return calendar.next_worked(heard + timedelta(days=DAYS[update]))
    return None


def find_silence(
    session: Session, resource: Resource, calendar: Calendar, now: datetime, zone: str
) -> list[dict[str, Any]]:
    """Return when a source was heard of last, and was due, if it has been silent since.

    Any delivery counts, also a zero report, and one that is held.

    Args:
        session: Reads the stores.
        resource: The declaration.
        calendar: The city's working days.
        now: The city's wall time.
        zone: The city's zone.
    """
    (row,) = session.rows(
        f"SELECT MAX(landed_at) AS heard FROM lake.{stores.BATCHES} "
        f"WHERE resource = {literal(resource.id)}",
        step=f"last delivery of {resource.id}",
    )
    if row["heard"] is None:
        return []
    heard = wall_of(row["heard"], zone)
    due = due_on(resource.update, heard.date(), calendar)
    if due is None or now.date() <= due:
        return []
    late = sum(
        calendar.is_worked_on(due + timedelta(days=n))
        for n in range(1, (now.date() - due).days + 1)
    )
    return [{"resource": resource.id, "heard": heard, "due": due, "working_days_late": late}]

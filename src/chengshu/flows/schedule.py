"""Schedules: which runs are to be asked for now, and what has come of them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chengshu.catalog import Resource
from chengshu.flows.asks import DUE, LastRun
from chengshu.flows.due import due_before
from chengshu.kernel.clock import wall_of
from chengshu.standards.calendar import Calendar

# Minutes until a failed pull is tried again; the last one repeats.
BACKOFF = (1, 5, 15, 30, 60)
# So long what rests on others waits for them, so that its references are found.
PATIENCE = timedelta(minutes=10)
_MOMENT = "%Y-%m-%dT%H.%M"


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a run that was due.

    Attributes:
        due: The moment at which it was due, in the city's wall time.
        number: 0 for the first try.
        ended: When it ended, in wall time; None while it is under way.
        fails: True where it failed in a way that may pass.
    """

    due: datetime
    number: int
    ended: datetime | None = None
    fails: bool = False

    def again_at(self, retries: int) -> datetime | None:
        """Return when it is to be tried again; None for not at all, or not yet known."""
        if self.ended is None or not self.fails or self.number >= retries:
            return None
        return self.ended + timedelta(minutes=BACKOFF[min(self.number, len(BACKOFF) - 1)])


def key_of(resource: str, one: Try) -> str:
    """Return the name of a try among all runs; asking twice under one name runs it once."""
    return f"{DUE}:{resource}:{one.due.strftime(_MOMENT)}:{one.number}"


def try_of(key: str) -> Try:
    """Return the try that a name means, as one that is under way."""
    _, _, due, number = key.split(":")
    return Try(datetime.strptime(due, _MOMENT), int(number))  # noqa: DTZ007 - wall time


def try_of_run(last: LastRun, zone: str) -> Try:
    """Return the try that a run was, as far as it has come."""
    one = try_of(last.key)
    if last.state in ("waiting", "running"):
        return one
    fails = bool(last.error and last.error.get("retryable"))
    return replace(one, ended=wall_of(last.at, zone), fails=fails)


def next_try(resource: Resource, last: Try | None, now: datetime, calendar: Calendar) -> Try | None:
    """Return the try that is to be asked for now, if any.

    What fell due while nobody served, or while an earlier try was under way, is one run, not many.

    Args:
        resource: The declaration.
        last: Its last try.
        now: The city's wall time.
        calendar: The city's working days.
    """
    if resource.schedule is None or (last and last.ended is None):
        return None
    due = due_before(resource.schedule, resource.update, now, calendar)
    if due is None:
        return None
    if last is None or due > last.due:
        return Try(due, 0)
    again = last.again_at(resource.schedule.retries)
    return Try(last.due, last.number + 1) if again and now >= again else None


def rests(resource: Resource, going: Container[str]) -> bool:
    """Tell whether a resource's rules refer to others that are under way."""
    return any(rule.other in going for rule in resource.rules if rule.other != resource.id)

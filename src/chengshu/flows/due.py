"""When a resource is due to be pulled, in the city's wall time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from chengshu.catalog.model import UpdateCycle
from chengshu.catalog.schedule import WEEKDAYS, Schedule
from chengshu.standards.calendar import Calendar

# Months whose first day is due, where a schedule names no days.
MONTHS = {
    UpdateCycle.MONTHLY: range(1, 13),
    UpdateCycle.QUARTERLY: (1, 4, 7, 10),
    UpdateCycle.HALF_YEARLY: (1, 7),
    UpdateCycle.YEARLY: (1,),
}
DAY = timedelta(days=1)
# The longest wait: a year, and holidays at its end.
FARTHEST = 366 + 31


def due_before(
    schedule: Schedule, update: UpdateCycle, now: datetime, calendar: Calendar
) -> datetime | None:
    """Return the newest moment up to ``now`` at which a resource was due; None for none."""
    for back in range(FARTHEST):
        for moment in reversed(_moments(schedule, update, now.date() - back * DAY, calendar)):
            if moment <= now:
                return moment
    return None


def due_after(
    schedule: Schedule, update: UpdateCycle, now: datetime, calendar: Calendar
) -> datetime | None:
    """Return the first moment after ``now`` at which a resource is due; None for none."""
    for ahead in range(FARTHEST):
        for moment in _moments(schedule, update, now.date() + ahead * DAY, calendar):
            if moment > now:
                return moment
    return None


def _moments(
    schedule: Schedule, update: UpdateCycle, day: date, calendar: Calendar
) -> list[datetime]:
    """Return the moments of a day, in order."""
    meant = _put_on(day, calendar) if schedule.working else (day,)
    if not any(_is_meant(schedule, update, one) for one in meant):
        return []
    return [datetime.combine(day, clock) for clock in schedule.times]


def _put_on(day: date, calendar: Calendar) -> Iterator[date]:
    """Yield the days whose work is done on ``day``: itself, and the days off before it."""
    if calendar.is_worked_on(day):
        yield day
        while not calendar.is_worked_on(day := day - DAY):
            yield day


def _is_meant(schedule: Schedule, update: UpdateCycle, day: date) -> bool:
    if schedule.days:
        last = (day + DAY).day == 1
        return any(
            WEEKDAYS[day.weekday()] == name or (name.isdecimal() and _is_day(day, int(name), last))
            for name in schedule.days
        )
    if schedule.every:
        return True
    if update in MONTHS:
        return day.day == 1 and day.month in MONTHS[update]
    if update is UpdateCycle.WEEKLY:
        return day.weekday() == 0
    return update is not UpdateCycle.NEVER


def _is_day(day: date, number: int, last: bool) -> bool:
    """Tell whether it is that day of its month; a month's last day stands for those it lacks."""
    return day.day == number or (last and number > day.day)

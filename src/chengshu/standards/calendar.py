"""Working days: weekends, public holidays and make-up days 调休.

The holidays are facts of the State Council's yearly notices 国务院办公厅关于部分节假日安排的通知
for 2024 to 2026, from memory; a city pack names what is missing or otherwise. In a year without
a notice weekends alone are days off.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

# First and last day of each holiday, and the weekend days on which people work instead.
HOLIDAYS = (
    "2024-01-01/2024-01-01 2024-02-10/2024-02-17 2024-04-04/2024-04-06 2024-05-01/2024-05-05 "
    "2024-06-10/2024-06-10 2024-09-15/2024-09-17 2024-10-01/2024-10-07 "
    "2025-01-01/2025-01-01 2025-01-28/2025-02-04 2025-04-04/2025-04-06 2025-05-01/2025-05-05 "
    "2025-05-31/2025-06-02 2025-10-01/2025-10-08 "
    "2026-01-01/2026-01-03 2026-02-15/2026-02-23 2026-04-04/2026-04-06 2026-05-01/2026-05-05 "
    "2026-06-19/2026-06-21 2026-09-25/2026-09-27 2026-10-01/2026-10-07"
)
MAKE_UP_DAYS = (
    "2024-02-04 2024-02-18 2024-04-07 2024-04-28 2024-05-11 2024-09-14 2024-09-29 2024-10-12 "
    "2025-01-26 2025-02-08 2025-04-27 2025-09-28 2025-10-11 "
    "2026-01-04 2026-02-14 2026-02-28 2026-05-09 2026-09-20 2026-10-10"
)


def _days(spans: str) -> Iterator[date]:
    for span in spans.split():
        first, _, last = span.partition("/")
        day, end = date.fromisoformat(first), date.fromisoformat(last or first)
        while day <= end:
            yield day
            day += timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked on.

    Attributes:
        off: Days off besides weekends.
        worked: Days that are worked on although they are weekend days or days off.
    """

    off: frozenset[date] = frozenset(_days(HOLIDAYS))
    worked: frozenset[date] = frozenset(_days(MAKE_UP_DAYS))

    def extended(self, off: Iterable[date], worked: Iterable[date]) -> Calendar:
        """Return the calendar with what a city says of its own; that outdoes the notices."""
        off, worked = frozenset(off), frozenset(worked)
        return Calendar((self.off | off) - worked, (self.worked | worked) - off)

    def is_worked_on(self, day: date) -> bool:
        """Tell whether people work on a day."""
        return day in self.worked or (day.weekday() < 5 and day not in self.off)

    def next_worked(self, day: date) -> date:
        """Return the day itself if it is worked on, else the next one that is."""
        while not self.is_worked_on(day):
            day += timedelta(days=1)
        return day


def add_months(day: date, months: int) -> date:
    """Return the same day of a later month, or its last one where it is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))

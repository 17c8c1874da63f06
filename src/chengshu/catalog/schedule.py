"""When the platform pulls a resource by itself; clock times are the city's."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from chengshu.catalog.declared import Declared, Flag
from chengshu.catalog.file_source import duration_of

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Priority = Literal["high", "normal", "low"]


def _is_clock_time(value: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError(f"{value!r} is no clock time, expected 02:30 say")
    return value


def _is_day(value: str) -> str:
    if value not in WEEKDAYS and not (value.isdecimal() and 1 <= int(value) <= 31):
        raise ValueError(f"{value!r} is no day, expected mon to sun, or 1 to 31")
    return value


class Schedule(Declared):
    """When a resource is pulled by itself.

    Attributes:
        at: Clock times, on the days that are due.
        every: Instead of them, how often from midnight on: ``5 minutes``, ``2 hours``.
        days: The days that are due: days of the week (``mon``) or of the month (``1``; ``31`` is
            the last of each). Without any, ``every`` means each day, and ``at`` what the update
            cycle says: each day, Mondays, the first of the month, quarter, half-year, or year.
        working: True puts a day off to the next one that is worked on.
        priority: Who goes first where several wait.
        longest: How long one pull may take before it is given up.
        retries: How often a pull that failed is tried again, at growing intervals, until the next
            one is due.
    """

    at: tuple[Annotated[str, AfterValidator(_is_clock_time)], ...] = ()
    every: Annotated[str, Field(pattern=r"^[1-9]\d* (minute|hour)s?$")] | None = None
    days: tuple[Annotated[str, AfterValidator(_is_day)], ...] = ()
    working: Flag = False
    priority: Priority = "normal"
    longest: Annotated[str, Field(pattern=r"^[1-9]\d* (minute|hour)s?$")] = "6 hours"
    retries: Annotated[int, Field(ge=0, le=20)] = 5

    @property
    def times(self) -> list[time]:
        """Return the clock times of a day that is due, in order."""
        if self.every is None:
            return sorted(time.fromisoformat(text) for text in self.at)
        step = int(duration_of(self.every).total_seconds()) // 60
        return [time(*divmod(minute, 60)) for minute in range(0, 24 * 60, step)]

    @property
    def longest_s(self) -> float:
        """Return the most seconds that one pull may take."""
        return duration_of(self.longest).total_seconds()

    def told(self, update: str) -> str:
        """Return the schedule as people say it."""
        days = ", ".join(self.days) or ("" if self.every else update)
        when = f"every {self.every}" if self.every else ", ".join(self.at)
        return " ".join(filter(None, (days, when, "on working days" if self.working else "")))

    @model_validator(mode="after")
    def _one_way(self) -> Schedule:
        if bool(self.at) == bool(self.every):
            raise ValueError("give either at (clock times) or every")
        if self.every and duration_of(self.every).total_seconds() > 24 * 3600:
            raise ValueError("every is at most 24 hours; for more, give at and days")
        return self

"""What a city says of itself: its name and place, its days, what may be asked of its sources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from chengshu.catalog.declared import Declared, Label, Name
from chengshu.standards.calendar import Calendar

KEPT = "30 days"
Days = Annotated[str, Field(pattern=r"^[1-9]\d{0,4} days?$")]


class City(Declared):
    """``city.yaml``: whose pack this is.

    Attributes:
        days_off: Days off besides weekends and the public holidays that are known.
        working_days: Days that are worked on all the same 调休.
        limits: Host of a source → how many pulls from it may go at once.
        keep_snapshots: So long the stores can be read as they were at the end of each day.
        keep_runs: So long it is known of each run how it ended; of each resource's last, always.
    """

    name: Name
    label: Label
    division: Annotated[str, Field(pattern=r"^\d{6}$")]
    timezone: str = "Asia/Shanghai"
    days_off: tuple[str, ...] = ()
    working_days: tuple[str, ...] = ()
    limits: Mapping[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    keep_snapshots: Days = KEPT
    keep_runs: Days = KEPT

    @property
    def calendar(self) -> Calendar:
        """Return its working days."""
        off, worked = (map(date.fromisoformat, d) for d in (self.days_off, self.working_days))
        return Calendar().extended(off, worked)

    @field_validator("days_off", "working_days")
    @classmethod
    def _are_days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for day in value:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", day) is None:
                raise ValueError(f"{day!r} is no date, expected 2027-10-01 say")
            date.fromisoformat(day)
        return value

    @field_validator("timezone")
    @classmethod
    def _exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as err:
            raise ValueError(f"unknown time zone {value!r}, expected Asia/Shanghai say") from err
        return value

"""How times of day are written in files behind a day.

`why_not_time` judges the shape, `read_clock` takes it apart. Each has its SQL beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from chengshu.engine.sql import literal, matches
from chengshu.standards.types.slow_path import names_of

OFFSET = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
OWN_OFFSET = r"\+08(?::?00)?"
_CLOCK = r"[0-9]{1,2}:[0-9]{1,2}(?::[0-9]{1,2}(?:\.[0-9]{1,9})?)?"
_SAID = "[0-9]{1,2}[时点](?:[0-9]{1,2}分(?:[0-9]{1,2}秒)?)?"
TIME = (
    f"[ T](?:(?:上午|下午) ?(?:{_CLOCK}|{_SAID})|(?:{_CLOCK})(?: ?(?:AM|PM|am|pm))?|{_SAID})"
    f" ?{OFFSET}?"
)
DENSE_TIME = f"[ T]?[0-9]{{4}}(?:[0-9]{{2}}(?:[0-9]{{3}})?)?{OFFSET}?"
"""A time without colons; it stands behind a day of eight digits only."""

_SHOWN = "[0-9]{1,2}[:时点][0-9:.分秒]*"
_AFTERNOON = "下午|PM|pm"
_MORNING = "上午|AM|am"


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day in parts; ``hour`` is 24 at the end of the day."""

    hour: int
    minute: int
    second: int
    fraction: str

    @property
    def is_real(self) -> bool:
        """Return whether a clock shows it."""
        end = self.hour == 24 and not (self.minute or self.second or self.fraction.strip("0"))
        return (self.hour < 24 or end) and self.minute < 60 and self.second < 60


def why_not_time(rest: str, dense: bool) -> str | None:
    """Return why what follows a day is not a time here; None for a time or nothing."""
    if rest and not re.fullmatch(TIME, rest) and not (dense and re.fullmatch(DENSE_TIME, rest)):
        return "unreadable"
    foreign = re.search(f"{OFFSET}\\Z", rest) and not re.search(f"{OWN_OFFSET}\\Z", rest)
    return "other_offset" if foreign else None


def why_not_time_sql(rest: str, written: str) -> str:
    """Return SQL of `why_not_time`; ``written`` is the day as written."""
    dense = f"{matches(written, '[0-9]{8}')} AND {matches(rest, DENSE_TIME)}"
    foreign = f"regexp_matches({rest}, {literal(OFFSET + chr(92) + 'z')})"
    own = f"regexp_matches({rest}, {literal(OWN_OFFSET + chr(92) + 'z')})"
    return (
        f"CASE WHEN {rest} = '' THEN CAST(NULL AS VARCHAR) "
        f"WHEN NOT ({matches(rest, TIME)} OR ({dense})) THEN 'unreadable' "
        f"WHEN {foreign} AND NOT {own} THEN 'other_offset' END"
    )


def read_clock(rest: str) -> Clock:
    """Return the time of day that stands behind a day; an hour no clock has becomes 99."""
    if re.fullmatch(DENSE_TIME, rest):
        digits = re.findall("[0-9]{4,9}", rest)[0]
        parts = [digits[:2], digits[2:4], digits[4:6], digits[6:]]
    else:
        found = re.search(_SHOWN, rest)
        said = found.group() if found else ""
        parts = [*re.split("[:时点分秒.]", said), "", "", "", ""][:4]
    hour, minute, second = (int(part or 0) for part in parts[:3])
    if re.search(_AFTERNOON, rest):
        hour = hour + 12 if hour < 12 else hour if hour < 24 else 99
    elif re.search(_MORNING, rest):
        hour = hour % 12 if hour <= 12 else 99
    return Clock(hour, minute, second, parts[3])


def stamp_of(day: date, clock: Clock) -> datetime:
    """Return the moment of a real clock on a day; 24:00 is the next day's midnight."""
    micros = int(clock.fraction[:6].ljust(6, "0"))
    at = time(clock.hour % 24, clock.minute, clock.second, micros)
    return datetime.combine(day + timedelta(clock.hour // 24), at)


def clock_steps(to: str) -> Sequence[Mapping[str, str]]:
    """Return the steps of `read_clock` and `stamp_of`: the last makes ``stamp`` and ``is_real``."""
    rest, clock, half = names_of(to, "rest", "clock", "half")
    h, minute, seconds = names_of(to, "h", "minute", "seconds")
    hour, second, fraction, day = names_of(to, "hour", "second", "fraction", "date")
    digits = f"regexp_extract({rest}, '[0-9]{{4,9}}', 0)"
    cuts = ((1, 2, ":"), (3, 2, ":"), (5, 2, "."))
    dense = "".join(f"substr({digits}, {at}, {n}) || '{sign}' || " for at, n, sign in cuts)
    said = f"translate(regexp_extract({rest}, {literal(_SHOWN)}, 0), '时点分秒', ':::')"
    end = (
        f"{hour} = 24 AND {minute} = 0 AND {second} = 0 AND translate({fraction}, '0', '') = '' "
        f"AND {day} < CAST('9999-12-31' AS DATE)"
    )
    on = f"CASE WHEN {hour} = 24 THEN {day} + CAST(1 AS INTEGER) ELSE {day} END"
    shown = " || ':' || ".join(
        f"lpad(CAST({part} AS VARCHAR), 2, '0')" for part in (f"{hour} % 24", minute, second)
    )
    part = f"CASE WHEN {fraction} = '' THEN '' ELSE '.' || substr({fraction}, 1, 6) END"
    return [
        {
            "clock": f"CASE WHEN {matches(rest, DENSE_TIME)} THEN {dense}substr({digits}, 7, 3) "
            f"ELSE {said} END",
            "half": f"CASE WHEN regexp_matches({rest}, '{_AFTERNOON}') THEN 'p' "
            f"WHEN regexp_matches({rest}, '{_MORNING}') THEN 'a' ELSE '' END",
        },
        {
            "h": _number_sql(f"split_part({clock}, ':', 1)"),
            "minute": _number_sql(f"split_part({clock}, ':', 2)"),
            "seconds": f"split_part({clock}, ':', 3)",
        },
        {
            "hour": _hour_sql(half, h),
            "second": _number_sql(f"split_part({seconds}, '.', 1)"),
            "fraction": f"split_part({seconds}, '.', 2)",
        },
        {
            "is_real": f"({hour} < 24 OR {end}) AND {minute} < 60 AND {second} < 60",
            "stamp": f"TRY_CAST(CAST({on} AS VARCHAR) || ' ' || {shown} || {part} AS TIMESTAMP)",
        },
    ]


def _number_sql(c: str) -> str:
    return f"COALESCE(TRY_CAST({c} AS INTEGER), 0)"


def _hour_sql(half: str, hour: str) -> str:
    """Return SQL of the hour of 24, from the half of the day and the hour written."""
    return (
        f"CASE WHEN {half} = 'p' AND {hour} < 12 THEN {hour} + 12 "
        f"WHEN {half} = 'p' AND {hour} > 23 THEN 99 WHEN {half} = 'a' AND {hour} > 12 THEN 99 "
        f"WHEN {half} = 'a' THEN {hour} % 12 ELSE {hour} END"
    )

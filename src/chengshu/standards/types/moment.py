"""Points in time, as the clocks of the city show them.

Source: GB/T 7408.1-2023 (ISO 8601-1), 5.4: date and time of day, with a space for the T.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from chengshu.engine.sql import literal, matches, quote
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import MISSING, reading_of, reasons_of
from chengshu.standards.types.decimal_text import WRITTEN
from chengshu.standards.types.parameters import check_choice, name_with
from chengshu.standards.types.slow_path import (
    RESPELLED,
    choose_sql,
    fast_sql,
    names_of,
    plain_of,
    prints_as,
    slow_sql,
    stages_of,
    tidied_steps,
)
from chengshu.standards.types.written_date import (
    INVALID,
    ORDERS,
    WARNING,
    day_steps,
    is_zero,
    make_day,
    no_day_sql,
    spell,
    spell_sql,
    split_day,
    why_unreadable,
    why_unreadable_sql,
)
from chengshu.standards.types.written_time import (
    OWN_OFFSET,
    clock_steps,
    read_clock,
    stamp_of,
    why_not_time,
)

LAST_DAY = "9999-12-31"
PLACEHOLDERS = ("1900-01-01 00:00:00", "1970-01-01 00:00:00", "1970-01-01 08:00:00")

REASONS: Mapping[str, Reason] = {
    **RESPELLED,
    **reasons_of(
        Verdict.CORRECTED,
        {
            "no_time": ("had no time of day, midnight assumed", "缺时间，按零点记"),
            "offset_dropped": ("had the offset +08:00, dropped", "含东八区标记，已舍去"),
            "fraction_cut": (
                "had more than six places of a second, cut",
                "秒的小数已截断",
            ),
            "from_epoch": ("was a count of seconds or milliseconds", "由时间戳换算"),
        },
    ),
    **reasons_of(Verdict.WARNING, WARNING),
    **reasons_of(
        Verdict.INVALID, {**INVALID, "not_a_time": ("is no time of the day", "时间不存在")}
    ),
}

_PLAIN = (
    "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?:\.[0-9]{0,5}[1-9])?"
)
_OWN_OFFSET_LAST = OWN_OFFSET + r"\z"
_DIVISORS = {"s": 1, "ms": 1000}
_DIGITS = {"s": "[0-9]{10}", "ms": "[0-9]{13}"}


@dataclass(frozen=True, slots=True)
class Moment:
    """A local date and time; other offsets than +08:00 are not converted.

    Attributes:
        order: ``dmy`` or ``mdy`` where days are written with the year last.
        epoch: ``s`` or ``ms`` where numbers of 10 or 13 digits count from 1970 in UTC.
    """

    order: str = "ymd"
    epoch: str = "none"
    label: str = "日期时间"
    column: str = "TIMESTAMP"
    source: str = "GB/T 7408.1-2023, 5.4"
    reasons: Mapping[str, Reason] = field(default_factory=lambda: REASONS)

    def __post_init__(self) -> None:
        """Refuse unknown parameters."""
        check_choice("datetime", "order", self.order, ORDERS)
        check_choice("datetime", "epoch", self.epoch, ("none", *_DIVISORS))

    @property
    def name(self) -> str:
        """Return ``datetime`` with its parameters."""
        return name_with("datetime", order=(self.order, "ymd"), epoch=(self.epoch, "none"))

    def read(self, raw: str) -> Reading:
        """Return the moment as YYYY-MM-DD HH:MM:SS, with a fraction only if there is one."""
        spelt = spell(raw)
        if not spelt:
            return MISSING
        text = self._rewritten(spelt)
        parts = split_day(text, self.order)
        if not parts:
            return reading_of(self.reasons, "", why_unreadable(spelt))
        year, month, day, rest = parts
        wrong = why_not_time(rest, dense=bool(re.match("[0-9]{8}", text)))
        if wrong or is_zero(year, month, day):
            why = wrong or "zero_date"
            return Reading(self.reasons[why].verdict, None, why)
        found = make_day(year, month, day)
        if found is None:
            return reading_of(self.reasons, "", "not_a_date")
        clock = read_clock(rest)
        if not clock.is_real or (clock.hour == 24 and found == date.max):
            return reading_of(self.reasons, "", "not_a_time")
        return self._graded(raw, text != spelt, rest, stamp_of(found, clock), clock.fraction)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read` (see the protocol)."""
        fast, wide, spelt, text, stamp, bad = names_of(
            to, "fast", "tidied", "spelt", "text", "stamp", "bad"
        )
        return stages_of(
            to,
            {"fast": fast_sql(raw, _PLAIN, "TIMESTAMP")},
            *tidied_steps(to, raw, WRITTEN),
            {"spelt": spell_sql(wide)},
            {"text": self._rewritten_sql(spelt)},
            *day_steps(to, text, self.order),
            *clock_steps(to),
            {"bad": slow_sql(text, _bad_sql(to))},
            {"value": f"COALESCE({fast}, CASE WHEN {bad} IS NULL THEN {stamp} END)"},
            value=names_of(to, "value")[0],
            why=self._why_sql(to),
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        first, last = (f"CAST('{day}' AS TIMESTAMP)" for day in ("1970-01-02", "9999-11-30"))
        usual = f"{quote(to)} BETWEEN {first} AND {last}"
        return plain_of(to, f"TRY_CAST({raw} AS TIMESTAMP)", f"{usual} AND {prints_as(to, raw)}")

    def mask(self, column: str) -> str:
        """Return SQL that shows the year."""
        return f"substr({column}, 1, 4) || '-**-** **:**:**'"

    def caption(self, canonical: str) -> str:
        """Return the moment in words."""
        day, _, clock = canonical.partition(" ")
        year, month, of_month = (int(part) for part in day.split("-"))
        return f"{year}年{month}月{of_month}日 {clock}"

    def _rewritten(self, text: str) -> str:
        if self.epoch == "none" or not re.fullmatch(_DIGITS[self.epoch], text):
            return text
        count = int(text)
        at = datetime(1970, 1, 1, 8) + timedelta(  # noqa: DTZ001 - the city's clocks
            seconds=count // _DIVISORS[self.epoch],
            milliseconds=count % 1000 if self.epoch == "ms" else 0,
        )
        return at.isoformat(" ")

    def _rewritten_sql(self, text: str) -> str:
        if self.epoch == "none":
            return text
        count = f"CAST({text} AS BIGINT)"
        seconds = f"({count} // {_DIVISORS[self.epoch]} + 28800)"
        day = f"CAST('1970-01-01' AS DATE) + CAST({seconds} // 86400 AS INTEGER)"
        clock = " || ':' || ".join(
            f"lpad(CAST({seconds} // {worth} % {size} AS VARCHAR), 2, '0')"
            for worth, size in ((3600, 24), (60, 60), (1, 60))
        )
        fraction = f" || '.' || right({text}, 3)" if self.epoch == "ms" else ""
        stamp = f"CAST({day} AS VARCHAR) || ' ' || {clock}{fraction}"
        return f"CASE WHEN {matches(text, _DIGITS[self.epoch])} THEN {stamp} ELSE {text} END"

    def _graded(
        self, raw: str, from_epoch: bool, rest: str, at: datetime, fraction: str
    ) -> Reading:
        canonical = at.isoformat(" ")
        if at.microsecond:
            canonical = canonical.rstrip("0")
        return reading_of(
            self.reasons,
            canonical,
            "no_end" if canonical.startswith(LAST_DAY) else None,
            "placeholder" if canonical in PLACEHOLDERS else None,
            "from_epoch" if from_epoch else None,
            "fraction_cut" if fraction[6:].strip("0") else None,
            "offset_dropped" if re.search(f"{OWN_OFFSET}$", rest) else None,
            None if rest else "no_time",
            "respelled" if raw != canonical else None,
        )

    def _why_sql(self, to: str) -> str:
        """Return SQL of the reason, as `_graded` chooses it."""
        spelt, text, rest, fraction, bad, value = names_of(
            to, "spelt", "text", "rest", "fraction", "bad", "value"
        )
        fillers = ", ".join(f"CAST('{moment}' AS TIMESTAMP)" for moment in PLACEHOLDERS)
        corrected = choose_sql(
            [
                (f"{text} <> {spelt}", "from_epoch"),
                (f"translate(substr({fraction}, 7), '0', '') <> ''", "fraction_cut"),
                (f"regexp_matches({rest}, {literal(_OWN_OFFSET_LAST)})", "offset_dropped"),
                (f"{rest} = ''", "no_time"),
            ],
            "respelled",
        )
        return (
            f"CASE WHEN {value} >= CAST('{LAST_DAY} 00:00:00' AS TIMESTAMP) THEN 'no_end' "
            f"WHEN {value} IN ({fillers}) THEN 'placeholder' "
            f"ELSE {slow_sql(text, f'COALESCE({bad}, {corrected})')} END"
        )


def _bad_sql(to: str) -> str:
    """Return SQL of the reason why there is no moment, or NULL."""
    text, real = names_of(to, "text", "is_real")
    missing = no_day_sql(to, why_unreadable_sql(text))
    return f"COALESCE({missing}, CASE WHEN NOT {real} THEN 'not_a_time' END)"

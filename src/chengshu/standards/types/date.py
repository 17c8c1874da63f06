"""Days and months of the calendar.

Source: GB/T 7408.1-2023 (ISO 8601-1), 5.2.2: calendar dates, extended format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

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
    MONTH,
    ORDERS,
    SERIAL,
    WARNING,
    day_steps,
    is_zero,
    make_day,
    month_as_day,
    month_as_day_sql,
    no_day_sql,
    spell,
    spell_sql,
    split_day,
    why_unreadable,
    why_unreadable_sql,
)
from chengshu.standards.types.written_time import OWN_OFFSET, why_not_time

LONG_TERM = "长期|长期有效|永久|永久有效|无固定期限|无期限"
LAST_DAY = date(9999, 12, 31)
PLACEHOLDERS = (date(1900, 1, 1), date(1899, 12, 30), date(1899, 12, 31))

REASONS: Mapping[str, Reason] = {
    **RESPELLED,
    **reasons_of(
        Verdict.CORRECTED,
        {
            "time_dropped": ("had a time of day, dropped", "含时间，已舍去"),
            "day_dropped": ("had a day where a month is due, dropped", "含日，已取年月"),
            "from_serial": ("was a spreadsheet's day number", "由电子表格序号换算"),
            "long_term_dated": ("was the word for no end", "长期，已记为最大日期"),
        },
    ),
    **reasons_of(Verdict.WARNING, WARNING),
    **reasons_of(
        Verdict.INVALID,
        {
            **INVALID,
            "long_term": ("says no end where a day is due", "长期，应为日期"),
            "ambiguous_month": ("has .1, which is January or a cut October", "月份.1可为1月或10月"),
        },
    ),
}

_EPOCH_OF_SERIALS = date(1899, 12, 30)
_MIDNIGHT = (
    rf"[ T]0?0(?::00?(?::00?(?:\.0*)?)?|[时点](?:00?分(?:00?秒)?)?) ?(?:{OWN_OFFSET})?|"
    rf"[ T]?0000(?:00(?:000)?)?(?:{OWN_OFFSET})?"
)
_CUT_MONTH = r"[0-9]{4}\.1"
_YEAR, _TWO = "(?:19|20)[0-9]{2}", "(?:0?[1-9]|[1-3][0-9])"
_BY_HABIT = f"{_YEAR}(?:/{_TWO}/{_TWO}|年{_TWO}月{_TWO}日)"


@dataclass(frozen=True, slots=True)
class Date:
    """A day; with ``precision`` month the first day of a month.

    Attributes:
        precision: ``day``: a month alone is invalid; ``month``: a day is dropped.
        order: ``dmy`` or ``mdy`` where days are written with the year last.
        serial: ``excel`` where bare five-digit numbers are days since 1899-12-30.
        end: ``open`` where 长期 and 9999-12-31 mean that there is no end.
    """

    precision: str = "day"
    order: str = "ymd"
    serial: str = "none"
    end: str = "closed"
    label: str = "日期"
    column: str = "DATE"
    source: str = "GB/T 7408.1-2023, 5.2.2"
    reasons: Mapping[str, Reason] = field(default_factory=lambda: REASONS)

    def __post_init__(self) -> None:
        """Refuse unknown parameters."""
        check_choice("date", "precision", self.precision, ("day", "month"))
        check_choice("date", "order", self.order, ORDERS)
        check_choice("date", "serial", self.serial, ("none", "excel"))
        check_choice("date", "end", self.end, ("closed", "open"))

    @property
    def name(self) -> str:
        """Return ``date`` with its parameters."""
        return name_with(
            "date",
            precision=(self.precision, "day"),
            order=(self.order, "ymd"),
            serial=(self.serial, "none"),
            end=(self.end, "closed"),
        )

    def read(self, raw: str) -> Reading:
        """Return the day as YYYY-MM-DD."""
        text = spell(raw)
        if not text:
            return MISSING
        parts = split_day(self._rewritten(text), self.order)
        if not parts:
            return reading_of(self.reasons, "", self._why_unreadable(text))
        year, month, day, rest = parts
        wrong = why_not_time(rest, dense=bool(re.match("[0-9]{8}", text)))
        if wrong or is_zero(year, month, day):
            why = wrong or "zero_date"
            return Reading(self.reasons[why].verdict, None, why)
        found = make_day(year, month, day)
        if found is None:
            return reading_of(self.reasons, "", "not_a_date")
        return self._graded(raw, text, found, rest)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read` (see the protocol)."""
        fast, wide, spelt, text, date_, bad = names_of(
            to, "fast", "tidied", "spelt", "text", "date", "bad"
        )
        slow = f"CASE WHEN {bad} IS NULL THEN {self._cut_sql(date_)} END"
        return stages_of(
            to,
            {"fast": self._fast_sql(raw)},
            *tidied_steps(to, raw, WRITTEN),
            {"spelt": spell_sql(wide)},
            {"text": self._rewritten_sql(spelt)},
            *day_steps(to, text, self.order),
            {"bad": slow_sql(text, self._bad_sql(to))},
            {"value": f"COALESCE({fast}, {slow})"},
            value=names_of(to, "value")[0],
            why=self._why_sql(to),
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        first, last = _sql(date(1900, 1, 2)), _sql(date(9999, 11, 30))
        usual = f"{quote(to)} BETWEEN {first} AND {last}"
        if self._is_month:
            return plain_of(to, self._fast_sql(raw), usual)
        # How departments write days by habit is as sure as the standard's own form.
        dashed = f"regexp_replace({raw}, '[/年月]', '-', 'g')"
        habit = f"TRY_CAST(replace({dashed}, '日', '') AS DATE)"
        day = (
            f"CASE WHEN {raw} LIKE '____-__-__' THEN TRY_CAST({raw} AS DATE) "
            f"WHEN {matches(raw, _BY_HABIT)} THEN {habit} END"
        )
        canonical = f"({raw} NOT LIKE '____-__-__' OR {prints_as(to, raw)})"
        return plain_of(to, day, f"{usual} AND {canonical}")

    def mask(self, column: str) -> str:
        """Return SQL that shows the year."""
        return f"substr({column}, 1, 4) || '-**-**'"

    def caption(self, canonical: str) -> str:
        """Return the day, or the month, in words."""
        if self.end == "open" and canonical == LAST_DAY.isoformat():
            return "长期"
        day = date.fromisoformat(canonical)
        month = f"{day.year}年{day.month}月"
        return month if self.precision == "month" else f"{month}{day.day}日"

    @property
    def _is_month(self) -> bool:
        return self.precision == "month"

    def _cut(self, day: date) -> date:
        return day.replace(day=1) if self._is_month else day

    def _cut_sql(self, day: str) -> str:
        first = f"CAST(substr(CAST({day} AS VARCHAR), 1, 7) || '-01' AS DATE)"
        return first if self._is_month else day

    def _fast_sql(self, raw: str) -> str:
        year_month = "[1-9][0-9]{3}-[0-9]{2}"
        if not self._is_month:
            return fast_sql(raw, f"{year_month}-[0-9]{{2}}", "DATE")
        first = f"TRY_CAST(substr({raw}, 1, 7) || '-01' AS DATE)"
        return f"CASE WHEN {matches(raw, f'{year_month}(?:-01)?')} THEN {first} END"

    def _rewrites(self) -> Sequence[tuple[str, str]]:
        """Return pattern and reason of each text that stands for a day as declared."""
        found: list[tuple[str, str]] = []
        if self.end == "open":
            found.append((LONG_TERM, "long_term_dated"))
        if self.serial == "excel":
            found.append((SERIAL, "from_serial"))
        return found

    def _rewritten(self, text: str) -> str:
        if self.end == "open" and re.fullmatch(LONG_TERM, text):
            return LAST_DAY.isoformat()
        if self.serial == "excel" and re.fullmatch(SERIAL, text):
            return (_EPOCH_OF_SERIALS + timedelta(int(text[:5]))).isoformat()
        if self._is_month and re.fullmatch(MONTH, text) and not re.fullmatch(_CUT_MONTH, text):
            return month_as_day(text)
        return text

    def _rewritten_sql(self, text: str) -> str:
        serial = f"{_sql(_EPOCH_OF_SERIALS)} + CAST(substr({text}, 1, 5) AS INTEGER)"
        arms = []
        if self.end == "open":
            arms.append((matches(text, LONG_TERM), literal(LAST_DAY.isoformat())))
        if self.serial == "excel":
            arms.append((matches(text, SERIAL), f"CAST({serial} AS VARCHAR)"))
        if self._is_month:
            whole = f"{matches(text, MONTH)} AND NOT {matches(text, _CUT_MONTH)}"
            arms.append((whole, month_as_day_sql(text)))
        if not arms:
            return text
        cases = " ".join(f"WHEN {condition} THEN {value}" for condition, value in arms)
        return f"CASE {cases} ELSE {text} END"

    def _why_unreadable(self, text: str) -> str:
        if re.fullmatch(LONG_TERM, text):
            return "long_term"
        if self._is_month and re.fullmatch(_CUT_MONTH, text):
            return "ambiguous_month"
        return why_unreadable(text)

    def _bad_sql(self, to: str) -> str:
        """Return SQL of the reason why there is no day, or NULL."""
        text = names_of(to, "text")[0]
        cut = [(matches(text, _CUT_MONTH), "ambiguous_month")] if self._is_month else []
        long_term = (matches(text, LONG_TERM), "long_term")
        return no_day_sql(to, why_unreadable_sql(text, [long_term, *cut]))

    def _graded(self, raw: str, text: str, found: date, rest: str) -> Reading:
        day = self._cut(found)
        rewrites = (code for shape, code in self._rewrites() if re.fullmatch(shape, text))
        last = day == self._cut(LAST_DAY) and self.end == "closed"
        plain = (day.isoformat(), day.isoformat()[:7]) if self._is_month else (day.isoformat(),)
        return reading_of(
            self.reasons,
            day.isoformat(),
            "no_end" if last else None,
            "placeholder" if day in map(self._cut, PLACEHOLDERS) else None,
            next(rewrites, None),
            "time_dropped" if rest and not re.fullmatch(_MIDNIGHT, rest) else None,
            "day_dropped" if day != found else None,
            "respelled" if raw not in plain else None,
        )

    def _why_sql(self, to: str) -> str:
        """Return SQL of the reason, as `_graded` chooses it."""
        spelt, text, rest, day, bad, value = names_of(
            to, "spelt", "text", "rest", "date", "bad", "value"
        )
        marks = [
            (f"{value} IN ({', '.join(_sql(self._cut(p)) for p in PLACEHOLDERS)})", "placeholder")
        ]
        if self.end == "closed":
            marks.insert(0, (f"{value} = {_sql(self._cut(LAST_DAY))}", "no_end"))
        corrected = choose_sql(
            [
                *((matches(spelt, shape), code) for shape, code in self._rewrites()),
                (f"{rest} <> '' AND NOT {matches(rest, _MIDNIGHT)}", "time_dropped"),
                (f"{value} <> {day}", "day_dropped"),
            ],
            "respelled",
        )
        arms = " ".join(f"WHEN {condition} THEN {literal(code)}" for condition, code in marks)
        return f"CASE {arms} ELSE {slow_sql(text, f'COALESCE({bad}, {corrected})')} END"


def _sql(day: date) -> str:
    return f"CAST('{day.isoformat()}' AS DATE)"

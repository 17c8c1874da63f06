"""From where an incremental pull starts, and how far its watermark goes.

A watermark is compared only with those of its own form, for only they are in one order: as text,
10 sorts before 9. Rows whose watermark has another form, or is ahead of the clock, come with every
pull and are told; so none is lost, and none keeps later ones out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from chengshu.catalog.delivered import PulledSource
from chengshu.engine.sql import literal
from chengshu.exchange.files import Finding
from chengshu.exchange.files.jsonl import Number
from chengshu.kernel.clock import utc_now, wall_time
from chengshu.kernel.errors import InputError

# The form of a text is the text with 9 for every digit, so no text has one of these.
NUMBER, TIME, OTHER = "1 number", "1 time", "1 other"
TEXT_TIME = re.compile(r"9999-99-99([ T]99:99(:99(\.9+)?)?Z?)?")
# As text these have another order than what they say: negative numbers, dates that begin with the
# day, times with an offset from UTC or with AM and PM.
NO_ORDER = re.compile(
    r"-[9.]+|99?[-/.]99?[-/.]9999.*|.*:99(\.9+)?[+-]99(:?99)?|.*[AP]\.?M\.?", re.IGNORECASE
)
FORMS_SEEN = 20
FORMS_KEPT = 1000
Ask = Callable[[str], Sequence[Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class MarkColumn:
    """A watermark column, in the SQL of its source.

    Attributes:
        table: The table as a relation.
        value: The column; the source compares its values by their own type.
        unlike: Form → condition of the values that are not compared with those of that form.
        form: SQL of a value's form: `NUMBER`, `OTHER`, or a text's own; for columns without type.
        typed: `NUMBER` or `TIME` where the column's type says it for every value.
        exact: Template that makes SQL of a value into SQL of its exact text.
        quoted: Makes a text a literal of the source's.
    """

    table: str
    value: str
    unlike: Callable[[str], str]
    form: str = ""
    typed: str | None = None
    exact: str = "{}"
    quoted: Callable[[str], str] = literal


@dataclass(frozen=True, slots=True)
class Span:
    """What an incremental pull takes.

    Attributes:
        condition: SQL of the rows to take; None for all.
        highest: The highest watermark that they may have and that a next pull can start from.
        findings: What keeps rows coming again.
    """

    condition: str | None = None
    highest: str | None = None
    findings: list[Finding] = field(default_factory=list)


def mask_of(text: str) -> str:
    """Return the form of a text."""
    return re.sub("[0-8]", "9", text)


def span_of(
    source: PulledSource, last: str | None, zone: str, column: MarkColumn, ask: Ask
) -> Span:
    """Return what to take of a table since the watermark ``last``.

    Args:
        source: The declaration.
        last: Where the last pull ended.
        zone: The city's zone; times without a zone are its wall time.
        column: The watermark's column.
        ask: Runs a query on the source.

    Raises:
        InputError: The overlap does not fit the watermark.
    """
    form, others = _form_of(column, ask)
    if form is None:
        return Span(None, last, list(_findings(source, others, 0)))
    now = _now_in(form, zone)
    rows = f"FROM {column.table} WHERE NOT ({column.unlike(form)})"
    until = f" AND {column.value} <= {column.quoted(now)}" if now else ""
    ((highest,),) = ask(f"SELECT {column.exact.format(f'MAX({column.value})')} {rows}{until}")
    later = (
        ask(f"SELECT COUNT(*) {rows} AND {column.value} > {column.quoted(now)}") if now else [(0,)]
    )
    floor = _floor_of(source, last, form, now)
    condition = None
    if floor is not None:
        start = floor if form == NUMBER else column.quoted(floor)
        condition = f"{column.value} >= {start} OR {column.value} IS NULL OR {column.unlike(form)}"
    return Span(condition, highest or last, list(_findings(source, others, int(later[0][0]))))


class SeenMarks:
    """The watermarks of a source that cannot be asked about them, as its rows pass."""

    def __init__(self, source: PulledSource, zone: str) -> None:
        """Have seen none; times without a zone are the wall time of ``zone``."""
        self.source, self.zone = source, zone
        self._counts: Counter[str] = Counter()
        self._ahead: Counter[str] = Counter()
        self._now: dict[str, str | None] = {}
        self._highest: dict[str, str] = {}

    def add(self, value: Any) -> None:
        """Take note of a row's watermark; JSON's numbers are `Number`."""
        if value is None or not self.source.watermark:
            return
        form = (
            NUMBER
            if isinstance(value, Number)
            else mask_of(value)
            if isinstance(value, str)
            else OTHER
        )
        known = form in self._now or len(self._now) < FORMS_KEPT
        form = form if known and _has_order(form) and _has_form(str(value), form) else OTHER
        self._counts[form] += 1
        if form == OTHER:
            return
        if form not in self._now:
            self._now[form] = _now_in(form, self.zone)
        now, highest = self._now[form], self._highest.get(form)
        if now is not None and value > now:
            self._ahead[form] += 1
        elif highest is None or _order_of(value, form) > _order_of(highest, form):
            self._highest[form] = str(value)

    def span(self, last: str | None) -> Span:
        """Return how far the rows went, in the form of the last watermark if any has it."""
        counts = {form: count for form, count in self._counts.items() if form != OTHER}
        likely = max(counts, key=lambda f: (counts[f], _is_time(f)), default=OTHER)
        form = next((f for f in counts if last is not None and _has_form(last, f)), likely)
        others = self._counts.total() - counts.get(form, 0)
        findings = list(_findings(self.source, others, self._ahead[form]))
        return Span(None, self._highest.get(form, last), findings)


def floor_of(source: PulledSource, last: str | None, zone: str) -> str | None:
    """Return the lowest watermark to ask for since the watermark ``last``; None for everything.

    Raises:
        InputError: The overlap does not fit the watermark.
    """
    if last is None:
        return None
    padded = last.startswith("0") and last.isdecimal()
    form = NUMBER if _has_form(last, NUMBER) and not padded else mask_of(last)
    return _floor_of(source, last, form, _now_in(form, zone))


def _order_of(value: str, form: str) -> Any:
    return Decimal(value) if form == NUMBER else value


def _form_of(column: MarkColumn, ask: Ask) -> tuple[str | None, int]:
    """Return the form that most watermarks have, and how many have another."""
    if column.typed:
        return column.typed, 0
    all_of_them = column.exact.format("SUM(COUNT(*)) OVER ()")
    found = ask(
        f"SELECT {column.form}, COUNT(*), {all_of_them} FROM {column.table} "
        f"WHERE {column.value} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 DESC LIMIT {FORMS_SEEN}"
    )
    total = int(found[0][2]) if found else 0
    counts = {str(form): int(count) for form, count, _ in found if _has_order(str(form))}
    form = max(counts, key=lambda f: (counts[f], _is_time(f)), default=None)
    return form, total - counts.get(str(form), 0)


def _has_order(form: str) -> bool:
    return form == NUMBER or ("9" in form and NO_ORDER.fullmatch(form) is None)


def _findings(source: PulledSource, others: int, ahead: int) -> Iterator[Finding]:
    come = "come with every pull; mend them in the source"
    if others:
        yield Finding(
            0,
            "watermark_unlike",
            f"{others} rows have a watermark {source.watermark!r} that cannot be put in order with "
            f"the others (as text, 10 sorts before 9); they {come}",
        )
    if ahead:
        yield Finding(
            0,
            "watermark_ahead",
            f"{ahead} rows have a watermark {source.watermark!r} after the time of this pull; "
            f"they {come}",
        )


def _now_in(form: str, zone: str) -> str | None:
    """Return the time of the pull as watermarks of this form say it; None if they are no times."""
    # The wall clock gives whole seconds: the one that has begun counts as now.
    now = wall_time(zone) + timedelta(seconds=1)
    if form.endswith("Z"):
        now = utc_now()
    return _written(now, form) if _is_time(form) else None


def _is_time(form: str) -> bool:
    return form == TIME or TEXT_TIME.fullmatch(form) is not None


def _written(moment: datetime, form: str) -> str:
    """Return a time as watermarks of this form say it."""
    if form == TIME:
        return moment.isoformat(sep=" ")
    separator = "T" if "T" in form else " "
    text = moment.replace(tzinfo=None).isoformat(sep=separator, timespec="microseconds")
    return text[: len(form.rstrip("Z"))] + form[len(form.rstrip("Z")) :]


def _floor_of(source: PulledSource, last: str | None, form: str, now: str | None) -> str | None:
    """Return the lowest watermark to pull: the last one less the overlap; None for everything."""
    amount, _, unit = (source.overlap or "0").partition(" ")
    is_number = form == NUMBER or set(form) == {"9"}
    if source.overlap and not (_is_time(form) if unit else is_number):
        raise InputError(
            f"overlap {source.overlap!r} does not fit the watermark column {source.watermark!r}",
            hint="A number for numbers, '2 days' for dates and times.",
        )
    if last is None or not _has_form(last, form) or (now is not None and last > now):
        return None
    if not int(amount):
        return last
    if form == NUMBER:
        return str(Decimal(last) - int(amount))
    if is_number:
        return str(max(int(last) - int(amount), 0)).zfill(len(last))
    try:
        moment = datetime.fromisoformat(last)
        return _written(moment - timedelta(**{unit.rstrip("s") + "s": int(amount)}), form)
    except (ValueError, OverflowError):
        return None


def _has_form(mark: str, form: str) -> bool:
    """Tell whether a watermark that was kept can be compared with those of a form."""
    if form == TIME:
        return re.fullmatch(r"\d{4}-\d\d-\d\d( [\d:.+-]+)?", mark) is not None
    if form != NUMBER:
        return mask_of(mark) == form
    try:
        return Decimal(mark).is_finite()
    except InvalidOperation:
        return False

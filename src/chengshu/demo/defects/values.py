"""Operators on one value: each returns the SQL of what is written in its place.

``v`` is SQL of the text as the department writes it, NULL where there is none; ``h`` is SQL of a
number (UBIGINT) that is the row's own and decides between several ways. A value on which an
operator has nothing to do stays what it is, and is no defect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chengshu.engine.sql import literal

DATE = r"^(\d{4})(\D?)(\d{2}|\d)(\D?)(\d{2}|\d)(\D.*)?$"
NUMBER = r"\d+(\.\d+)?"
# Characters of given names that are taken for each other, by sound or by shape.
CONFUSED = "伟丽军明芳敏静洋勇艳杰娟涛超霞平刚桂英华建志文兰珍云梅琴清福林荣生国"
FOR_THEM = "玮莉君鸣方民靖杨永燕洁鹃韬朝夏萍钢贵瑛骅健智雯岚真芸玫勤青富琳蓉升帼"
DIGITS = "0123456789."
WIDE = "０１２３４５６７８９．"


def _nth(v: str, h: str, condition: str) -> str:
    """Return SQL of the place of one of the characters that fulfil a condition on place ``p``."""
    places = f"LIST_FILTER(RANGE(1, LENGTH({v}) + 1), lambda p: {condition})"
    return f"{places}[CAST(1 + {h} % NULLIF(LEN({places}), 0) AS BIGINT)]"


def _chosen(texts: tuple[str, ...], h: str) -> str:
    listed = ", ".join(map(literal, texts))
    return f"[{listed}][CAST(1 + {h} % {len(texts)} AS BIGINT)]"


def _rewritten(v: str, at: str, length: int, text: str) -> str:
    """Return SQL of the text with ``length`` characters at a place replaced."""
    return f"COALESCE(SUBSTR({v}, 1, {at} - 1) || {text} || SUBSTR({v}, {at} + {length}), {v})"


def change_digit(v: str, h: str, *, after: int = 0) -> str:
    """One digit is another, behind the first ``after`` characters.

    What says that a made-up number is nobody's stands in front, and must stay.
    """
    at = _nth(v, h, f"p > {after} AND SUBSTR({v}, p, 1) BETWEEN '0' AND '9'")
    other = f"(CAST(SUBSTR({v}, {at}, 1) AS INTEGER) + 1 + ({h} // 997) % 9) % 10"
    return _rewritten(v, at, 1, f"CAST({other} AS VARCHAR)")


def swap_digits(v: str, h: str) -> str:
    """Two neighbouring digits have changed places."""
    pair = f"SUBSTR({v}, p, 2)"
    at = _nth(v, h, rf"REGEXP_MATCHES({pair}, '^\d\d$') AND {pair}[1] <> {pair}[2]")
    return _rewritten(v, at, 2, f"REVERSE(SUBSTR({v}, {at}, 2))")


def drop_digit(v: str, h: str) -> str:
    """One digit is missing."""
    return _rewritten(v, _nth(v, h, f"SUBSTR({v}, p, 1) BETWEEN '0' AND '9'"), 1, "''")


def other_character(v: str, _: str) -> str:
    """A given name is written with another character of the same sound or shape."""
    return f"SUBSTR({v}, 1, 1) || TRANSLATE(SUBSTR({v}, 2), '{CONFUSED}', '{FOR_THEM}')"


def look_alike(v: str, _: str) -> str:
    """The first 0 is the letter O."""
    return f"REGEXP_REPLACE({v}, '0', 'O')"


def lower_case(v: str, _: str) -> str:
    """Capital letters are small."""
    return f"LOWER({v})"


def full_width(v: str, _: str) -> str:
    """Digits are full-width."""
    return f"TRANSLATE({v}, '{DIGITS}', '{WIDE}')"


def spaced(v: str, h: str) -> str:
    """Spaces stand around the value or inside it."""
    return (
        f"CASE {h} % 3 WHEN 0 THEN ' ' || {v} || ' ' WHEN 1 THEN {v} || '\u3000' "
        f"ELSE SUBSTR({v}, 1, 1) || '\u3000' || SUBSTR({v}, 2) END"
    )


def fifteen(v: str, _: str) -> str:
    """A citizen's number is the one of before 1999, where the person had one."""
    old = f"SUBSTR({v}, 1, 6) || SUBSTR({v}, 9, 9)"
    return f"CASE WHEN LENGTH({v}) = 18 AND SUBSTR({v}, 7, 2) = '19' THEN {old} ELSE {v} END"


def scientific(v: str, _: str) -> str:
    """A spreadsheet shows a long number as 3.30000E+17."""
    shown = f"{v}[1] || '.' || SUBSTR({v}, 2, 5) || 'E+' || (LENGTH({v}) - 1)"
    return rf"CASE WHEN REGEXP_MATCHES({v}, '^\d{{12,}}$') THEN {shown} ELSE {v} END"


def fifteen_places(v: str, _: str) -> str:
    """A spreadsheet keeps 15 places of a long number; zeros follow."""
    kept = f"SUBSTR({v}, 1, 15) || REPEAT('0', LENGTH({v}) - 15)"
    return rf"CASE WHEN REGEXP_MATCHES({v}, '^\d{{16,}}$') THEN {kept} ELSE {v} END"


def one_of(v: str, h: str, *, texts: tuple[str, ...]) -> str:
    """One of ``texts`` stands in place of the value."""
    return f"CASE WHEN {v} IS NOT NULL THEN {_chosen(texts, h)} END"


def fill(v: str, h: str, *, texts: tuple[str, ...]) -> str:
    """One of ``texts`` stands where there is no value."""
    return f"COALESCE({v}, {_chosen(texts, h)})"


def blank(_: str, __: str) -> str:
    """The value is lost."""
    return literal(None)


def wrong_encoding(v: str, h: str) -> str:
    """Text that went through a wrong encoding: question marks, or 锟斤拷."""
    marks = f"REGEXP_REPLACE({v}, '[一-龥]', '?', 'g')"
    return f"CASE {h} % 2 WHEN 0 THEN {marks} ELSE REPEAT('锟斤拷', (LENGTH({v}) + 1) // 2) END"


def private_use(v: str, h: str) -> str:
    """One character has become one of a private font."""
    at = _nth(v, h, f"SUBSTR({v}, p, 1) BETWEEN '一' AND '龥'")
    return _rewritten(v, at, 1, f"CHR(57344 + CAST({h} % 1000 AS INTEGER))")


def truncate(v: str, _: str, *, length: int) -> str:
    """The text ends after ``length`` characters."""
    return f"SUBSTR({v}, 1, {length})"


def wrap(v: str, _: str, *, before: str = "", after: str = "") -> str:
    """Words stand around the value."""
    return f"{literal(before)} || {v} || {literal(after)}"


def recode(v: str, _: str, *, codes: dict[str, str]) -> str:
    """A code is another one: code → what is written for it."""
    arms = " ".join(f"WHEN {literal(code)} THEN {literal(to)}" for code, to in codes.items())
    return f"CASE {v} {arms} ELSE {v} END"


def scale(v: str, _: str, *, factor: float) -> str:
    """The first number of the text is ``factor`` times as large."""
    number = f"TRY_CAST(REGEXP_EXTRACT({v}, '{NUMBER}') AS DECIMAL(24, 8))"
    product = f"CAST(CAST({number} * {factor!r} AS DECIMAL(30, 8)) AS VARCHAR)"
    text = f"RTRIM(RTRIM({product}, '0'), '.')"
    return f"COALESCE(REGEXP_REPLACE({v}, '{NUMBER}', {text}), {v})"


def negate(v: str, _: str) -> str:
    """A number is below zero."""
    return f"CASE WHEN REGEXP_MATCHES({v}, '^[0-9.]*[1-9]') THEN '-' || {v} ELSE {v} END"


def shift_year(v: str, _: str, *, years: int) -> str:
    """A date lies in another year."""
    year = f"LPAD(CAST(TRY_CAST(SUBSTR({v}, 1, 4) AS INTEGER) + {years} AS VARCHAR), 4, '0')"
    return f"COALESCE({year} || SUBSTR({v}, 5), {v})"


def set_day(v: str, _: str, *, month: str, day: str) -> str:
    """Month and day of a date are these: 02 and 30 make a date of no calendar."""
    return rf"REGEXP_REPLACE({v}, '{DATE}', '\1\2{month}\4{day}\6')"


def swap_month_day(v: str, _: str) -> str:
    """Month and day of a date have changed places, where that is a date again."""
    day = f"TRY_CAST(REGEXP_EXTRACT({v}, '{DATE}', 5) AS INTEGER)"
    swapped = rf"REGEXP_REPLACE({v}, '{DATE}', '\1\2\5\4\3\6')"
    return f"CASE WHEN {day} <= 12 THEN {swapped} ELSE {v} END"


def other_date(v: str, h: str) -> str:
    """A date is written in another way."""
    ways = (r"\1/\3/\5", r"\1.\3.\5", r"\1年\3月\5日")
    return f"REGEXP_REPLACE({v}, '{DATE}', {_chosen(ways, h)})"


def shift_hours(v: str, _: str, *, hours: int) -> str:
    """A time (2026-04-01 06:00:00) is ``hours`` later."""
    later = f"TRY_CAST({v} AS TIMESTAMP) + INTERVAL '{hours} hours'"
    return f"COALESCE(STRFTIME({later}, '%Y-%m-%d %H:%M:%S'), {v})"


VALUES: Mapping[str, Callable[..., str]] = {
    make.__name__: make
    for make in (
        change_digit, swap_digits, drop_digit, other_character, look_alike, lower_case, full_width,
        spaced, fifteen, scientific, fifteen_places, one_of, fill, blank, wrong_encoding,
        private_use, truncate, wrap, recode, scale, negate, shift_year, set_day, swap_month_day,
        other_date, shift_hours,
    )
}  # fmt: skip

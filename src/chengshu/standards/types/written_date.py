"""How days are written in files, as shapes; shared by dates and times.

`spell` brings a text to one spelling, `split_day` finds the day at its start, and what stands
behind the day is the time. Each has its SQL beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date

from chengshu.engine.sql import literal, matches
from chengshu.standards.clean import replace_characters, replace_characters_sql
from chengshu.standards.types.chinese_number import (
    ARABIC,
    BELOW_HUNDRED,
    two_digits,
    two_digits_sql,
)
from chengshu.standards.types.decimal_text import WRITTEN
from chengshu.standards.types.slow_path import choose_sql, names_of, tidied
from chengshu.standards.types.written_time import why_not_time_sql

Texts = Mapping[str, tuple[str, str]]

_TWO = "[0-9]{1,2}"


def _separated(first: str, last: str) -> str:
    return "|".join(f"{first}{s}{_TWO}{s}{last}" for s in ("-", "/", r"\."))


_YEAR_FIRST = (
    f"{_separated('[0-9]{4}', _TWO)}|[0-9]{{4}}年{BELOW_HUNDRED}月{BELOW_HUNDRED}日?|[0-9]{{8}}"
)
_YEAR_LAST = _separated(_TWO, "[0-9]{4}")

ORDERS: Mapping[str, Sequence[int]] = {"ymd": (1, 2, 3), "dmy": (3, 2, 1), "mdy": (3, 1, 2)}
"""Order of a day whose year stands last → where year, month and day are; the year first is sure."""

MONTH = f"[0-9]{{4}}[-/.]{_TWO}|[0-9]{{4}}年{BELOW_HUNDRED}月份?|[0-9]{{6}}"
SERIAL = r"[0-9]{5}(?:\.[0-9]{1,20})?"
EPOCH = "[0-9]{10}|[0-9]{13}"
_TWO_DIGIT_YEAR = f"(?:{_separated(_TWO, _TWO)})(?:[^0-9].*)?|[0-9]{{2}}年{BELOW_HUNDRED}月.*"
_REPUBLIC = "(?:中华)?民国.*"

UNREADABLE: Mapping[str, str] = {
    "epoch_number": EPOCH,
    "no_day": MONTH,
    "two_digit_year": _TWO_DIGIT_YEAR,
    "ambiguous_order": f"(?:{_YEAR_LAST})(?:[^0-9].*)?",
    "republic_year": _REPUBLIC,
    "excel_serial": SERIAL,
}
"""Reason → shape of a text in which no day is found, tried in this order."""

INVALID: Texts = {
    "unreadable": ("is not written like a date", "无法识别为日期"),
    "not_a_date": ("is no day of the calendar between 1000 and 9999", "日期不存在"),
    "no_day": ("has a month but no day", "只有年月，缺日"),
    "two_digit_year": ("has a year of two digits", "年份只有两位"),
    "ambiguous_order": ("has the year last; day and month cannot be told apart", "日月顺序不明"),
    "republic_year": ("counts years from 1912", "民国纪年"),
    "excel_serial": ("is a bare number, as spreadsheets store days", "电子表格日期序号"),
    "epoch_number": ("is a bare number, as programs count seconds", "时间戳数字"),
    "other_offset": ("is in another time zone than +08:00", "时区不是东八区"),
}

WARNING: Texts = {
    "zero_date": ("stands for no date: zeros, or the first day of a calendar", "以零日期表示空值"),
    "placeholder": ("is a day that systems fill in for none", "疑似占位日期"),
    "no_end": ("is the last day that systems can count, used for no end", "以最大日期表示长期"),
}

# What numeric columns with gaps make of 20240131.
_FLOAT_DAY = r"[0-9]{8}\.0+"
_WEEKDAY = r"\(?(?:星期|周|礼拜)[一二三四五六日天]\)?"
_HAN_TABLE: Mapping[str, str] = {**ARABIC, **dict.fromkeys("OoΟο", "0"), "号": "日"}


def spell(raw: str) -> str:
    """Return ``raw`` in half width, Chinese dates in Arabic digits, without the weekday."""
    text = tidied(raw, WRITTEN)
    if re.fullmatch(_FLOAT_DAY, text):
        return text[:8]
    if not re.search("[年期周拜]", text):
        return text
    text = re.sub(_WEEKDAY, " ", text)
    if "年" in text:
        text = replace_characters(text, _HAN_TABLE)
        for sign, spaced in (("年", "年"), ("月", "月"), ("日", "日 ")):
            text = re.sub(f" *{sign} *", spaced, text)
    return re.sub(" +", " ", text).strip(" ")


def spell_sql(text: str) -> str:
    """Return SQL of `spell` over a text that `tidied` made."""
    named = f"regexp_replace({text}, {literal(_WEEKDAY)}, ' ', 'g')"
    han = replace_characters_sql(named, _HAN_TABLE)
    for sign, spaced in (("年", "年"), ("月", "月"), ("日", "日 ")):
        han = f"regexp_replace({han}, ' *{sign} *', '{spaced}', 'g')"
    both = f"CASE WHEN strpos({text}, '年') > 0 THEN {han} ELSE {named} END"
    return (
        f"CASE WHEN {matches(text, _FLOAT_DAY)} THEN substr({text}, 1, 8) "
        f"WHEN regexp_matches({text}, '[年期周拜]') "
        f"THEN trim(regexp_replace({both}, ' +', ' ', 'g')) ELSE {text} END"
    )


def _shape(order: str) -> str:
    return _YEAR_FIRST if order == "ymd" else f"{_YEAR_FIRST}|{_YEAR_LAST}"


def split_day(text: str, order: str) -> tuple[str, str, str, str] | None:
    """Return year, month, day and the rest behind them, or None when no day stands in front."""
    found = re.match(_shape(order), text)
    if not found or re.fullmatch(EPOCH, text):
        return None
    day, rest = found.group(), text[found.end() :]
    if len(day) == 8 and day.isdigit():
        return day[:4], day[4:6], day[6:], rest
    parts = re.split("[-/.年月]", day.replace("日", ""))
    if len(parts[0]) != 4:
        parts = [parts[place - 1] for place in ORDERS[order]]
    return parts[0], two_digits(parts[1]), two_digits(parts[2]), rest


def day_steps(to: str, text: str, order: str) -> Sequence[Mapping[str, str]]:
    """Return the steps of `split_day` over the column ``text``.

    They make the helpers ``written`` (the day as written, empty when none is found), ``rest``,
    ``y``, ``m``, ``d`` (digits) and ``date`` (NULL when the calendar has no such day).
    """
    written, parts, y, m, d = names_of(to, "written", "parts", "y", "m", "d")
    dense = matches(written, "[0-9]{8}")
    dashed = " || '-' || ".join(
        f"substr({written}, {at}, {n})" for at, n in ((1, 4), (5, 2), (7, 2))
    )
    pick = [f"split_part({parts}, '-', {n})" for n in (1, 2, 3)]
    if order != "ymd":
        turned = [f"split_part({parts}, '-', {n})" for n in ORDERS[order]]
        year_first = f"LENGTH({pick[0]}) = 4"
        pick = [
            f"CASE WHEN {year_first} THEN {a} ELSE {b} END"
            for a, b in zip(pick, turned, strict=True)
        ]
    iso = " || '-' || ".join([y, *(f"lpad({two_digits_sql(part)}, 2, '0')" for part in (m, d))])
    anchored = literal(rf"\A(?:{_shape(order)})")
    found = f"regexp_extract({text}, {anchored}, 0)"
    return [
        {"written": f"CASE WHEN {matches(text, EPOCH)} THEN '' ELSE {found} END"},
        {
            "rest": f"substr({text}, LENGTH({written}) + 1)",
            "parts": f"CASE WHEN {dense} THEN {dashed} "
            f"ELSE translate({written}, '年月/.日', '----') END",
        },
        dict(zip("ymd", pick, strict=True)),
        {"date": f"CASE WHEN {y} >= '1000' THEN TRY_CAST({iso} AS DATE) END"},
    ]


def month_as_day(text: str) -> str:
    """Return a text of shape `MONTH` as the first day of the month."""
    if text.isdigit():
        return f"{text[:4]}-{text[4:]}-1"
    year, month = re.split("[-/.年]", text.rstrip("月份"))
    return f"{year}-{two_digits(month)}-1"


def month_as_day_sql(text: str) -> str:
    """Return SQL of `month_as_day`."""
    month = f"translate(substr({text}, 6), '月份', '')"
    return (
        f"CASE WHEN {matches(text, '[0-9]{6}')} "
        f"THEN substr({text}, 1, 4) || '-' || substr({text}, 5, 2) || '-1' "
        f"ELSE substr({text}, 1, 4) || '-' || {two_digits_sql(month)} || '-1' END"
    )


def make_day(year: str, month: str, day: str) -> date | None:
    """Return the day of the calendar between 1000 and 9999, or None."""
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if found.year >= 1000 else None


def is_zero(year: str, month: str, day: str) -> bool:
    """Return whether the parts stand for no date."""
    return (int(year), int(month), int(day)) in ((0, 0, 0), (1, 1, 1))


def no_day_sql(to: str, unreadable: str) -> str:
    """Return SQL of the reason why `day_steps` made no day, or NULL.

    Args:
        to: Name of the column.
        unreadable: SQL of the reason where no day is found.
    """
    written, rest, day = names_of(to, "written", "rest", "date")
    wrong = why_not_time_sql(rest, written)
    return (
        f"CASE WHEN {written} = '' THEN {unreadable} "
        f"WHEN {rest} <> '' AND {wrong} IS NOT NULL THEN {wrong} "
        f"WHEN {day} IS NULL AND {zero_sql(to)} THEN 'zero_date' "
        f"WHEN {day} IS NULL THEN 'not_a_date' END"
    )


def zero_sql(to: str) -> str:
    """Return SQL of `is_zero` over the helpers of `day_steps`."""
    joined = " || '-' || ".join(names_of(to, "y", "m", "d"))
    return matches(f"({joined})", "0000-00?-00?|0001-0?1-0?1")


def why_unreadable(text: str) -> str:
    """Return the reason why no day is found in ``text``."""
    shapes = UNREADABLE.items()
    return next((code for code, shape in shapes if re.fullmatch(shape, text)), "unreadable")


def why_unreadable_sql(text: str, before: Sequence[tuple[str, str]] = ()) -> str:
    """Return SQL of `why_unreadable`; conditions and reasons in ``before`` are tried first."""
    shapes = [(matches(text, shape), code) for code, shape in UNREADABLE.items()]
    return choose_sql([*before, *shapes], "unreadable")

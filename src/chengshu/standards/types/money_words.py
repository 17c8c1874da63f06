"""How amounts of money are written in files: words, units and shapes.

`spell` brings a text to half width, Arabic digits and everyday units without spaces;
`body_of` leaves the number with its unit. Each has its SQL beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from chengshu.engine.sql import literal, matches
from chengshu.standards.clean import UPPER, compose
from chengshu.standards.codes import load_code_set
from chengshu.standards.types.chinese_number import ARABIC, INTEGER
from chengshu.standards.types.decimal_text import DIGITS, WRITTEN, close
from chengshu.standards.types.slow_path import tidied

CURRENCIES: Mapping[str, str] = {
    "CNY": "人民币|RMB|CNY|¥",
    "USD": "美金|USD|US\\$|\\$",
    "HKD": "港币|HKD|HK\\$",
    "EUR": "EUR|€",
    "JPY": "日币|JPY",
}
"""Code → the words and signs that name the currency."""

YUANS: Mapping[str, str] = {"USD": "美元", "HKD": "香港元|港元", "EUR": "欧元", "JPY": "日元"}
"""Code → the words that name the currency and are its unit as well."""

_FOREIGN = "£|₩|₽|₹|฿|法郎|马克|卢比|克朗|比索|韩币|韩圜|坡币|葡币|台元|外币"

_NUMBER = rf"(?:{DIGITS}(?:\.[0-9]{{0,30}})?|\.[0-9]{{1,30}})"

SCALED = rf"({_NUMBER})([十百千]?(?:万亿|[万亿])?元?)[整正]?"
"""A decimal and its unit: ``2.5亿元``, ``3千万``, ``1,234.50``."""

SPELT = f"({INTEGER})元?(?:0?([1-9])角)?(?:0?([1-9])分)?[整正]?"
"""A number in words with its coins: ``5百万元整``, ``1百2十元5角``."""

SCIENTIFIC = rf"[+-]?{_NUMBER}E[+-]?[0-9]{{1,3}}"
"""What spreadsheets make of a long number."""

_NOTES = r"\(?[大小]写\)?"
_BOXED_UNIT = r"[^()]+\([十百千万亿元]+\)"
_ACCOUNTING = rf"\({_NUMBER}\)"
TABLE: Mapping[str, str] = compose(
    {**WRITTEN, "负": "-", "点": ".", "毛": "角"}, {**ARABIC, **UPPER}
)
_COINS = "[1-9][角分]"


def spell(raw: str) -> str:
    """Return ``raw`` in one spelling; spaces stay where they part digits."""
    return close(tidied(raw, TABLE))


def _own(currency: str) -> str:
    names = CURRENCIES[currency]
    return rf"(?:\((?:{names})\)|{names}|{_NOTES}):?"


def _leading(currency: str) -> str:
    return rf"\A(?:{YUANS[currency]}):?"


def nameless(text: str, currency: str) -> str:
    """Return ``text`` without the names of its currency."""
    if currency in YUANS:
        text = re.sub(YUANS[currency], "元", re.sub(_leading(currency), "", text))
    return re.sub(_own(currency), "", text)


def nameless_sql(c: str, currency: str) -> str:
    """Return SQL of `nameless`."""
    if currency in YUANS:
        c = f"regexp_replace({c}, {literal(_leading(currency))}, '')"
        c = f"regexp_replace({c}, {literal(YUANS[currency])}, '元', 'g')"
    return f"regexp_replace({c}, {literal(_own(currency))}, '', 'g')"


@cache
def foreign_pattern(currency: str) -> str:
    """Return the pattern that finds the name or code of any other currency."""
    others = [words for code, words in CURRENCIES.items() if code != currency]
    units = [words for code, words in YUANS.items() if code != currency]
    listed = [
        word
        for code in load_code_set("currency").codes.values()
        if code.code not in CURRENCIES
        for word in (code.code, code.name, *code.aliases)
        if not word.isdigit()
    ]
    return "|".join([*units, *others, *listed, _FOREIGN])


def with_yuan(number: str) -> str:
    """Return ``5角`` as ``0元5角``, other numbers as they are."""
    return f"0元{number}" if re.match(_COINS, number) else number


def with_yuan_sql(c: str) -> str:
    """Return SQL of `with_yuan`."""
    first = literal(rf"\A{_COINS}")
    return f"CASE WHEN regexp_matches({c}, {first}) THEN '0元' || {c} ELSE {c} END"


def unboxed(text: str) -> str:
    """Return ``100(万元)`` as ``100万元`` and the accountant's ``(100)`` as ``-100``."""
    bare = text.replace("(", "").replace(")", "")
    if re.fullmatch(_ACCOUNTING, text):
        return f"-{bare}"
    return bare if re.fullmatch(_BOXED_UNIT, text) else text


def unboxed_sql(c: str) -> str:
    """Return SQL of `unboxed`."""
    bare = f"translate({c}, '()', '')"
    return (
        f"CASE WHEN strpos({c}, '(') = 0 THEN {c} "
        f"WHEN {matches(c, _ACCOUNTING)} THEN '-' || {bare} "
        f"WHEN {matches(c, _BOXED_UNIT)} THEN {bare} ELSE {c} END"
    )


def zeros_of(text: str, default: int) -> int:
    """Return the power of ten that the units of ``text`` stand for (`SCALED`, group 2)."""
    power = 12 if "万亿" in text else 8 if "亿" in text else 4 if "万" in text else 0
    if not any(unit in text for unit in "万亿元"):
        power = default
    return power + (3 if "千" in text else 2 if "百" in text else 1 if "十" in text else 0)


def zeros_sql(c: str, default: int) -> str:
    """Return SQL of `zeros_of`."""
    tens = " ".join(
        f"WHEN strpos({c}, '{u}') > 0 THEN {n}" for u, n in (("千", 3), ("百", 2), ("十", 1))
    )
    return (
        f"(CASE WHEN strpos({c}, '万亿') > 0 THEN 12 WHEN strpos({c}, '亿') > 0 THEN 8 "
        f"WHEN strpos({c}, '万') > 0 THEN 4 WHEN strpos({c}, '元') > 0 THEN 0 "
        f"ELSE {default} END + CASE {tens} ELSE 0 END)"
    )


def names_unit(text: str) -> bool:
    """Return whether a number in words says what it counts."""
    return any(unit in text for unit in "万亿元角分")


def names_unit_sql(c: str) -> str:
    """Return SQL of `names_unit`."""
    return f"regexp_matches({c}, '[万亿元角分]')"

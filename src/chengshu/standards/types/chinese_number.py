"""Chinese numerals below 万亿, as Python and as SQL: 伍佰, 五万零三百, 1亿2000万.

Digits become Arabic first, so that 三千 and 3千 are one form. A number that can be meant in two
ways is not read: 五万三 is 50003 to the letter and 53000 in speech.

Source: GB/T 15835-2011 (use of numerals), 5.2; capital forms: 支付结算办法, annex 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_DIGITS = (
    "零〇○",
    "一壹弌",
    "二贰貳两兩",
    "三叁參",
    "四肆",
    "五伍",
    "六陆陸",
    "七柒",
    "八捌",
    "九玖",
)
_UNITS = {"十": "拾", "百": "佰", "千": "仟", "万": "萬", "亿": "億", "元": "圆圓块"}

ARABIC: Mapping[str, str] = {
    **{character: str(n) for n, characters in enumerate(_DIGITS) for character in characters},
    **{character: unit for unit, characters in _UNITS.items() for character in characters},
}
"""What makes one spelling of the numerals: Arabic digits, and the everyday form of each unit."""

_TENS = "[1-9]?十[1-9]?"
_HUNDREDS = "[1-9]百(?:0[1-9]|[1-9]十[1-9]?)?"
_THOUSANDS = "[1-9]千(?:0[1-9]|0?[1-9]?十[1-9]?|[1-9]百(?:0[1-9]|[1-9]十[1-9]?)?)?"
_SPELT = f"{_THOUSANDS}|{_HUNDREDS}|{_TENS}"
_FIRST = f"(?:{_SPELT}|[0-9]{{1,4}})"
_NEXT = f"(?:0?(?:{_SPELT})|0[1-9]|[0-9]{{4}})"
_AFTER_GAP = f"0(?:{_SPELT}|[1-9])"

BELOW_HUNDRED = "(?:[1-9]?十[1-9]?|[0-9]{1,2})"
"""Pattern of a number below a hundred once its digits are Arabic."""

INTEGER = f"(?:{_FIRST}亿(?:{_NEXT}万(?:{_NEXT})?|{_AFTER_GAP})?|{_FIRST}万(?:{_NEXT})?|{_FIRST})"
"""Pattern of an integer once its digits are Arabic (`ARABIC`)."""

_PLACES = {"千": 1000, "百": 100, "十": 10}
_TERM = re.compile("([0-9]*)([千百十]?)")


def read_below_ten_thousand(text: str) -> int:
    """Return the value of a section: ``5百03`` or ``2000``; empty is 0."""
    total = 0
    for digits, unit in _TERM.findall(text):
        number = int(digits) if digits else 0
        total += (number or 1) * _PLACES[unit] if unit else number
    return total


def read_integer(text: str) -> int:
    """Return the value of a text that matches `INTEGER`."""
    high, _, rest = text.rpartition("亿")
    middle, _, low = rest.rpartition("万")
    sections = (read_below_ten_thousand(part) for part in (high, middle, low))
    return sum(n * w for n, w in zip(sections, (10**8, 10**4, 1), strict=True))


def below_ten_thousand_sql(c: str) -> str:
    """Return SQL of `read_below_ten_thousand`."""
    terms = [f"COALESCE(TRY_CAST(right({c}, 1) AS BIGINT), 0)"]
    for unit, worth in _PLACES.items():
        at = f"strpos({c}, '{unit}')"
        # 十 may stand alone (十五) or behind a zero (一千零十五): it is one ten then.
        before = f"TRY_CAST(NULLIF(substr({c}, {at} - 1, 1), '0') AS BIGINT)"
        digit = f"CASE WHEN {at} = 1 THEN 1 ELSE COALESCE({before}, 1) END"
        terms.append(f"CASE WHEN {at} = 0 THEN 0 ELSE {worth} * {digit} END")
    whole = f"TRY_CAST({c} AS BIGINT)"
    return f"CASE WHEN {c} = '' THEN 0 ELSE COALESCE({whole}, {' + '.join(terms)}) END"


def sections_sql(c: str) -> tuple[str, str, str]:
    """Return SQL of the texts before 亿, before 万 and after both."""
    low = f"CASE WHEN strpos({c}, '亿') > 0 THEN split_part({c}, '亿', 2) ELSE {c} END"
    high = f"CASE WHEN strpos({c}, '亿') > 0 THEN split_part({c}, '亿', 1) ELSE '' END"
    middle = f"CASE WHEN strpos({c}, '万') > 0 THEN split_part({low}, '万', 1) ELSE '' END"
    last = f"CASE WHEN strpos({c}, '万') > 0 THEN split_part({c}, '万', 2) ELSE {low} END"
    return high, middle, last


def integer_sql(high: str, middle: str, low: str) -> str:
    """Return SQL of `read_integer` over the three columns of `sections_sql`."""
    parts = (below_ten_thousand_sql(column) for column in (high, middle, low))
    return " + ".join(f"({sql}) * {w}" for sql, w in zip(parts, (10**8, 10**4, 1), strict=True))


def two_digits_sql(c: str) -> str:
    """Return SQL of the digits of a text that matches `BELOW_HUNDRED`: ``3十1`` is ``31``."""
    return (
        f"CASE WHEN strpos({c}, '十') = 0 THEN {c} "
        f"WHEN {c} = '十' THEN '10' "
        f"WHEN strpos({c}, '十') = 1 THEN replace({c}, '十', '1') "
        f"WHEN right({c}, 1) = '十' THEN replace({c}, '十', '0') "
        f"ELSE replace({c}, '十', '') END"
    )


def two_digits(text: str) -> str:
    """Return the digits of a text that matches `BELOW_HUNDRED`."""
    return text if "十" not in text else str(read_below_ten_thousand(text))

"""The ways in which departments spoil a value or a row; each returns the rows to deliver."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from random import Random
from typing import TypeAlias

from tests.support.small_city.numbers import make_citizen_id, make_uscc
from tests.support.small_city.people import Row

Spoil: TypeAlias = Callable[[Row, Random], list[Row]]

TORN = "_torn"
"""Marks a row whose line is written carelessly."""
AS_NUMBER = "_as_number"
"""Names the field that a spreadsheet took for a number."""

_FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")
_FIGURES = "零壹贰叁肆伍陆柒捌玖"
_UNITS = {1: "", 10: "拾", 100: "佰", 1_000: "仟"}


def rewrite(field: str, spell: Callable[[str, Random], str]) -> Spoil:
    """Return what writes the field in another way, where it has a value."""

    def act(row: Row, rng: Random) -> list[Row]:
        return [{**row, field: spell(row[field], rng)}] if row[field] else [row]

    return act


def put(field: str, *texts: str) -> Spoil:
    """Return what writes one of ``texts`` in place of the value."""
    return lambda row, rng: [{**row, field: rng.choice(texts)}]


def full_width(text: str, _: Random) -> str:
    """Return the text in full-width digits."""
    return text.translate(_FULL_WIDTH)


def lower(text: str, _: Random) -> str:
    """Return the text in small letters."""
    return text.lower()


def spaced(text: str, rng: Random) -> str:
    """Return the text in groups of four, or with space around it."""
    parted = " ".join(text[at : at + 4] for at in range(0, len(text), 4))
    return rng.choice([parted, f" {text} ", f"{text}\u3000"])


def fifteen(text: str, _: Random) -> str:
    """Return a citizen's number as it was before 1999, where the person is old enough."""
    return text[:6] + text[8:17] if text[6:8] == "19" and text[6:10] < "1999" else text


def mistyped(text: str, rng: Random) -> str:
    """Return the text with another last character."""
    return text[:-1] + rng.choice([digit for digit in "0123456789" if digit != text[-1]])


def lost_digits(text: str, _: Random) -> str:
    """Return a long number as a spreadsheet shows it."""
    return f"{text[0]}.{text[1:6]}E+{len(text) - 1}"


def other_date(text: str, rng: Random) -> str:
    """Return a day as clerks write it."""
    year, month, day = (int(part) for part in text.split("-"))
    return rng.choice(
        [
            f"{year}/{month}/{day}",
            f"{year}.{month:02}.{day:02}",
            f"{year}年{month}月{day}日",
            f"{year}{month:02}{day:02}",
            f"{text} 00:00:00",
        ]
    )


def other_month(text: str, rng: Random) -> str:
    """Return a month as clerks write it."""
    year, month = text.split("-")
    return rng.choice([f"{year}{month}", f"{year}年{int(month)}月", f"{year}/{month}"])


def no_date(text: str, _: Random) -> str:
    """Return a day that no calendar has."""
    return f"{text[:5]}02-30"


def spoken_amount(text: str, _: Random) -> str:
    """Return an amount of 万元 in words, as on a licence."""
    amount = int(text)
    unit = max(unit for unit in _UNITS if unit <= min(amount, 1_000))
    figures = _FIGURES[amount // unit] if amount // unit < 10 else "壹拾"
    return f"{figures}{_UNITS[unit]}万元整" if amount < 10_000 else "壹亿元整"


def other_amount(text: str, rng: Random) -> str:
    """Return an amount of 万元 with its unit."""
    return rng.choice([f"{text}万元", f"{text}万元人民币", f"{int(text) * 10_000}元", f"{text}.0"])


def degrees(text: str, _: Random) -> str:
    """Return an angle in degrees, minutes and seconds."""
    seconds = round(float(text) * 3_600)
    return f"{seconds // 3_600}°{seconds // 60 % 60}′{seconds % 60}″"


def as_serial(row: Row, _: Random) -> list[Row]:
    """Return a marriage whose day the spreadsheet shows as its own count of days."""
    count = (date.fromisoformat(row["married_on"]) - date(1899, 12, 30)).days
    return [{**row, "married_on": str(count), AS_NUMBER: "married_on"}]


def as_number(field: str) -> Spoil:
    """Return what stores a citizen's number as a number, which keeps 15 of its digits."""

    def act(row: Row, _: Random) -> list[Row]:
        return [{**row, AS_NUMBER: field}] if row[field].isdigit() else [row]

    return act


def swap(one: str, other: str) -> Spoil:
    """Return what writes two values in each other's place."""
    return lambda row, _: [{**row, one: row[other], other: row[one]}]


def shift_year(field: str, years: int) -> Spoil:
    """Return what moves a day by whole years."""

    def act(row: Row, _: Random) -> list[Row]:
        if not row[field]:
            return [row]
        year, month_day = int(row[field][:4]) + years, row[field][4:].replace("-02-29", "-02-28")
        return [{**row, field: f"{year}{month_day}"}]

    return act


def copy(field: str, source: str) -> Spoil:
    """Return what writes the value of ``source`` into ``field`` as well."""
    return lambda row, _: [{**row, field: row[source]}]


def twice(**others: str) -> Spoil:
    """Return what delivers the row a second time, with ``others`` if they are given."""
    return lambda row, _: [row, {**row, **others}]


def registered_again(row: Row, rng: Random) -> list[Row]:
    """Return an enterprise that stands under two codes."""
    again = make_uscc("91", row["uscc"][2:8], f"YYYA{rng.randrange(10_000):04}")
    return [row, {**row, "uscc": again}]


def certified_again(row: Row, _: Random) -> list[Row]:
    """Return a marriage that stands under two certificates."""
    return [row, {**row, "certificate_no": f"{row['certificate_no']}-2"}]


def unregistered(row: Row, rng: Random) -> list[Row]:
    """Return a row with the code of an enterprise that nobody registered."""
    return [{**row, "uscc": make_uscc("91", "330203", f"YYYB{rng.randrange(10_000):04}")}]


def from_elsewhere(field: str) -> Spoil:
    """Return what replaces a citizen's number by that of somebody outside the city."""

    def act(row: Row, _: Random) -> list[Row]:
        born = date(*(int(row[field][at : at + n]) for at, n in ((6, 4), (10, 2), (12, 2))))
        return [{**row, field: make_citizen_id("23", born, int(row[field][14:17]))}]

    return act


def torn(field: str, sign: str) -> Spoil:
    """Return what puts a separator into a value and writes the line without quotes."""
    return lambda row, _: [{**row, field: f"{row[field][:6]}{sign}{row[field][6:]}", TORN: "yes"}]

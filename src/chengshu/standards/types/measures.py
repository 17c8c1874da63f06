"""The makers of measures and texts: parameters come as the text that a declaration writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from chengshu.standards.model import ValueType
from chengshu.standards.types.address import Address
from chengshu.standards.types.coordinate import Coordinate
from chengshu.standards.types.date import Date
from chengshu.standards.types.moment import Moment
from chengshu.standards.types.money import Money
from chengshu.standards.types.names import EnterpriseName, PersonName
from chengshu.standards.types.number import Count, Number
from chengshu.standards.types.parameters import parse_whole
from chengshu.standards.types.text import Text


def _make_date(
    precision: str = "day", order: str = "ymd", serial: str = "none", end: str = "closed"
) -> Date:
    return Date(precision, order, serial, end)


def _make_moment(order: str = "ymd", epoch: str = "none") -> Moment:
    return Moment(order, epoch)


def _make_money(unit: str = "yuan", currency: str = "CNY", sign: str = "positive") -> Money:
    return Money(unit, currency, sign)


def _make_number(scale: str = "6") -> Number:
    return Number(parse_whole("number", "scale", scale, 0, 12))


def _make_longitude(crs: str = "cgcs2000") -> Coordinate:
    return Coordinate("longitude", crs)


def _make_latitude(crs: str = "cgcs2000") -> Coordinate:
    return Coordinate("latitude", crs)


def _make_text(max_length: str | None = None) -> Text:
    if max_length is None:
        return Text()
    return Text(parse_whole("text", "max_length", max_length, 1, 1_000_000))


MEASURES: Mapping[str, Callable[..., ValueType]] = MappingProxyType(
    {
        "address": lambda: Address(),
        "count": lambda: Count(),
        "date": _make_date,
        "datetime": _make_moment,
        "enterprise_name": lambda: EnterpriseName(),
        "latitude": _make_latitude,
        "longitude": _make_longitude,
        "money": _make_money,
        "number": _make_number,
        "person_name": lambda: PersonName(),
        "text": _make_text,
    }
)
"""Name of the type → what makes it (`standards.registry` reads the signatures)."""

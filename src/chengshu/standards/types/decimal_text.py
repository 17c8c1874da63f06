"""Decimal numbers as text: unify, shift the point, round half up, all in exact digits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal

from chengshu.engine.sql import matches
from chengshu.standards.clean import (
    DASHES,
    FULL_WIDTH,
)

DIGITS = "(?:[0-9]{1,30}|[0-9]{1,3}(?:,[0-9]{3}){1,9})"
"""Pattern of an unsigned integer with or without thousand separators."""

WRITTEN: Mapping[str, str] = {**FULL_WIDTH, **DASHES}
"""What input methods type instead of the characters of numbers and dates."""

_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)


def close(text: str) -> str:
    """Return ``text`` without spaces, unless one parts two digits."""
    return text if re.search("[0-9] +[0-9]", text) else text.replace(" ", "")


def close_sql(c: str) -> str:
    """Return SQL of `close`."""
    apart = f"regexp_matches({c}, '[0-9] +[0-9]')"
    return f"CASE WHEN strpos({c}, ' ') = 0 OR {apart} THEN {c} ELSE replace({c}, ' ', '') END"


def plain_pattern(whole: int) -> str:
    """Return the pattern of a decimal that is taken as it stands; its places are rounded."""
    return rf"-?(?:0|[1-9][0-9]{{0,{whole - 1}}})(?:\.[0-9]{{1,30}})?"


def exact_pattern(whole: int, scale: int) -> str:
    """Return the pattern of a decimal that is taken as it stands and needs no rounding."""
    fraction = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
    return rf"-?(?:0|[1-9][0-9]{{0,{whole - 1}}}){fraction}"


def plain_why_sql(fast: str, raw: str, scale: int, otherwise: str) -> str:
    """Return SQL of ``rounded`` or NULL where a plain decimal was taken, else ``otherwise``.

    A text no longer than ``scale`` and the point cannot have too many places.
    """
    excess = f"LENGTH({raw}) > {scale + 2} AND {matches(raw, excess_pattern(scale))}"
    return f"CASE WHEN {fast} IS NULL THEN {otherwise} WHEN {excess} THEN 'rounded' END"


def rounded(value: Decimal, scale: int) -> Decimal:
    """Return ``value`` rounded half up to ``scale`` places, never a negative zero."""
    return _EXACT.plus(value.quantize(Decimal(1).scaleb(-scale), context=_EXACT))


def shifted(value: Decimal, places: int) -> Decimal:
    """Return ``value`` times ten to the power of ``places``, exactly."""
    return value.scaleb(places, context=_EXACT)


def fits(value: Decimal, precision: int, scale: int) -> bool:
    """Return whether a rounded value fits into ``DECIMAL(precision, scale)``."""
    return abs(value) < Decimal(10) ** (precision - scale)


def excess_pattern(scale: int) -> str:
    """Return the pattern of a number with digits other than zero behind the ``scale``-th place."""
    return rf"-?[0-9]*\.[0-9]{{{scale}}}[0-9]*[1-9][0-9]*"


def shifted_sql(digits: str, point: str, zeros: int = 0, before: int = 0) -> str:
    """Return SQL of the text of an unsigned decimal.

    Args:
        digits: SQL of the digits of both parts.
        point: SQL of the number of digits before the point, from ``-before`` to ``zeros`` past
            the last digit.
        zeros: How many zeros may be needed behind the digits.
        before: How many zeros may be needed in front of them.
    """
    padded = f"('{'0' * before}' || {digits} || '{'0' * zeros}')"
    cut = f"{before} + {point}" if before else point
    return f"(substr({padded}, 1, {cut}) || '.' || substr({padded}, {cut} + 1))"


def is_plain(text: str, whole: int) -> bool:
    """Return whether ``text`` is taken as it stands."""
    return re.fullmatch(plain_pattern(whole), text) is not None


def trimmed(canonical: str) -> str:
    """Return a decimal without the zeros at its end, for people."""
    return canonical.rstrip("0").rstrip(".") if "." in canonical else canonical

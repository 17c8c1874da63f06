"""Longitude and latitude in degrees.

Source: GB/T 16831-2013 (ISO 6709), decimal degrees; seven places are about one centimetre.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from chengshu.engine.sql import literal, matches, quote
from chengshu.standards.clean import compose
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import MISSING, reading_of, reasons_of
from chengshu.standards.types.decimal_text import (
    WRITTEN,
    close,
    close_sql,
    exact_pattern,
    excess_pattern,
    is_plain,
    plain_pattern,
    plain_why_sql,
    rounded,
    trimmed,
)
from chengshu.standards.types.parameters import check_choice, name_with
from chengshu.standards.types.slow_path import (
    RESPELLED,
    choose_sql,
    fast_sql,
    first_of,
    names_of,
    plain_of,
    slow_sql,
    stages_of,
    tidied,
    tidied_steps,
)

COLUMN = "DECIMAL(10,7)"
SYSTEMS: Mapping[str, str] = {
    "cgcs2000": "CGCS2000",
    "wgs84": "WGS 84",
    "gcj02": "GCJ-02",
    "bd09": "BD-09",
}

REASONS: Mapping[str, Reason] = {
    **RESPELLED,
    **reasons_of(
        Verdict.CORRECTED,
        {
            "rounded": ("had more than seven places", "小数位已舍入"),
            "from_dms": ("was in degrees, minutes and seconds", "由度分秒换算"),
        },
    ),
    **reasons_of(Verdict.WARNING, {"outside_china": ("is outside China", "不在中国范围内")}),
    **reasons_of(
        Verdict.INVALID,
        {
            "not_a_coordinate": ("is not an angle", "不是经纬度"),
            "zero_coordinate": ("is zero, which stands for none", "坐标为零"),
            "swapped": ("is a latitude for a longitude or the reverse", "经纬度颠倒"),
            "out_of_range": ("is no angle on the globe", "超出经纬度范围"),
        },
    ),
}

_TABLE = compose(
    WRITTEN,
    {
        **dict.fromkeys("度º˚", "°"),
        **dict.fromkeys("分'’‘`´", "′"),
        **dict.fromkeys('秒"”“˝', "″"),
        **dict(zip("东西北南ewns", "EWNSEWNS", strict=True)),
        **dict.fromkeys("经纬", ""),
    },
)
_SIXTIETHS = r"[0-5]?[0-9](?:\.[0-9]{1,6})?"
_ANGLE = rf"(?:[0-9]{{1,3}}(?:\.[0-9]{{1,30}})?°?|[0-9]{{1,3}}°{_SIXTIETHS}′(?:{_SIXTIETHS}″)?)"
_SHAPE = f"[+-]?{_ANGLE}|[EWNS]{_ANGLE}|{_ANGLE}[EWNS]"
_PARTS = re.compile("([0-9]+)°([0-9.]+)′(?:([0-9.]+)″)?")
_SIDES = {"longitude": "EW", "latitude": "NS"}
_LIMITS = {"longitude": 180, "latitude": 90}
_CHINA = {"longitude": (73, 136), "latitude": (3, 54)}


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One of the two numbers of a point, in decimal degrees, east and north positive.

    Attributes:
        axis: ``longitude`` or ``latitude``.
        crs: Reference system the numbers are in; kept and shown, never converted.
    """

    axis: str
    crs: str = "cgcs2000"
    column: str = COLUMN
    source: str = "GB/T 16831-2013"
    reasons: Mapping[str, Reason] = field(default_factory=lambda: REASONS)

    def __post_init__(self) -> None:
        """Refuse unknown parameters."""
        check_choice("coordinate", "axis", self.axis, _SIDES)
        check_choice(self.axis, "crs", self.crs, SYSTEMS)

    @property
    def name(self) -> str:
        """Return the axis, with the reference system if it is not the national one."""
        return name_with(self.axis, crs=(self.crs, "cgcs2000"))

    @property
    def label(self) -> str:
        """Return the Chinese name."""
        return "经度" if self.axis == "longitude" else "纬度"

    def read(self, raw: str) -> Reading:
        """Return the degrees with seven places."""
        text = close(tidied(raw, _TABLE)).replace("′′", "″")
        if not text:
            return MISSING
        if not re.fullmatch(_SHAPE, text):
            return reading_of(self.reasons, "", "not_a_coordinate")
        exact = _read_angle(text)
        value = rounded(exact, 7)
        why = first_of(
            (set(text) & set("EWNS") - set(_SIDES[self.axis]), "swapped"),
            (self.axis == "latitude" and 73 <= value <= 136, "swapped"),
            (abs(value) > _LIMITS[self.axis], "out_of_range"),
            (value == 0, "zero_coordinate"),
            (not _CHINA[self.axis][0] <= value <= _CHINA[self.axis][1], "outside_china"),
            ("′" in text, "from_dms"),
            (value != exact, "rounded"),
            (not is_plain(raw, 3), "respelled"),
        )
        return reading_of(self.reasons, format(value, "f"), why)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read` (see the protocol)."""
        fast, wide, text, angle, amount, value, bad = names_of(
            to, "fast", "tidied", "text", "angle", "amount", "value", "bad"
        )
        bare = f"translate({text}, 'EWNS+-', '')"
        negative = f"regexp_matches({text}, '[-WS]')"
        signed = f"CASE WHEN {negative} THEN '-' ELSE '' END || {amount}"
        low, high = _CHINA[self.axis]
        spelt = choose_sql(
            [
                (f"strpos({angle}, '′') > 0", "from_dms"),
                (matches(amount, excess_pattern(7)), "rounded"),
            ],
            "respelled",
        )
        slow = plain_why_sql(fast, raw, 7, slow_sql(text, spelt))
        outside = f"WHEN {value} < {low} OR {value} > {high} THEN 'outside_china'"
        return stages_of(
            to,
            {"fast": fast_sql(raw, plain_pattern(3), COLUMN)},
            *tidied_steps(to, raw, _TABLE),
            {"text": f"replace({close_sql(wide)}, '′′', '″')"},
            {"angle": f"CASE WHEN {matches(text, _SHAPE)} THEN {bare} END"},
            {"amount": _amount_sql(angle)},
            {"value": f"COALESCE({fast}, TRY_CAST({signed} AS {COLUMN}))"},
            {"bad": self._bad_sql(to)},
            value=f"CASE WHEN {bad} IS NULL THEN {value} END",
            why=f"CASE WHEN {bad} IS NOT NULL THEN {bad} {outside} ELSE {slow} END",
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        low, high = _CHINA[self.axis]
        also = f"{quote(to)} BETWEEN {low} AND {high}"
        return plain_of(to, fast_sql(raw, exact_pattern(3, 7), COLUMN), also)

    def mask(self, column: str) -> str:
        """Return SQL that keeps two places, about one kilometre."""
        return f"regexp_extract({column}, '^-?[0-9]+\\.[0-9][0-9]', 0) || '*****'"

    def caption(self, canonical: str) -> str:
        """Return the degrees with their side and reference system."""
        west = canonical.startswith("-")
        east, opposite = ("东经", "西经") if self.axis == "longitude" else ("北纬", "南纬")
        degrees = trimmed(canonical.lstrip("-"))
        return f"{opposite if west else east}{degrees}°（{SYSTEMS[self.crs]}）"

    def _bad_sql(self, to: str) -> str:
        """Return SQL of the reason that makes the value invalid, or NULL."""
        text, value = names_of(to, "text", "value")
        limit = _LIMITS[self.axis]
        others = "NS" if self.axis == "longitude" else "EW"
        swapped = f"regexp_matches({text}, '[{others}]')"
        if self.axis == "latitude":
            swapped += f" OR ({value} >= 73 AND {value} <= 136)"
        return (
            f"CASE WHEN {value} IS NULL THEN {slow_sql(text, literal('not_a_coordinate'))} "
            f"WHEN {swapped} THEN 'swapped' "
            f"WHEN {value} > {limit} OR {value} < -{limit} THEN 'out_of_range' "
            f"WHEN {value} = 0 THEN 'zero_coordinate' END"
        )


def _read_angle(text: str) -> Decimal:
    """Return the degrees of a text of `_SHAPE`; of minutes and seconds, rounded to seven places."""
    bare = re.sub("[EWNS+°-]", "", text)
    if found := _PARTS.search(text):
        degrees, minutes, seconds = (Decimal(part or 0) for part in found.groups())
        micros = int((degrees * 3600 + minutes * 60 + seconds).scaleb(6))
        value = Decimal((micros + 180) // 360).scaleb(-7)
    else:
        value = Decimal(bare)
    return -value if set(text) & set("-WS") else value


def _amount_sql(angle: str) -> str:
    """Return SQL of the unsigned decimal text of an angle."""
    minutes = f"split_part(split_part({angle}, '°', 2), '′', 1)"
    seconds = f"replace(split_part({angle}, '′', 2), '″', '')"
    degrees = f"CAST(split_part({angle}, '°', 1) AS BIGINT) * 3600000000"
    micros = f"({degrees} + {_micros_sql(minutes)} * 60 + {_micros_sql(seconds)} + 180) // 360"
    whole = f"CAST(({micros}) // 10000000 AS VARCHAR)"
    places = f"lpad(CAST(({micros}) % 10000000 AS VARCHAR), 7, '0')"
    return (
        f"CASE WHEN strpos({angle}, '′') > 0 THEN {whole} || '.' || {places} "
        f"ELSE replace({angle}, '°', '') END"
    )


def _micros_sql(c: str) -> str:
    whole = f"COALESCE(TRY_CAST(split_part({c}, '.', 1) AS BIGINT), 0)"
    places = f"TRY_CAST(rpad(split_part({c}, '.', 2), 6, '0') AS BIGINT)"
    return f"({whole} * 1000000 + {places})"

"""Counts and decimal numbers.

Decimal text is never read through binary floating point, so every engine stores the same value.
Source: GB/T 15835-2011, 5.1 (digits in threes); the number of places: ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from chengshu.engine.sql import matches
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import (
    MISSING,
    reading_of,
    reasons_of,
)
from chengshu.standards.types.decimal_text import (
    DIGITS,
    WRITTEN,
    exact_pattern,
    excess_pattern,
    fits,
    is_plain,
    plain_pattern,
    plain_why_sql,
    rounded,
    shifted_sql,
    trimmed,
)
from chengshu.standards.types.parameters import name_with
from chengshu.standards.types.slow_path import (
    RESPELLED,
    choose_sql,
    fast_sql,
    hidden_sql,
    names_of,
    plain_of,
    slow_sql,
    stages_of,
    tidied,
    tidied_steps,
)

COUNT_REASONS: Mapping[str, Reason] = {
    **RESPELLED,
    **reasons_of(
        Verdict.INVALID,
        {
            "not_a_count": ("is not a whole number in digits", "不是整数"),
            "not_whole": ("has a fraction where a whole number is due", "应为整数，含小数"),
            "negative": ("is below zero", "不应为负数"),
            "too_large": ("has more than 18 digits", "数值过大"),
        },
    ),
}

NUMBER_REASONS: Mapping[str, Reason] = {
    **RESPELLED,
    **reasons_of(
        Verdict.CORRECTED,
        {"rounded": ("had more decimal places than are kept", "小数已舍入")},
    ),
    **reasons_of(
        Verdict.INVALID,
        {
            "not_a_number": ("is not a number in digits", "不是数字"),
            "not_finite": ("is NaN or infinite", "不是有限数值"),
            "too_large": ("does not fit the column", "数值过大"),
        },
    ),
}

_PLAIN_COUNT = "0|[1-9][0-9]{0,17}"
_WHOLE = rf"\+?{DIGITS}(?:\.0*)?"
_NEGATIVE = rf"-{DIGITS}(?:\.0*)?"
_FRACTION = rf"[+-]?{DIGITS}\.[0-9]*[1-9][0-9]*"
_NUMBER = rf"[+-]?(?:{DIGITS}(?:\.[0-9]{{0,30}})?|\.[0-9]{{1,30}})(?:[eE][+-]?[0-9]{{1,2}})?"
_NOT_FINITE = r"[+-]?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|∞)"


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number that is not negative; ``12.0`` and ``1,234`` are corrected."""

    name: str = "count"
    label: str = "数量"
    column: str = "BIGINT"
    source: str = "GB/T 15835-2011, 5.1"
    reasons: Mapping[str, Reason] = field(default_factory=lambda: COUNT_REASONS)

    def read(self, raw: str) -> Reading:
        """Return the count in digits, without zeros in front."""
        text = tidied(raw, WRITTEN)
        if not text:
            return MISSING
        if not re.fullmatch(_WHOLE, text):
            return reading_of(self.reasons, "", _why_not_a_count(text))
        digits = re.sub("[,+]", "", text.split(".")[0]).lstrip("0") or "0"
        large = "too_large" if len(digits) > 18 else None
        return reading_of(self.reasons, digits, large, "respelled" if digits != raw else None)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read` (see the protocol)."""
        fast, text, digits = names_of(to, "fast", "tidied", "digits")
        separate = f"translate(split_part({text}, '.', 1), ',+', '')"
        bare = f"COALESCE(NULLIF(regexp_replace({separate}, '^0+', ''), ''), '0')"
        why = choose_sql(
            [
                (f"LENGTH({digits}) > 18", "too_large"),
                (f"{digits} IS NOT NULL", "respelled"),
                (matches(text, _NEGATIVE), "negative"),
                (matches(text, _FRACTION), "not_whole"),
            ],
            "not_a_count",
        )
        return stages_of(
            to,
            {"fast": fast_sql(raw, _PLAIN_COUNT, "BIGINT")},
            *tidied_steps(to, raw, WRITTEN),
            {"digits": f"CASE WHEN {matches(text, _WHOLE)} THEN {bare} END"},
            value=f"CASE WHEN {fast} IS NOT NULL THEN {fast} "
            f"WHEN LENGTH({digits}) <= 18 THEN TRY_CAST({digits} AS BIGINT) END",
            why=slow_sql(text, why),
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        return plain_of(to, fast_sql(raw, _PLAIN_COUNT, "BIGINT"))

    def mask(self, column: str) -> str:
        """Return SQL that shows no digit."""
        return hidden_sql(column)

    def caption(self, canonical: str) -> str:
        """Return the count with thousand separators."""
        return f"{int(canonical):,}"


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number of at most 18 digits, ``scale`` of them behind the point.

    Attributes:
        scale: Places kept, 0 to 12; more are rounded half up (``rounded``).
    """

    scale: int = 6
    label: str = "数值"
    source: str = "GB/T 15835-2011, 5.1"
    reasons: Mapping[str, Reason] = field(default_factory=lambda: NUMBER_REASONS)

    @property
    def name(self) -> str:
        """Return ``number`` with its scale."""
        return name_with("number", scale=(self.scale, 6))

    @property
    def column(self) -> str:
        """Return the decimal type of this scale."""
        return f"DECIMAL(18,{self.scale})"

    def read(self, raw: str) -> Reading:
        """Return the number with all its places."""
        text = tidied(raw, WRITTEN)
        if not text:
            return MISSING
        if not re.fullmatch(_NUMBER, text):
            finite = re.fullmatch(_NOT_FINITE, text) is None
            return reading_of(self.reasons, "", "not_a_number" if finite else "not_finite")
        exact = Decimal(text.replace(",", ""))
        value = rounded(exact, self.scale)
        return reading_of(
            self.reasons,
            format(value, "f"),
            None if fits(value, 18, self.scale) else "too_large",
            "rounded" if value != exact else None,
            None if is_plain(raw, 18 - self.scale) else "respelled",
        )

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read` (see the protocol)."""
        fast, text, number, whole, part, exp, amount, value = names_of(
            to, "fast", "tidied", "number", "whole", "part", "exp", "amount", "value"
        )
        sign = f"CASE WHEN left({number}, 1) = '-' THEN '-' ELSE '' END"
        clean = f"translate({text}, 'E,+', 'e')"
        unsigned = f"replace(split_part({number}, 'e', 1), '-', '')"
        far = shifted_sql(f"{whole} || {part}", f"LENGTH({whole}) + {exp}", zeros=130, before=99)
        shifted = f"CASE WHEN {exp} = 0 THEN {whole} || '.' || {part} ELSE {far} END"
        why = choose_sql(
            [
                (f"{number} IS NULL AND {matches(text, _NOT_FINITE)}", "not_finite"),
                (f"{number} IS NULL", "not_a_number"),
                (f"{value} IS NULL", "too_large"),
                (matches(amount, excess_pattern(self.scale)), "rounded"),
            ],
            "respelled",
        )
        return stages_of(
            to,
            {"fast": fast_sql(raw, plain_pattern(18 - self.scale), self.column)},
            *tidied_steps(to, raw, WRITTEN),
            {"number": f"CASE WHEN {matches(text, _NUMBER)} THEN {clean} END"},
            {
                "whole": f"split_part({unsigned}, '.', 1)",
                "part": f"split_part({unsigned}, '.', 2)",
                "exp": f"COALESCE(TRY_CAST(split_part({number}, 'e', 2) AS BIGINT), 0)",
            },
            {"amount": f"CASE WHEN {number} IS NOT NULL THEN {sign} || {shifted} END"},
            {"value": f"COALESCE({fast}, TRY_CAST({amount} AS {self.column}))"},
            value=value,
            why=plain_why_sql(fast, raw, self.scale, slow_sql(text, why)),
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        exact = exact_pattern(18 - self.scale, self.scale)
        return plain_of(to, fast_sql(raw, exact, self.column))

    def mask(self, column: str) -> str:
        """Return SQL that shows no digit."""
        return hidden_sql(column)

    def caption(self, canonical: str) -> str:
        """Return the number without the zeros at its end."""
        return trimmed(canonical)


def _why_not_a_count(text: str) -> str:
    if re.fullmatch(_NEGATIVE, text):
        return "negative"
    return "not_whole" if re.fullmatch(_FRACTION, text) else "not_a_count"

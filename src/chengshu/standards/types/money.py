"""Amounts of money, kept in yuan with two places.

Source: GB/T 15835-2011 (numerals); capital forms: 支付结算办法 (银发〔1997〕393号), annex 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from chengshu.engine.sql import literal, matches, quote
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import MISSING, reading_of, reasons_of
from chengshu.standards.types.chinese_number import integer_sql, read_integer, sections_sql
from chengshu.standards.types.decimal_text import (
    close_sql,
    exact_pattern,
    excess_pattern,
    fits,
    is_plain,
    plain_pattern,
    plain_why_sql,
    rounded,
    shifted,
    shifted_sql,
)
from chengshu.standards.types.money_words import (
    CURRENCIES,
    SCALED,
    SCIENTIFIC,
    SPELT,
    TABLE,
    foreign_pattern,
    nameless,
    nameless_sql,
    names_unit,
    names_unit_sql,
    spell,
    unboxed,
    unboxed_sql,
    with_yuan,
    with_yuan_sql,
    zeros_of,
    zeros_sql,
)
from chengshu.standards.types.parameters import check_choice, name_with
from chengshu.standards.types.slow_path import (
    RESPELLED,
    choose_sql,
    names_of,
    plain_of,
    slow_sql,
    stages_of,
    tidied_steps,
)

REASONS: Mapping[str, Reason] = {
    **RESPELLED,
    **reasons_of(
        Verdict.CORRECTED, {"rounded": ("had parts of a fen, rounded half up", "不足一分，已舍入")}
    ),
    **reasons_of(Verdict.WARNING, {"negative": ("is below zero", "金额为负")}),
    **reasons_of(
        Verdict.INVALID,
        {
            "as_number": (
                "is in powers of ten, as spreadsheets show numbers whose digits they hide",
                "科学计数法，位数可能丢失",
            ),
            "not_money": ("is not an amount of money", "不是金额"),
            "other_currency": ("is in another currency; it is not converted", "币种不符，不作换算"),
            "too_large": ("has more than 16 digits before the point", "金额过大"),
        },
    ),
}

COLUMN = "DECIMAL(18,2)"
POWERS: Mapping[str, int] = {"yuan": 0, "wan": 4}
_CAPTIONS = {"CNY": "元", "USD": "美元", "HKD": "港元", "EUR": "欧元", "JPY": "日元"}
_BANDS = ("1万元以下", "1万–10万元", "10万–100万元", "100万–1000万元", "1000万–1亿元")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount; a unit in the text (万元, 亿) wins over the declared one, a currency does not.

    A canonical amount is in yuan: it reads as itself only where ``unit`` is ``yuan``.

    Attributes:
        unit: What a bare number counts: ``yuan`` or ``wan`` (万元).
        currency: Code of the currency; amounts in others are invalid.
        sign: ``any`` where amounts below zero are usual, else ``positive``: they get a warning.
    """

    unit: str = "yuan"
    currency: str = "CNY"
    sign: str = "positive"
    label: str = "金额"
    column: str = COLUMN
    source: str = "GB/T 15835-2011"
    reasons: Mapping[str, Reason] = field(default_factory=lambda: REASONS)

    def __post_init__(self) -> None:
        """Refuse unknown parameters."""
        check_choice("money", "unit", self.unit, POWERS)
        check_choice("money", "currency", self.currency, CURRENCIES)
        check_choice("money", "sign", self.sign, ("any", "positive"))

    @property
    def name(self) -> str:
        """Return ``money`` with its parameters."""
        return name_with(
            "money",
            unit=(self.unit, "yuan"),
            currency=(self.currency, "CNY"),
            sign=(self.sign, "positive"),
        )

    def read(self, raw: str) -> Reading:
        """Return the amount in yuan with two places."""
        text = spell(raw)
        if not text:
            return MISSING
        body = nameless(text, self.currency)
        if re.search(foreign_pattern(self.currency), body):
            return reading_of(self.reasons, "", "other_currency")
        exact = _read_amount(unboxed(body), POWERS[self.unit])
        if exact is None:
            why = "as_number" if re.fullmatch(SCIENTIFIC, body) else "not_money"
            return reading_of(self.reasons, "", why)
        value = rounded(exact, 2)
        power = POWERS[self.unit]
        return reading_of(
            self.reasons,
            format(value, "f"),
            None if fits(value, 18, 2) else "too_large",
            "negative" if value < 0 and self.sign == "positive" else None,
            "rounded" if value != exact else None,
            None if is_plain(raw, 16 - power) else "respelled",
        )

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read` (see the protocol)."""
        fast, wide, text, body, bare, unsigned, number = names_of(
            to, "fast", "tidied", "text", "body", "bare", "unsigned", "number"
        )
        amount, value = names_of(to, "amount", "value")
        signed = f"left({bare}, 1) IN ('-', '+')"
        return stages_of(
            to,
            {"fast": self._fast_sql(raw)},
            *tidied_steps(to, raw, TABLE),
            {"text": close_sql(wide)},
            {"body": nameless_sql(text, self.currency)},
            {"bare": unboxed_sql(body)},
            {"unsigned": f"CASE WHEN {signed} THEN substr({bare}, 2) ELSE {bare} END"},
            {"number": with_yuan_sql(unsigned)},
            *_amount_steps(to, number, bare, POWERS[self.unit]),
            {"value": f"COALESCE({fast}, TRY_CAST({amount} AS {COLUMN}))"},
            value=value,
            why=self._why_sql(to, raw),
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        power = POWERS[self.unit]
        exact = f"CASE WHEN {matches(raw, exact_pattern(16 - power, 2 + power))} THEN {raw} END"
        also = f"{quote(to)} >= 0" if self.sign == "positive" else ""
        return plain_of(to, self._fast_sql(exact), also)

    def mask(self, column: str) -> str:
        """Return SQL that shows the order of magnitude."""
        digits = f"LENGTH(split_part({column}, '.', 1))"
        arms = " ".join(f"WHEN {digits} <= {4 + i} THEN {literal(b)}" for i, b in enumerate(_BANDS))
        return (
            f"CASE WHEN {column} IS NULL THEN NULL WHEN left({column}, 1) = '-' THEN '负数' "
            f"{arms} ELSE '1亿元以上' END"
        )

    def caption(self, canonical: str) -> str:
        """Return the amount with thousand separators and its currency."""
        return f"{Decimal(canonical):,.2f}{_CAPTIONS[self.currency]}"

    def _fast_sql(self, raw: str) -> str:
        """Return SQL of a plain decimal in yuan; one that is too large goes the slow way."""
        power = POWERS[self.unit]
        plain = matches(raw, plain_pattern(16 - power))
        # DuckDB multiplies DECIMAL(18) within 18 digits: the factor needs a wider column.
        wide = f"TRY_CAST({raw} AS DECIMAL(28,{2 + power})) * {10**power}"
        return f"CASE WHEN {plain} THEN TRY_CAST({wide if power else raw} AS {COLUMN}) END"

    def _why_sql(self, to: str, raw: str) -> str:
        fast, text, body, amount, value = names_of(to, "fast", "text", "body", "amount", "value")
        foreign = f"regexp_matches({body}, {literal(foreign_pattern(self.currency))})"
        below = [(f"{value} < 0", "negative")] if self.sign == "positive" else []
        why = choose_sql(
            [
                (f"{amount} IS NULL AND {foreign}", "other_currency"),
                (f"{amount} IS NULL AND {matches(body, SCIENTIFIC)}", "as_number"),
                (f"{amount} IS NULL", "not_money"),
                (f"{value} IS NULL", "too_large"),
                *below,
                (matches(amount, excess_pattern(2)), "rounded"),
            ],
            "respelled",
        )
        found = plain_why_sql(fast, raw, 2 + POWERS[self.unit], slow_sql(text, why))
        return f"CASE WHEN {fast} < 0 THEN 'negative' ELSE {found} END" if below else found


def _read_amount(text: str, power: int) -> Decimal | None:
    """Return the amount in yuan of what `unboxed` left, exactly; None when it is none."""
    sign, unsigned = (text[0], text[1:]) if text[:1] in ("-", "+") else ("", text)
    number = with_yuan(unsigned)
    if found := re.fullmatch(SCALED, number):
        digits, unit = found.groups()
        value = shifted(Decimal(digits.replace(",", "")), zeros_of(unit, power))
    elif found := re.fullmatch(SPELT, number):
        whole, tenths, hundredths = found.groups()
        coins = Decimal(f"{tenths or 0}{hundredths or 0}").scaleb(-2)
        value = shifted(read_integer(whole) + coins, 0 if names_unit(number) else power)
    else:
        return None
    return -value if sign == "-" else value


def _amount_steps(to: str, number: str, bare: str, power: int) -> Sequence[Mapping[str, str]]:
    """Return the steps of `_read_amount`, whose last makes the helper ``amount``."""
    scaled, whole, unit, spelt = names_of(to, "scaled", "whole", "unit", "in_words")
    sections = names_of(to, "yi", "wan", "one")
    digits, point = names_of(to, "digits", "point")
    counted = f"CAST({integer_sql(*sections)} AS VARCHAR)"
    coins = " || ".join(_coin_sql(number, group) for group in (2, 3))
    sign = f"CASE WHEN left({bare}, 1) = '-' THEN '-' ELSE '' END"
    moved = shifted_sql(digits, point, zeros=16)
    zeros = f"CASE WHEN {names_unit_sql(number)} THEN 0 ELSE {power} END"
    return [
        {"scaled": f"CASE WHEN {matches(number, SCALED)} THEN {_group_sql(number, SCALED, 1)} END"},
        {
            "whole": f"replace({scaled}, ',', '')",
            "unit": f"CASE WHEN {scaled} <> '' THEN {_group_sql(number, SCALED, 2)} END",
            "in_words": f"CASE WHEN {scaled} IS NULL AND {matches(number, SPELT)} "
            f"THEN {_group_sql(number, SPELT, 1)} END",
        },
        dict(zip(("yi", "wan", "one"), sections_sql(spelt), strict=True)),
        {
            "digits": f"CASE WHEN {whole} <> '' THEN replace({whole}, '.', '') "
            f"WHEN {spelt} <> '' THEN {counted} || {coins} END",
            "point": f"CASE WHEN {whole} <> '' "
            f"THEN LENGTH(split_part({whole}, '.', 1)) + {zeros_sql(unit, power)} "
            f"WHEN {spelt} <> '' THEN LENGTH({counted}) + {zeros} END",
        },
        {"amount": f"CASE WHEN {digits} <> '' THEN {sign} || {moved} END"},
    ]


def _group_sql(c: str, pattern: str, group: int) -> str:
    anchored = literal(rf"\A(?:{pattern})\z")
    return f"regexp_extract({c}, {anchored}, {group})"


def _coin_sql(c: str, group: int) -> str:
    return f"COALESCE(NULLIF({_group_sql(c, SPELT, group)}, ''), '0')"

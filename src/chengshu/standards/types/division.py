"""Codes of divisions: counties and above (GB/T 2260), streets (GB/T 10114), villages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from chengshu.engine.sql import literal, matches, quote
from chengshu.standards.clean import ID_SPELLING, is_blank, replace_characters
from chengshu.standards.codes import load_divisions
from chengshu.standards.model import Lookup, Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import (
    MISSING,
    first_case_sql,
    helper,
    last_stage,
    reading_of,
    reasons_of,
    spelled_stages,
)

LOST_NUMBER = r"[0-9]+(?:\.[0-9]+)?E\+?[0-9]{1,3}"
WHOLE_NUMBER = r"[0-9]+\.0+"
BELOW = "(?:00[1-9]|0[1-9][0-9]|[1-5][0-9]{2})"

_SHAPES = {6: "[0-9]{6}", 9: f"[0-9]{{6}}{BELOW}", 12: f"[0-9]{{6}}{BELOW}{BELOW}"}

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        **reasons_of(
            Verdict.INVALID,
            {
                "as_number": (
                    "a spreadsheet stored it as a number and lost digits; expected text",
                    "被表格软件存为数值，位数丢失",
                ),
                "characters": ("expected digits only", "含有非数字字符"),
                "length": ("too many or too few digits", "位数不符"),
                "below_county": (
                    "three digits below the county are not from 001 to 599",
                    "县以下三位代码不在001至599之间",
                ),
                "no_such_division": (
                    "the first six digits are no division that GB/T 2260 ever had",
                    "前六位不是已知的行政区划",
                ),
            },
        ),
        **reasons_of(
            Verdict.WARNING,
            {
                "division_abolished": (
                    "a division that exists no more; to__successor holds today's code, if one",
                    "已撤销的行政区划",
                ),
                "division_not_standard": (
                    "in use, but a heading (市辖区) or a function zone, no division",
                    "市辖区汇总码或功能区代码，非标准行政区划",
                ),
            },
        ),
        **reasons_of(
            Verdict.CORRECTED,
            {
                "zeros": ("zeros at the end were added or taken off", "末尾补零或去零"),
                "spelling": (
                    "full-width characters, white space, hyphens, quotes or a decimal point",
                    "全角、空格、连字符或小数点已规范",
                ),
            },
        ),
    }
)


def successor_of(code: str) -> str | None:
    """Return today's code of the place that an abolished six-digit code named, if exactly one."""
    division = load_divisions().get(code)
    return division.single_successor if division else None


@dataclass(frozen=True, slots=True)
class DivisionCode:
    """A code of six, nine or twelve digits; the canonical value stays the code that was given.

    An abolished division is a warning: registers keep the code of their day. The helper column
    ``to__successor`` holds the current code of the county or above, where there is exactly one.
    """

    name: str
    label: str
    digits: int
    source: str
    column: str = "VARCHAR"

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Return every reason by code."""
        never = {6: "below_county", 12: "zeros"}.get(self.digits)
        return {code: reason for code, reason in REASONS.items() if code != never}

    def read(self, raw: str) -> Reading:
        """Return what ``raw`` means."""
        if is_blank(raw):
            return MISSING
        text = replace_characters(raw, ID_SPELLING)
        digits = text.split(".")[0] if re.fullmatch(WHOLE_NUMBER, text) else text
        code = self._adjusted(digits)
        division = load_divisions().get(code[:6])
        bad = warning = None
        if re.fullmatch(LOST_NUMBER, text):
            bad = "as_number"
        elif not re.fullmatch("[0-9]+", code):
            bad = "characters"
        elif len(code) != self.digits:
            bad = "length"
        elif division is None:
            bad = "no_such_division"
        elif not re.fullmatch(_SHAPES[self.digits], code):
            bad = "below_county"
        elif division.status == "abolished":
            warning = "division_abolished"
        elif not division.is_current:
            warning = "division_not_standard"
        zeros = "zeros" if code != digits else None
        return reading_of(REASONS, code, bad, warning, zeros, "spelling" if code != raw else None)

    def _adjusted(self, digits: str) -> str:
        """Return digits with the zeros at the end that the level asks for."""
        if self.digits == 6 and re.fullmatch("[0-9]{2}|[0-9]{4}", digits):
            return digits.ljust(6, "0")
        longer = len(digits) in (9, 12) and len(digits) > self.digits and digits.isascii()
        if longer and digits.isdigit() and not digits[self.digits :].strip("0"):
            return digits[: self.digits]
        return digits

    def _adjusted_sql(self, digits: str) -> str:
        cut = {6: "[0-9]{6}000(?:000)?", 9: "[0-9]{9}000", 12: ""}[self.digits]
        arms = (
            f"WHEN {matches(digits, cut)} THEN substr({digits}, 1, {self.digits}) " if cut else ""
        )
        if self.digits == 6:
            arms += (
                f"WHEN {matches(digits, '[0-9]{2}')} THEN {digits} || '0000' "
                f"WHEN {matches(digits, '[0-9]{4}')} THEN {digits} || '00' "
            )
        return f"CASE {arms}ELSE {digits} END" if arms else digits

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read`."""
        text, fine, digits = helper(to, "text"), helper(to, "fine"), helper(to, "digits")
        code, divided = helper(to, "code"), helper(to, "divided")
        whole = f"regexp_extract({text}, {literal('^([0-9]+)')}, 1)"
        judged = (
            f"CASE WHEN {divided}.status = 'abolished' THEN 'division_abolished' "
            f"WHEN NOT {divided}.is_current THEN 'division_not_standard' END"
        )
        corrected = (
            f"CASE WHEN {fine} OR {text} IS NULL THEN NULL WHEN {code} <> {digits} THEN 'zeros' "
            f"WHEN {code} <> {raw} THEN 'spelling' END"
        )
        return [
            *spelled_stages(raw, to, _SHAPES[self.digits], ID_SPELLING),
            Stage(
                {
                    f"{to}__digits": f"CASE WHEN {fine} THEN {text} "
                    f"WHEN {matches(text, WHOLE_NUMBER)} THEN {whole} ELSE {text} END"
                }
            ),
            Stage(
                {
                    f"{to}__code": f"CASE WHEN {fine} THEN {digits} "
                    f"ELSE {self._adjusted_sql(digits)} END"
                }
            ),
            Stage(
                {
                    f"{to}__known": f"{divided}.key IS NOT NULL",
                    f"{to}__warning": judged,
                    f"{to}__successor": f"{divided}.successor",
                },
                [Lookup("division", f"{to}__divided", f"substr({code}, 1, 6)")],
            ),
            Stage({f"{to}__bad": self._bad_sql(to)}),
            last_stage(to, code, helper(to, "bad"), [helper(to, "warning"), corrected]),
        ]

    def _bad_sql(self, to: str) -> str:
        """Return SQL of the reason that makes a spelled text invalid."""
        text, code, known = helper(to, "text"), helper(to, "code"), helper(to, "known")
        return first_case_sql(
            [
                (f"{helper(to, 'fine')} AND {known} OR {text} IS NULL", None),
                (matches(text, LOST_NUMBER), "as_number"),
                (f"NOT {matches(code, '[0-9]+')}", "characters"),
                (f"LENGTH({code}) <> {self.digits}", "length"),
                (f"NOT {known}", "no_such_division"),
                (f"NOT {matches(code, _SHAPES[self.digits])}", "below_county"),
            ],
            literal(None),
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        current, divided = f"{to}__current", helper(to, "divided")
        county = Lookup("division", f"{to}__divided", f"substr({raw}, 1, 6)")
        return Plain(
            [Stage({to: raw, current: f"{divided}.is_current"}, [county])],
            f"{quote(current)} AND {self._plain_shape_sql(raw)}",
        )

    def _plain_shape_sql(self, raw: str) -> str:
        # The first six characters are known to be a county's.
        return f"LENGTH({raw}) = 6" if self.digits == 6 else matches(raw, _SHAPES[self.digits])

    def mask(self, column: str) -> str:
        """Return SQL that keeps province and city."""
        return f"substr({column}, 1, 4) || '{'0' * (self.digits - 4)}'"

    def caption(self, canonical: str) -> str:
        """Return the name of the county or above, and what is below it as digits."""
        division = load_divisions().get(canonical[:6])
        name = division.full_name if division else canonical[:6]
        return f"{name} {canonical[6:]}".strip()


DIVISION = DivisionCode("division", "行政区划代码", 6, "GB/T 2260")
STREET_DIVISION = DivisionCode("street_division", "乡镇街道代码", 9, "GB/T 2260; GB/T 10114-2003")
VILLAGE_DIVISION = DivisionCode(
    "village_division", "村级统计区划代码", 12, "GB/T 10114-2003; 统计用区划代码编制规则"
)

"""Citizens' identity numbers (GB 11643-1999)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from chengshu.engine.sql import literal, matches
from chengshu.standards.clean import ID_SPELLING, is_blank, replace_characters
from chengshu.standards.codes import load_divisions
from chengshu.standards.model import Lookup, Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import (
    AS_NUMBER,
    MISSING,
    NOTHING,
    digit_sum_sql,
    first_case_sql,
    helper,
    last_stage,
    reading_of,
    reasons_of,
    spelled_stages,
)

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
FIRST_YEAR, LAST_YEAR = 1850, 2099

# A real date of the calendar, as one pattern: tested some five times faster than by a cast.
_DAYS = (
    "(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
    "|02(?:0[1-9]|1[0-9]|2[0-8])"
)
_LEAP = "0[48]|[2468][048]|[13579][26]"
BIRTH_8 = (
    f"(?:(?:18[5-9]|19[0-9]|20[0-9])[0-9](?:{_DAYS})"
    f"|(?:18(?:5[26]|[68][048]|[79][26])|19(?:{_LEAP})|20(?:00|{_LEAP}))0229)"
)
BIRTH_6 = f"(?:[0-9]{{2}}(?:{_DAYS})|(?:{_LEAP})0229)"

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        **reasons_of(
            Verdict.INVALID,
            {
                "as_number": (
                    "a spreadsheet stored it as a number and lost digits; expected text",
                    "被表格软件存为数值，位数丢失",
                ),
                "masked": ("digits are hidden; expected the whole number", "号码已脱敏"),
                "characters": ("expected digits, and X at the end only", "含有非法字符"),
                "length": ("expected 18 or 15 characters", "位数不是18位或15位"),
                "birth_date": (
                    f"digits 7 to 14 are no date from {FIRST_YEAR} to {LAST_YEAR}",
                    "出生日期不存在",
                ),
                "checksum": ("the last character does not fit the others", "校验码错误"),
            },
        ),
        **reasons_of(
            Verdict.WARNING,
            {
                "division_abolished": (
                    "the first six digits are a division that exists no more",
                    "前六位为已撤销的行政区划",
                ),
                "division_unknown": (
                    "the first six digits are no division known to GB/T 2260",
                    "前六位不是已知的行政区划",
                ),
            },
        ),
        **reasons_of(
            Verdict.CORRECTED,
            {
                "from_15_digits": (
                    "the old number of 15 digits, lengthened to 18",
                    "15位旧号已升为18位",
                ),
                "spelling": (
                    "full-width characters, a small x, white space, hyphens or quotes",
                    "全角、小写、空格或连字符已规范",
                ),
            },
        ),
    }
)


def check_character(body: str) -> str:
    """Return the 18th character for the 17 digits of ``body`` (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
    return CHECKS[total % 11]


def body_sql(number: str, condition: str) -> str:
    """Return SQL of the first 17 digits as a BIGINT where the condition holds, else NULL."""
    return f"CASE WHEN {condition} THEN TRY_CAST(substr({number}, 1, 17) AS BIGINT) END"


def check_character_sql(body: str) -> str:
    """Return SQL of `check_character`; ``body`` is SQL of a BIGINT of 17 digits."""
    return f"substr('{CHECKS}', CAST({digit_sum_sql(body, WEIGHTS)} % 11 AS INTEGER) + 1, 1)"


def has_birth_date(number: str) -> bool:
    """Return whether digits 7 to 14 of an 18-character number are a date that may be a birth."""
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return FIRST_YEAR <= born.year <= LAST_YEAR


def find_problem(number: str) -> str | None:
    """Return what is wrong with 18 characters: shape, birth date or check character."""
    if not re.fullmatch("[0-9]{17}[0-9X]", number):
        return "characters"
    if not has_birth_date(number):
        return "birth_date"
    if check_character(number[:17]) != number[17]:
        # Spreadsheets keep 15 digits of a number and fill up with zeros.
        return "as_number" if number.endswith("000") else "checksum"
    return None


def find_shape_problem(text: str) -> str | None:
    """Return what is wrong with a text at first sight; ``text`` is spelled well."""
    if re.fullmatch(AS_NUMBER, text):
        return "as_number"
    if "*" in text or "XX" in text:
        return "masked"
    if not re.fullmatch("[0-9]*X?", text):
        return "characters"
    return None if len(text) in (15, 18) else "length"


def birth_date_sql(number: str) -> str:
    """Return SQL of the date of birth (DATE) in a canonical 18-character number."""
    year, month, day = (f"substr({number}, {at}, {n})" for at, n in ((7, 4), (11, 2), (13, 2)))
    born = f"TRY_CAST(CONCAT({year}, '-', {month}, '-', {day}) AS DATE)"
    return f"CASE WHEN LENGTH({number}) = 18 THEN {born} END"


def birth_date_of(number: str) -> date | None:
    """Return the date of birth in a canonical 18-character number; None for other numbers."""
    if len(number) != 18:
        return None
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def sex_sql(number: str) -> str:
    """Return SQL of the sex (GB/T 2261.1: ``1`` male, ``2`` female) in a canonical number."""
    digit = f"substr({number}, 17, 1)"
    return (
        f"CASE WHEN LENGTH({number}) <> 18 THEN {NOTHING} "
        f"WHEN contains('13579', {digit}) THEN '1' WHEN contains('02468', {digit}) THEN '2' END"
    )


def sex_of(number: str) -> str | None:
    """Return the sex (GB/T 2261.1) in a canonical 18-character number; None for other numbers."""
    if len(number) != 18:
        return None
    return "1" if int(number[16]) % 2 else "2"


def division_warning(code: str) -> str | None:
    """Return the warning for the division that a number names, or None."""
    division = load_divisions().get(code)
    if division is None:
        return "division_unknown"
    return "division_abolished" if division.status == "abolished" else None


def division_warning_sql(alias: str) -> str:
    """Return SQL of `division_warning`; ``alias`` is SQL of the joined ``division`` facts."""
    return (
        f"CASE WHEN {alias}.key IS NULL THEN 'division_unknown' "
        f"WHEN {alias}.status = 'abolished' THEN 'division_abolished' END"
    )


@dataclass(frozen=True, slots=True)
class CitizenId:
    """公民身份号码, 18 characters; residence permits of 港澳台居民 (81…, 82…, 83…) included.

    A division that is abolished or unknown is a warning, never more: numbers are given once for
    life. Whether a birth lies in the future is asked by a rule, which knows the day.
    """

    name: str = "citizen_id"
    label: str = "公民身份号码"
    column: str = "VARCHAR"
    source: str = "GB 11643-1999"

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Return every reason by code."""
        return REASONS

    def read(self, raw: str) -> Reading:
        """Return what ``raw`` means."""
        if is_blank(raw):
            return MISSING
        text = replace_characters(raw, ID_SPELLING)
        bad, number = find_shape_problem(text), text
        if bad is None and len(text) == 15:
            bad = None if text.isdigit() else "characters"
            body = f"{text[:6]}19{text[6:]}"
            number = body + check_character(body) if bad is None else ""
        bad = bad or find_problem(number)
        old = "from_15_digits" if len(text) == 15 else None
        respelled = "spelling" if text != raw else None
        return reading_of(REASONS, number, bad, division_warning(number[:6]), old, respelled)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read`."""
        text, fine, body = helper(to, "text"), helper(to, "fine"), helper(to, "body")
        shape_18, shape_15 = (
            f"[0-9]{{6}}{BIRTH_8}[0-9]{{3}}[0-9X]",
            f"[0-9]{{6}}{BIRTH_6}[0-9]{{3}}",
        )
        first_17 = f"substr({text}, 1, 17)"
        lengthened = f"substr({text}, 1, 6) || '19' || substr({text}, 7, 9)"
        number = (
            f"CASE WHEN {fine} THEN TRY_CAST({first_17} AS BIGINT) "
            f"WHEN {matches(text, shape_18)} THEN TRY_CAST({first_17} AS BIGINT) "
            f"WHEN {matches(text, shape_15)} THEN TRY_CAST({lengthened} AS BIGINT) END"
        )
        check, warning = helper(to, "check"), helper(to, "warning")
        canonical = f"CASE WHEN LENGTH({text}) = 15 THEN {lengthened} || {check} ELSE {text} END"
        corrected = (
            f"CASE WHEN {fine} THEN {NOTHING} WHEN LENGTH({text}) = 15 THEN 'from_15_digits' "
            f"WHEN {text} <> {raw} THEN 'spelling' END"
        )
        return [
            *spelled_stages(raw, to, shape_18, ID_SPELLING),
            Stage({f"{to}__body": number}),
            Stage(
                {
                    f"{to}__check": f"CASE WHEN {body} IS NOT NULL "
                    f"THEN {check_character_sql(body)} END",
                    f"{to}__warning": f"CASE WHEN {body} IS NOT NULL "
                    f"THEN {division_warning_sql(helper(to, 'divided'))} END",
                },
                [Lookup("division", f"{to}__divided", f"substr({text}, 1, 6)")],
            ),
            Stage({f"{to}__bad": self._bad_sql(text, body, check)}),
            last_stage(to, canonical, helper(to, "bad"), [warning, corrected]),
        ]

    @staticmethod
    def _bad_sql(text: str, body: str, check: str) -> str:
        """Return SQL of the reason that makes a spelled text invalid."""
        shape = first_case_sql(
            [
                (matches(text, AS_NUMBER), "as_number"),
                (f"contains({text}, '*') OR contains({text}, 'XX')", "masked"),
                (f"NOT {matches(text, '[0-9]*X?')}", "characters"),
                (f"LENGTH({text}) NOT IN (15, 18)", "length"),
                (f"NOT {matches(text, '[0-9]{15}|[0-9]{17}[0-9X]')}", "characters"),
            ],
            literal("birth_date"),
        )
        return first_case_sql(
            [
                (f"substr({text}, 18, 1) = {check} OR {text} IS NULL", None),
                (f"LENGTH({text}) = 15 AND {body} IS NOT NULL", None),
                (f"{body} IS NOT NULL AND substr({text}, 16, 3) = '000'", "as_number"),
                (f"{body} IS NOT NULL", "checksum"),
            ],
            shape,
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        shape = f"[0-9]{{6}}{BIRTH_8}[0-9]{{3}}[0-9X]"
        usual = f"{division_warning_sql(helper(to, 'divided'))} IS NULL AND {matches(raw, shape)}"
        county = Lookup("division", f"{to}__divided", f"substr({raw}, 1, 6)")
        return Plain(
            [Stage({to: raw, f"{to}__body": body_sql(raw, usual)}, [county])],
            f"substr({raw}, 18, 1) = {check_character_sql(helper(to, 'body'))}",
        )

    def mask(self, column: str) -> str:
        """Return SQL that keeps the first three and the last four characters."""
        return f"substr({column}, 1, 3) || '***********' || substr({column}, 15, 4)"

    def caption(self, canonical: str) -> str:
        """Return the number in groups: division, birth, the rest."""
        return f"{canonical[:6]} {canonical[6:14]} {canonical[14:]}"

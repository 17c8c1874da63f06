"""National organisation codes (GB 11714-1997), the nine characters before there was the USCC."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from chengshu.engine.sql import literal, matches, quote
from chengshu.standards.clean import ID_SPELLING, is_blank, replace_characters
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import (
    AS_NUMBER,
    MISSING,
    digit_sum_sql,
    first_case_sql,
    helper,
    last_stage,
    reading_of,
    reasons_of,
    spelled_stages,
)

WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "0X987654321"  # by the remainder: 11 minus it, with 10 as X and 11 as 0
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PLACEHOLDER = "000000000"
SHAPE = "[0-9A-Z]{8}[0-9X]"

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        **reasons_of(
            Verdict.INVALID,
            {
                "as_number": (
                    "a spreadsheet stored it as a number and lost digits; expected text",
                    "被表格软件存为数值，位数丢失",
                ),
                "masked": ("characters are hidden; expected the whole code", "代码已脱敏"),
                "characters": (
                    "expected digits and capital letters, the last a digit or X",
                    "含有非法字符",
                ),
                "length": ("expected nine characters", "位数不是9位"),
                "placeholder": ("all zeros stand for no code", "全零占位，不是代码"),
                "checksum": ("the last character does not fit the others", "校验码错误"),
            },
        ),
        **reasons_of(
            Verdict.CORRECTED,
            {
                "spelling": (
                    "full-width characters, small letters, white space, hyphens or quotes",
                    "全角、小写、空格或连字符已规范",
                ),
            },
        ),
    }
)


def check_character(body: str) -> str:
    """Return the ninth character for the eight of ``body``."""
    total = sum(ALPHABET.index(c) * w for c, w in zip(body, WEIGHTS, strict=True))
    return CHECKS[total % 11]


def check_character_sql(body: str, number: str) -> str:
    """Return SQL of `check_character`.

    Args:
        body: SQL of the eight characters.
        number: SQL of the same as a BIGINT where all are digits (the common and cheap case),
            else NULL.
    """
    letters = " + ".join(
        f"(strpos('{ALPHABET}', substr({body}, {at}, 1)) - 1) * {weight}"
        for at, weight in enumerate(WEIGHTS, 1)
    )
    digits = digit_sum_sql(number, WEIGHTS)
    total = f"CASE WHEN {number} IS NOT NULL THEN {digits} ELSE {letters} END"
    return f"substr('{CHECKS}', CAST(({total}) % 11 AS INTEGER) + 1, 1)"


@dataclass(frozen=True, slots=True)
class OrganisationCode:
    """组织机构代码: eight characters and a check character, kept without the printed hyphen."""

    name: str = "organisation_code"
    label: str = "组织机构代码"
    column: str = "VARCHAR"
    source: str = "GB 11714-1997"

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Return every reason by code."""
        return REASONS

    def read(self, raw: str) -> Reading:
        """Return what ``raw`` means."""
        if is_blank(raw):
            return MISSING
        text = replace_characters(raw, ID_SPELLING)
        bad = None
        if re.fullmatch(AS_NUMBER, text):
            bad = "as_number"
        elif "*" in text:
            bad = "masked"
        elif not re.fullmatch("[0-9A-Z]*", text):
            bad = "characters"
        elif len(text) != 9:
            bad = "length"
        elif not re.fullmatch(SHAPE, text):
            bad = "characters"
        elif text == PLACEHOLDER:
            bad = "placeholder"
        elif check_character(text[:8]) != text[8]:
            bad = "checksum"
        return reading_of(REASONS, text, bad, "spelling" if text != raw else None)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read`."""
        text, check = helper(to, "text"), helper(to, "check")
        number, bad = helper(to, "number"), helper(to, "bad")
        # Printed codes carry a hyphen: taken off here, as the table of characters is slow.
        printed = matches(raw, "[0-9A-Z]{8}-[0-9X]")
        dehyphened, plain = helper(to, "plain"), f"{to}__plain"
        shaped = matches(text, SHAPE)
        digits = f"substr({text}, 1, 8)"
        corrected = f"CASE WHEN {text} <> {raw} THEN 'spelling' END"
        problem = first_case_sql(
            [
                (f"{text} = '{PLACEHOLDER}'", "placeholder"),
                (f"{text} IS NULL OR {check} = substr({text}, 9, 1)", None),
                (f"{check} IS NOT NULL", "checksum"),
                (matches(text, AS_NUMBER), "as_number"),
                (f"contains({text}, '*')", "masked"),
                (f"NOT {matches(text, '[0-9A-Z]*')}", "characters"),
                (f"LENGTH({text}) <> 9", "length"),
            ],
            literal("characters"),
        )
        return [
            Stage({plain: f"CASE WHEN {printed} THEN replace({raw}, '-', '') ELSE {raw} END"}),
            *spelled_stages(dehyphened, to, SHAPE, ID_SPELLING),
            Stage(
                {
                    f"{to}__number": f"CASE WHEN {matches(text, '[0-9]{8}[0-9X]')} "
                    f"THEN TRY_CAST({digits} AS BIGINT) END"
                }
            ),
            Stage(
                {
                    f"{to}__check": f"CASE WHEN {number} IS NOT NULL OR {shaped} "
                    f"THEN {check_character_sql(text, number)} END"
                }
            ),
            Stage({f"{to}__bad": problem}),
            last_stage(to, text, bad, [corrected]),
        ]

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        number, text = helper(to, "number"), quote(to)
        digits = f"CASE WHEN {matches(raw, '[0-9]{8}[0-9X]')} THEN substr({raw}, 1, 8) END"
        return Plain(
            [Stage({to: raw, f"{to}__number": f"TRY_CAST({digits} AS BIGINT)"})],
            f"{matches(raw, SHAPE)} AND {raw} <> '{PLACEHOLDER}' "
            f"AND substr({raw}, 9, 1) = {check_character_sql(text, number)}",
        )

    def mask(self, column: str) -> str:
        """Return SQL that shows the code: it is public."""
        return column

    def caption(self, canonical: str) -> str:
        """Return the code as it is printed, with a hyphen."""
        return f"{canonical[:8]}-{canonical[8:]}"

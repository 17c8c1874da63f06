"""Numbers of the permits of persons from outside the mainland.

Layouts are public knowledge of the National Immigration Administration, not read in a standard:
travel permits have no check digit, the permanent residence card of 2023 is laid out and checked
like a citizen's number behind a leading 9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from chengshu.engine.sql import literal, matches
from chengshu.standards.clean import ID_SPELLING, compose, is_blank, replace_characters
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import (
    AS_NUMBER,
    MISSING,
    NOTHING,
    first_case_sql,
    helper,
    last_stage,
    reading_of,
    reasons_of,
    spelled_stages,
)
from chengshu.standards.types.citizen_id import (
    BIRTH_8,
    body_sql,
    check_character_sql,
    find_problem,
)
from chengshu.standards.types.citizen_id import REASONS as CITIZEN_REASONS

SPELLING = compose(ID_SPELLING, dict.fromkeys("()", ""))

TRAVEL_REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        "as_number": CITIZEN_REASONS["as_number"],
        "masked": CITIZEN_REASONS["masked"],
        **reasons_of(
            Verdict.INVALID,
            {"shape": ("letters and digits are not as on the document", "证件号码格式不符")},
        ),
        **reasons_of(
            Verdict.CORRECTED,
            {
                "version_dropped": (
                    "the count of issues behind the lifelong number was left off",
                    "已去除换证次数，保留终身号",
                ),
                "spelling": (
                    "full-width characters, small letters, white space, hyphens or brackets",
                    "全角、小写、空格或括号已规范",
                ),
            },
        ),
    }
)

FOREIGNER_REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        **{c: r for c, r in TRAVEL_REASONS.items() if c != "version_dropped"},
        "birth_date": CITIZEN_REASONS["birth_date"],
        "checksum": CITIZEN_REASONS["checksum"],
    }
)

# Eight digits of which one at least is not zero.
_EIGHT = "(?:" + "|".join(f"0{{{n}}}[1-9][0-9]{{{7 - n}}}" for n in range(8)) + ")"
_OLD_CARD = "[A-Z]{3}[0-9]{12}"
_NEW_CARD = "9[0-9]{16}[0-9X]"
_DATED_CARD = f"9[0-9]{{5}}{BIRTH_8}[0-9]{{3}}[0-9X]"


@dataclass(frozen=True, slots=True)
class TravelPermit:
    """A lifelong number of fixed length, perhaps followed by the count of issues.

    Attributes:
        number: Pattern of the lifelong number.
        length: Its length.
        version: Pattern of what may follow it.
    """

    name: str
    label: str
    number: str
    length: int
    version: str
    column: str = "VARCHAR"
    source: str = "国家移民管理局证件号码规则"

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Return every reason by code."""
        return TRAVEL_REASONS

    def read(self, raw: str) -> Reading:
        """Return what ``raw`` means."""
        if is_blank(raw):
            return MISSING
        text = replace_characters(raw, SPELLING)
        bad = None
        if re.fullmatch(AS_NUMBER, text):
            bad = "as_number"
        elif "*" in text:
            bad = "masked"
        elif not re.fullmatch(f"{self.number}(?:{self.version})?", text):
            bad = "shape"
        longer = "version_dropped" if len(text) > self.length else None
        respelled = "spelling" if text != raw else None
        return reading_of(TRAVEL_REASONS, text[: self.length], bad, longer, respelled)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read`."""
        text, fine = helper(to, "text"), helper(to, "fine")
        whole = f"{self.number}(?:{self.version})?"
        faults = first_case_sql(
            [
                (matches(text, whole), None),
                (matches(text, AS_NUMBER), "as_number"),
                (f"contains({text}, '*')", "masked"),
            ],
            literal("shape"),
        )
        bad = f"CASE WHEN {fine} OR {text} IS NULL THEN {NOTHING} ELSE {faults} END"
        corrected = (
            f"CASE WHEN {fine} THEN {NOTHING} "
            f"WHEN LENGTH({text}) > {self.length} THEN 'version_dropped' "
            f"WHEN {text} <> {raw} THEN 'spelling' END"
        )
        return [
            *spelled_stages(raw, to, self.number, SPELLING),
            Stage({f"{to}__bad": bad}),
            last_stage(to, f"substr({text}, 1, {self.length})", helper(to, "bad"), [corrected]),
        ]

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        return Plain([Stage({to: raw})], matches(raw, self.number))

    def mask(self, column: str) -> str:
        """Return SQL that keeps the first and the last two characters."""
        hidden = "*" * (self.length - 4)
        return f"substr({column}, 1, 2) || '{hidden}' || substr({column}, {self.length - 1}, 2)"

    def caption(self, canonical: str) -> str:
        """Return the number."""
        return canonical


HK_MACAO_PERMIT = TravelPermit(
    name="hk_macao_permit",
    label="港澳居民来往内地通行证号码",
    number=f"[HM]{_EIGHT}",
    length=9,
    version="[0-9]{2}",
)

TAIWAN_PERMIT = TravelPermit(
    name="taiwan_permit",
    label="台湾居民来往大陆通行证号码",
    number=_EIGHT,
    length=8,
    version="[0-9]{2}[A-Z]?|[A-Z]",
)


@dataclass(frozen=True, slots=True)
class ForeignerPermit:
    """外国人永久居留身份证: 18 characters behind a 9 (2023), or three letters and 12 digits."""

    name: str = "foreigner_permit"
    label: str = "外国人永久居留身份证号码"
    column: str = "VARCHAR"
    source: str = "国家移民管理局证件号码规则"

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Return every reason by code."""
        return FOREIGNER_REASONS

    def read(self, raw: str) -> Reading:
        """Return what ``raw`` means."""
        if is_blank(raw):
            return MISSING
        text = replace_characters(raw, SPELLING)
        bad = None
        if re.fullmatch(AS_NUMBER, text):
            bad = "as_number"
        elif "*" in text:
            bad = "masked"
        elif re.fullmatch(_NEW_CARD, text):
            bad = find_problem(text)
        elif not re.fullmatch(_OLD_CARD, text):
            bad = "shape"
        return reading_of(FOREIGNER_REASONS, text, bad, "spelling" if text != raw else None)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read`."""
        text, fine = helper(to, "text"), helper(to, "fine")
        body, check = helper(to, "body"), helper(to, "check")
        number = body_sql(text, matches(text, _DATED_CARD))
        bad = first_case_sql(
            [
                (f"{text} IS NULL OR substr({text}, 18, 1) = {check}", None),
                (f"{body} IS NOT NULL AND substr({text}, 16, 3) = '000'", "as_number"),
                (f"{body} IS NOT NULL", "checksum"),
                (matches(text, _OLD_CARD), None),
                (matches(text, _NEW_CARD), "birth_date"),
                (matches(text, AS_NUMBER), "as_number"),
                (f"contains({text}, '*')", "masked"),
            ],
            literal("shape"),
        )
        corrected = f"CASE WHEN NOT {fine} AND {text} <> {raw} THEN 'spelling' END"
        return [
            *spelled_stages(raw, to, f"{_OLD_CARD}|{_NEW_CARD}", SPELLING),
            Stage({f"{to}__body": number}),
            Stage(
                {
                    f"{to}__check": f"CASE WHEN {body} IS NOT NULL "
                    f"THEN {check_character_sql(body)} END"
                }
            ),
            Stage({f"{to}__bad": bad}),
            last_stage(to, text, helper(to, "bad"), [corrected]),
        ]

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        check = check_character_sql(helper(to, "body"))
        return Plain(
            [Stage({to: raw, f"{to}__body": body_sql(raw, matches(raw, _DATED_CARD))})],
            f"COALESCE(substr({raw}, 18, 1) = {check}, {matches(raw, _OLD_CARD)})",
        )

    def mask(self, column: str) -> str:
        """Return SQL that keeps the first three and the last four characters."""
        hidden = f"repeat('*', CAST(LENGTH({column}) AS INTEGER) - 7)"
        return f"substr({column}, 1, 3) || {hidden} || right({column}, 4)"

    def caption(self, canonical: str) -> str:
        """Return the number."""
        return canonical

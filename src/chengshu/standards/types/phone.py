"""Telephone numbers of the mainland: mobile, landline, service."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from chengshu.engine.sql import literal, matches
from chengshu.kernel.errors import InputError
from chengshu.standards.clean import (
    COMPACT,
    UPPER,
    compose,
    is_blank,
    replace_characters,
)
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import (
    MISSING,
    first_case_sql,
    helper,
    last_stage,
    reading_of,
    reasons_of,
    spelled_stages,
)

SPELLING = compose(COMPACT, {**UPPER, **dict.fromkeys("()[]'\"`=\u2018\u2019\u201c\u201d", "")})
# Bounded, so that a long text is not searched from each of its digits to its end.
SEVERAL = "[0-9][^0-9]{0,9}[/、,;|][^0-9]{0,9}[0-9]|(?:1[3-9][0-9]{9}){2,}"

AREA = "10|2[0-9]|[3-9][0-9]{2}"
FINE = (
    f"1[3-9][0-9]{{9}}|0(?:{AREA})-[2-9][0-9]{{6,7}}(?:-[0-9]{{1,6}})?"
    "|[48]00[0-9]{7}|11[0-9]|12[0-2]|1[0-2][0-9]{3}|9[56][0-9]{3,4}"
)

# Each with its own groups; text is compact, in capitals, without brackets.
_EXTENSION = r"(?:(?:-+|转|分机|#|X|EXT\.?)([0-9]{1,6}))?"
_LOCAL = "([2-9][0-9]{2,3}-?[0-9]{4})"
MOBILE = r"(?:\+?0{0,2}86-*)?0?(1[3-9](?:-*[0-9]){9})(?:\.0+)?"
LANDLINE = rf"(?:\+?0{{0,2}}86-*0?|0)({AREA})-*([1-9][0-9]{{2,3}}-?[0-9]{{4}}){_EXTENSION}"
_ODD_LOCAL = "0[0-9]{2,3}-1.*"
FOREIGN, _OWN = r"(?:\+|00)[1-9][0-9-]{5,}", r"(?:\+|00)86.*"
LOCAL = f"{_LOCAL}{_EXTENSION}"
SERVICE = "([48]00(?:-*[0-9]){7})"
LOST_NUMBER = r"[0-9]+(?:\.[0-9]+)?E\+?[0-9]{1,3}|[0-9]+\.0+"

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
                "several": ("more than one number in one value", "一个值内有多个号码"),
                "characters": ("expected digits, hyphens, + and an extension", "含有非法字符"),
                "other_country": ("begins with the code of another country", "境外电话号码"),
                "no_area_code": ("a landline without its area code", "固定电话缺少区号"),
                "prefix": ("eleven digits that no mobile number begins with", "手机号段不存在"),
                "length": ("too many or too few digits", "位数不符"),
            },
        ),
        **reasons_of(
            Verdict.WARNING,
            {"local_prefix": ("no landline begins with 1 behind its area code", "本地号码以1开头")},
        ),
        **reasons_of(
            Verdict.CORRECTED,
            {
                "area_added": ("the area code of the place was put in front", "已补本地区号"),
                "spelling": (
                    "country code, full-width characters, white space, hyphens or brackets",
                    "国家代码、全角、空格或连字符已规范",
                ),
            },
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Phone:
    """A mobile number ``13812345678``, a landline ``0574-87654321-123``, a service number.

    Attributes:
        area: Area code of landlines given without one, such as ``0574``; None refuses them.
    """

    area: str | None = None
    label: str = "联系电话"
    column: str = "VARCHAR"
    source: str = "工业和信息化部《电信网编号计划》"

    def __post_init__(self) -> None:
        """Refuse an area that is no area code."""
        if self.area is not None and not re.fullmatch(f"0(?:{AREA})", self.area):
            raise InputError("phone: area is no area code", hint="Write it as in 0574 or 010.")

    @property
    def name(self) -> str:
        """Return ``phone``, with the area if there is one."""
        return "phone" if self.area is None else f"phone(area={self.area})"

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Return every reason by code."""
        never = "area_added" if self.area is None else "no_area_code"
        return {code: reason for code, reason in REASONS.items() if code != never}

    def read(self, raw: str) -> Reading:
        """Return what ``raw`` means."""
        if is_blank(raw):
            return MISSING
        text = replace_characters(raw, SPELLING)
        added = None
        if re.fullmatch(FINE, text):
            number = text
        elif found := re.fullmatch(MOBILE, text) or re.fullmatch(SERVICE, text):
            number = found[1].replace("-", "")
        elif found := re.fullmatch(LANDLINE, text):
            number = _joined(f"0{found[1]}", found[2], found[3])
        elif self.area is not None and (found := re.fullmatch(LOCAL, text)):
            number, added = _joined(self.area, found[1], found[2]), "area_added"
        else:
            return reading_of(REASONS, "", _fault(text))
        odd = "local_prefix" if re.fullmatch(_ODD_LOCAL, number) else None
        return reading_of(REASONS, number, odd, added, "spelling" if number != raw else None)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read`."""
        text, fine, form = helper(to, "text"), helper(to, "fine"), helper(to, "form")
        number, bad = helper(to, "number"), helper(to, "bad")
        local = f"WHEN {matches(text, LOCAL)} THEN 'local' " if self.area else ""
        forms = (
            f"CASE WHEN {fine} OR {text} IS NULL THEN NULL "
            f"WHEN {matches(text, FINE)} THEN 'fine' WHEN {matches(text, MOBILE)} THEN 'mobile' "
            f"WHEN {matches(text, SERVICE)} THEN 'service' "
            f"WHEN {matches(text, LANDLINE)} THEN 'landline' {local}ELSE 'none' END"
        )
        area = literal(self.area or "")
        numbers = (
            f"CASE WHEN {form} IS NULL OR {form} = 'fine' THEN {text} "
            f"WHEN {form} = 'mobile' THEN replace({_group_sql(text, MOBILE, 1)}, '-', '') "
            f"WHEN {form} = 'service' THEN replace({text}, '-', '') "
            f"WHEN {form} = 'landline' THEN {_joined_sql(text, LANDLINE, None)} "
            f"WHEN {form} = 'local' THEN {_joined_sql(text, LOCAL, area)} END"
        )
        corrected = (
            f"CASE WHEN {fine} THEN NULL WHEN {matches(number, _ODD_LOCAL)} THEN 'local_prefix' "
            f"WHEN {form} = 'local' THEN 'area_added' "
            f"WHEN {number} <> {raw} THEN 'spelling' END"
        )
        return [
            *spelled_stages(raw, to, FINE, SPELLING),
            Stage({f"{to}__form": forms}),
            Stage(
                {
                    f"{to}__number": numbers,
                    f"{to}__bad": f"CASE WHEN {form} = 'none' THEN {_fault_sql(text)} END",
                }
            ),
            last_stage(to, number, bad, [corrected]),
        ]

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        return Plain([Stage({to: raw})], matches(raw, FINE))

    def mask(self, column: str) -> str:
        """Return SQL that keeps three and four digits of a mobile, the area of a landline."""
        area = f"substr({column}, 1, CAST(strpos({column}, '-') AS INTEGER))"
        return (
            f"CASE WHEN contains({column}, '-') THEN {area} || '****' "
            f"WHEN LENGTH({column}) = 11 "
            f"THEN substr({column}, 1, 3) || '****' || substr({column}, 8, 4) "
            f"WHEN {column} IS NOT NULL THEN '****' END"
        )

    def caption(self, canonical: str) -> str:
        """Return a mobile number in groups of 3, 4 and 4, another as it is."""
        if len(canonical) == 11 and canonical.isdigit():
            return f"{canonical[:3]} {canonical[3:7]} {canonical[7:]}"
        return canonical


def _joined(area: str, number: str, extension: str | None) -> str:
    return "-".join(part for part in (area, number.replace("-", ""), extension) if part)


def _group_sql(text: str, pattern: str, group: int) -> str:
    anchored = literal(rf"\A(?:{pattern})\z")
    return f"regexp_extract({text}, {anchored}, {group})"


def _joined_sql(text: str, pattern: str, area: str | None) -> str:
    """Return SQL of `_joined`; ``area`` is SQL, or None where the pattern's first group has it."""
    at = 1 if area is None else 0
    front = area or f"'0' || {_group_sql(text, pattern, 1)}"
    number = f"replace({_group_sql(text, pattern, at + 1)}, '-', '')"
    extension = f"COALESCE('-' || NULLIF({_group_sql(text, pattern, at + 2)}, ''), '')"
    return f"{front} || '-' || {number} || {extension}"


def _fault(text: str) -> str:
    """Return why a text without a known form is no number."""
    if re.fullmatch(LOST_NUMBER, text):
        return "as_number"
    if "*" in text or "XXX" in text:
        return "masked"
    if re.search(SEVERAL, text):
        return "several"
    if re.fullmatch(FOREIGN, text) and not re.fullmatch(_OWN, text):
        return "other_country"
    if re.fullmatch(LOCAL, text):
        return "no_area_code"
    if not re.fullmatch("[0-9+#-]*", text):
        return "characters"
    return "prefix" if re.fullmatch("1[0-2][0-9]{9}", text) else "length"


def _fault_sql(text: str) -> str:
    """Return SQL of `_fault`."""
    return first_case_sql(
        [
            (matches(text, LOST_NUMBER), "as_number"),
            (f"contains({text}, '*') OR contains({text}, 'XXX')", "masked"),
            (f"regexp_matches({text}, {literal(SEVERAL)})", "several"),
            (f"{matches(text, FOREIGN)} AND NOT {matches(text, _OWN)}", "other_country"),
            (matches(text, LOCAL), "no_area_code"),
            (f"NOT {matches(text, '[0-9+#-]*')}", "characters"),
            (matches(text, "1[0-2][0-9]{9}"), "prefix"),
        ],
        literal("length"),
    )

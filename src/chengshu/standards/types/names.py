"""Names of persons and of enterprises.

Sources: GB/T 36344-2018 (accuracy); GB 18030-2022 (characters); names of enterprises:
企业名称登记管理规定实施办法 (2023); full-width brackets are custom on licences.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chengshu.engine.sql import literal, matches
from chengshu.standards.clean import FULL_WIDTH, compose, has_any_sql, replace_characters_sql
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import MISSING, reading_of, reasons_of
from chengshu.standards.types.han_text import (
    DESTROYED,
    HAN,
    HAN_BUT_KUN,
    HAN_BUT_MOU,
    LETTER,
    SCRIPT,
    close_sql,
    has,
    has_sql,
    unify_text,
)
from chengshu.standards.types.slow_path import (
    RESPELLED,
    first_of,
    names_of,
    plain_of,
    text_stages_of,
    tidied_steps,
)

_UNUSUAL = {"unusual_characters": ("has characters unusual in a name", "含姓名中少见的字符")}

PERSON_REASONS: Mapping[str, Reason] = {
    **RESPELLED,
    **reasons_of(
        Verdict.WARNING,
        {**_UNUSUAL, "unusual_length": ("is oddly short or long", "长度异常")},
    ),
    **reasons_of(
        Verdict.INVALID,
        {
            "masked": ("is masked already", "姓名已脱敏"),
            "has_digits": ("has digits", "姓名含数字"),
            "filler": ("is a word for an unknown or a test", "以占位词代替姓名"),
            "not_a_name": ("has no Chinese character and is no foreign name", "不是姓名"),
        },
    ),
}

ENTERPRISE_REASONS: Mapping[str, Reason] = {
    **RESPELLED,
    **reasons_of(
        Verdict.WARNING,
        {
            "unusual_characters": ("has characters unusual in a name", "含名称中少见的字符"),
            "unbalanced_brackets": ("has a bracket without its partner", "括号不成对"),
            "too_short": ("has fewer than four characters", "名称过短"),
        },
    ),
    **reasons_of(
        Verdict.INVALID,
        {
            "filler": ("is a word for an unknown or a test", "以占位词代替名称"),
            "not_a_name": ("has neither Chinese characters nor letters", "不是名称"),
        },
    ),
}

_NOTHING = ("null", "Null", "NULL", "none", "None", "NONE", "N/A", "n/a", "test", "Test", "TEST")
FILLERS = (
    *(
        "不详",
        "未知",
        "暂无",
        "待定",
        "测试",
        "无名氏",
        "佚名",
        "无",
        "空",
        "同上",
        "姓名",
        "本人",
        "户主",
    ),
    *_NOTHING,
)
ENTERPRISE_FILLERS = ("不详", "未知", "暂无", "待定", "测试", "无", "空", "同上", *_NOTHING)

_MIDDLE_DOTS = dict.fromkeys("•・‧∙⋅●･᛫", "·")
_PERSON_TABLE = compose(FULL_WIDTH, _MIDDLE_DOTS)
_PLAIN_PERSON = f"[{HAN_BUT_MOU}]{{2,6}}"
_MASKED = rf".*\*.*|[{HAN}]{{1,2}}[某Xx×○]{{1,3}}[0-9甲乙丙丁]?"
_HAN_NAME = f"[{HAN}]+(?:·[{HAN}]+){{0,9}}"
_LATIN_NAME = f"[{LETTER}][{LETTER} .,'’·-]*"

_BRACKETS = {**dict.fromkeys("([〔【﹙", "（"), **dict.fromkeys(")]〕】﹚", "）")}
_ENTERPRISE_TABLE = compose(FULL_WIDTH, _BRACKETS)
_HAN = HAN_BUT_KUN
_PLAIN_ENTERPRISE = f"[{_HAN}]{{2,40}}(?:（[{_HAN}]{{1,20}}）)?[{_HAN}]{{2,40}}"
_LAST_SIGNS = "[。、;,:]+"
_USUAL = f"[{HAN}0-9{LETTER}（）·&.,'’+ -]+"
_BALANCED = "[^（）]*(?:（[^（）]*）[^（）]*){0,9}"


@dataclass(frozen=True, slots=True)
class PersonName:
    """The name of a person: Chinese, with middle dots, or in Latin letters."""

    name: str = "person_name"
    label: str = "姓名"
    column: str = "VARCHAR"
    source: str = "GB 18030-2022"
    reasons: Mapping[str, Reason] = field(default_factory=lambda: PERSON_REASONS)

    def read(self, raw: str) -> Reading:
        """Return the name without spaces between Chinese characters, with ``·`` for dots."""
        text = unify_text(raw, _PERSON_TABLE)
        if not text:
            return MISSING
        text = text if has(text, LETTER) else text.replace(".", "·")
        is_han, is_latin = re.fullmatch(_HAN_NAME, text), re.fullmatch(_LATIN_NAME, text)
        long = len(text) > 50 or (is_han and "·" not in text and len(text) > 6)
        why = first_of(
            (re.fullmatch(_MASKED, text), "masked"),
            (text in FILLERS, "filler"),
            (has(text, "0-9"), "has_digits"),
            (not is_latin and not has(text, HAN + SCRIPT), "not_a_name"),
            (DESTROYED in text or not (is_han or is_latin), "unusual_characters"),
            (len(text) == 1 or long, "unusual_length"),
            (text != raw, "respelled"),
        )
        return reading_of(self.reasons, text, why)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read` (see the protocol)."""
        wide, closed, text = names_of(to, "tidied", "closed", "text")
        fillers = ", ".join(map(literal, FILLERS))
        latin, han = matches(text, _LATIN_NAME), matches(text, _HAN_NAME)
        undotted = f"{han} AND strpos({text}, '·') = 0 AND LENGTH({text}) > 6"
        dotted = f"ELSE replace({closed}, '.', '·') END"
        destroyed = f"contains({text}, '{DESTROYED}')"
        return text_stages_of(
            to,
            raw,
            {"fast": _plain_person_sql(raw)},
            *tidied_steps(to, raw, _PERSON_TABLE),
            {"closed": close_sql(wide)},
            {"text": f"CASE WHEN {has_sql(closed, LETTER)} THEN {closed} {dotted}"},
            bad=[
                (matches(text, _MASKED), "masked"),
                (f"{text} IN ({fillers})", "filler"),
                (has_sql(text, "0-9"), "has_digits"),
                (f"NOT {latin} AND NOT {has_sql(text, HAN + SCRIPT)}", "not_a_name"),
            ],
            odd=[
                (f"{destroyed} OR NOT ({han} OR {latin})", "unusual_characters"),
                (f"LENGTH({text}) = 1 OR LENGTH({text}) > 50 OR {undotted}", "unusual_length"),
            ],
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        return plain_of(to, _plain_person_sql(raw))

    def mask(self, column: str) -> str:
        """Return SQL that shows the first character: 张**."""
        hidden = f"CASE WHEN LENGTH({column}) > 1 THEN LENGTH({column}) - 1 ELSE 1 END"
        return f"substr({column}, 1, 1) || repeat('*', {hidden})"

    def caption(self, canonical: str) -> str:
        """Return the name."""
        return canonical


@dataclass(frozen=True, slots=True)
class EnterpriseName:
    """The registered name of an enterprise or another organisation."""

    name: str = "enterprise_name"
    label: str = "企业名称"
    column: str = "VARCHAR"
    source: str = "企业名称登记管理规定实施办法 (2023)"
    reasons: Mapping[str, Reason] = field(default_factory=lambda: ENTERPRISE_REASONS)

    def read(self, raw: str) -> Reading:
        """Return the name with full-width brackets, without spaces between Chinese characters."""
        whole = unify_text(raw, _ENTERPRISE_TABLE)
        if not whole:
            return MISSING
        text = re.sub(rf"{_LAST_SIGNS}\Z", "", whole) or whole
        why = first_of(
            (text in ENTERPRISE_FILLERS, "filler"),
            (not has(text, HAN + LETTER), "not_a_name"),
            (DESTROYED in text or not re.fullmatch(_USUAL, text), "unusual_characters"),
            (not re.fullmatch(_BALANCED, text), "unbalanced_brackets"),
            (len(text) < 4, "too_short"),
            (text != raw, "respelled"),
        )
        return reading_of(self.reasons, text, why)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read` (see the protocol)."""
        wide, whole, text = names_of(to, "tidied", "whole", "text")
        bare = f"regexp_replace({whole}, {literal(_LAST_SIGNS + chr(92) + 'z')}, '')"
        destroyed = f"contains({text}, '{DESTROYED}')"
        return text_stages_of(
            to,
            raw,
            {"fast": _plain_enterprise_sql(raw)},
            *tidied_steps(to, raw, _ENTERPRISE_TABLE, _fold_sql(raw)),
            {"whole": close_sql(wide)},
            {"text": f"COALESCE(NULLIF({bare}, ''), {whole})"},
            bad=[
                (f"{text} IN ({', '.join(map(literal, ENTERPRISE_FILLERS))})", "filler"),
                (f"NOT {has_sql(text, HAN + LETTER)}", "not_a_name"),
            ],
            odd=[
                (f"{destroyed} OR NOT {matches(text, _USUAL)}", "unusual_characters"),
                (f"NOT {matches(text, _BALANCED)}", "unbalanced_brackets"),
                (f"LENGTH({text}) < 4", "too_short"),
            ],
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        return plain_of(to, _plain_enterprise_sql(raw))

    def mask(self, column: str) -> str:
        """Return SQL that shows the first two characters and the last four."""
        start, end = f"substr({column}, 1, 2)", f"right({column}, 4)"
        return f"{start} || '****' || CASE WHEN LENGTH({column}) > 6 THEN {end} ELSE '' END"

    def caption(self, canonical: str) -> str:
        """Return the name."""
        return canonical


def _plain_person_sql(raw: str) -> str:
    fillers = ", ".join(map(literal, FILLERS))
    plain = f"{matches(raw, _PLAIN_PERSON)} AND {raw} NOT IN ({fillers})"
    return f"CASE WHEN {plain} THEN {raw} END"


def _plain_enterprise_sql(raw: str) -> str:
    return f"CASE WHEN {matches(raw, _PLAIN_ENTERPRISE)} THEN {raw} END"


def _fold_sql(raw: str) -> str:
    """Return SQL that replaces by `_ENTERPRISE_TABLE`, at little cost where only ( and ) occur."""
    others = {a: b for a, b in _ENTERPRISE_TABLE.items() if a not in "()" and a != b}
    full = replace_characters_sql(raw, _ENTERPRISE_TABLE)
    brackets = f"replace(replace({raw}, '(', '（'), ')', '）')"
    return f"CASE WHEN {has_any_sql(raw, others)} THEN {full} ELSE {brackets} END"

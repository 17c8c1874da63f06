"""What value types share: how reasons are listed, chosen in Python, and chosen in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from types import MappingProxyType

from chengshu.engine.sql import literal, matches, quote
from chengshu.standards.clean import blank_sql, replace_characters_sql
from chengshu.standards.model import Reading, Reason, Stage, Verdict

# What a spreadsheet makes of a long number, in upper case.
AS_NUMBER = r"[0-9]+(?:\.[0-9]+)?E\+?[0-9]{1,3}|[0-9]+\.0+"

NOTHING = "CAST(NULL AS VARCHAR)"

MISSING = Reading(Verdict.OK, None)


def reasons_of(verdict: Verdict, texts: Mapping[str, tuple[str, str]]) -> Mapping[str, Reason]:
    """Return reasons of one verdict from code → (English text, Chinese label)."""
    return MappingProxyType(
        {code: Reason(code, verdict, text, label) for code, (text, label) in texts.items()}
    )


def reading_of(reasons: Mapping[str, Reason], canonical: str, *codes: str | None) -> Reading:
    """Return the reading whose reason is the first code given; ok when all are None."""
    code = next((code for code in codes if code), None)
    if code is None:
        return Reading(Verdict.OK, canonical)
    verdict = reasons[code].verdict
    return Reading(verdict, None if verdict is Verdict.INVALID else canonical, code)


def last_stage(to: str, canonical: str, bad: str, why: Sequence[str]) -> Stage:
    """Return the stage that makes ``to`` and ``to__why``.

    Args:
        to: Name of the column.
        canonical: SQL of the canonical value; NULL when missing.
        bad: SQL of the reason that makes it invalid, or NULL.
        why: SQL of further reasons or NULL, the gravest first.
    """
    value = f"CASE WHEN {bad} IS NULL THEN {canonical} END"
    return Stage({to: value, f"{to}__why": f"COALESCE({', '.join([bad, *why])})"})


def spelled_stages(raw: str, to: str, fine: str, table: Mapping[str, str]) -> list[Stage]:
    """Return the stages that make two helpers, cheaply where a value is already well written.

    Args:
        raw: SQL of the raw text.
        to: Name of the column.
        fine: Pattern of values that ``table`` leaves as they are.
        table: How characters are replaced.

    Returns:
        Stages of ``to__fine`` (matches ``fine``; never NULL) and ``to__text`` (the text
        with characters replaced; NULL when missing).
    """
    text = (
        f"CASE WHEN {helper(to, 'fine')} THEN {raw} WHEN {blank_sql(raw)} THEN {NOTHING} "
        f"ELSE {replace_characters_sql(raw, table)} END"
    )
    return [
        Stage({f"{to}__fine": f"COALESCE({matches(raw, fine)}, FALSE)"}),
        Stage({f"{to}__text": text}),
    ]


def side_by_side(staged: Iterable[Sequence[Stage]]) -> list[Stage]:
    """Return stages that do the work of several lists at once, those of equal depth as one."""
    merged = []
    for stages in zip_longest(*staged):
        present = [stage for stage in stages if stage is not None]
        columns = {name: sql for stage in present for name, sql in stage.columns.items()}
        merged.append(Stage(columns, [look for stage in present for look in stage.lookups]))
    return merged


def digit_sum_sql(number: str, weights: Sequence[int]) -> str:
    """Return SQL of the sum of the digits of BIGINT ``number``, each times its weight.

    Args:
        number: SQL of a number with as many digits as ``weights``, zeros in front included.
        weights: From the first digit to the last.
    """
    places = range(len(weights) - 1, -1, -1)
    terms = (
        f"(({number} // {10**place}) % 10) * {weight}"
        for place, weight in zip(places, weights, strict=True)
    )
    return f"({' + '.join(terms)})"


def first_case_sql(cases: Iterable[tuple[str, str | None]], otherwise: str) -> str:
    """Return SQL of the first reason whose condition holds, else of ``otherwise``.

    Args:
        cases: SQL of a condition, and the reason's code (None: no reason).
        otherwise: SQL; a reason's code must be a `literal`.
    """
    arms = " ".join(f"WHEN {condition} THEN {literal(code)}" for condition, code in cases)
    return f"CASE {arms} ELSE {otherwise} END"


def helper(to: str, name: str) -> str:
    """Return the quoted name of a helper column of ``to``."""
    return quote(f"{to}__{name}")

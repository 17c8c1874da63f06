"""The shape that measures share: a plain value is taken at once, anything else is worked on.

Most values are canonical already: one regular expression tells, and the helper column ``text``
stays NULL for them, so that the expensive expressions behind it see few rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chengshu.engine.sql import literal, matches, quote
from chengshu.standards.clean import (
    FULL_WIDTH,
    replace_characters,
    replace_characters_sql,
    tidy,
    tidy_sql,
)
from chengshu.standards.model import Plain, Reason, Stage, Verdict
from chengshu.standards.reading import first_case_sql, helper, reasons_of

RESPELLED: Mapping[str, Reason] = reasons_of(
    Verdict.CORRECTED, {"respelled": ("was written in another form", "写法已规范")}
)


def stages_of(to: str, *steps: Mapping[str, str], value: str, why: str) -> Sequence[Stage]:
    """Return one stage per step, helper name → SQL, and the last with ``to`` and ``to__why``."""
    helpers = [Stage({f"{to}__{name}": sql for name, sql in step.items()}) for step in steps]
    return [*helpers, Stage({to: value, f"{to}__why": why})]


def names_of(to: str, *parts: str) -> Sequence[str]:
    """Return the quoted names of helper columns of ``to``."""
    return [helper(to, part) for part in parts]


def fast_sql(raw: str, pattern: str, column: str) -> str:
    """Return SQL of the value of type ``column`` when ``raw`` matches, else NULL."""
    return f"CASE WHEN {matches(raw, pattern)} THEN TRY_CAST({raw} AS {column}) END"


def plain_of(to: str, fast: str, also: str = "") -> Plain:
    """Return the plain sight of a type whose values are plain where ``fast`` is not NULL.

    ``also`` is a further condition over ``to``, false or NULL where that is.
    """
    return Plain([Stage({to: fast})], also or f"{quote(to)} IS NOT NULL")


def prints_as(to: str, raw: str) -> str:
    """Return a condition that the typed value prints as it was written: it is canonical."""
    return f"CAST({quote(to)} AS VARCHAR) = {raw}"


def unless_sql(fast: str, sql: str) -> str:
    """Return ``sql`` where ``fast`` found nothing, else NULL."""
    return f"CASE WHEN {fast} IS NULL THEN {sql} END"


def tidied_steps(
    to: str, raw: str, table: Mapping[str, str], fold: str = ""
) -> Sequence[Mapping[str, str]]:
    """Return the steps behind ``fast``: ``tidied`` is `tidied` of ``raw``, NULL when fast.

    The cost of `translate` grows with its table (8 µs a value for 150 characters), so the table
    is applied in parts: full-width digits, other full-width characters, everything else.

    Args:
        to: Name of the column.
        raw: SQL of the raw text.
        table: How characters are replaced; none of what it makes is replaced itself.
        fold: SQL that replaces them more cheaply, or empty.
    """
    (fast,) = names_of(to, "fast")
    first, *others = _parts_of(table)
    steps = [{"fold_0": unless_sql(fast, fold or replace_characters_sql(raw, first))}]
    for n, part in enumerate([] if fold else others, start=1):
        before = names_of(to, f"fold_{n - 1}")[0]
        steps.append({f"fold_{n}": replace_characters_sql(before, part)})
    (last,) = names_of(to, *steps[-1])
    return (*steps, {"tidied": tidy_sql(last)})


def _parts_of(table: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """Return the replacements of ``table`` in parts that often occur alone."""
    changed = {a: b for a, b in table.items() if a != b}
    digits = {a: b for a, b in changed.items() if "０" <= a <= "９"}
    wide = {a: b for a, b in changed.items() if a in FULL_WIDTH and a not in digits}
    rest = {a: b for a, b in changed.items() if a not in FULL_WIDTH}
    return [part for part in (digits, wide, rest) if part]


def tidied(raw: str, table: Mapping[str, str]) -> str:
    """Return ``raw`` with characters replaced by ``table``, then tidied."""
    return tidy(replace_characters(raw, table))


def slow_sql(text: str, sql: str) -> str:
    """Return ``sql`` where ``text`` is neither NULL nor empty, else NULL."""
    return f"CASE WHEN {text} <> '' THEN {sql} END"


def choose_sql(cases: Iterable[tuple[str, str]], otherwise: str) -> str:
    """Return SQL of the code of the first condition that holds, else of code ``otherwise``."""
    return first_case_sql(cases, literal(otherwise))


Cases = Sequence[tuple[str, str]]
"""SQL of a condition and the code of a reason; the first that holds counts."""


def text_stages_of(
    to: str,
    raw: str,
    *steps: Mapping[str, str],
    bad: Cases,
    odd: Cases,
    changed: str = "respelled",
) -> Sequence[Stage]:
    """Return the stages of a type whose canonical value is text.

    Args:
        to: Name of the column.
        raw: SQL of the raw text.
        steps: As in `stages_of`; they make the helpers ``fast`` and ``text``.
        bad: Reasons that make the value invalid.
        odd: Further reasons.
        changed: Reason when only the spelling changed.
    """
    fast, text, wrong = names_of(to, "fast", "text", "bad")
    differs = (f"{text} <> {raw}", changed)
    judged = f"COALESCE({wrong}, {_first_sql([*odd, differs])})"
    return stages_of(
        to,
        *steps,
        {"bad": slow_sql(text, _first_sql(bad)) if bad else "CAST(NULL AS VARCHAR)"},
        value=f"COALESCE({fast}, CASE WHEN {wrong} IS NULL THEN NULLIF({text}, '') END)",
        why=slow_sql(text, judged),
    )


def _first_sql(cases: Cases) -> str:
    return first_case_sql(cases, "CAST(NULL AS VARCHAR)")


def first_of(*cases: tuple[object, str]) -> str | None:
    """Return the code of the first condition that holds, or None."""
    return next((code for holds, code in cases if holds), None)


def hidden_sql(column: str, shown: str = "***") -> str:
    """Return SQL that shows the same text for every value; NULL stays NULL."""
    return f"CASE WHEN {column} IS NOT NULL THEN '{shown}' END"

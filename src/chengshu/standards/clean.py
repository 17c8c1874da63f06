"""Folding and stripping of text, each as a Python function and as the SQL that means the same.

One table of characters drives both. `translate` is some 20 times dearer than a regular
expression, so the SQL looks first whether there is anything to change. The character NUL is
left alone: SQL text cannot name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chengshu.engine.sql import literal

FULL_WIDTH: Mapping[str, str] = {
    **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94)},
    "\u3000": " ",
    "\uffe5": "\xa5",  # the yen and yuan sign
}

DASHES: Mapping[str, str] = dict.fromkeys(
    "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d", "-"
)


def _characters(*ranges: tuple[int, int]) -> str:
    return "".join(chr(point) for first, last in ranges for point in range(first, last + 1))


# What Unicode calls White_Space, and the four separators that Python's str.strip knows.
WHITE = _characters(
    (0x09, 0x0D),
    (0x1C, 0x20),
    (0x85, 0x85),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
)

# Control characters, and the format characters (zero width, direction marks, byte order mark).
HIDDEN = _characters(
    (0x01, 0x08),
    (0x0E, 0x1B),
    (0x7F, 0x84),
    (0x86, 0x9F),
    (0xAD, 0xAD),
    (0x061C, 0x061C),
    (0x180E, 0x180E),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
)

UPPER: Mapping[str, str] = {chr(0x61 + i): chr(0x41 + i) for i in range(26)}

STRIPPED: Mapping[str, str] = dict.fromkeys(WHITE + HIDDEN, "")
COMPACT: Mapping[str, str] = {**FULL_WIDTH, **DASHES, **STRIPPED}


def compose(first: Mapping[str, str], then: Mapping[str, str]) -> Mapping[str, str]:
    """Return the one table that does what replacing by ``first``, then by ``then``, does."""
    return {**then, **{a: then.get(b, b) for a, b in first.items()}}


_SPACED: Mapping[str, str] = {**dict.fromkeys(HIDDEN, ""), **dict.fromkeys(WHITE, " ")}

# What people and spreadsheets put into and around numbers: hyphens, quotes, ="…", × for X.
ID_SPELLING = compose(
    COMPACT, {**UPPER, **dict.fromkeys("-'\"`=\u2018\u2019\u201c\u201d", ""), "×": "X"}
)


def replace_characters(text: str, table: Mapping[str, str]) -> str:
    """Return ``text`` with each character of ``table`` replaced (by nothing: removed)."""
    return text.translate({ord(a): b for a, b in table.items()})


def replace_characters_sql(c: str, table: Mapping[str, str]) -> str:
    """Return SQL of `replace_characters`; values of ``table`` are one character or empty."""
    pairs = [(a, b) for a, b in table.items() if a != b]
    kept = [(a, b) for a, b in pairs if b]
    before = "".join(a for a, _ in kept) + "".join(a for a, b in pairs if not b)
    after = "".join(b for _, b in kept)
    return (
        f"CASE WHEN {has_any_sql(c, (a for a, _ in pairs))} "
        f"THEN translate({c}, {literal(before)}, {literal(after)}) ELSE {c} END"
    )


def character_class(characters: Iterable[str]) -> str:
    """Return the characters as a class that every engine's regular expressions read alike."""
    ranges: list[list[int]] = []
    for point in sorted(map(ord, set(characters))):
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    parts = (f"\\x{{{a:x}}}" + (f"-\\x{{{b:x}}}" if b > a else "") for a, b in ranges)
    return f"[{''.join(parts)}]"


def has_any_sql(c: str, characters: Iterable[str]) -> str:
    """Return a condition that ``c`` holds at least one of the characters."""
    return f"regexp_matches({c}, {literal(character_class(characters))})"


def fold(text: str) -> str:
    """Return ``text`` with full-width ASCII and the ideographic space in half width."""
    return replace_characters(text, FULL_WIDTH)


def fold_sql(c: str) -> str:
    """Return SQL of `fold`."""
    return replace_characters_sql(c, FULL_WIDTH)


def strip_all(text: str) -> str:
    """Return ``text`` without any white space, zero-width or control character."""
    return replace_characters(text, STRIPPED)


def strip_all_sql(c: str) -> str:
    """Return SQL of `strip_all`."""
    return replace_characters_sql(c, STRIPPED)


def compact(text: str) -> str:
    """Return ``text`` folded, stripped of all white space, and with one kind of hyphen: for ids."""
    return replace_characters(text, COMPACT)


def compact_sql(c: str) -> str:
    """Return SQL of `compact`."""
    return replace_characters_sql(c, COMPACT)


def tidy(text: str) -> str:
    """Return ``text`` trimmed, with one space per run of white space and nothing hidden."""
    return " ".join(part for part in replace_characters(text, _SPACED).split(" ") if part)


def tidy_sql(c: str) -> str:
    """Return SQL of `tidy`."""
    untidy = character_class([*HIDDEN, *WHITE.replace(" ", "")])
    odd = literal(rf"\A | \z|  |{untidy}")
    white = literal(f"{character_class(WHITE)}+")
    hidden = literal(f"{character_class(HIDDEN)}+")
    bare = f"regexp_replace({c}, {hidden}, '', 'g')"
    return (
        f"CASE WHEN regexp_matches({c}, {odd}) "
        f"THEN trim(regexp_replace({bare}, {white}, ' ', 'g')) ELSE {c} END"
    )


def is_blank(text: str) -> bool:
    """Return whether ``text`` shows nothing: empty, or only white space and hidden characters."""
    return not strip_all(text)


def blank_sql(c: str) -> str:
    """Return SQL of `is_blank`; NULL is blank."""
    blank = literal(rf"\A{character_class(WHITE + HIDDEN)}*\z")
    return f"COALESCE(regexp_matches({c}, {blank}), TRUE)"

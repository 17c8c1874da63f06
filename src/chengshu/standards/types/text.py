"""Text in one line, without what cannot be seen, with a warning where characters were destroyed.

Source: GB 18030-2022 (characters).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chengshu.engine.sql import literal
from chengshu.standards.clean import HIDDEN, WHITE, character_class, tidy, tidy_sql
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import MISSING, reading_of, reasons_of
from chengshu.standards.types.han_text import DAMAGED, has, has_sql
from chengshu.standards.types.parameters import name_with
from chengshu.standards.types.slow_path import (
    first_of,
    hidden_sql,
    names_of,
    plain_of,
    text_stages_of,
    unless_sql,
)

REASONS: Mapping[str, Reason] = {
    **reasons_of(
        Verdict.CORRECTED,
        {
            "hidden_characters": (
                "had control or zero-width signs, removed",
                "已去除隐藏字符",
            ),
            "white_space": ("had needless white space", "已去除多余空白"),
        },
    ),
    **reasons_of(
        Verdict.WARNING,
        {
            "wrong_encoding": ("was read in a wrong encoding, such as 锟斤拷", "疑似乱码"),
            "damaged_characters": ("has characters that cannot be shown", "含无法显示的字符"),
        },
    ),
    **reasons_of(Verdict.INVALID, {"too_long": ("is longer than declared", "超过规定长度")}),
}

# UTF-8 read as Latin-1 or Windows-1252: a lead byte, then continuation bytes as characters.
_TAIL = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_GARBLED = f"锟斤拷|烫烫烫|屯屯屯|\\A锘|ï»¿|[ÃÂ][\u0080-\u00bf]|[äåæçèé][{_TAIL}]{{2}}"
_HIDDEN = character_class(HIDDEN)
_UNSEEN = character_class([*HIDDEN, *WHITE.replace(" ", "")])
_ODD = rf"\A | \z|  |{_UNSEEN}|[{DAMAGED}]|{_GARBLED}"


@dataclass(frozen=True, slots=True)
class Text:
    """Any text, in one line.

    Attributes:
        max_length: Most characters allowed, or None.
    """

    max_length: int | None = None
    label: str = "文本"
    column: str = "VARCHAR"
    source: str = "GB 18030-2022"
    reasons: Mapping[str, Reason] = field(default_factory=lambda: REASONS)

    @property
    def name(self) -> str:
        """Return ``text`` with its greatest length."""
        return name_with("text", max_length=(self.max_length, None))

    def read(self, raw: str) -> Reading:
        """Return the text trimmed, with single spaces and nothing hidden."""
        text = tidy(raw)
        if not text:
            return MISSING
        why = first_of(
            (self.max_length is not None and len(text) > self.max_length, "too_long"),
            (re.search(_GARBLED, raw), "wrong_encoding"),
            (has(raw, DAMAGED), "damaged_characters"),
            (has(raw, re.escape(HIDDEN)), "hidden_characters"),
            (text != raw, "white_space"),
        )
        return reading_of(self.reasons, text, why)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read` (see the protocol)."""
        fast, text = names_of(to, "fast", "text")
        long = [] if self.max_length is None else [f"LENGTH({text}) > {self.max_length}"]
        return text_stages_of(
            to,
            raw,
            {"fast": self._fast_sql(raw)},
            {"text": unless_sql(fast, tidy_sql(raw))},
            bad=[(condition, "too_long") for condition in long],
            odd=[
                (f"regexp_matches({raw}, {literal(_GARBLED)})", "wrong_encoding"),
                (has_sql(raw, DAMAGED), "damaged_characters"),
                (f"regexp_matches({raw}, {literal(_HIDDEN)})", "hidden_characters"),
            ],
            changed="white_space",
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        return plain_of(to, self._fast_sql(raw))

    def mask(self, column: str) -> str:
        """Return SQL that shows nothing of the text."""
        return hidden_sql(column)

    def caption(self, canonical: str) -> str:
        """Return the text."""
        return canonical

    def _fast_sql(self, raw: str) -> str:
        fits = "" if self.max_length is None else f" AND LENGTH({raw}) <= {self.max_length}"
        clean = f"NOT regexp_matches({raw}, {literal(_ODD)}){fits}"
        return f"CASE WHEN {clean} THEN NULLIF({raw}, '') END"

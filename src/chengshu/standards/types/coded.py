"""Values of an official code set, given as code or as label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from chengshu.engine.sql import literal
from chengshu.standards.clean import COMPACT, compact, is_blank
from chengshu.standards.codes import CodeSet
from chengshu.standards.facts import load_facts, table_of
from chengshu.standards.model import Lookup, Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import (
    MISSING,
    helper,
    last_stage,
    reading_of,
    reasons_of,
    spelled_stages,
)

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        **reasons_of(
            Verdict.INVALID,
            {
                "not_in_code_set": (
                    "no code of the set, and no label that means exactly one of its codes",
                    "不在代码集内",
                ),
            },
        ),
        **reasons_of(
            Verdict.CORRECTED,
            {
                "label_to_code": ("a label stood in place of the code", "名称已转为代码"),
                "zero_padded": ("zeros in front of the code were lost", "已补前导零"),
                "from_number": ("stored as a number with decimals", "由带小数的数值还原"),
                "spelling": (
                    "full-width characters, white space or letters of the other case",
                    "全角、空格或大小写已规范",
                ),
            },
        ),
    }
)


@cache
def _meanings(table: str) -> Mapping[object, tuple[object, ...]]:
    return MappingProxyType({row[0]: row[1:] for row in load_facts(table).rows})


@dataclass(frozen=True, slots=True)
class Coded:
    """A value of the code set ``codes``; the canonical value is the code.

    A label that means several codes is not guessed at. A code of digits that lost its zeros in
    front is restored where it can mean only one.
    """

    codes: CodeSet
    column: str = "VARCHAR"

    @property
    def table(self) -> str:
        """Return the name of the set's facts."""
        return table_of(self.codes)

    @property
    def name(self) -> str:
        """Return ``code`` with its set."""
        return f"code(codes={self.codes.name})"

    @property
    def label(self) -> str:
        """Return the title of the code set."""
        return self.codes.label

    @property
    def source(self) -> str:
        """Return the standard of the code set."""
        return self.codes.source.standard

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Return every reason by code: how a value is corrected depends on the set."""
        hows = {how for _, how in _meanings(self.table).values()}
        given = {"not_in_code_set", "spelling", *hows}
        return {code: reason for code, reason in REASONS.items() if code in given}

    def read(self, raw: str) -> Reading:
        """Return what ``raw`` means."""
        if is_blank(raw):
            return MISSING
        text = compact(raw)
        meant = _meanings(self.table).get(text)
        if meant is None:
            return reading_of(REASONS, "", "not_in_code_set")
        code, how = meant
        found = None if how is None else str(how)
        return reading_of(REASONS, str(code), found, "spelling" if text != raw else None)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read`."""
        text, code, meant = helper(to, "text"), helper(to, "code"), helper(to, "meant")
        bad = f"CASE WHEN {text} IS NOT NULL AND {code} IS NULL THEN 'not_in_code_set' END"
        return [
            *spelled_stages(raw, to, r"[0-9A-Za-z\x{4e00}-\x{9fff}]+", COMPACT),
            Stage(
                {f"{to}__code": f"{meant}.code", f"{to}__how": f"{meant}.how"},
                [Lookup(self.table, f"{to}__meant", text)],
            ),
            Stage({f"{to}__bad": bad}),
            last_stage(
                to,
                code,
                helper(to, "bad"),
                [helper(to, "how"), f"CASE WHEN {text} <> {raw} THEN 'spelling' END"],
            ),
        ]

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        codes = [code for code in self.codes.codes if self.read(code).verdict is Verdict.OK]
        return Plain([Stage({to: raw})], f"{raw} IN ({', '.join(map(literal, codes))})")

    def mask(self, column: str) -> str:
        """Return SQL that shows only that there is a value."""
        return f"CASE WHEN {column} IS NOT NULL THEN '*' END"

    def caption(self, canonical: str) -> str:
        """Return the label of the code, or the code where the set does not have it."""
        code = self.codes.codes.get(canonical)
        return canonical if code is None else code.name

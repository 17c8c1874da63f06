"""Unified social credit codes (GB 32100-2015)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

from chengshu.engine.sql import literal, matches
from chengshu.standards.clean import ID_SPELLING, is_blank, replace_characters
from chengshu.standards.codes import load_code_set
from chengshu.standards.model import Lookup, Plain, Reading, Reason, Stage, Verdict
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
from chengshu.standards.types import organisation_code
from chengshu.standards.types.citizen_id import division_warning, division_warning_sql
from chengshu.standards.types.organisation_code import REASONS as ORGANISATION_REASONS
from chengshu.standards.types.registration_number import (
    is_old_registration_number,
    old_product_sql,
)

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, at, 31) for at in range(17))
CHECKS = "0" + ALPHABET[:0:-1]  # by the remainder: 31 minus it, with 31 as 0
REGISTRARS = "uscc_registrars"
PAIRS = "uscc_pair"
NATION = "100000"  # the state as a whole: no row of GB/T 2260, but usual in codes
PLACEHOLDER = "0" * 18

_ANY = "[0-9A-HJ-NPQRTUWXY]"
SHAPE = f"{_ANY}{{2}}[0-9]{{6}}{_ANY}{{8}}[0-9X]{_ANY}"

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        **{c: ORGANISATION_REASONS[c] for c in ("as_number", "masked", "placeholder", "checksum")},
        **reasons_of(
            Verdict.INVALID,
            {
                "characters": (
                    "expected digits and capital letters without I, O, S, V, Z; six digits for "
                    "the division",
                    "含有非法字符",
                ),
                "length": ("expected 18 characters", "位数不是18位"),
                "old_registration_number": (
                    "a business registration number of 15 digits from before 2015",
                    "15位旧工商注册号，不是统一社会信用代码",
                ),
                "organisation_check": (
                    "the organisation code in characters 9 to 17 does not fit its own check",
                    "第9至17位组织机构代码校验错误",
                ),
            },
        ),
        **reasons_of(
            Verdict.WARNING,
            {
                "registrar_unknown": (
                    "the first two characters are no known registrar and kind",
                    "登记管理部门或机构类别代码未知",
                ),
                "division_abolished": (
                    "characters 3 to 8 are a division that exists no more",
                    "第3至8位为已撤销的行政区划",
                ),
                "division_unknown": (
                    "characters 3 to 8 are no division known to GB/T 2260",
                    "第3至8位不是已知的行政区划",
                ),
            },
        ),
        "spelling": ORGANISATION_REASONS["spelling"],
    }
)


def check_character(body: str) -> str:
    """Return the 18th character for the 17 of ``body``."""
    total = sum(ALPHABET.index(c) * w for c, w in zip(body, WEIGHTS, strict=True))
    return CHECKS[total % 31]


def pair_rows() -> list[tuple[str, int, int, int, int, int]]:
    """Return what every two characters add to the check sums.

    A join of four pairs costs half of looking eight letters up by their position.

    Returns:
        ``key`` (two characters of the code's alphabet), ``value`` (to the code's own sum, at its
        first place), ``first`` to ``fourth`` (to the organisation code's, as that pair of its
        body).
    """
    letters, weights = organisation_code.ALPHABET, organisation_code.WEIGHTS
    rows = []
    for a, b in product(ALPHABET, repeat=2):
        value = ALPHABET.index(a) + 3 * ALPHABET.index(b)
        one, two = letters.index(a), letters.index(b)
        places = [one * weights[at] + two * weights[at + 1] for at in (0, 2, 4, 6)]
        rows.append((a + b, value, places[0], places[1], places[2], places[3]))
    return rows


def check_character_sql(to: str) -> str:
    """Return SQL of `check_character`: over helpers of column ``to``, with its pairs joined."""
    code = helper(to, "text")

    def value(at: int) -> str:
        return f"(strpos('{ALPHABET}', substr({code}, {at}, 1)) - 1) * {WEIGHTS[at - 1]}"

    enterprise = ALPHABET.index("9") * WEIGHTS[0] + ALPHABET.index("1") * WEIGHTS[1]
    kind = f"CASE WHEN starts_with({code}, '91') THEN {enterprise} ELSE {value(1)} + {value(2)} END"
    division = digit_sum_sql(helper(to, "division"), WEIGHTS[2:8])
    pairs = " + ".join(
        f"{helper(to, f'pair_{at}')}.value * {WEIGHTS[at - 1]}" for at in (9, 11, 13, 15)
    )
    total = f"({kind} + {division} + {pairs} + {value(17)})"
    return f"substr('{CHECKS}', CAST({total} % 31 AS INTEGER) + 1, 1)"


def inner_check_sql(to: str) -> str:
    """Return SQL of the organisation code's check: of column ``to``, with its pairs joined."""
    places = {9: "first", 11: "second", 13: "third", 15: "fourth"}
    total = " + ".join(f"{helper(to, f'pair_{at}')}.{sum_}" for at, sum_ in places.items())
    return f"substr('{organisation_code.CHECKS}', CAST(({total}) % 11 AS INTEGER) + 1, 1)"


def find_problem(text: str) -> str | None:
    """Return what makes a spelled text no code, or None."""
    if re.fullmatch(AS_NUMBER, text):
        return "as_number"
    if "*" in text:
        return "masked"
    if not re.fullmatch("[0-9A-Z]*", text):
        return "characters"
    if len(text) != 18:
        return "old_registration_number" if is_old_registration_number(text) else "length"
    if not re.fullmatch(SHAPE, text):
        return "characters"
    if text == PLACEHOLDER:
        return "placeholder"
    if check_character(text[:17]) != text[17]:
        return "as_number" if re.fullmatch("[0-9]{15}000", text) else "checksum"
    if text[0] == "9" and organisation_code.check_character(text[8:16]) != text[16]:
        return "organisation_check"
    return None


def find_warning(code: str) -> str | None:
    """Return what is odd about a valid code, or None."""
    if code[:2] not in load_code_set(REGISTRARS).codes:
        return "registrar_unknown"
    return None if code[2:8] == NATION else division_warning(code[2:8])


@dataclass(frozen=True, slots=True)
class Uscc:
    """统一社会信用代码, 18 characters.

    Both check characters are tested; the inner one only where 市场监管 registers (9), whose codes
    are known to keep it. Registrar and division only ever warn: the list of the former grew, and
    a code keeps the division it was given in.
    """

    name: str = "uscc"
    label: str = "统一社会信用代码"
    column: str = "VARCHAR"
    source: str = "GB 32100-2015"

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Return every reason by code."""
        return REASONS

    def read(self, raw: str) -> Reading:
        """Return what ``raw`` means."""
        if is_blank(raw):
            return MISSING
        text = replace_characters(raw, ID_SPELLING)
        bad = find_problem(text)
        warning = find_warning(text) if bad is None else None
        return reading_of(REASONS, text, bad, warning, "spelling" if text != raw else None)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read`."""
        text, fine = helper(to, "text"), helper(to, "fine")
        is_shaped = f"CASE WHEN {fine} THEN TRUE ELSE COALESCE({matches(text, SHAPE)}, FALSE) END"
        corrected = f"CASE WHEN {text} <> {raw} THEN 'spelling' END"
        return [
            *spelled_stages(raw, to, SHAPE, ID_SPELLING),
            Stage(
                {
                    f"{to}__shaped": is_shaped,
                    f"{to}__division": _division_sql(text),
                    f"{to}__old_5": old_product_sql(text, "10", 1, 5),
                }
            ),
            Stage(
                {
                    **_checks_of(to),
                    f"{to}__old_10": old_product_sql(text, helper(to, "old_5"), 6, 10),
                },
                _lookups_of(to),
            ),
            Stage({f"{to}__bad": self._bad_sql(to)}),
            last_stage(to, text, helper(to, "bad"), [helper(to, "warning"), corrected]),
        ]

    @staticmethod
    def _bad_sql(to: str) -> str:
        """Return SQL of `find_problem`."""
        text, shaped = helper(to, "text"), helper(to, "shaped")
        last = f"TRY_CAST(substr({text}, 15, 1) AS INTEGER)"
        old = f"({old_product_sql(text, helper(to, 'old_10'), 11, 14)} + {last}) % 10"
        outer = f"substr({text}, 18, 1) = {helper(to, 'check')}"
        inner = f"substr({text}, 17, 1) = {helper(to, 'inner')}"
        shape = first_case_sql(
            [
                (matches(text, AS_NUMBER), "as_number"),
                (f"contains({text}, '*')", "masked"),
                (f"NOT {matches(text, '[0-9A-Z]*')}", "characters"),
                (f"LENGTH({text}) = 18", "characters"),
                (f"{matches(text, '[0-9]{15}')} AND {old} = 1", "old_registration_number"),
            ],
            literal("length"),
        )
        return first_case_sql(
            [
                (f"{shaped} AND {outer} AND {inner} AND {text} <> '{PLACEHOLDER}'", None),
                (f"{text} IS NULL", None),
                (f"{text} = '{PLACEHOLDER}'", "placeholder"),
                (f"{shaped} AND {outer} AND starts_with({text}, '9')", "organisation_check"),
                (f"{shaped} AND {outer}", None),
                (f"{shaped} AND {matches(text, '[0-9]{15}000')}", "as_number"),
                (shaped, "checksum"),
            ],
            shape,
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        code, warning = helper(to, "text"), helper(to, "warning")
        outer, inner = helper(to, "check"), helper(to, "inner")
        return Plain(
            [
                Stage({to: raw, f"{to}__text": raw, f"{to}__division": _division_sql(raw)}),
                Stage(_checks_of(to), _lookups_of(to)),
            ],
            f"{matches(raw, SHAPE)} AND {raw} <> '{PLACEHOLDER}' AND {warning} IS NULL "
            f"AND substr({code}, 18, 1) = {outer} AND substr({code}, 17, 1) = {inner}",
        )

    def mask(self, column: str) -> str:
        """Return SQL that shows the code: it is public."""
        return column

    def caption(self, canonical: str) -> str:
        """Return the code in groups: registrar, division, organisation, check."""
        parts = (canonical[:2], canonical[2:8], canonical[8:17], canonical[17:])
        return " ".join(parts)


def _division_sql(code: str) -> str:
    return f"TRY_CAST(substr({code}, 3, 6) AS INTEGER)"


def _checks_of(to: str) -> Mapping[str, str]:
    """Return the helpers ``check``, ``inner`` and ``warning`` of helper ``text``."""
    text = helper(to, "text")
    warning = (
        f"CASE WHEN {text} IS NULL THEN NULL "
        f"WHEN {helper(to, 'registered')}.key IS NULL THEN 'registrar_unknown' "
        f"WHEN substr({text}, 3, 6) <> '{NATION}' "
        f"THEN {division_warning_sql(helper(to, 'divided'))} END"
    )
    return {
        f"{to}__check": check_character_sql(to),
        f"{to}__inner": inner_check_sql(to),
        f"{to}__warning": warning,
    }


def _lookups_of(to: str) -> Sequence[Lookup]:
    text = helper(to, "text")
    return [
        Lookup("division", f"{to}__divided", f"substr({text}, 3, 6)"),
        Lookup(f"code_{REGISTRARS}", f"{to}__registered", f"substr({text}, 1, 2)"),
        *(Lookup(PAIRS, f"{to}__pair_{at}", f"substr({text}, {at}, 2)") for at in (9, 11, 13, 15)),
    ]

"""Addresses as text: tidied, not taken apart.

Source: ours; the parts of an address are for the geocoder.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chengshu.engine.sql import literal, matches
from chengshu.standards.clean import DASHES, FULL_WIDTH, compose
from chengshu.standards.model import Plain, Reading, Reason, Stage, Verdict
from chengshu.standards.reading import MISSING, reading_of, reasons_of
from chengshu.standards.types.han_text import (
    DAMAGED,
    DESTROYED,
    HAN,
    HAN_BUT_KUN,
    LETTER,
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

REASONS: Mapping[str, Reason] = {
    **RESPELLED,
    **reasons_of(
        Verdict.WARNING,
        {
            "damaged_characters": ("has characters that cannot be shown", "含无法显示的字符"),
            "masked": ("has hidden parts", "地址已脱敏"),
            "too_short": ("has fewer than five characters", "地址过短"),
            "no_place": (
                "names no kind of place, such as 区, 路 or 村",
                "地址不含地名用字",
            ),
        },
    ),
    **reasons_of(
        Verdict.INVALID,
        {"not_an_address": ("has neither characters nor letters nor digits", "不是地址")},
    ),
}

PLACES = (
    "省市区县旗州盟镇乡村街路巷弄道号里社苑园幢楼组队屯庄寨港桥厦场坊湾岛山河"
    "店门口院城座室层栋厂站沟峪坡岭坝洼滩营堡铺集坪塘浦埠塔庙寺"
)

_TABLE = compose(FULL_WIDTH, DASHES)
_PLAIN = f"[{HAN_BUT_KUN}0-9A-Za-z()#、-]*"
# A question mark is what a lost character becomes; no address asks.
_DAMAGED = f"[{DAMAGED}?]|{DESTROYED}"
_MASKED = r"\*\*"
_FAST = f"{_PLAIN}[{PLACES}]{_PLAIN}"
_DISTRICT = f"(?:[{HAN}]{{2,8}}?(?:省|自治区))?(?:[{HAN}]{{2,8}}?(?:市|自治州|盟|地区))?"
_KEPT = f"^{_DISTRICT}(?:[{HAN}]{{1,6}}?(?:市|县|旗|[^小园社院]区))?"


@dataclass(frozen=True, slots=True)
class Address:
    """An address in one line, digits and signs in half width, without needless spaces."""

    name: str = "address"
    label: str = "地址"
    column: str = "VARCHAR"
    source: str = "ours"
    reasons: Mapping[str, Reason] = field(default_factory=lambda: REASONS)

    def read(self, raw: str) -> Reading:
        """Return the tidied address."""
        text = unify_text(raw, _TABLE)
        if not text:
            return MISSING
        why = first_of(
            (not has(text, f"{HAN}0-9{LETTER}"), "not_an_address"),
            (re.search(_DAMAGED, text), "damaged_characters"),
            (re.search(_MASKED, text), "masked"),
            (len(text) < 5, "too_short"),
            (not has(text, PLACES), "no_place"),
            (text != raw, "respelled"),
        )
        return reading_of(self.reasons, text, why)

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read` (see the protocol)."""
        wide, text = names_of(to, "tidied", "text")
        return text_stages_of(
            to,
            raw,
            {"fast": _fast_sql(raw)},
            *tidied_steps(to, raw, _TABLE),
            {"text": close_sql(wide)},
            bad=[(f"NOT {has_sql(text, f'{HAN}0-9{LETTER}')}", "not_an_address")],
            odd=[
                (f"regexp_matches({text}, {literal(_DAMAGED)})", "damaged_characters"),
                (f"regexp_matches({text}, {literal(_MASKED)})", "masked"),
                (f"LENGTH({text}) < 5", "too_short"),
                (f"NOT {has_sql(text, PLACES)}", "no_place"),
            ],
        )

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values (see the protocol)."""
        return plain_of(to, _fast_sql(raw))

    def mask(self, column: str) -> str:
        """Return SQL that shows the division down to district or county, where one is written."""
        return f"regexp_extract({column}, {literal(_KEPT)}, 0) || '****'"

    def caption(self, canonical: str) -> str:
        """Return the address."""
        return canonical


def _fast_sql(raw: str) -> str:
    return f"CASE WHEN LENGTH({raw}) >= 5 AND {matches(raw, _FAST)} THEN {raw} END"


def masked(canonical: str) -> str:
    """Return what `Address.mask` shows."""
    found = re.match(_KEPT, canonical)
    return f"{found.group() if found else ''}****"

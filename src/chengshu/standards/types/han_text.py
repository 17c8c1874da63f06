"""What the texts that people write share: Chinese characters, letters, and where spaces belong.

The classes below are literal characters, which Python and both engines read alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from chengshu.engine.sql import literal
from chengshu.standards.types.slow_path import tidied

HAN = "〇㐀-䶿一-鿿\ufa0e-\ufa29\U00020000-\U000323af"
"""Inside a class: the ideographs of GB 18030-2022 and of extensions A to H."""

HAN_BUT_MOU = HAN.replace("一-鿿", "一-\u67cf\u67d1-锞锠-鿿")
"""The same without 某, which stands for a name that is withheld, and without 锟."""

HAN_BUT_KUN = HAN.replace("一-鿿", "一-锞锠-鿿")
"""The same without 锟, which begins `DESTROYED` and hardly anything else."""

DESTROYED = "锟斤拷"
"""What becomes of text in UTF-8 that lost its characters and was then read as GBK."""

LETTER = "A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ"

SCRIPT = "Ͱ-ԯ؀-ۿༀ-࿿ᠠ-ᡸᥐ-ᥴᦀ-᦭ぁ-ヺㄅ-ㄯꀀ-ꒌ가-힣"
"""Inside a class: Greek, Cyrillic, Arabic (Uyghur), Tibetan, Mongolian, Dai, kana, Bopomofo, Yi,
Hangul: scripts in which people write names, though not on documents of the mainland."""

DAMAGED = "\\x00\ufffd\ue000-\uf8ff"
"""Inside a class: NUL, the replacement character, and private characters other systems cannot show.
"""

_PARTED = f"[0-9{LETTER}{SCRIPT}.,'] [0-9{LETTER}{SCRIPT}]"


def unify_text(raw: str, table: Mapping[str, str]) -> str:
    """Return ``raw`` tidied, by ``table``; spaces stay only where they part letters or digits."""
    text = tidied(raw, table)
    return text if re.search(_PARTED, text) else text.replace(" ", "")


def close_sql(text: str) -> str:
    """Return SQL of the second step of `unify_text`, behind `tidied`."""
    apart = f"regexp_matches({text}, {literal(_PARTED)})"
    return (
        f"CASE WHEN strpos({text}, ' ') = 0 OR {apart} THEN {text} "
        f"ELSE replace({text}, ' ', '') END"
    )


def has(text: str, characters: str) -> bool:
    """Return whether ``text`` holds a character of the class ``characters``."""
    return re.search(f"[{characters}]", text) is not None


def has_sql(text: str, characters: str) -> str:
    """Return SQL of `has`."""
    return f"regexp_matches({text}, {literal(f'[{characters}]')})"

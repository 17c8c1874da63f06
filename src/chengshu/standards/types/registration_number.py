"""The old registration number of enterprises (工商注册号), which the USCC replaced.

Source: GS 15-2006, 15 digits, the last by ISO 7064 MOD 11,10.
"""

from __future__ import annotations

import re


def is_old_registration_number(text: str) -> bool:
    """Return whether ``text`` is a 工商注册号: 15 digits, the last by ISO 7064 MOD 11,10."""
    if not re.fullmatch("[0-9]{15}", text):
        return False
    product = 10
    for digit in text[:14]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (product + int(text[14])) % 10 == 1


def old_product_sql(text: str, before: str, first: int, last: int) -> str:
    """Return SQL of the running product of `is_old_registration_number`.

    It goes in steps, as one expression of 14 digits is too deep for the parser.

    Args:
        text: SQL of the text; the result is NULL unless it has 15 characters.
        before: SQL of the product before digit ``first``.
        first: Position of the first digit to take in.
        last: Position of the last.
    """
    product = before
    for at in range(first, last + 1):
        digit = f"TRY_CAST(substr({text}, {at}, 1) AS INTEGER)"
        # (x + 9) % 10 + 1 is x % 10 with 0 as 10, without naming x twice.
        product = f"(({product} + {digit} + 9) % 10 + 1) * 2 % 11"
    return f"CASE WHEN LENGTH({text}) = 15 THEN {product} END"

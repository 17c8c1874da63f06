"""Numbers with right check digits that are nobody's.

The rules can only be shown with numbers that pass them, so each kind is taken from where the
numbering plan gives none out:

- Citizens' numbers begin with a province's own code (``330000``). GB 11643-1999 puts the county of
  the household register there, and a province is no county. Birth, sex and check character are
  as the standard says, so ages look right and no division is unknown.
- Codes of organisations have ``YYYY`` where the organisation's own code begins. We know of no
  range that begins so: the codes given since 2015 begin with M or N, older ones with a digit or an
  earlier letter. The division in front is one of the city's.
- Mobile numbers begin with ``1600000``: 160 is not open to the public as far as we know.
  Landlines begin with 9, which is kept for short codes.
- Bank accounts begin with ``6200 0000`` and have a last digit that Luhn's check refuses.

The first is by the standard's own words; of the others we know of no exception, and promise none.
"""

from __future__ import annotations

from datetime import date
from random import Random

from chengshu.standards.types import citizen_id, organisation_code, uscc


def dice(*parts: object) -> Random:
    """Return the source of chance that belongs to ``parts``: the same parts, the same throws."""
    return Random("/".join(map(str, parts)))


def make_citizen_id(province: str, born: date, sequence: int) -> str:
    """Return a citizen's number; an odd ``sequence`` (100 to 995) is a man's."""
    body = f"{province}0000{born:%Y%m%d}{sequence:03}"
    return body + citizen_id.check_character(body)


def make_uscc(kind: str, division: str, organisation: str) -> str:
    """Return a unified social credit code.

    Args:
        kind: Registrar and kind of the organisation, ``91`` for an enterprise.
        division: Six digits.
        organisation: The eight characters of the organisation's own code.
    """
    body = kind + division + organisation + organisation_code.check_character(organisation)
    return body + uscc.check_character(body)


def make_mobile(number: int) -> str:
    """Return the mobile number of that place, 0 to 9999."""
    return f"1600000{number:04}"


def make_bank_account(number: int) -> str:
    """Return an account of 19 digits that no bank's check accepts."""
    body = f"62000000{number:010}"
    total = sum(
        int(digit) if at % 2 else sum(divmod(int(digit) * 2, 10))
        for at, digit in enumerate(reversed(body))
    )
    return f"{body}{(5 - total) % 10}"

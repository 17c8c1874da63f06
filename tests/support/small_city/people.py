"""What the police hold: residents, and the residence permits of those who came to the city."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import TypeAlias

from tests.support.small_city.numbers import dice, make_citizen_id, make_mobile
from tests.support.small_city.words import DISTRICTS, PROVINCES, make_address, make_name

Row: TypeAlias = dict[str, str]

DELIVERED = (date(2026, 1, 31), date(2026, 2, 28))
"""The business days of the two deliveries."""

FIRST_BIRTH, BIRTHDAYS = date(1946, 1, 1), 29_220
# Prime to the number of days, so that every person has a birthday of their own, and so a number.
_STEP = 7_919


def make_residents(seed: int, numbers: range) -> list[Row]:
    """Return the residents of those running numbers (below `BIRTHDAYS`), one row each."""
    return [_make_resident(dice(seed, "resident", number), number) for number in numbers]


def _make_resident(rng: Random, number: int) -> Row:
    identity, born = _make_identity(rng, "33", number)
    division = rng.choice(list(DISTRICTS))
    return {
        **identity,
        "sex": str(2 - int(identity["citizen_id"][16]) % 2),
        "birth_date": born.isoformat(),
        "ethnicity": "01" if rng.random() < 0.96 else rng.choice(["03", "06", "13", "15"]),
        "division": division,
        "address": make_address(division, rng),
        "phone": make_mobile(rng.randrange(10_000)),
        "registered_on": day_between(born, DELIVERED[0], rng).isoformat(),
    }


def _make_identity(rng: Random, province: str, number: int) -> tuple[Row, date]:
    born = FIRST_BIRTH + timedelta(number * _STEP % BIRTHDAYS)
    found = make_citizen_id(province, born, rng.randint(100, 995))
    return {"citizen_id": found, "name": make_name(rng)}, born


def move_person(row: Row, rng: Random) -> Row:
    """Return the row of a person who moved, or has another number."""
    if rng.random() < 0.3:
        return {**row, "phone": make_mobile(rng.randrange(10_000))}
    division = rng.choice(list(DISTRICTS))
    return {**row, "division": division, "address": make_address(division, rng)}


def make_residence_permits(seed: int, numbers: range, issued_by: date) -> list[Row]:
    """Return the permits of those running numbers; a number may have an earlier permit too."""
    rows: list[Row] = []
    for number in numbers:
        rng = dice(seed, "residence permit", number)
        row, issued = _make_residence_permit(rng, number, issued_by)
        if rng.random() < 0.15:
            earlier = issued - timedelta(rng.randint(380, 700))
            rows.append(_dated({**row, "residence_permit_no": _permit_no(number, 1)}, earlier, rng))
        rows.append(_dated(row, issued, rng))
    return rows


def _make_residence_permit(rng: Random, number: int, issued_by: date) -> tuple[Row, date]:
    identity, _ = _make_identity(rng, PROVINCES[number % len(PROVINCES)], number)
    division = rng.choice(list(DISTRICTS))
    row = {
        "residence_permit_no": _permit_no(number, 2),
        **identity,
        "division": division,
        "address": make_address(division, rng),
        "phone": make_mobile(rng.randrange(10_000)),
    }
    return row, issued_by - timedelta(rng.randint(0, 27 if issued_by == DELIVERED[1] else 360))


def _permit_no(number: int, issue: int) -> str:
    return f"LJ{number:08}{issue}"


def _dated(row: Row, issued: date, rng: Random) -> Row:
    expires = issued.replace(day=min(issued.day, 28), year=issued.year + 1)
    return {
        **row,
        "issued_on": issued.isoformat(),
        "expires_on": expires.isoformat(),
        "updated_at": time_on(issued, rng),
    }


def renew_residence_permit(row: Row, rng: Random) -> Row:
    """Return the row of a permit whose holder moved in the second month."""
    day = DELIVERED[1] - timedelta(rng.randint(0, 26))
    return {**move_person(row, rng), "updated_at": time_on(day, rng)}


def day_between(first: date, last: date, rng: Random) -> date:
    """Return a day from ``first`` to ``last``, both included."""
    return first + timedelta(rng.randint(0, max((last - first).days, 0)))


def time_on(day: date, rng: Random) -> str:
    """Return a time of the working day, as databases write it."""
    at = datetime(day.year, day.month, day.day, rng.randint(8, 17))
    return (at + timedelta(seconds=rng.randrange(3600))).isoformat(sep=" ")

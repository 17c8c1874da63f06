"""What civil affairs hold: marriages, and the payments of the minimum living allowance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from tests.support.small_city.numbers import dice, make_bank_account
from tests.support.small_city.people import DELIVERED, Row, day_between

FIRST_MONTH, MONTHS = 8, 6
"""The ledger of payments begins in August and holds half a year at the first delivery."""


def make_marriages(seed: int, residents: Sequence[Row], count: int) -> list[Row]:
    """Return ``count`` first marriages of residents, and second ones of some men divorced."""
    rng = dice(seed, "couples")
    men, women = (_adults(residents, sex, rng) for sex in "12")
    rows = []
    for number in range(count):
        one = dice(seed, "marriage", number)
        husband, wife = men[number], women[number]
        row = _make_marriage(husband, wife, f"LJ1-{number:06}", one)
        if number % 10 == 0:
            ended = day_between(date.fromisoformat(row["married_on"]), DELIVERED[0], one)
            row["ended_on"] = ended.isoformat()
            rows += _marry_again(husband, women[count + number // 10], ended, number, one)
        rows.append(row)
    return rows


def _adults(residents: Sequence[Row], sex: str, rng: Random) -> list[Row]:
    found = [p for p in residents if p["sex"] == sex and p["birth_date"] < "1999"]
    rng.shuffle(found)
    return found


def _make_marriage(husband: Row, wife: Row, number: str, rng: Random) -> Row:
    of_age = max(_birthday(husband, 23), _birthday(wife, 21))
    married = min(of_age + timedelta(rng.randint(0, 5_000)), DELIVERED[0] - timedelta(30))
    return {
        "certificate_no": number,
        "party_a_id": husband["citizen_id"],
        "party_a_name": husband["name"],
        "party_b_id": wife["citizen_id"],
        "party_b_name": wife["name"],
        "married_on": married.isoformat(),
        "ended_on": "",
    }


def _marry_again(husband: Row, wife: Row, ended: date, number: int, rng: Random) -> list[Row]:
    """Return the second marriage, where there was time for one."""
    married = ended + timedelta(rng.randint(100, 2_000))
    if married > DELIVERED[0] or married < _birthday(wife, 21):
        return []
    row = _make_marriage(husband, wife, f"LJ2-{number:06}", rng)
    return [{**row, "married_on": married.isoformat()}]


def _birthday(person: Row, years: int) -> date:
    born = date.fromisoformat(person["birth_date"])
    return born.replace(year=born.year + years, day=min(born.day, 28))


def divorce(row: Row, rng: Random) -> Row:
    """Return the row of a couple who parted in the second month."""
    if row["ended_on"]:
        return row
    return {**row, "ended_on": day_between(date(2026, 2, 1), DELIVERED[1], rng).isoformat()}


def marry_late(row: Row, rng: Random) -> Row:
    """Return the row of a marriage that was registered in the second month."""
    return {**row, "married_on": day_between(date(2026, 2, 1), DELIVERED[1], rng).isoformat()}


def list_known_by(marriages: Sequence[Row], day: date) -> list[Row]:
    """Return the register as it stood at the end of ``day``."""
    said = day.isoformat()
    return [
        {**row, "ended_on": row["ended_on"] if row["ended_on"] <= said else ""}
        for row in marriages
        if row["married_on"] <= said
    ]


def make_payments(seed: int, residents: Sequence[Row], months: range) -> list[Row]:
    """Return one payment a month for each recipient; months count from the ledger's first."""
    rows = []
    for number, person in enumerate(residents):
        rng = dice(seed, "recipient", person["citizen_id"])
        amount, account = rng.randrange(400, 1_100, 20), make_bank_account(number)
        for month in months:
            year, of_year = divmod(FIRST_MONTH - 1 + month, 12)
            rows.append(
                {
                    "citizen_id": person["citizen_id"],
                    "name": person["name"],
                    "paid_month": f"{2025 + year}-{of_year + 1:02}",
                    "amount": f"{amount}.00",
                    "bank_account": account,
                }
            )
    return rows


def correct_amount(row: Row, rng: Random) -> Row:
    """Return a payment that was booked wrongly at first."""
    return {**row, "amount": f"{rng.randrange(400, 1_100, 20)}.00"}

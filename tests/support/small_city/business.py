"""What market regulation holds: enterprises, and who runs them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from tests.support.small_city.numbers import dice, make_mobile, make_uscc
from tests.support.small_city.people import DELIVERED, Row, day_between
from tests.support.small_city.words import (
    BRANDS_FIRST,
    BRANDS_LAST,
    DISTRICTS,
    TRADES,
    make_address,
)

OLDEST = date(1998, 1, 1)


def make_enterprises(seed: int, people: Sequence[Row], numbers: range) -> list[Row]:
    """Return the enterprises of those running numbers (below 7488), led by some of ``people``."""
    return [_make_enterprise(dice(seed, "enterprise", n), people, n) for n in numbers]


def _make_enterprise(rng: Random, people: Sequence[Row], number: int) -> Row:
    division, trade = rng.choice(list(DISTRICTS)), list(TRADES)[number % len(TRADES)]
    leader = rng.choice(people)
    first, last = divmod(number // len(TRADES), len(BRANDS_LAST))
    brand = BRANDS_FIRST[first] + BRANDS_LAST[last]
    return {
        "uscc": make_uscc("91", division, f"YYYY{number:04}"),
        "enterprise_name": f"临江{brand}{trade}有限公司",
        "registered_capital": str(rng.choice([10, 50, 100, 200, 500, 1_000, 3_000, 10_000])),
        "established_on": day_between(OLDEST, DELIVERED[0], rng).isoformat(),
        "industry": TRADES[trade],
        "status": rng.choices("1234", [88, 4, 3, 5])[0],
        "division": division,
        "address": make_address(division, rng),
        "legal_person": leader["name"],
        "legal_person_id": leader["citizen_id"],
        "phone": make_mobile(rng.randrange(10_000)),
    }


def change_enterprise(row: Row, rng: Random) -> Row:
    """Return an enterprise that moved, grew, or was struck off."""
    roll = rng.random()
    if roll < 0.4:
        return {**row, "address": make_address(row["division"], rng)}
    if roll < 0.7:
        return {**row, "registered_capital": str(int(row["registered_capital"]) * 2)}
    return {**row, "status": "4"}


def make_officers(seed: int, people: Sequence[Row], enterprises: Sequence[Row]) -> list[Row]:
    """Return who runs each enterprise: its legal representative, some former ones and others."""
    rows = []
    for row in enterprises:
        rng = dice(seed, "officers", row["uscc"])
        rows += _legal_persons(row, rng.choice(people), rng)
        if rng.random() < 0.2:
            person, position = rng.choice(people), rng.choice("23")
            started = day_between(date.fromisoformat(row["established_on"]), DELIVERED[0], rng)
            rows.append(_make_officer(row, person, position, started))
    return rows


def _legal_persons(row: Row, former: Row, rng: Random) -> list[Row]:
    founded = date.fromisoformat(row["established_on"])
    now = {"citizen_id": row["legal_person_id"], "name": row["legal_person"]}
    if rng.random() > 0.2 or (DELIVERED[0] - founded).days < 800 or former["name"] == now["name"]:
        return [_make_officer(row, now, "1", founded)]
    left = day_between(founded + timedelta(300), DELIVERED[0] - timedelta(300), rng)
    return [
        {**_make_officer(row, former, "1", founded), "ended_on": left.isoformat()},
        _make_officer(row, now, "1", left + timedelta(rng.randint(0, 20))),
    ]


def _make_officer(enterprise: Row, person: Row, position: str, started: date) -> Row:
    return {
        "uscc": enterprise["uscc"],
        "citizen_id": person["citizen_id"],
        "name": person["name"],
        "position": position,
        "started_on": started.isoformat(),
        "ended_on": "",
    }


def end_office(row: Row, rng: Random) -> Row:
    """Return the office of somebody who left in the second month; a legal representative stays."""
    if row["position"] == "1" or row["ended_on"]:
        return row
    return {**row, "ended_on": day_between(date(2026, 2, 1), DELIVERED[1], rng).isoformat()}

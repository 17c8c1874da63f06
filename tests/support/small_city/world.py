"""The city as it is at each delivery, every value right and in standard form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from tests.support.small_city import business, civil, ecology, people
from tests.support.small_city.numbers import dice
from tests.support.small_city.people import DELIVERED, Row

World = dict[str, list[Row]]

RESIDENT, RESIDENCE_PERMIT = "public_security/resident", "public_security/residence_permit"
MARRIAGE, AID_PAYMENT = "civil_affairs/marriage", "civil_affairs/aid_payment"
ENTERPRISE = "market_regulation/enterprise"
OFFICER = "market_regulation/enterprise_officer"
DISCHARGE_PERMIT, READING = "ecology/pollution_permit", "ecology/emission_reading"

# How many there are at the first delivery, and how many are new at the second.
RESIDENTS, NEW_RESIDENTS = 16_000, 240
PERMITS, NEW_PERMITS = 5_000, 250
COUPLES, NEW_COUPLES = 4_600, 60
RECIPIENTS, LEFT_RECIPIENTS = 1_500, 20
ENTERPRISES, NEW_ENTERPRISES = 6_000, 90
DISCHARGING, NEW_DISCHARGING, MEASURED = 800, 12, 100

GONE, CHANGED = 0.004, 0.03
"""The shares of rows that are gone, and that changed, at the second delivery."""


def make_world(seed: int, delivery: int) -> World:
    """Return every row that the departments hold at delivery 1 or 2, by resource."""
    first = _make_first(seed)
    return first if delivery == 1 else _make_second(seed, first)


def _make_first(seed: int) -> World:
    residents = people.make_residents(seed, range(RESIDENTS))
    permits = people.make_residence_permits(seed, range(PERMITS), DELIVERED[0])
    leaders = list_leaders(residents, permits)
    enterprises = business.make_enterprises(seed, leaders, range(ENTERPRISES))
    discharging = ecology.make_discharge_permits(seed, enterprises[:DISCHARGING])
    return {
        RESIDENT: residents,
        RESIDENCE_PERMIT: permits,
        MARRIAGE: civil.make_marriages(seed, residents, COUPLES),
        AID_PAYMENT: civil.make_payments(seed, residents[:RECIPIENTS], range(civil.MONTHS)),
        ENTERPRISE: enterprises,
        OFFICER: business.make_officers(seed, leaders, enterprises),
        DISCHARGE_PERMIT: discharging,
        READING: ecology.make_readings(seed, discharging[:MEASURED], DELIVERED[0]),
    }


def _make_second(seed: int, first: World) -> World:
    leaders = list_leaders(first[RESIDENT], first[RESIDENCE_PERMIT])
    started = business.make_enterprises(
        seed, leaders, range(ENTERPRISES, ENTERPRISES + NEW_ENTERPRISES)
    )
    permits = range(PERMITS, PERMITS + NEW_PERMITS)
    residents = range(RESIDENTS, RESIDENTS + NEW_RESIDENTS)
    couples = civil.make_marriages(seed, first[RESIDENT], COUPLES + NEW_COUPLES)
    discharging = first[ENTERPRISE][DISCHARGING : DISCHARGING + NEW_DISCHARGING]
    paid = first[RESIDENT][LEFT_RECIPIENTS:RECIPIENTS]
    last_month = range(civil.MONTHS, civil.MONTHS + 1)
    new = {
        RESIDENT: people.make_residents(seed, residents),
        RESIDENCE_PERMIT: people.make_residence_permits(seed, permits, DELIVERED[1]),
        MARRIAGE: _newly_married(seed, couples),
        AID_PAYMENT: civil.make_payments(seed, paid, last_month),
        ENTERPRISE: started,
        OFFICER: business.make_officers(seed, leaders, started),
        DISCHARGE_PERMIT: ecology.make_discharge_permits(seed, discharging),
    }
    second = {name: live_on(seed, name, first[name]) + rows for name, rows in new.items()}
    measured = first[DISCHARGE_PERMIT][:MEASURED]
    return {**second, READING: ecology.make_readings(seed, measured, DELIVERED[1])}


def list_leaders(residents: Sequence[Row], permits: Sequence[Row]) -> list[Row]:
    """Return who may run an enterprise: people who were of age when the oldest was founded."""
    return [row for row in (*residents, *permits) if row["citizen_id"][6:10] < "1980"]


def _newly_married(seed: int, couples: Sequence[Row]) -> list[Row]:
    """Return the last first marriages of ``couples``, as registered in the second month."""
    first = f"LJ1-{COUPLES:06}"
    return [
        civil.marry_late({**row, "ended_on": ""}, dice(seed, "late", row["certificate_no"]))
        for row in couples
        if first <= row["certificate_no"] < "LJ2"
    ]


_CHANGES: dict[str, Callable[[Row, Random], Row]] = {
    RESIDENT: people.move_person,
    RESIDENCE_PERMIT: people.renew_residence_permit,
    MARRIAGE: civil.divorce,
    AID_PAYMENT: civil.correct_amount,
    ENTERPRISE: business.change_enterprise,
    OFFICER: business.end_office,
    DISCHARGE_PERMIT: ecology.change_limit,
}


def live_on(
    seed: int,
    resource: str,
    rows: Sequence[Row],
    time: object = "month",
    shares: tuple[float, float] = (CHANGED, GONE),
) -> list[Row]:
    """Return what became of the rows in a ``time``; who holds a permit is never deleted.

    ``shares`` are those of the rows that change, and that go.
    """
    changed, gone = shares
    kept = []
    for row in rows:
        rng = dice(seed, resource, time, *row.values())
        roll = rng.random()
        if roll < changed:
            kept.append(_CHANGES[resource](row, rng))
        elif roll < 1 - gone or resource == RESIDENCE_PERMIT:
            kept.append(row)
    return kept

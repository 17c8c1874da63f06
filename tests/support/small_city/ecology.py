"""What the ecology office holds: discharge permits, and what instruments measured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from tests.support.small_city.numbers import dice
from tests.support.small_city.people import DELIVERED, Row, day_between

USUAL = {"cod": 45.0, "nh3n": 4.0, "so2": 30.0, "nox": 60.0}
"""Pollutant → its usual concentration in mg/m³."""


def make_discharge_permits(seed: int, enterprises: Sequence[Row]) -> list[Row]:
    """Return one permit for each enterprise."""
    return [_make_permit(row, dice(seed, "permit", row["uscc"])) for row in enterprises]


def _make_permit(enterprise: Row, rng: Random) -> Row:
    start = day_between(date(2021, 3, 1), DELIVERED[0] - timedelta(31), rng)
    until = start.replace(year=start.year + 5, day=min(start.day, 28))
    return {
        "permit_no": f"{enterprise['uscc']}001P",
        "uscc": enterprise["uscc"],
        "enterprise_name": enterprise["enterprise_name"],
        "valid_from": start.isoformat(),
        "valid_until": until.isoformat(),
        "longitude": f"{rng.uniform(121.35, 121.95):.6f}",
        "latitude": f"{rng.uniform(29.65, 30.05):.6f}",
        "yearly_limit_t": f"{rng.uniform(0.5, 80):.3f}",
    }


def change_limit(row: Row, rng: Random) -> Row:
    """Return a permit with another limit."""
    return {**row, "yearly_limit_t": f"{rng.uniform(0.5, 80):.3f}"}


def make_readings(seed: int, permits: Sequence[Row], day: date) -> list[Row]:
    """Return every pollutant's reading at each permit's outlet, for each hour of a day."""
    rows = []
    for permit in permits:
        rng = dice(seed, "readings", permit["permit_no"], day)
        for pollutant, usual in USUAL.items():
            rows += [
                {
                    "permit_no": permit["permit_no"],
                    "pollutant": pollutant,
                    "measured_at": f"{day} {hour:02}:00:00",
                    "concentration": f"{usual * rng.uniform(0.3, 1.6):.3f}",
                }
                for hour in range(24)
            ]
    return rows

"""When a source is due, by working days with holidays and make-up days."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from chengshu.catalog.city import City
from chengshu.catalog.model import UpdateCycle
from chengshu.engine import Engine
from chengshu.libraries import stores
from chengshu.libraries.heartbeat import due_on, find_silence
from chengshu.standards.calendar import Calendar
from tests.support.city import TestCity


@pytest.mark.parametrize(
    ("update", "heard", "due"),
    [
        ("daily", "2026-11-24", "2026-11-25"),
        ("daily", "2026-11-27", "2026-11-30"),  # over a weekend
        ("daily", "2026-02-13", "2026-02-14"),  # a Saturday that is worked on before the festival
        ("daily", "2026-02-14", "2026-02-24"),  # over the festival
        ("daily", "2026-09-30", "2026-10-08"),
        ("realtime", "2026-11-24", "2026-11-25"),
        ("weekly", "2026-09-25", "2026-10-08"),  # falls into the holiday
        ("monthly", "2026-01-31", "2026-02-28"),  # a short month; that Saturday is worked on
        ("quarterly", "2026-11-24", "2027-02-24"),
        ("half_yearly", "2026-08-31", "2027-03-01"),
        ("yearly", "2024-02-29", "2025-02-28"),
        ("irregular", "2020-01-01", None),
        ("never", "2020-01-01", None),
    ],
)
def test_a_source_is_due_on_a_working_day(update: str, heard: str, due: str | None):
    found = due_on(UpdateCycle(update), date.fromisoformat(heard), Calendar())
    assert found == (date.fromisoformat(due) if due else None)


def test_a_city_knows_its_days_better():
    own = {"days_off": ["2026-11-25"], "working_days": ["2026-10-01", "2026-11-28"]}
    city = City.model_validate({"name": "c", "label": "市", "division": "330200", **own})

    worked = [city.calendar.is_worked_on(date(2026, *day)) for day in
              ((11, 25), (10, 1), (11, 28), (11, 29), (10, 2))]  # fmt: skip
    assert worked == [False, True, True, False, False]
    with pytest.raises(ValueError, match="is no date"):
        City.model_validate({"name": "c", "label": "市", "division": "330200", "days_off": ["1/2"]})


def test_silence_is_told_once_the_due_day_has_passed(duckdb_engine: Engine):
    city = TestCity(duckdb_engine)
    resource = city.declare("told", "key: [code]\nfields: [{name: code, label: 码, type: text}]\n")
    city.land(resource, [{"code": "1"}])
    (landed,) = city.rows(stores.BATCHES, "landed_at")[0]

    def silence(now: datetime) -> list[object]:
        with duckdb_engine.session() as session:
            found = find_silence(session, resource, Calendar(), now, "Asia/Shanghai")
        return [line["working_days_late"] for line in found]

    due = due_on(UpdateCycle.DAILY, landed.date(), Calendar())
    assert due is not None
    assert silence(datetime.combine(landed.date(), datetime.min.time())) == []
    assert silence(datetime(2036, 1, 1))[0] > 2000

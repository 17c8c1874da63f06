"""Rules about other rows: what they find rests on what has landed, not on when it was judged."""

from __future__ import annotations

from typing import Any

import pytest

from chengshu.catalog import Resource
from chengshu.engine.port import Engine
from chengshu.libraries import stores
from tests.support.city import Row, TestCity

PEOPLE = """\
key: [id]
fields:
  - {name: id, label: 编号, type: text}
  - {name: name, label: 名称, type: text}
"""
THINGS = """\
key: [code]
fields:
  - {name: code, label: 编码, type: text}
  - {name: owner, label: 所有人, type: text}
  - {name: name, label: 名称, type: text}
  - {name: since, label: 起, type: date}
  - {name: until, label: 止, type: date}
rules:
"""
RULES = {
    "row": "where_bad: 'since > as_of', field: since",
    "unique": "unique: [name], field: name",
    "reference": "reference: office/people, fields: [owner], to: [id], field: owner",
    "agrees": "agrees: office/people, fields: [owner], to: [id], value: {name: name}, field: name",
    "sequence": "sequence: [owner], order_by: [since], where_bad: since < previous_until, "
    "field: until",
}


@pytest.fixture
def city(engine: Engine) -> TestCity:
    return TestCity(engine)


def declare(city: TestCity, rule: str, effect: str) -> Resource:
    city.declare("people", PEOPLE)
    line = f"  - {{name: the_rule, {RULES[rule]}, effect: {effect}}}\n"
    return city.declare("things", THINGS + line)


def people(city: TestCity, **names: str) -> None:
    city.deliver(city.resources["office/people"], [{"id": i, "name": n} for i, n in names.items()])


def thing(
    code: str, name: str, owner: str = "p", since: str = "2025-01-01", until: str = ""
) -> Row:
    return {"code": code, "name": name, "owner": owner, "since": since, "until": until}


def broken(city: TestCity, resource: Resource) -> list[str]:
    """Return the records of which a row fails the rule."""
    found = city.rows(stores.findings(resource), "_record, rule")
    return [record for record, rule in found if rule == "the_rule"]


def everything(city: TestCity, resource: Resource) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table, but for clocks and snapshot numbers."""
    tables = set(stores.tables_of(resource, city.types(resource))) - {stores.STEPS}
    found = {}
    for table in tables:
        columns = ", ".join(
            f'"{c}"' for c in city.engine.columns_of(table) if c not in ("landed_at", "_references")
        )
        found[table] = sorted(city.rows(table, columns), key=str)
    return found


DELIVERIES = [
    [
        thing("1", "A"),
        thing("2", "B", "q", "2025-02-01"),
        thing("3", "B", "q", "2025-01-01", "2025-03-01"),
    ],
    [thing("4", "A", since="2026-01-04"), thing("2", "A", "q", "2025-02-01")],
    [
        thing("1", "C", "r"),
        thing("5", "A", until="2025-06-01"),
        thing("6", "D", since="2025-05-01"),
    ],
]


@pytest.mark.parametrize("effect", ["warn", "withhold", "block"])
@pytest.mark.parametrize("kind", RULES)
def test_refining_again_with_nothing_new_changes_nothing(
    duckdb_engine: Engine, kind: str, effect: str
):
    city = TestCity(duckdb_engine)
    resource = declare(city, kind, effect)
    people(city, p="A", q="B")
    for rows in DELIVERIES:
        city.deliver(resource, rows, mode="incremental")
    people(city, p="C", r="C")
    city.refine(resource)
    before = everything(city, resource)
    assert broken(city, resource)

    city.refine(resource)

    assert everything(city, resource) == before
    assert all(balance.is_closed for balance in city.balances(resource))


@pytest.mark.parametrize("effect", ["warn", "block"])
def test_the_first_come_keeps_a_unique_value(city: TestCity, effect: str):
    things = declare(city, "unique", effect)
    city.deliver(things, [thing("1", "A")])
    city.deliver(things, [thing("2", "A")], mode="incremental")
    assert broken(city, things) == ["2"]

    # It changes otherwise and keeps its claim; another one comes later still.
    changed = [thing("1", "A", owner="q"), thing("2", "A"), thing("3", "A")]
    city.deliver(things, changed)
    assert sorted(broken(city, things)) == ["2", "3"]

    # Once it gives the value up, the next in line has it, whatever else came with that.
    city.deliver(things, [thing("1", "B"), thing("3", "A"), thing("2", "A")])
    assert broken(city, things) == ["3"]
    assert ("2", "A") in city.current(things, "code", "name")


@pytest.mark.parametrize("order", [(1, 3, 2), (2, 3, 1), (3, 2, 1)])
def test_late_deliveries_give_a_unique_value_to_the_same_record(
    duckdb_engine: Engine, order: tuple[int, ...]
):
    city = TestCity(duckdb_engine)
    things = declare(city, "unique", "block")

    for day in order:
        city.deliver(things, [thing(str(day), "A")], mode="incremental", day=day)

    assert city.current(things, "code") == [("1",)]
    assert broken(city, things) == ["2", "3"]
    assert all(balance.is_closed for balance in city.balances(things))


# Who gives a value up, or claims it first, comes late: what rows that speak no more said of it.
LATE = {
    "unique": {
        1: [thing("1", "A"), thing("3", "C")],
        2: [thing("1", "B"), thing("3", "D")],
        3: [thing("2", "A"), thing("4", "D")],
        4: [thing("2", "E"), thing("4", "F")],
    },
    "sequence": {
        1: [thing("1", "A", until="2025-06-01"), thing("3", "A", "q", until="2025-02-01")],
        2: [thing("1", "A", until="2025-02-01"), thing("3", "A", "q", until="2025-06-01")],
        3: [thing("2", "A", since="2025-03-01"), thing("4", "A", "q", since="2025-03-01")],
        4: [thing("2", "A", since="2025-07-01"), thing("4", "A", "q", since="2025-07-01")],
    },
}


def meet(city: TestCity, kind: str, *order: int) -> None:
    things = declare(city, kind, "block")

    for day in order:
        city.deliver(things, LATE[kind][day], mode="incremental", day=day)

    history = [("1", 1, 2), ("3", 1, 2), ("2", 3, 4)]
    assert city.history(things, "code") == history
    assert broken(city, things) == ["4"]
    assert city.current(things, "code") == [("1",), ("2",), ("3",), ("4",)]
    assert all(balance.is_closed for balance in city.balances(things))


@pytest.mark.parametrize("kind", LATE)
def test_what_a_row_met_while_it_spoke_is_judged_though_it_came_late(city: TestCity, kind: str):
    meet(city, kind, 1, 3, 4, 2)


@pytest.mark.parametrize("kind", LATE)
def test_what_a_row_met_while_it_spoke_is_kept(duckdb_engine: Engine, kind: str):
    meet(TestCity(duckdb_engine), kind, 1, 2, 3, 4)


def test_deliveries_that_wait_together_are_judged_one_after_the_other(duckdb_engine: Engine):
    city = TestCity(duckdb_engine)
    things = declare(city, "unique", "block")
    city.land(things, [thing("1", "A"), thing("2", "B")], mode="incremental")
    city.land(things, [thing("1", "B"), thing("2", "A")], mode="incremental")  # They swap.
    city.land(things, [thing("1", "C"), thing("2", "D")], mode="incremental")

    city.refine(things)

    assert len(city.history(things, "code")) == 4
    assert broken(city, things) == []


def test_of_two_newcomers_neither_has_the_value_until_one_goes(city: TestCity):
    things = declare(city, "unique", "block")
    city.deliver(things, [thing("1", "A"), thing("2", "A")])
    assert broken(city, things) == ["1", "2"]

    city.deliver(things, [thing("2", "A")])

    assert city.current(things, "code", "name") == [("2", "A")]
    assert broken(city, things) == ["1"]


@pytest.mark.parametrize(
    ("kind", "effect"),
    [("reference", "warn"), ("reference", "withhold"), ("reference", "block"), ("agrees", "warn")],
)
def test_rows_that_passed_are_found_when_the_reference_loses_or_changes_its_row(
    city: TestCity, kind: str, effect: str
):
    things = declare(city, kind, effect)
    people(city, p="A", q="A")
    city.deliver(things, [thing("1", "A", "p"), thing("2", "A", "q")])
    before = city.current(things, "code", "owner", "name")
    assert broken(city, things) == []

    people(city, q="A", **({"p": "B"} if kind == "agrees" else {}))
    city.refine(things)

    assert broken(city, things) == ["1"]
    owner = {"warn": [("1", "p")], "withhold": [("1", None)], "block": []}[effect]
    assert city.current(things, "code", "owner") == [*owner, ("2", "q")]

    people(city, p="A", q="A")
    city.refine(things)

    assert broken(city, things) == []
    assert city.current(things, "code", "owner", "name") == before

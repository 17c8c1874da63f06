"""One record per entity, merged from what departments hold: the same on every engine."""

from __future__ import annotations

from typing import Any

import pytest

from chengshu.catalog.entity import Entity
from chengshu.engine.port import Engine
from chengshu.libraries.base import tables
from chengshu.libraries.base.links import record_link
from chengshu.libraries.base.merge import merge
from chengshu.libraries.base.merger import make_merger
from tests.support.city import START, TestCity

POLICE = """\
key: [id]
fields:
  - {name: id, label: 证号, type: text}
  - {name: name, label: 姓名, type: text}
  - {name: phone, label: 电话, type: text}
"""
HEALTH = """\
key: [card]
fields:
  - {name: card, label: 卡号, type: text}
  - {name: person, label: 证号, type: text}
  - {name: name, label: 姓名, type: text}
  - {name: phone, label: 电话, type: text}
  - {name: issued, label: 发卡日, type: date}
"""
COUPLES = """\
key: [no]
fields:
  - {name: no, label: 证号, type: text}
  - {name: one, label: 一方, type: text}
  - {name: other, label: 另一方, type: text}
  - {name: married, label: 登记日, type: date}
  - {name: ended, label: 解除日, type: date}
"""
PERSON = """\
entity: person
label: 人
key: {name: person_id, label: 证号, type: text}
sources:
  police: {resource: office/police, key: id}
  health: {resource: office/health, key: person, newest: issued}
  couple:
    resource: office/couples
    newest: married
    only: ended IS NULL
    roles:
      - {key: one, fields: {partner: other}}
      - {key: other, fields: {partner: one}}
parts:
  - label: 身份
    attributes:
      - {name: name, source: police.name, basis: 户籍, also: [health.name], disagree: hold}
      - {name: phone, source: health.phone, basis: 医保, also: [police.phone]}
      - {name: spouse_id, source: couple.partner, basis: 婚姻}
children:
  - {name: cards, label: 卡, source: health}
"""


@pytest.fixture
def city(engine: Engine) -> TestCity:
    city = TestCity(engine)
    for name, body in {"police": POLICE, "health": HEALTH, "couples": COUPLES}.items():
        city.declare(name, body)
    city.declare_entity(PERSON)
    return city


def person(city: TestCity) -> Entity:
    return city.entities["person"]


def police(city: TestCity, *rows: tuple[str, str, str], day: int) -> None:
    fields = ("id", "name", "phone")
    given = [dict(zip(fields, row, strict=True)) for row in rows]
    city.deliver(city.resources["office/police"], given, day=day)


def health(city: TestCity, *rows: tuple[str, str, str, str, str], day: int) -> None:
    fields = ("card", "person", "name", "phone", "issued")
    given = [dict(zip(fields, row, strict=True)) for row in rows]
    city.deliver(city.resources["office/health"], given, day=day)


def couples(city: TestCity, *rows: tuple[str, str, str, str, str], day: int) -> None:
    fields = ("no", "one", "other", "married", "ended")
    given = [dict(zip(fields, row, strict=True)) for row in rows]
    city.deliver(city.resources["office/couples"], given, day=day)


def merged(city: TestCity) -> list[tuple[Any, ...]]:
    """Merge, and return the entities as they are now."""
    merge(city.engine, city.pack, person(city))
    return now(city)


def now(city: TestCity) -> list[tuple[Any, ...]]:
    columns = "person_id, name, phone, spouse_id, _by"
    return city.rows(tables.current(person(city)), columns)


def days(city: TestCity, key: str) -> list[tuple[Any, ...]]:
    """Return the versions of an entity as we know them now: name, phone, day from, gone."""
    both = " UNION ALL ".join(
        f"SELECT person_id, name, phone, _from, {gone} AS _gone FROM lake.{table} WHERE {known}"
        for table, gone, known in (
            (tables.current(person(city)), "FALSE", "TRUE"),
            (tables.history(person(city)), "_gone", "_known_until IS NULL"),
        )
    )
    with city.engine.session() as session:
        rows = session.rows(
            f"SELECT * FROM ({both}) AS t WHERE person_id = '{key}' ORDER BY _from", step="look"
        )
    return [(r["name"], r["phone"], (r["_from"] - START.date()).days, r["_gone"]) for r in rows]


def test_an_attribute_is_its_sources_and_others_fill_gaps(city: TestCity):
    police(city, ("p1", "李", "110"), ("p2", "王", ""), day=1)
    health(city, ("c1", "p1", "李", "120", "2025-01-01"), ("c2", "p3", "赵", "", ""), day=1)

    assert merged(city) == [
        ("p1", "李", "120", None, "00-"),
        ("p2", "王", None, None, "0--"),
        ("p3", "赵", None, None, "1--"),
    ]


def test_the_newest_row_speaks_then_the_fullest(city: TestCity):
    health(
        city,
        ("c1", "p1", "甲", "1", "2025-01-01"), ("c2", "p1", "乙", "2", "2025-02-01"),
        ("c3", "p2", "丙", "", "2025-01-01"), ("c4", "p2", "丁", "4", "2025-01-01"),
        ("c5", "p3", "戊", "5", ""), ("c6", "p3", "己", "", "2025-01-01"),
        day=1,
    )  # fmt: skip

    assert [row[:3] for row in merged(city)] == [
        ("p1", "乙", "2"), ("p2", "丁", "4"), ("p3", "己", None),
    ]  # fmt: skip


def test_a_row_speaks_of_each_of_its_people(city: TestCity):
    couples(city, ("n1", "p1", "p2", "2024-05-01", ""), ("n2", "p3", "p4", "2020-05-01",
                                                       "2021-01-01"), day=1)  # fmt: skip

    assert [(row[0], row[3]) for row in merged(city)] == [("p1", "p2"), ("p2", "p1")]


def test_what_is_held_keeps_what_was_agreed(city: TestCity):
    police(city, ("p1", "李", ""), day=1)
    health(city, ("c1", "p1", "李", "", ""), day=1)
    merged(city)
    police(city, ("p1", "黎", ""), day=2)
    assert merged(city) == [("p1", "李", None, None, "h--")]
    assert city.rows(tables.disagreements(person(city)), "_key, _attribute, _source, _value") == [
        ("p1", "name", "health", "李")
    ]

    health(city, ("c1", "p1", "黎", "", ""), day=3)

    assert merged(city) == [("p1", "黎", None, None, "0--")]
    assert city.rows(tables.disagreements(person(city))) == []
    assert days(city, "p1") == [("李", None, 1, False), ("李", None, 2, False),
                                ("黎", None, 3, False)]  # fmt: skip


def test_never_agreed_is_empty_and_told(city: TestCity):
    police(city, ("p1", "李", "1"), day=1)
    health(city, ("c1", "p1", "黎", "2", ""), day=1)

    assert merged(city) == [("p1", None, "2", None, "h0-")]
    columns = "_attribute, _source, _value, _chosen, _rule"
    assert city.rows(tables.disagreements(person(city)), columns) == [
        ("name", "health", "黎", None, "hold"),
        ("phone", "police", "1", "2", "authority"),
    ]


def test_merging_again_changes_nothing(city: TestCity):
    police(city, ("p1", "李", "1"), day=1)
    merged(city)
    before = city.engine.changes_of(tables.current(person(city)))

    assert merge(city.engine, city.pack, person(city)) is None
    police(city, ("p1", "李", "1"), day=2)

    merge(city.engine, city.pack, person(city))
    assert city.engine.changes_of(tables.current(person(city))) == before


def test_who_is_in_no_source_any_more_is_gone(city: TestCity):
    police(city, ("p1", "李", "1"), ("p2", "王", "2"), day=1)
    merged(city)
    police(city, ("p1", "李", "1"), day=2)

    assert [row[0] for row in merged(city)] == ["p1"]
    assert days(city, "p2") == [("王", "2", 1, False), (None, None, 2, True)]


@pytest.mark.parametrize("often", [True, False], ids=["each", "once"])
def test_a_late_delivery_takes_its_place(city: TestCity, often: bool):
    police(city, ("p1", "甲", "1"), day=1)
    police(city, ("p1", "丙", "3"), day=5)
    if often:
        merged(city)
    police(city, ("p1", "乙", "2"), day=3)

    assert merged(city)[0][1] == "丙"
    assert [row[::2] for row in days(city, "p1")] == [("甲", 1), ("乙", 3), ("丙", 5)]


def test_a_changed_key_is_linked_and_can_be_parted_again(city: TestCity):
    police(city, ("p1", "李", "1"), ("p2", "李", "2"), day=1)
    health(city, ("c1", "p1", "李", "120", ""), day=1)
    apart = merged(city)
    merger = make_merger(city.pack, person(city))

    record_link(city.engine, merger, "p1", "p2", "一人两号")
    assert merged(city) == [("p2", "李", "120", None, "00-")]
    record_link(city.engine, merger, "p1", None, "不是同一人")

    assert merged(city) == apart
    assert days(city, "p1") == [("李", "120", 1, False)]


def test_only_what_is_touched_is_merged_again(city: TestCity):
    police(city, *((f"p{n}", "李", "1") for n in range(5)), day=1)
    merged(city)
    police(city, *((f"p{n}", "王" if n == 3 else "李", "1") for n in range(5)), day=2)

    done = merge(city.engine, city.pack, person(city))

    assert done is not None
    assert (done.touched, done.changed) == (1, 1)
    assert [row[:2] for row in now(city)][3] == ("p3", "王")

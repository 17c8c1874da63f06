"""Refine on every engine: each kind of rule, each effect, every failing row by its place."""

from __future__ import annotations

from datetime import date

import pytest

from chengshu.catalog import Resource
from chengshu.engine.port import Engine
from chengshu.libraries import stores
from tests.support.city import Row, TestCity, counts

GOOD_ID = "11010519491231002X"
PEOPLE = """\
key: [id]
fields:
  - {name: id, label: 编号, type: text}
  - {name: card, label: 证件, type: citizen_id, grade: 3}
  - {name: born, label: 出生, type: date, missing: [无]}
  - {name: died, label: 死亡, type: date}
  - {name: sex, label: 性别, type: code, codes: gb2261_1}
rules:
  - {name: dies_after_birth, where_bad: died < born}
  - {name: born_as_card_says, where_bad: "born <> birth_date(card)", effect: withhold, field: born}
  - {name: very_old, where_bad: "age_at(born, as_of) > 110", effect: warn}
"""


@pytest.fixture
def city(engine: Engine) -> TestCity:
    return TestCity(engine)


def person(id: str, **other: str | None) -> Row:
    known = {"card": GOOD_ID, "born": "1949年12月31日", "died": None, "sex": "女", **other}
    return {"id": id, **known}


def found(city: TestCity, resource: Resource) -> list[tuple[object, ...]]:
    """Return every finding: position, rule, field, reason, effect."""
    return city.rows(
        stores.findings(resource), "_position, rule, field, reason, effect", "1, 2, 3, 4"
    )


def test_rows_are_read_blocked_withheld_and_warned(city: TestCity):
    people = city.declare("people", PEOPLE)

    balance = city.deliver(
        people,
        [
            person("1"),
            person("2", born="1950-01-01"),
            person("3", card="110105194912310021", born="无", sex="9"),
            person("4", died="1948-01-01"),
            person(" ", sex="x"),
            person("6", card=None, born="1850-01-01", sex=None),
        ],
    )

    assert counts(balance) == (4, 0, 0, 2)
    assert found(city, people) == [
        (2, "born_as_card_says", "born", "born_as_card_says", "withhold"),
        (3, "citizen_id", "card", "checksum", "withhold"),
        (4, "dies_after_birth", None, "dies_after_birth", "block"),
        (5, "code", "sex", "not_in_code_set", "withhold"),
        (5, "required", "id", "missing", "block"),
        (6, "very_old", None, "very_old", "warn"),
    ]
    assert city.current(people, "id", "card", "born", "sex") == [
        ("1", GOOD_ID, date(1949, 12, 31), "2"),
        ("2", GOOD_ID, None, "2"),
        ("3", None, None, "9"),
        ("6", None, date(1850, 1, 1), None),
    ]
    refused = city.rows(stores.refused(people), "_position, id, died, sex, _record", "_position")
    assert refused == [(4, "4", "1948-01-01", "女", "4"), (5, " ", None, "x", None)]


NUMBERED = """\
key: [id]
fields:
  - {name: id, label: 编号, type: text}
  - {name: size, label: 尺码, type: text}
rules:
  - {name: not_large, where_bad: "CAST(size AS INTEGER) > 40", effect: warn}
"""


def test_a_rule_says_nothing_of_what_it_cannot_cast(city: TestCity):
    shoes = city.declare("shoes", NUMBERED)

    balance = city.deliver(
        shoes, [{"id": "1", "size": "41"}, {"id": "2", "size": "XL"}, {"id": "3", "size": "39"}]
    )

    assert balance.accepted == 3
    assert found(city, shoes) == [(1, "not_large", None, "not_large", "warn")]


def test_every_rule_says_how_many_rows_it_was_held_against(city: TestCity):
    people = city.declare("people", PEOPLE)
    city.deliver(people, [person("1"), person("2", born="1950-01-01"), person("3", card=None)])

    told = city.rows(stores.rule_counts(people), "rule, field, evaluated, failed", "1, 2")

    assert ("born_as_card_says", "born", 2, 1) in told
    assert ("citizen_id", "card", 2, 0) in told
    assert ("required", "id", 3, 0) in told
    assert ("dies_after_birth", None, 0, 0) in told


REFERENCES = """\
key: [code]
fields:
  - {name: code, label: 编码, type: text}
  - {name: owner_id, label: 所有人, type: text}
rules:
  - {name: owner_known, reference: office/people, fields: [owner_id], to: [id]}
"""


def test_a_row_that_failed_a_reference_is_judged_again_when_the_reference_changes(city: TestCity):
    people, things = city.declare("people", PEOPLE), city.declare("things", REFERENCES)
    city.deliver(people, [person("1")])
    rows = [{"code": "a", "owner_id": "1"}, {"code": "b", "owner_id": "2"}]

    assert counts(city.deliver(things, rows)) == (1, 0, 0, 1)
    city.deliver(people, [person("1"), person("2")])
    city.refine(things)

    assert [counts(b) for b in city.balances(things)] == [(2, 0, 0, 0)]
    assert city.current(things, "code") == [("a",), ("b",)]
    assert found(city, things) == []


def test_a_warning_about_a_reference_goes_when_the_reference_comes(city: TestCity):
    people = city.declare("people", PEOPLE)
    withheld = "to: [id], effect: withhold, field: owner_id}"
    things = city.declare("things", REFERENCES.replace("to: [id]}", withheld))
    city.deliver(things, [{"code": "a", "owner_id": "1"}])
    assert city.current(things, "code", "owner_id") == [("a", None)]

    city.deliver(people, [person("1")])
    city.refine(things)

    assert city.current(things, "code", "owner_id") == [("a", "1")]
    assert found(city, things) == []


def test_rows_are_judged_again_when_the_rules_change(city: TestCity):
    people = city.declare("people", PEOPLE)
    city.deliver(people, [person("1"), person("2", died="1948-01-01"), person("3", sex="9")])

    stricter = city.declare(
        "people",
        PEOPLE.replace("died < born}", "died < born, effect: warn}")
        + "  - {name: sex_told, where_bad: sex = '9'}\n",
    )
    city.refine(stricter)

    assert city.current(stricter, "id") == [("1",), ("2",)]
    assert [counts(b) for b in city.balances(stricter)] == [(2, 0, 0, 1)]
    assert [(line[0], line[1], line[4]) for line in found(city, stricter)] == [
        (2, "dies_after_birth", "warn"),
        (3, "sex_told", "block"),
    ]


def test_unique_values_are_not_shared_by_two_records(city: TestCity):
    resource = city.declare("people", PEOPLE + "  - {name: one_card, unique: [card]}\n")
    other = "440524188001010014"

    assert counts(city.deliver(resource, [person("1"), person("2", card=None, born=None)])) == (
        2, 0, 0, 0,
    )  # fmt: skip
    second = [
        person("1"),
        person("3"),
        person("4", card=other, born=None),
        person("5", card=other, born=None),
    ]
    assert counts(city.deliver(resource, second, mode="incremental")) == (0, 1, 0, 3)
    broken = [line[0] for line in found(city, resource) if line[1] == "one_card"]
    assert broken == [2, 3, 4]


SPELLS = """\
key: [no]
fields:
  - {name: no, label: 号, type: text}
  - {name: who, label: 人, type: text}
  - {name: since, label: 起, type: date}
  - {name: until, label: 止, type: date}
rules:
  - {name: no_overlap, sequence: [who], order_by: [since], where_bad: since < previous_until}
"""


def test_a_sequence_is_held_over_new_and_standing_rows(city: TestCity):
    spells = city.declare("spells", SPELLS)

    def spell(no: str, since: str, until: str | None, who: str = "w") -> Row:
        return {"no": no, "who": who, "since": since, "until": until}

    first = [spell("1", "2020-01-01", "2020-06-01"), spell("2", "2020-06-01", "2020-12-01")]
    assert counts(city.deliver(spells, first)) == (2, 0, 0, 0)
    second = [spell("3", "2020-11-01", None), spell("4", "2020-11-01", None, who="x")]
    assert counts(city.deliver(spells, second, mode="incremental")) == (1, 0, 0, 1)
    assert [line[:2] for line in found(city, spells)] == [(1, "no_overlap")]


def test_a_value_that_another_department_gives_otherwise_is_a_disagreement(city: TestCity):
    people = city.declare("people", PEOPLE)
    body = """\
key: [code]
fields:
  - {name: code, label: 编码, type: text}
  - {name: card, label: 证件, type: citizen_id}
  - {name: sex, label: 性别, type: code, codes: gb2261_1}
rules:
  - name: same_sex
    agrees: office/people
    fields: [card]
    to: [card]
    value: {sex: sex}
    effect: warn
"""
    schools = city.declare("schools", body)
    city.deliver(people, [person("1")])

    rows = [{"code": str(n), "card": GOOD_ID, "sex": sex} for n, sex in enumerate(("1", "2", None))]

    assert counts(city.deliver(schools, rows)) == (3, 0, 0, 0)
    assert [line[:2] for line in found(city, schools)] == [(1, "same_sex")]

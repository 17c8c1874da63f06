"""Themes: computed when something changed, made again exactly, explained by their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from chengshu.catalog import Pack, Resource
from chengshu.catalog.entity import Entity
from chengshu.catalog.theme import Theme
from chengshu.catalog.yaml import parse_model
from chengshu.engine.port import Engine
from chengshu.kernel.errors import DeclarationError, InputError, IntegrityError, NotFoundError
from chengshu.libraries.base.merge import merge
from chengshu.libraries.themes.compute import recompute, refresh_theme
from chengshu.libraries.themes.explain import Question, explain
from chengshu.libraries.themes.log import Computation, list_computations, needed_snapshots
from tests.support.city import TestCity

PEOPLE = """\
key: [id]
fields:
  - {name: id, label: 编号, type: text}
  - {name: town, label: 镇, type: text}
  - {name: born, label: 出生, type: date}
  - {name: wage, label: 工资, type: money}
"""
THEME = """\
theme: towns
label: 各镇
owner: office
inputs: {people: office/people}
parameters:
  as_of: {type: date, default: "2026-01-01"}
tables:
  towns:
    label: 人数
    rows:
      people: >
        SELECT id, town, wage, age_at(born, $as_of) >= 18 AS grown FROM people
    dimensions:
      town: {label: 镇}
      grown: {label: 成年, type: boolean}
    measures:
      persons: {label: 人数, sql: COUNT(*)}
      wages: {label: 工资, sql: SUM(wage), decimals: 2}
tests:
  all_counted: {label: 全计, equal: [SELECT SUM(persons) FROM towns, SELECT COUNT(*) FROM people]}
  few: {label: 少, table: towns, cells: {min: 1, max: 4}}
"""
FIRST = [
    {"id": "1", "town": "甲", "born": "1990-01-01", "wage": "10.50"},
    {"id": "2", "town": "甲", "born": "1991-01-01", "wage": "20"},
    {"id": "3", "town": "甲", "born": "2020-01-01", "wage": None},
    {"id": "4", "town": None, "born": None, "wage": "1"},
]
CELLS = [("甲", False, 1, None), ("甲", True, 2, 30.5), (None, None, 1, 1.0)]


class Office:
    """A city whose one theme counts its people."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.city = engine, TestCity(engine)
        self.people: Resource = self.city.declare("people", PEOPLE)
        self.declare(THEME)

    def declare(self, text: str) -> None:
        self.theme = parse_model(Theme, text, "themes/towns.yaml")

    @property
    def pack(self) -> Pack:
        return replace(self.city.pack, themes={"towns": self.theme})

    def refresh(self, **how: Any) -> Computation | None:
        return refresh_theme(self.engine, self.pack, self.theme, **how)

    def cells(self) -> list[tuple[Any, ...]]:
        rows = self.city.rows(
            "theme.towns__towns", "town, grown, persons, CAST(wages AS DOUBLE) AS wages", "1, 2"
        )
        return sorted(rows, key=repr)

    def log(self) -> list[Computation]:
        with self.engine.session() as session:
            return list_computations(session)

    def explain(self, **cell: str) -> Any:
        shown: Mapping[str, Mapping[str, str]] = {"people": {"id": "id", "town": "town"}}
        return explain(self.engine, self.pack, Question(self.theme, "towns", cell, shown, 100))


def open_office(engine: Engine) -> Office:
    made = Office(engine)
    made.city.deliver(made.people, FIRST)
    return made


@pytest.fixture
def each(engine: Engine) -> Office:
    """On every engine: what an engine has a part in."""
    return open_office(engine)


@pytest.fixture
def office(duckdb_engine: Engine) -> Office:
    """On the embedded engine: what the platform decides and tells."""
    return open_office(duckdb_engine)


def test_cells_are_counted_and_the_computation_is_on_record(each: Office):
    one = each.refresh()

    assert one is not None
    assert each.cells() == sorted(CELLS, key=repr)
    assert each.log() == [one]
    assert (one.number, one.problem, one.cells) == (1, None, {"towns": 3})
    assert one.tests == {"all_counted": None, "few": None}
    assert one.parameters == {"as_of": "2026-01-01"}
    assert one.inputs["people"]["columns"] == ["id", "town", "born", "wage"]


def test_nothing_is_computed_when_nothing_has_changed(each: Office):
    each.refresh()

    assert each.refresh() is None
    each.city.deliver(each.people, FIRST)
    assert each.refresh() is None
    assert len(each.log()) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [('"2026-01-01"', '"2026-01-02"'), ("SUM(wage)", "MAX(wage)"), ("max: 4", "max: 5")],
)
def test_another_parameter_measure_or_test_computes_anew(office: Office, old: str, new: str):
    office.refresh()

    office.declare(THEME.replace(old, new))

    assert office.refresh() is not None


def test_a_label_changes_no_number(office: Office):
    office.refresh()

    office.declare(THEME.replace("label: 工资", "label: 工资合计"))

    assert office.refresh() is None


def test_a_theme_whose_input_never_came_waits(engine: Engine):
    assert Office(engine).refresh() is None


def test_any_computation_is_made_again_exactly_after_later_changes(each: Office):
    first = each.refresh()
    each.city.deliver(each.people, [*FIRST[1:], {**FIRST[0], "id": "9", "town": "乙"}])
    second = each.refresh()
    each.declare(THEME.replace("SUM(wage)", "MAX(wage)"))
    third = each.refresh()

    assert first
    assert second
    assert third
    found = [recompute(each.engine, one) for one in (first, second, third)]

    assert [equal for _, equal in found] == [True, True, True]
    towns = found[0][0]["towns"].to_pylist()
    assert [(row["town"], row["persons"]) for row in towns] == [("甲", 1), ("甲", 2), (None, 1)]
    assert needed_snapshots(each.engine) == {first.version, second.version, third.version}


def test_only_the_last_computations_are_kept(office: Office):
    office.declare(THEME + "keep: 1\n")
    office.refresh()

    office.city.deliver(office.people, FIRST[:3])
    second = office.refresh()

    assert second
    assert needed_snapshots(office.engine) == {second.version}


def test_a_snapshot_that_is_gone_is_told(office: Office):
    one = office.refresh()

    with pytest.raises(InputError, match=r"snapshot 9999 of department.office__people cannot"):
        recompute(office.engine, replace(one, version=9999))  # type: ignore[type-var]


def test_a_failed_test_leaves_the_last_good_cells(office: Office):
    good = office.refresh()
    more = [{**FIRST[0], "id": str(n), "town": str(n)} for n in range(10, 20)]

    office.city.deliver(office.people, [*FIRST, *more])
    bad = office.refresh()

    assert good
    assert bad
    assert bad.problem == "test few: 13 cells, expected at most 4"
    assert bad.tests == {"all_counted": None, "few": "13 cells, expected at most 4"}
    assert office.cells() == sorted(CELLS, key=repr)
    # It is not tried again until something changes, and its snapshot is not kept.
    assert office.refresh() is None
    assert needed_snapshots(office.engine) == {good.version}
    assert office.explain(town="甲", grown="true").computation == good


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("equal: [SELECT SUM(persons) FROM towns, SELECT 5]", "全计: 4 is not 5"),
        ("equal: [SELECT id FROM people, SELECT 5]", "全计: a query did not give one number"),
        ("holds: SELECT MIN(persons) > 1 FROM towns", "全计 does not hold"),
    ],
)
def test_what_a_test_says(office: Office, sql: str, why: str):
    begin, end = THEME.index("equal:"), THEME.index("}\n  few")
    office.declare(THEME[:begin] + sql + THEME[end:])

    one = office.refresh()

    assert one
    assert one.tests["all_counted"] == why
    assert one.problem == f"test all_counted: {why}"


def test_sql_that_fails_is_on_record_without_any_value(office: Office):
    office.declare(THEME.replace("SUM(wage)", "SUM(CAST(town AS INT))"))

    one = office.refresh()

    assert one
    assert one.problem == "themes/towns.yaml: theme towns: towns: failed (ConversionException)."
    assert office.refresh() is None


def test_sql_that_may_not_run_is_not_tried(office: Office):
    office.declare(THEME.replace("SUM(wage)", "SUM(length(read_text('/etc/passwd')))"))

    with pytest.raises(DeclarationError, match=r"^themes/towns.yaml: tables.towns.measures.wages"):
        office.refresh()


def test_a_number_is_explained_by_as_many_rows_as_it_says(each: Office):
    each.refresh()
    # Later deliveries change nothing of what was counted.
    each.city.deliver(each.people, FIRST[2:])

    for town, grown, persons, _ in CELLS:
        cell = {"town": town or "", "grown": {True: "true", False: "false"}.get(grown, "")}
        told = each.explain(**cell)
        assert [row["persons"] for row in told.cells] == [persons]
        assert told.counted == len(told.rows["people"]) == persons
        assert {row["town"] for row in told.rows["people"]} == {town}
        assert {row["_batch"] for row in told.rows["people"]} == {1}
    assert each.explain().counted == 4
    assert [row["id"] for row in each.explain(town="甲").rows["people"]] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ({"twon": "甲"}, NotFoundError),
        ({"grown": "perhaps"}, InputError),
        ({"town": "甲' OR '1' = '1"}, InputError),
    ],
)
def test_a_cell_that_is_none(office: Office, cell: dict[str, str], error: type[Exception]):
    office.refresh()

    with pytest.raises(error):
        office.explain(**cell)


def test_a_theme_that_does_not_stand_is_not_explained(office: Office):
    with pytest.raises(InputError, match="no computation that stands"):
        office.explain()


def test_cells_that_their_rows_do_not_give_are_a_contradiction(office: Office):
    office.refresh()
    with office.engine.session() as session:
        session.stage(
            "wrong",
            "SELECT _computation, town, grown, persons + 1 AS persons, wages "
            "FROM lake.theme.towns__towns WHERE grown",
            step="wrong",
        )
        keys = "SELECT town, grown FROM wrong"
        session.remove("theme.towns__towns", keys, on=["town", "grown"], step="wrong")
        session.append("theme.towns__towns", "SELECT * FROM wrong", step="wrong")

    with pytest.raises(IntegrityError, match="do not give its numbers"):
        office.explain(town="甲")


def test_what_is_masked_stands_nowhere_in_the_rows(office: Office):
    shown = {"people": {"id": "'＊'", "town": "town"}}
    office.refresh()

    question = Question(office.theme, "towns", {}, shown, 100)
    told = explain(office.engine, office.pack, question)

    values = [value for row in told.rows["people"] for value in row.values()]
    assert not {"1", "2", "3", "4"}.intersection(v for v in values if isinstance(v, str))


def test_a_resource_without_a_key_is_counted_and_explained_by_its_rows(engine: Engine):
    office = Office(engine)
    visit = office.city.declare("visit", "identity: content\n" + PEOPLE.partition("\n")[2])
    office.declare(
        THEME.replace("office/people", "office/visit").replace(
            "SELECT id, town", "SELECT _record, town"
        )
    )
    office.city.deliver(visit, [FIRST[0], FIRST[0], FIRST[1]])
    office.refresh()

    told = explain(
        office.engine,
        office.pack,
        Question(office.theme, "towns", {"town": "甲"}, {"people": {"town": "town"}}, 9),
    )

    assert [row["persons"] for row in told.cells] == [3]
    assert told.counted == len(told.rows["people"]) == 3


ENTITY = """\
entity: person
label: 人
key: {name: id, label: 编号, type: text}
sources: {people: {resource: office/people, key: id}}
parts:
  - label: 一
    attributes:
      - {name: town, source: people.town, basis: 示例}
      - {name: born, source: people.born, basis: 示例}
      - {name: wage, source: people.wage, basis: 示例}
"""


def test_entities_of_the_base_store_are_counted_and_explained(each: Office):
    entity = parse_model(Entity, ENTITY, "base/person.yaml")
    each.declare(THEME.replace("office/people", "base/person"))
    pack = replace(each.pack, entities={"person": entity})
    assert refresh_theme(each.engine, pack, each.theme) is None
    merge(each.engine, pack, entity)

    one = refresh_theme(each.engine, pack, each.theme)
    each.city.deliver(each.people, FIRST[:2])
    merge(each.engine, pack, entity)

    assert one
    assert one.problem is None
    assert each.cells() == sorted(CELLS, key=repr)
    assert recompute(each.engine, one)[1]
    question = Question(each.theme, "towns", {"town": "甲"}, {"people": {"id": "id"}}, 9)
    told = explain(each.engine, pack, question)
    assert [row["id"] for row in told.rows["people"]] == ["1", "2", "3"]
    assert all(row["_from"] for row in told.rows["people"])

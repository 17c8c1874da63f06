"""A made-up register spoilt by a plan, delivered on three days, run and scored."""

from __future__ import annotations

from typing import Any

import pytest

from chengshu.demo.defects import load_plan, spoil
from chengshu.engine.lake import bare_connection
from tests.support.home import TestHome, make_test_home

RESOURCE = "office/person"
COLUMNS = {"number": "编号", "name": "姓名", "born": "出生日期", "phone": "电话", "note": "备注"}
PACK = {
    "city.yaml": "name: test\nlabel: 测试市\ndivision: 330200\n",
    "departments.yaml": "departments:\n  office: {label: 公安}\n",
    "resources/office/person.yaml": """\
name: person
label: 人口
owner: office
sharing: unconditional
update: daily
key: [number]
fields:
  - {name: number, column: 编号, label: 编号, type: text}
  - {name: name, column: 姓名, label: 姓名, type: person_name, required: true}
  - {name: born, column: 出生日期, label: 出生日期, type: date}
  - {name: phone, column: 电话, label: 电话, type: phone}
  - {name: note, column: 备注, label: 备注, type: text}
source: {kind: file, path: "../../front/person_*.csv", as_of: 'person_(\\d{8})'}
""",
}
LAYOUT = f"resources:\n  {RESOURCE}:\n    key: number\n    columns: {{" + (
    ", ".join(f"{field}: {column}" for field, column in COLUMNS.items()) + "}\n"
)
KINDS = """\
kinds:
  - {kind: slid, label: 右移, what: slid, visible: row, operator: slide,
     at: {office/person: {name: 10}}}
  - {kind: lost, label: 漏报, what: lost, visible: departments, operator: lose, transport: true,
     at: {office/person: {"*": 10}}}
  - {kind: late, label: 迟报, what: late, visible: time, operator: late, with: {days: 3},
     transport: true, at: {office/person: {"*": 10}}}
  - {kind: bad_day, label: 错日期, what: no date, visible: row, operator: set_day,
     with: {month: "02", day: "30"}, mended: 0.5, at: {office/person: {born: 20}}}
  - {kind: placeholder, label: 占位, what: filled in, visible: row, operator: one_of,
     with: {texts: ["111111"]}, at: {office/person: {phone: 20}}}
  - {kind: beside, label: 邻行, what: copied, visible: never, operator: neighbour,
     at: {office/person: {note: 20}}}
  - {kind: wide, label: 全角, what: full width, visible: row, operator: full_width, harmless: true,
     at: {office/person: {phone: 30, note: 30}}}
"""
DAYS = {0: "20260331", 1: "20260401", 10: "20260410"}
PEOPLE = (
    "SELECT LPAD(CAST(i AS VARCHAR), 6, '0') AS 编号, '王小' || CHR(CAST(20120 + i AS INTEGER)) AS "
    "姓名, STRFTIME(DATE '1970-01-01' + CAST(i * 9 AS INTEGER), '%Y-%m-%d') AS 出生日期, "
    "'1600000' || LPAD(CAST(i AS VARCHAR), 4, '0') AS 电话, 'n' || i AS 备注, "
    "i AS _row, i * 7 AS _id FROM RANGE(1, 2001) AS t(i)"
)


def write_delivery(con: Any, home: TestHome, day: int) -> None:
    """Write ``delivered`` as the department's file, and rows of the key as places in it."""
    path = home.front / f"person_{DAYS[day]}.csv"
    con.execute(
        f"COPY (SELECT * EXCLUDE (_row, _id) FROM delivered ORDER BY _row) TO '{path}' (HEADER)"
    )
    con.execute(
        "UPDATE answer_key SET row = p.nth FROM (SELECT _row, ROW_NUMBER() OVER (ORDER BY _row) "
        f"AS nth FROM delivered) AS p WHERE answer_key.row = p._row AND answer_key.day = {day}"
    )


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[TestHome, dict[str, list[Any]]]:
    """A home that has taken three spoilt deliveries, and its score."""
    home = make_test_home(tmp_path_factory.mktemp("spoilt") / "home", PACK)
    kinds, columns = (home.root / name for name in ("kinds.yaml", "columns.yaml"))
    kinds.write_text(KINDS, encoding="utf-8")
    columns.write_text(LAYOUT, encoding="utf-8")
    plan, con = load_plan(kinds, 7, columns), bare_connection()
    for day in DAYS:
        con.execute(f"CREATE OR REPLACE TABLE delivered AS {PEOPLE}")
        spoil(con, plan, RESOURCE, day)
        write_delivery(con, home, day)
    key = home.root / "answer_key.parquet"
    con.execute(f"COPY answer_key TO '{key}'")
    home.run()
    done = home.call("score", "--key", key, "--defects", kinds, "--json")
    assert done.code == 0, done
    parts: dict[str, list[Any]] = {"key": con.execute("FROM answer_key").fetchall()}
    for line in done.lines:
        parts.setdefault(line["about"], []).append(line)
    return home, parts


def test_every_entry_of_the_key_is_counted(spoilt: tuple[TestHome, dict[str, list[Any]]]):
    _, parts = spoilt
    lines = [*parts["kinds"], *parts["habits"]]

    counted = {line["kind"]: line.get("errors", line.get("values")) for line in lines}
    keyed = [entry[4] for entry in parts["key"]]
    assert counted == {kind: keyed.count(kind) for kind in set(keyed)}
    assert set(keyed) == {"slid", "lost", "late", "bad_day", "placeholder", "beside", "wide"}
    assert parts["total"][0]["unlanded"] == 0


def test_what_can_be_seen_is_found_and_what_cannot_is_not(
    spoilt: tuple[TestHome, dict[str, list[Any]]],
):
    _, parts = spoilt

    recall = {line["kind"]: line["recall"] for line in parts["kinds"]}
    assert recall == {
        "slid": 100.0, "bad_day": 100.0, "placeholder": 100.0,
        "lost": 0.0, "late": 0.0, "beside": 0.0,
    }  # fmt: skip
    assert parts["total"][0]["precision"] == 100.0


def test_habits_lose_nothing_where_the_type_knows_the_spelling(
    spoilt: tuple[TestHome, dict[str, list[Any]]],
):
    _, parts = spoilt

    (wide,) = parts["habits"]
    assert wide["right"] > 100
    assert (wide["wrong"], wide["emptied"]) == (wide["values"] - wide["right"], 0)


def test_the_stores_hold_the_truth_but_for_what_the_key_names(
    spoilt: tuple[TestHome, dict[str, list[Any]]],
):
    home, parts = spoilt

    stands = home.current(RESOURCE, "number", "note")
    wrong = {number for number, note in stands if note != f"n{int(number)}"}
    keyed = {e[3] for e in parts["key"] if e[1] == 10 and (e[5] == "note" or e[4] == "slid")}
    assert set() < wrong <= keyed

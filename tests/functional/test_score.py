"""A home's findings against an answer key, end to end: a small pack, defects placed by hand.

``office/person`` comes as a full file, ``office/permit`` from a table on two days, and
``welfare/payment`` as a file, whose names must agree with the persons'. All numbers are counted by
hand.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.home import TestHome, make_test_home

PACK = {
    "city.yaml": "name: test\nlabel: 测试市\ndivision: 330200\n",
    "departments.yaml": "departments:\n  office: {label: 公安}\n  welfare: {label: 民政}\n",
    "resources/office/person.yaml": """\
name: person
label: 人口
owner: office
sharing: unconditional
update: daily
key: [number]
fields:
  - {name: number, label: 编号, type: text}
  - {name: name, label: 姓名, type: person_name, required: true}
  - {name: born, label: 出生日期, type: date}
  - {name: phone, label: 电话, type: phone}
source: {kind: file, path: "../../front/person_*.csv", as_of: 'person_(\\d{8})'}
""",
    "resources/office/permit.yaml": """\
name: permit
label: 证
owner: office
sharing: unconditional
update: daily
key: [permit_no]
fields:
  - {name: permit_no, label: 证号, type: text}
  - {name: holder, label: 持证人, type: text}
  - {name: until, label: 有效期至, type: date}
  - {name: changed, label: 变更时间, type: datetime}
rules:
  - {name: one_each, unique: [holder], effect: warn, field: holder}
source:
  {kind: sqlite, path: ../../front/permits.sqlite, table: permits, mode: incremental,
   watermark: changed}
""",
    "resources/welfare/payment.yaml": """\
name: payment
label: 救助
owner: welfare
sharing: unconditional
update: daily
identity: content
fields:
  - {name: number, label: 编号, type: text}
  - {name: name, label: 姓名, type: person_name}
  - {name: amount, label: 金额, type: money}
rules:
  - {name: not_fifty, where_bad: amount = 50, effect: warn, field: amount}
  - name: name_agrees
    agrees: office/person
    fields: [number]
    to: [number]
    value: {name: name}
    effect: warn
    field: name
source: {kind: file, mode: append, path: "../../front/payment_*.csv", as_of: 'payment_(\\d{8})'}
""",
    "base/person.yaml": """\
entity: person
label: 自然人
key: {name: number, label: 编号, type: text}
sources:
  person: {resource: office/person, key: number}
  payment: {resource: welfare/payment, key: number}
parts:
  - label: 身份
    attributes:
      - {name: name, source: person.name, basis: 条例, also: [payment.name]}
""",
}
KINDS = """\
kinds:
  - {kind: bad_date, label: 错日期, what: no date, visible: row, operator: set_day,
     with: {month: "02", day: "30"}, at: {office/person: {born: 1}, office/permit: {until: 1}}}
  - {kind: other_name, label: 异名, what: another name, visible: departments,
     operator: other_character, held_out: true,
     at: {welfare/payment: {name: 1}, office/person: {name: 1}}}
  - {kind: negative, label: 负值, what: below zero, visible: row, operator: negate,
     at: {welfare/payment: {amount: 1}}}
  - {kind: plausible, label: 看似合理, what: a tenth more, visible: never, operator: scale,
     with: {factor: 1.1}, at: {welfare/payment: {amount: 1}}}
  - {kind: lost, label: 漏报, what: not there, visible: departments, operator: lose,
     at: {welfare/payment: {"*": 1}}}
  - {kind: again, label: 一人两证, what: a second one, visible: table, operator: twice,
     with: {vary: change_digit}, at: {office/permit: {permit_no: 1}}}
  - {kind: wide, label: 全角, what: full width, visible: row, operator: full_width,
     harmless: true, at: {office/person: {phone: 1}}}
  - {kind: spaced, label: 空格, what: spaces, visible: row, operator: spaced,
     harmless: true, at: {office/person: {name: 1}}}
"""
PERSONS = [
    "1,王小明,1970-01-31,16000000001",
    "2,李丽,1980-02-30,16000000002",
    "3,赵 刚,1990-03-03,１６００００００００３",
    "4,周云,1990-04-04,16000000004",
    "5,孙霞,1990-05-05,16000000005",
]
PAYMENTS = ["1,王小明,100", "2,李莉,200", "3,赵刚,-300", "4,周云,440", "4,周云,50", "5,孙夏,60"]
PERMITS = {
    0: [("P1", "1", "2030-01-01"), ("P2", "2", "2030-02-30")],
    1: [("P3", "3", "2030-03-03"), ("P4", "3", "2030-03-03")],
}
ENTRIES = [  # resource, day, row, record, kind, field, truth, delivered
    ("office/person", 0, 2, "2", "bad_date", "born", "1980-02-03", "1980-02-30"),
    ("office/person", 0, 3, "3", "wide", "phone", "16000000003", "１６００００００００３"),
    ("office/person", 0, 3, "3", "spaced", "name", "赵刚", "赵 刚"),
    ("office/person", 0, 5, "5", "other_name", "name", "孙夏", "孙霞"),
    ("office/permit", 0, None, "P2", "bad_date", "until", "2030-02-03", "2030-02-30"),
    ("office/permit", 1, None, "P4", "again", None, None, None),
    ("welfare/payment", 0, 2, None, "other_name", "name", "李丽", "李莉"),
    ("welfare/payment", 0, 3, None, "negative", "amount", "300", "-300"),
    ("welfare/payment", 0, 4, None, "plausible", "amount", "400", "440"),
    ("welfare/payment", 0, None, None, "lost", None, None, None),
]
NAMES = ("resource", "day", "row", "record", "kind", "field", "truth", "delivered")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> TestHome:
    """A home that has taken both deliveries, with the answer key beside it."""
    home = make_test_home(tmp_path_factory.mktemp("score") / "home", PACK)
    home.deliver("person_20260331", "number,name,born,phone", PERSONS)
    home.deliver("payment_20260331", "number,name,amount", PAYMENTS)
    for day, permits in PERMITS.items():
        date = "2026-03-31" if day == 0 else "2026-04-01"
        with closing(sqlite3.connect(home.front / "permits.sqlite")) as con, con:
            con.execute("CREATE TABLE IF NOT EXISTS permits (permit_no, holder, until, changed)")
            rows = [(*permit, f"{date} 08:00:00") for permit in permits]
            con.executemany("INSERT INTO permits VALUES (?, ?, ?, ?)", rows)
        assert home.call("run", "--as-of", date).code == 0
    (home.root / "kinds.yaml").write_text(KINDS, encoding="utf-8")
    table = pa.table(
        {
            name: pa.array([entry[at] for entry in ENTRIES], kind)
            for at, (name, kind) in enumerate(
                (n, pa.int64() if n in ("day", "row") else pa.string()) for n in NAMES
            )
        }
    )
    pq.write_table(table, home.root / "answer_key.parquet")
    return home


@pytest.fixture(scope="module")
def score(home: TestHome) -> dict[str, list[dict[str, object]]]:
    done = home.call("score", *_given(home), "--json")
    assert done.code == 0, done
    parts: dict[str, list[dict[str, object]]] = {}
    for line in done.lines:
        parts.setdefault(str(line["about"]), []).append(line)
    return parts


def _given(home: TestHome) -> list[Path | str]:
    root = home.root
    return ["--key", root / "answer_key.parquet", "--defects", root / "kinds.yaml"]


def test_recall_is_counted_over_entries_and_precision_over_findings(score):
    (total,) = [line for line in score["total"] if line["of"] == "all"]

    # Found: two dates, two names, the negative amount, the second permit.
    # Missed: the plausible amount, the lost row.
    assert (total["errors"], total["found"], total["recall"]) == (8, 6, 75.0)
    # Two dates; two names that do not agree; the negative amount; not_fifty, which is false; both
    # permits of one holder; two disagreements in the base store.
    assert (total["findings"], total["precision"]) == (10, 90.0)


def test_kinds_come_with_the_most_missed_first(score):
    told = [(x["kind"], x["errors"], x["found"], x["kept out"]) for x in score["kinds"]]

    assert told == [
        ("lost", 1, 0, 0),
        ("plausible", 1, 0, 0),
        ("bad_date", 2, 2, 2),
        ("other_name", 2, 2, 0),
        ("again", 1, 1, 0),
        ("negative", 1, 1, 0),
    ]


def test_kinds_that_no_rule_was_tuned_on_are_marked(score):
    assert [x["label"] for x in score["kinds"] if str(x["label"]).endswith("†")] == ["异名†"]


def test_departments_have_their_own_counts(score):
    told = [(x["department"], x["errors"], x["found"], x["findings"], x["right"], x["false"])
            for x in score["departments"]]  # fmt: skip

    assert told == [("公安", 4, 4, 4, 4, 0), ("民政", 4, 2, 6, 5, 1)]


def test_steps_have_what_they_found_first(score):
    told = [(x["found at"], x["errors found first here"], x["findings"]) for x in score["stores"]]

    assert told == [("清洗", 3, 4), ("比对", 3, 4), ("入基础库", 0, 2), ("对账", 0, 0)]


def test_false_alarms_are_told_by_rule(score):
    told = [(x["resource"], x["rule"], x["false"], x["right"]) for x in score["rules"]]

    assert told == [("welfare/payment", "not_fifty", 1, 0)]


def test_habits_are_told_by_what_became_of_the_values(score):
    told = [(x["kind"], x["values"], x["right"], x["wrong"], x["emptied"]) for x in score["habits"]]

    assert told == [("spaced", 1, 1, 0, 0), ("wide", 1, 1, 0, 0)]


def test_tables_for_people_and_for_a_page(home: TestHome):
    assert "看似合理" in home.call("score", *_given(home)).out
    page = home.call("score", *_given(home), "--markdown").out

    assert "| not_fifty | 1 | 0 | 0 | 1 | 0.0 |" in page


def test_a_key_that_is_not_there_is_told(home: TestHome):
    done = home.call("score", "--key", home.root / "none.parquet")

    assert (done.code, "there is no such file" in done.text) == (1, True)

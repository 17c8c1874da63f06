"""Control totals against what has come, and the keys that have not."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path

import pytest

from chengshu.catalog.lint import lint_pack
from chengshu.catalog.pack import load_pack
from tests.support.home import TestHome, make_test_home

HEAD = "owner: office\nsharing: unconditional\nupdate: daily\n"
PERMIT = (
    "name: permit\nlabel: 许可\n"
    + HEAD
    + """\
key: [number]
fields:
  - {name: number, label: 编号, type: text, grade: 3}
  - {name: day, label: 日期, type: date}
  - {name: kind, label: 种类, type: text, required: true}
source: {kind: file, path: "../../front/permit_*.csv", mode: incremental}
"""
)
TOTAL = (
    "name: total\nlabel: 对账单\n"
    + HEAD
    + """\
key: [month]
fields:
  - {name: month, label: 月份, type: date}
  - {name: sent, label: 笔数, type: count}
  - {name: keys, label: 摘要, type: text}
source: {kind: file, path: "../../front/total.csv"}
"""
)
SENT = (
    "name: sent\nlabel: 发送清单\n"
    + HEAD
    + """\
key: [permit]
fields:
  - {name: permit, label: 编号, type: text}
  - {name: on, label: 日期, type: date}
source: {kind: file, path: "../../front/sent.csv"}
"""
)
BY_COUNT = (
    "control: {resource: office/total, period: day, by: month, told: month, count: sent, "
    "digest: keys}\n"
)
BY_KEY = "control: {resource: office/sent, period: day, told: on, keys: [permit]}\n"
PARTS = ("period", "declared", "accepted", "refused", "missing", "surplus", "digest")


@pytest.fixture
def home(tmp_path: Path) -> TestHome:
    home = make_test_home(tmp_path / "home")
    for name, text in (("permit", PERMIT + BY_COUNT), ("total", TOTAL), ("sent", SENT)):
        home.declare(f"resources/office/{name}.yaml", text)
    return home


def totals(home: TestHome) -> list[tuple[object, ...]]:
    lines = home.call("status", "--json").lines
    return [tuple(line[p] for p in PARTS) for line in lines if line["about"] == "control"]


def test_declared_is_what_came_and_what_is_missing(home: TestHome):
    digest, other = (md5(keys.encode()).hexdigest() for keys in ("1\n2\n3", "4\n5"))
    rows = ["1,2026-01-05,a", "2,2026-01-06,", "3,2026-01-07,c", "4,2026-02-01,d", ",2026-02-02,e"]
    home.deliver("permit_1", "number,day,kind", rows)
    told = [f"2026-01-01,3,{digest}", f"2026-02-01,4,{other}", "2026-03-01,1,", "2026-04-01,0,"]
    home.deliver("total", "month,sent,keys", told)
    home.run("office/permit", "office/total")

    first = totals(home)
    home.deliver("permit_2", "number,day,kind", ["5,2026-03-01,e", "6,2026-03-02,f"])
    home.run("office/permit")

    assert first == [
        ("2026-01", 3, 2, 1, 0, 0, True),
        ("2026-02", 4, 1, 1, 2, 0, False),
        ("2026-03", 1, 0, 0, 1, 0, None),
        ("2026-04", 0, 0, 0, 0, 0, None),
    ]
    assert totals(home)[2] == ("2026-03", 1, 2, 0, 0, 1, None)


def test_the_keys_that_have_not_come_are_listed(home: TestHome):
    home.mend("resources/office/permit.yaml", BY_COUNT, BY_KEY)
    home.deliver(
        "permit_1", "number,day,kind", ["1,2026-01-05,a", "2,2026-01-05,", "9,2026-01-05,x"]
    )
    home.deliver("sent", "permit,on", [f"{n},2026-01-0{5 + n // 4}" for n in (1, 2, 3, 4)])
    home.run("office/permit", "office/sent")

    unmasked = ("--unmasked", "--reason", "asked the office")
    masked = home.call("show", "office/permit", "--store", "missing", "--json").lines
    clear = home.call("show", "office/permit", "--store", "missing", "--json", *unmasked).lines
    home.deliver("permit_2", "number,day,kind", ["3,2026-01-05,c"])
    home.run("office/permit")
    later = home.call("show", "office/permit", "--store", "missing", "--json", *unmasked).lines

    assert [row["number"] for row in clear] == ["3", "4"]
    assert not {"3", "4"} & {row["number"] for row in masked}
    assert [row["number"] for row in later] == ["4"]
    assert totals(home) == [
        ("2026-01-05", 3, 3, 1, 0, 1, None), ("2026-01-06", 1, 0, 0, 1, 0, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("office/total", "office/totals", "control: unknown resource 'office/totals'"),
        ("count: sent", "count: amount", "control: office/total has no field 'amount'"),
        ("period: day", "period: date", "control names the undeclared field date"),
        ("count: sent, ", "", "a control total has a count, or keys"),
    ],
)
def test_a_control_total_that_cannot_be_told_is_refused(
    home: TestHome, old: str, new: str, message: str
):
    home.mend("resources/office/permit.yaml", old, new)
    assert message in str([str(p) for p in lint_pack(load_pack(home.pack), [])])

"""The commands of themes: numbers after a run, the rows behind them, masked and on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.dying import Point, die
from tests.support.home import CITY, RESIDENT, TestHome, make_test_home

THEME = """\
theme: incomes
label: 收入
owner: office
inputs: {resident: office/resident, street: office/street}
tables:
  incomes:
    label: 各街居民
    rows:
      resident: >
        SELECT number, name AS street, income FROM resident
        LEFT JOIN (SELECT code AS street, name FROM street) AS s USING (street)
    dimensions:
      street: {label: 街道}
    measures:
      residents: {label: 人数, sql: COUNT(*), unit: 人}
      income: {label: 收入合计, sql: SUM(income), unit: 元, decimals: 2}
tests:
  all_counted:
    label: 人数与部门库一致
    equal: [SELECT SUM(residents) FROM incomes, SELECT COUNT(*) FROM resident]
"""
BY_HAND = THEME.replace("theme: incomes", "theme: by_hand").replace(
    "inputs:", "refresh: by_hand\ninputs:"
)
CELLS = [
    {"table": "incomes", "street": "乙街", "residents": 1, "income": "2000.00"},
    {"table": "incomes", "street": "甲大街", "residents": 1, "income": "1000.50"},
    {"table": "incomes", "street": None, "residents": 1, "income": "5.00"},
]


def make(folder: Path, theme: str = THEME) -> TestHome:
    files = {**CITY, "themes/incomes.yaml": theme, "themes/by_hand.yaml": BY_HAND}
    home = make_test_home(folder / "home", files)
    home.deliver_all()
    return home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> TestHome:
    home = make(tmp_path_factory.mktemp("theme"))
    lines = home.run()
    assert [x for x in lines if "theme" in x] == [
        {"theme": "incomes", "computation": 1, "cells": 3}
    ]
    return home


def test_a_run_computes_what_changed_and_only_that(home: TestHome):
    assert home.call("theme", "incomes", "--json").lines == CELLS
    assert not [line for line in home.run() if "theme" in line]


def test_the_list_tells_what_stands(home: TestHome):
    (hand, one) = home.call("theme", "--json").lines

    assert (one["computation"], one["cells"], one["tests"], one["state"], one["problem"]) == (
        1, 3, "1 of 1", "stands", None,
    )  # fmt: skip
    assert set(one["inputs"]) == {"resident", "street"}
    assert (hand["theme"], hand["state"], hand["computation"]) == (
        "by_hand",
        "never computed",
        None,
    )


def test_a_theme_is_shown_so_that_people_can_read_it(home: TestHome):
    text = home.call("theme", "incomes").out

    assert "收入 incomes, of 办公室" in text
    assert "街道 street  人数（人）  收入合计（元）" in text
    assert "甲大街                1        1,000.50" in text
    assert "chengshu explain incomes street=…" in text


@pytest.mark.parametrize("cell", CELLS)
def test_the_rows_behind_a_number_are_as_many_and_masked(home: TestHome, cell: dict[str, object]):
    street = cell["street"] or ""

    lines = home.call("explain", "incomes", f"street={street}", "--json").lines

    (told,) = [line for line in lines if line["about"] == "cell"]
    assert told == {**{k: v for k, v in cell.items() if k != "table"}, "about": "cell"}
    rows = [line for line in lines if line["about"] == "row"]
    assert len(rows) == cell["residents"]
    assert {row["input"] for row in rows} == {RESIDENT}
    assert {row["person"][1:] for row in rows} == {"**"}
    assert all(row["_batch"] and row["_position"] for row in rows)
    # The store's own name of a record is its key, in the clear.
    assert not any("_record" in row for row in rows)


def test_all_cells_are_explained_together(home: TestHome):
    text = home.call("explain", "incomes").out

    assert "3 of the 3 rows that are counted" in text
    assert "masked by grade" in text


def test_a_look_in_the_clear_needs_a_reason_and_is_recorded(home: TestHome):
    refused = home.call("explain", "incomes", "street=甲大街", "--unmasked")
    done = home.call(
        "explain", "incomes", "street=甲大街", "--unmasked", "--reason", "case 18", "--json"
    )

    assert (refused.code, refused.out) == (1, "")
    assert [line["person"] for line in done.lines if line["about"] == "row"] == ["王小明"]
    use = home.call("usage", "--json").lines[-1]
    assert (use["what"], use["reason"]) == (
        "theme incomes/incomes street=甲大街, first 20 rows of each input", "case 18",
    )  # fmt: skip


WRONG = {
    "theme": (["theme", "nope"], 1, "no theme 'nope'. Known: by_hand, incomes."),
    "table": (["explain", "incomes/nope"], 1, "no table of theme incomes 'nope'. Known: incomes."),
    "dimension": (["explain", "incomes", "road=1"], 1, "no dimension 'road'. Known: street."),
    "cell": (["explain", "incomes", "street"], 1, "Give dimension=value; known: street."),
    "value": (["explain", "incomes", "street=x"], 1, "no such cell"),
    "number": (["theme", "incomes", "--recompute", "9"], 1, "no computation of incomes '9'"),
    "stands": (["theme", "by_hand"], 1, "theme by_hand has no computation that stands"),
    "name": (["theme", "--compute"], 2, "name the theme"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_there_is_told(home: TestHome, what: str):
    args, code, message = WRONG[what]

    done = home.call(*args)

    assert (done.code, message in done.err) == (code, True), done


def test_by_hand_failing_and_made_again(tmp_path: Path):
    home = make(tmp_path)
    home.run()
    assert home.call("theme", "by_hand", "--compute").code == 0
    home.register([("6", "钱小七", "b", "7", "2026-01-05 08:00:00")])
    home.mend("themes/incomes.yaml", "SELECT COUNT(*) FROM resident]", "SELECT 3]")

    done = home.call("run", "--json")

    assert done.code == 1
    assert done.lines[-1]["error"]["message"] == (
        "theme incomes: test all_counted: 人数与部门库一致: 4 is not 3. The numbers of "
        "computation 1 stand. See: chengshu theme"
    )
    assert home.call("theme", "incomes", "--json").lines == CELLS
    (hand, one) = home.call("theme", "--json").lines
    assert (hand["computation"], one["computation"], one["state"]) == (2, 1, "failed")
    assert home.call("run").code == 1  # It is told until it is mended.
    again = home.call("theme", "incomes", "--recompute", "1")
    assert again.out == "computation 1 of incomes, made again: all 3 cells are equal\n"
    assert home.call("theme", "incomes", "--recompute", "3").code == 1


COMPUTE, FLOW = "chengshu.libraries.themes.compute", "chengshu.flows.themes"
POINTS = {
    "before its SQL": Point(COMPUTE, "run_apart"),
    "after its SQL": Point(COMPUTE, "run_apart", after=True),
    "before its commit": Point(COMPUTE, "record_computation", after=True),
    "after its commit": Point(FLOW, "refresh_theme", after=True),
}


def test_killed_anywhere_it_ends_as_if_it_was_not(tmp_path: Path):
    home = make(tmp_path)

    for point in POINTS.values():
        die(point, "--home", home.root, "run")
        # What changes nothing may be computed again, and must be the same.
        assert home.rows("SELECT COUNT(*) AS n FROM lake.department.office__resident") == [(3,)]
    lines = home.run()

    assert not [line for line in lines if "theme" in line]
    assert home.call("theme", "incomes", "--json").lines == CELLS
    rows = home.rows("SELECT number, problem FROM lake.theme.computations")
    assert rows == [(1, None)]
    assert not list((home.root / "tmp").glob("apart-*"))

"""Defects: each operator on rows by hand, and what a plan promises over days."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from chengshu.demo.defects import load_plan, mended_sql, spoil
from chengshu.demo.defects.model import OPERATORS, load_kinds
from chengshu.engine.lake import bare_connection
from chengshu.kernel.errors import DeclarationError

LAYOUT = "resources:\n  office/thing: {key: code, columns: {code: 代码, name: 名称, day: 日期}}\n"
HEAD = "kinds:\n  - {kind: k, label: 类, what: what, visible: row, "
ROWS = [("330123", "王小明", "2026-03-04"), ("330124", "李丽", "2025-12-31")]
Rows = Sequence[tuple[str | None, ...]]


def make_plan(folder: Path, kind: str, seed: int = 7) -> Any:
    """Return a plan of one kind, or of several, on one resource of three columns."""
    (folder / "columns.yaml").write_text(LAYOUT, "utf-8")
    text = kind if kind.startswith("kinds:") else f"{HEAD}{kind}}}\n"
    (folder / "kinds.yaml").write_text(text, "utf-8")
    return load_plan(folder / "kinds.yaml", seed, folder / "columns.yaml")


def deliver(con: Any, rows: Rows) -> None:
    con.execute(
        'CREATE OR REPLACE TABLE delivered ("代码" VARCHAR, "名称" VARCHAR, "日期" VARCHAR, '
        "_row BIGINT, _id BIGINT)"
    )
    con.executemany(
        "INSERT INTO delivered VALUES (?, ?, ?, ?, ?)",
        [(*row, at, at * 10) for at, row in enumerate(rows, 1)],
    )


def rows_of(con: Any) -> list[tuple[Any, ...]]:
    return con.execute("SELECT * EXCLUDE (_row, _id) FROM delivered ORDER BY _row").fetchall()


def entries_of(con: Any, *columns: str) -> list[tuple[Any, ...]]:
    shown = ", ".join(columns or ("row", "record", "field", "truth", "delivered"))
    return con.execute(f"SELECT {shown} FROM answer_key ORDER BY ALL").fetchall()


def at(place: str, operator: str, given: str = "") -> str:
    with_ = f", with: {{{given}}}" if given else ""
    return f'operator: {operator}{with_}, at: {{office/thing: {{"{place}": 1000}}}}'


# Kind → the two rows' field afterwards, where one field is spoilt.
ON_VALUES = {
    at("name", "other_character"): ["王小鸣", "李莉"],
    at("code", "look_alike"): ["33O123", "33O124"],
    at("code", "full_width"): ["３３０１２３", "３３０１２４"],
    at("code", "blank"): [None, None],
    at("code", "scale", "factor: 0.001"): ["330.123", "330.124"],
    at("code", "negate"): ["-330123", "-330124"],
    at("code", "change_digit", "after: 6"): ["330123", "330124"],
    at("code", "truncate", "length: 4"): ["3301", "3301"],
    at("code", "wrap", "before: 详见, after: 号"): ["详见330123号", "详见330124号"],
    at("code", "recode", 'codes: {"330123": "1"}'): ["1", "330124"],
    at("code", "one_of", "texts: [无]"): ["无", "无"],
    at("code", "fill", "texts: [无]"): ["330123", "330124"],
    at("day", "shift_year", "years: 40"): ["2066-03-04", "2065-12-31"],
    at("day", "set_day", 'month: "02", day: "30"'): ["2026-02-30", "2025-02-30"],
    at("day", "swap_month_day"): ["2026-04-03", "2025-12-31"],
    at("day", "shift_hours", "hours: 8"): ["2026-03-04 08:00:00", "2025-12-31 08:00:00"],
    at("name", "neighbour"): ["李丽", "李丽"],
    at("code name", "swap"): ["王小明", "李丽"],
    at("code name", "copy"): ["王小明", "李丽"],
}
FIELDS = ("code", "name", "day")


@pytest.mark.parametrize("kind", ON_VALUES, ids=lambda kind: kind[:40])
def test_an_operator_spoils_its_fields_and_the_key_says_how(tmp_path: Path, kind: str):
    con = bare_connection()
    deliver(con, ROWS)

    spoil(con, make_plan(tmp_path, kind), "office/thing", 0)

    nth = FIELDS.index(kind.split('"')[-2].split()[0])
    assert [row[nth] for row in rows_of(con)] == ON_VALUES[kind]
    spoilt = [
        (at, field, *pair)
        for at, (was, row) in enumerate(zip(ROWS, rows_of(con), strict=True), 1)
        for field, *pair in zip(FIELDS, was, row, strict=True)
        if pair[0] != pair[1]
    ]
    assert entries_of(con, "row", "field", "truth", "delivered") == sorted(spoilt)


# Value that is spoilt in one of several ways → what every way has in common.
BY_CHANCE = {
    ("code", "change_digit"): lambda was, now: sum(map(str.__ne__, was, now)) == 1 == len(was) - 5,
    ("code", "drop_digit"): lambda was, now: len(now) == len(was) - 1,
    ("code", "swap_digits"): lambda was, now: sorted(now) == sorted(was) and now != was,
    ("name", "spaced"): lambda was, now: now.replace(" ", "").replace("\u3000", "") == was != now,
    ("name", "private_use"): lambda was, now: sum("\ue000" <= c <= "\uf8ff" for c in now) == 1,
    ("name", "wrong_encoding"): lambda was, now: set(now) <= set("?锟斤拷"),
    ("day", "other_date"): lambda was, now: now[:4] == was[:4] and "-" not in now,
}  # fmt: skip


@pytest.mark.parametrize(("field", "operator"), BY_CHANCE, ids=lambda part: part)
def test_an_operator_that_has_several_ways(tmp_path: Path, field: str, operator: str):
    con = bare_connection()
    deliver(con, ROWS * 50)

    spoil(con, make_plan(tmp_path, at(field, operator)), "office/thing", 0)

    pairs = entries_of(con, "truth", "delivered")
    assert len(pairs) == 100
    assert all(BY_CHANCE[field, operator](*pair) for pair in pairs)


LONG = [("330000197001310012", "a", "2026-01-01"), ("330000200001310012", "b", "2026-01-02")]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("fifteen", ["330000700131001", "330000200001310012"]),
        ("scientific", ["3.30000E+17", "3.30000E+17"]),
        ("fifteen_places", ["330000197001310000", "330000200001310000"]),
        ("lower_case", [LONG[0][0], LONG[1][0]]),
    ],
)
def test_long_numbers(tmp_path: Path, operator: str, expected: list[str]):
    con = bare_connection()
    deliver(con, LONG)

    spoil(con, make_plan(tmp_path, at("code", operator)), "office/thing", 0)

    assert [row[0] for row in rows_of(con)] == expected


# Kind on whole rows → all rows afterwards, and (row, record, field) of the key.
ON_ROWS: dict[str, tuple[list[tuple[str | None, ...]], list[tuple[Any, ...]]]] = {
    at("*", "lose"): ([], [(None, "330123", None), (None, "330124", None)]),
    at("*", "twice"): ([*ROWS, *ROWS], [(3, "330123", None), (4, "330124", None)]),
    at("name", "twice", "vary: other_character"): (
        [*ROWS, ("330123", "王小鸣", "2026-03-04"), ("330124", "李莉", "2025-12-31")],
        [(3, "330123", None), (4, "330124", None)],
    ),
    at("name", "slide"): (
        [("330123", "王", "小明"), ("330124", "李", "丽")],
        [(1, "330123", None), (2, "330124", None)],
    ),
    at("*", "one_cell", "separator: ;"): (
        [("330123;王小明;2026-03-04", None, None), ("330124;李丽;2025-12-31", None, None)],
        [(1, "330123;王小明;2026-03-04", None), (2, "330124;李丽;2025-12-31", None)],
    ),
    at("name", "tear"): (
        [("330123", "王", None), ("330124", "李", None),
         ("小明", "2026-03-04", None), ("丽", "2025-12-31", None)],
        [(1, "330123", None), (2, "330124", None), (3, "小明", None), (4, "丽", None)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ON_ROWS, ids=lambda kind: kind[:40])
def test_an_operator_on_whole_rows(tmp_path: Path, kind: str):
    con = bare_connection()
    deliver(con, ROWS)

    spoil(con, make_plan(tmp_path, kind), "office/thing", 0)

    assert (rows_of(con), entries_of(con, "row", "record", "field")) == ON_ROWS[kind]


def test_two_rows_exchange_values_once(tmp_path: Path):
    con = bare_connection()
    deliver(con, ROWS)
    kind = at("name", "exchange") + ", where: code = '330123'"

    spoil(con, make_plan(tmp_path, kind), "office/thing", 0)

    assert [row[1] for row in rows_of(con)] == ["李丽", "王小明"]
    assert entries_of(con, "row", "truth", "delivered") == [(1, "王小明", "李丽"),
                                                            (2, "李丽", "王小明")]  # fmt: skip


def test_a_row_that_is_late_comes_on_a_later_day(tmp_path: Path):
    con, plan = bare_connection(), make_plan(tmp_path, at("*", "late", "days: 1") + ", days: [0]")
    deliver(con, ROWS)
    spoil(con, plan, "office/thing", 0)
    assert (rows_of(con), entries_of(con, "row", "record")) == ([], [(None, "330123"),
                                                                     (None, "330124")])  # fmt: skip

    deliver(con, [("5", "新", "2026-04-01")])
    spoil(con, plan, "office/thing", 1)

    assert rows_of(con) == [("5", "新", "2026-04-01"), *ROWS]
    assert len(entries_of(con)) == 2


def test_an_old_value_is_that_of_an_earlier_delivery(tmp_path: Path):
    con, plan = bare_connection(), make_plan(tmp_path, at("name", "previous"))
    deliver(con, ROWS)
    spoil(con, plan, "office/thing", 0)
    assert rows_of(con) == ROWS

    deliver(con, [("330123", "王大明", "2026-03-04"), ROWS[1], ("7", "新人", "2026-04-01")])
    spoil(con, plan, "office/thing", 10)

    assert [row[1] for row in rows_of(con)] == ["王小明", "李丽", "新人"]
    assert entries_of(con) == [(1, "330123", "name", "王大明", "王小明")]


def test_a_row_that_has_ended_is_delivered_once_more(tmp_path: Path):
    con = bare_connection()
    plan = make_plan(tmp_path, at("*", "keep_ended", "match: [code], newest: [day]"))
    deliver(con, ROWS)
    spoil(con, plan, "office/thing", 0)

    deliver(con, [("330124", "李丽", "2026-04-01")])
    spoil(con, plan, "office/thing", 10)

    assert rows_of(con) == [("330124", "李丽", "2026-04-01"), ("330123", "王小明", "2026-04-01")]
    assert entries_of(con) == [(2, "330123", None, None, None)]


TWO = (
    "kinds:\n"
    "  - {kind: a, label: 甲, what: a, visible: row, operator: blank, mended: 0.5,\n"
    "     at: {office/thing: {name: 300}}}\n"
    "  - {kind: b, label: 乙, what: b, visible: row, operator: wrong_encoding, transport: true,\n"
    "     at: {office/thing: {name: 300, day: 300}}}\n"
    "  - {kind: c, label: 丙, what: c, visible: table, operator: twice,\n"
    '     at: {office/thing: {"*": 200}}}\n'
)
MANY = [(str(n), "王小明", "甲乙丙") for n in range(400)]


def delivered_on(plan: Any, day: int) -> Any:
    con = bare_connection()
    deliver(con, MANY)
    spoil(con, plan, "office/thing", day)
    return con


def test_the_same_seed_spoils_the_same_and_another_does_not(tmp_path: Path):
    one, same = (delivered_on(make_plan(tmp_path, TWO), 3) for _ in range(2))
    other = delivered_on(make_plan(tmp_path, TWO, seed=8), 3)

    assert (rows_of(one), entries_of(one)) == (rows_of(same), entries_of(same))
    assert entries_of(one) != entries_of(other)


def test_what_is_the_departments_stays_until_mended_and_what_is_on_the_way_does_not(tmp_path: Path):
    plan = make_plan(tmp_path, TWO)
    days = {day: delivered_on(plan, day) for day in (0, 15, 30)}
    hit = {
        (day, kind): {row for (row,) in con.execute(
            f"SELECT row FROM answer_key WHERE kind = '{kind}'").fetchall()}
        for day, con in days.items() for kind in "ab"
    }  # fmt: skip

    assert hit[0, "a"] > hit[15, "a"] > hit[30, "a"] > set()
    assert len(hit[0, "b"] - hit[30, "b"]) > 20
    mended = {
        row
        for day in range(1, 31)
        for (row,) in days[0]
        .execute(f"SELECT _row FROM delivered WHERE {mended_sql(plan, 'office/thing', day)}")
        .fetchall()
    }
    assert mended & hit[0, "a"] == hit[0, "a"] - hit[30, "a"]


def test_a_field_has_one_defect_and_the_key_gives_back_the_truth(tmp_path: Path):
    con = delivered_on(make_plan(tmp_path, TWO), 0)

    twice = "SELECT row, field FROM answer_key GROUP BY ALL HAVING COUNT(*) > 1"
    assert con.execute(twice).fetchall() == []
    both = "SELECT row FROM answer_key GROUP BY row HAVING COUNT(*) > 1"
    assert con.execute(both).fetchall() != []
    con.execute("DELETE FROM delivered WHERE _row IN (SELECT row FROM answer_key WHERE kind = 'c')")
    for field, column in (("name", "名称"), ("day", "日期")):
        con.execute(
            f'UPDATE delivered SET "{column}" = k.truth FROM answer_key AS k '
            f"WHERE k.row = delivered._row AND k.field = '{field}'"
        )
    assert rows_of(con) == MANY


WRONG = {
    "operator: blenk, at: {office/thing: {name: 1}}": "kinds.yaml:2: kinds.0.operator",
    at("nome", "blank"): "kinds.yaml:2: unknown field 'nome'. Known: code, day, name.",
    at("name", "scale", "factor: a lot"): "with factor",
    at("name", "scale", "faktor: 2"): "scale takes factor",
    at("name", "blank", "texts: [a]"): "blank takes nothing",
    at("name", "swap"): "swap needs 2 fields",
    at("name", "lose"): "lose needs '*'",
    at("*", "blank"): "blank needs one or more fields",
    at("name", "blank") + ", where: salary > 1": "unknown field 'salary'",
    at("name", "blank") + ", rate: 3": "not a known key",
    "operator: blank, at: {office/thung: {name: 1}}": "unknown resource 'office/thung'",
}


@pytest.mark.parametrize("kind", WRONG, ids=lambda kind: kind[:50])
def test_a_wrong_file_is_told_with_its_line(tmp_path: Path, kind: str):
    with pytest.raises(DeclarationError) as err:
        make_plan(tmp_path, kind)

    assert WRONG[kind] in str(err.value)
    assert "kinds.yaml:2" in str(err.value)


def test_what_ships_is_a_fair_sample():
    kinds = load_kinds()
    errors = [kind for kind in kinds if not kind.harmless]
    unseen = [kind for kind in errors if kind.visible != "row"]
    held_out = [kind for kind in errors if kind.held_out]

    assert len(errors) >= 36
    assert len(unseen) * 3 >= len(errors)
    assert len(held_out) == 5
    assert len({kind.visible for kind in held_out}) >= 4
    assert {kind.operator for kind in kinds} <= set(OPERATORS)
    assert load_plan(None, 7).at("public_security/resident")

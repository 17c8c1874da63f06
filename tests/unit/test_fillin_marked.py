"""Mark workbooks that no template of ours made: titles, merged cells, looks without end."""

from __future__ import annotations

import io
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment

from chengshu.exchange.files.own import PROBLEM_COLUMN, PROBLEMS
from chengshu.exchange.fillin.marked import Book, mark
from chengshu.exchange.fillin.words import Fault

COLUMNS = {"code": 1, "name": 2}


def book_of(made: Workbook, lines: tuple[int, ...]) -> Book:
    stream = io.BytesIO()
    made.save(stream)
    return Book(stream.getvalue(), "台账", COLUMNS, {n: n for n in lines}, 3)


def marked(book: Book, faults: list[Fault]) -> Any:
    data = mark(book, faults, [(0, "merged_cells")])
    assert data is not None
    return load_workbook(io.BytesIO(data))


@pytest.fixture
def made() -> Workbook:
    made = Workbook()
    sheet = made.active
    sheet.title = "台账"
    for row in (["台账标题"], ["编码", "名称"], [], ["a", "甲"], ["b", "乙"], ["c", None]):
        sheet.append(row)
    return made


def test_below_a_title_the_head_is_the_last_line_above_the_data(made: Workbook):
    sheet = marked(book_of(made, (4, 5, 6)), [Fault(5, ("name",), "warn", "可疑")])["台账"]

    assert [sheet.cell(row, 3).value for row in (1, 2, 4, 5)] == [
        None, PROBLEM_COLUMN, None, "可疑（已收，请核实）",
    ]  # fmt: skip
    assert sheet["B5"].comment.text == "可疑（已收，请核实）"


def test_a_fault_in_merged_cells_is_marked_where_their_value_stands(made: Workbook):
    made["台账"].merge_cells("B4:B6")

    book = marked(book_of(made, (4, 5, 6)), [Fault(6, ("name",), "withhold", "缺")])

    assert "缺" in book["台账"]["B4"].comment.text
    assert [c.value for c in book[PROBLEMS][4]][:4] == [6, 6, "名称", "甲"]


def test_a_departments_own_comment_stays_and_the_gravest_effect_gives_the_colour(made: Workbook):
    made["台账"]["A4"].comment = Comment("自己的批注", "张")

    sheet = marked(
        book_of(made, (4, 5, 6)),
        [Fault(4, ("code",), "warn", "一"), Fault(4, ("code",), "block", "二")],
    )["台账"]

    assert sheet["A4"].comment.text.split("\n") == [
        "一（已收，请核实）",
        "二（整行未收）",
        "自己的批注",
    ]
    assert sheet["A4"].fill.fgColor.rgb == "FFFFC7CE"


def test_looks_that_reach_to_the_end_of_the_sheet_cost_nothing(made: Workbook):
    made["台账"].cell(1_048_576, 16_384).number_format = "@"

    sheet = marked(book_of(made, (4, 5, 6)), [Fault(6, (), "block", "整行有误")])["台账"]

    assert sheet["C6"].value == "整行有误（整行未收）"
    assert sheet["A6"].comment is not None


def test_a_row_grows_with_what_is_said_of_it(made: Workbook):
    made["台账"].row_dimensions[4].height = 15
    text = "说明" * 40

    sheet = marked(book_of(made, (4, 5, 6)), [Fault(4, ("code",), "warn", text)])["台账"]

    assert sheet.row_dimensions[4].height >= 3 * 15
    assert sheet.column_dimensions["C"].width == 60


def test_control_characters_and_formulas_in_words_are_text(made: Workbook):
    sheet = marked(book_of(made, (4, 5, 6)), [Fault(4, ("code",), "block", "=1+1\x07")])["台账"]

    assert (sheet["C4"].data_type, sheet["C4"].value) == ("s", "=1+1\ufffd（整行未收）")


def test_what_is_no_xlsx_is_not_marked():
    assert mark(Book(b"\xd0\xcf\x11\xe0", "台账", COLUMNS, {2: 2}, 3), [], []) is None

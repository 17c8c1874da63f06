"""Departments without a system: a template, filled in a spreadsheet, comes back marked."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.styles import PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from chengshu.exchange.files import open_table
from chengshu.exchange.files.own import CODES, NOTES, PROBLEM_COLUMN, PROBLEMS
from tests.support.home import TestHome, make_test_home

CITY = {
    "city.yaml": "name: test\nlabel: 测试市\ndivision: 330200\n",
    "departments.yaml": "departments:\n  office: {label: 办公室, contact: 0574-1}\n",
    "codes/kind.csv": "code,name\n1,住 宅\n2,=商铺\n3,厂房\n",
    "resources/office/lease.yaml": """\
name: lease
label: 租赁登记
owner: office
sharing: conditional
condition: 测试
update: monthly
key: [number]
fields:
  - {name: number, label: 合同号, type: text, required: true, max_length: 10}
  - {name: tenant, label: 承租人证号, type: citizen_id, grade: 3}
  - {name: sex, label: 性别, type: code, codes: gb2261_1}
  - {name: signed, label: 签订日期, type: date, required: true, column: 签约日}
  - {name: ends, label: 到期日期, type: date, missing: [无]}
  - {name: rent, label: 月租金, type: money}
  - {name: country, label: 国籍, type: code, codes: gb2659}
rules:
  - {name: order, label: 到期应晚于签订, where_bad: "ends < signed", effect: warn}
source: {kind: file, path: "../../front/lease_*.xlsx", as_of: 'lease_(\\d{8})'}
""",
}
LEASE = "office/lease"
ID, LONG_ID = "11010519491231002X", "110105194912310021"
GOOD = ["A1", ID, "男性", "2024-01-31", "2025-01-31", "1200.50", "中国"]
ROWS = [
    GOOD,
    ["00012", LONG_ID, "不详", "2024-02-30", "无", "12", "法国"],
    ["A3", ID, "2", "2024-03-01", "2024-02-01", "=1+1", "中国"],
    [None, None, None, "2024-03-01", None, None, None],
    ["合计", None, None, None, None, "1212.50", None],
]
RED, ORANGE, YELLOW = "FFFFC7CE", "FFFFD8A8", "FFFFEB9C"


def fill(template: Path, to: Path, rows: Sequence[Sequence[str | None]]) -> None:
    """Fill a template as a person does, and leave empty cells with formats below."""
    book = load_workbook(template)
    sheet = book.worksheets[0]
    for line, row in enumerate(rows, 2):
        for at, value in enumerate(row, 1):
            cell = sheet.cell(line, at)
            cell.value, cell.number_format = value, "@"
            if value is not None:
                cell.data_type = "s"
    for line in range(len(rows) + 2, len(rows) + 200):
        sheet.cell(line, 1).number_format = "@"
        sheet.cell(line, 2).fill = PatternFill("solid", fgColor="FFEEEEEE")
    book.save(to)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> TestHome:
    """Return a home whose template was filled, with faults, and run."""
    root = tmp_path_factory.mktemp("fillin") / "home"
    home = make_test_home(root, CITY)
    assert home.call("template", LEASE, "--to", root / "template.xlsx").code == 0
    fill(root / "template.xlsx", home.front / "lease_20240401.xlsx", ROWS)
    home.run(LEASE)
    return home


def give_back(home: TestHome, batch: int, to: str) -> Path:
    path = home.root / to
    done = home.call("marked", LEASE, batch, "--to", path, "--reason", "monthly return")
    assert done.code == 0, done
    return path


@pytest.fixture(scope="module")
def returned(home: TestHome) -> Path:
    return give_back(home, 1, "returned.xlsx")


def values(sheet: Worksheet) -> list[list[Any]]:
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def notes_of(sheet: Worksheet) -> Mapping[str, str]:
    return {
        cell.coordinate: cell.comment.text
        for row in sheet.iter_rows(min_row=2)
        for cell in row
        if cell.comment
    }


def test_a_template_has_heads_notes_text_cells_and_lists(home: TestHome):
    book = load_workbook(home.root / "template.xlsx")
    sheet = book.worksheets[0]
    lists = {
        str(check.sqref).split(":")[0]: check.formula1
        for check in sheet.data_validations.dataValidation
        if check.type == "list"
    }
    checks = [check.formula1 for check in sheet.data_validations.dataValidation]

    assert values(sheet) == [
        ["合同号", "承租人证号", "性别", "签约日", "到期日期", "月租金", "国籍"]
    ]
    assert "OR(LEN(B2)=18,LEN(B2)=15)" in checks
    assert sheet.freeze_panes == "A2"
    assert sheet.column_dimensions["B"].width > 20
    assert sheet["A1"].fill.fgColor.rgb == "FFC00000" != sheet["B1"].fill.fgColor.rgb
    assert "必填：是" in sheet["D1"].comment.text
    assert f"示例：{ID}" in sheet["B1"].comment.text
    assert lists == {"C2": f"'{CODES}'!$A$3:$A$6", "G2": f"'{CODES}'!$B$3:$B$251"}
    assert [book[CODES][f"A{row}"].value for row in range(3, 7)] == [
        "未知的性别", "男性", "女性", "未说明的性别",
    ]  # fmt: skip
    assert book[CODES].sheet_state == "hidden"
    formats = {
        at: column.number_format
        for column in list(sheet.column_dimensions.values())
        for at in range(column.min, column.max + 1)
    }
    assert formats == dict.fromkeys(range(1, 8), "@")  # Text, whatever is typed.


def test_the_notes_say_what_each_column_takes_and_what_happens(home: TestHome):
    book = load_workbook(home.root / "template.xlsx")
    lines = values(book[NOTES])
    text = "\n".join(str(cell) for line in lines for cell in line if cell)

    assert book.sheetnames[1] == NOTES
    assert [
        "承租人证号",
        "承租人证号",
        "公民身份号码",
        "否",
        "18位公民身份号码，末位可为X",
        ID,
    ] in lines
    for part in ("责任部门：办公室，联系方式：0574-1", "更新周期：每月", "每次填报全部现有记录"):
        assert part in text


def test_what_was_filled_is_read_as_it_was_written(home: TestHome):
    landed = home.rows(
        "SELECT _position, number, tenant, sex, signed, ends, rent, _rest "
        "FROM lake.landing.office__lease ORDER BY 1"
    )

    assert landed == [
        (2, "A1", ID, "男性", "2024-01-31", "2025-01-31", "1200.50", None),
        (3, "00012", LONG_ID, "不详", "2024-02-30", "无", "12", None),
        (4, "A3", ID, "2", "2024-03-01", "2024-02-01", "=1+1", None),
        (5, None, None, None, "2024-03-01", None, None, None),
        (6, "合计", None, None, None, None, "1212.50", None),
    ]
    assert home.current(LEASE, "number", "sex", "country") == [
        ("A1", "1", "156"),
        ("A3", "2", "156"),
    ]
    codes = home.rows("SELECT line, code FROM lake.management.source_findings")
    assert codes == [(6, "total_row")]


def test_the_same_workbook_comes_back_with_faulty_cells_marked(home: TestHome, returned: Path):
    sheet = load_workbook(returned).worksheets[0]
    notes = notes_of(sheet)

    assert sheet["B3"].value == LONG_ID
    assert set(notes) == {"B3", "C3", "D3", "D4", "E4", "F4", "A5", "D6"}
    assert "校验码错误。应填：18位公民身份号码" in notes["B3"]
    assert "该值未收" in notes["B3"]
    assert "不在代码集内" in notes["C3"]
    assert "到期应晚于签订" in notes["E4"]
    assert "必填，不能为空" in notes["A5"]
    colours = {at: sheet[at].fill.fgColor.rgb for at in ("B3", "D3", "E4", "A5", "B2")}
    assert colours == {"B3": ORANGE, "D3": RED, "E4": YELLOW, "A5": RED, "B2": "00000000"}
    assert (sheet["H1"].value, sheet["H2"].value) == (PROBLEM_COLUMN, None)
    assert sheet["H3"].value.count("\n") == 2
    assert sheet["H3"].alignment.wrap_text
    assert sheet["B1"].comment is not None
    assert len(sheet.data_validations.dataValidation) == 7


def test_the_summary_lists_every_finding_with_its_value(returned: Path):
    lines = values(load_workbook(returned)[PROBLEMS])

    assert lines[1] == ["行", "原文件行", "列", "填报的值", "问题", "处理"]
    assert lines[2] == [6, 6, "整行", None, "像合计行，不像一条记录", "文件提示"]
    faults = [(line[0], line[2], line[3], line[5]) for line in lines[3:]]
    assert sorted(faults) == sorted(
        [
            (3, "承租人证号", LONG_ID, "该值未收"),
            (3, "性别", "不详", "该值未收"),
            (3, "签约日", "2024-02-30", "整行未收"),
            (4, "月租金", "=1+1", "该值未收"),
            (4, "签约日、到期日期", "2024-03-01；2024-02-01", "已收，请核实"),
            (5, "合同号", None, "整行未收"),
            (6, "签约日", None, "整行未收"),
        ]
    )


def test_no_text_of_a_row_becomes_a_formula(returned: Path):
    book = load_workbook(returned)

    assert [c.coordinate for s in book for row in s for c in row if c.data_type == "f"] == []


def test_giving_back_is_recorded_needs_a_reason_and_is_for_one_reader(
    home: TestHome, returned: Path
):
    use = home.call("usage", "--json").lines[-1]
    before = len(home.call("usage", "--json").lines)
    done = home.call("marked", LEASE, 1, "--to", home.root / "none.xlsx")

    assert use["what"] == f"{LEASE} batch 1, marked workbook"
    assert (use["purpose"], use["reason"]) == ("return to owner", "monthly return")
    assert stat.S_IMODE(returned.stat().st_mode) == 0o600
    assert done.code == 1
    assert "needs a reason" in done.err
    assert not (home.root / "none.xlsx").exists()
    assert len(home.call("usage", "--json").lines) == before


def test_what_is_wrong_is_refused_clearly(home: TestHome, returned: Path):
    reason = ("--reason", "monthly return")

    again = home.call("marked", LEASE, 1, "--to", returned, *reason)
    unknown = home.call("marked", LEASE, 9, *reason)
    nowhere = home.call("marked", LEASE, 1, "--to", home.root / "no" / "x.xlsx", *reason)

    assert "is there already" in again.err
    assert "no batch of office/lease '9'. Known: 1." in unknown.err
    assert "cannot be written" in nowhere.err
    assert {again.code, unknown.code, nowhere.code} == {1}


def mended_home(root: Path) -> tuple[TestHome, Path]:
    """Return a home of one delivery with one fault, and the marked workbook of it."""
    home = make_test_home(root, CITY)
    home.call("template", LEASE, "--to", root / "template.xlsx")
    fill(
        root / "template.xlsx",
        home.front / "lease_20240401.xlsx",
        [GOOD, [*ROWS[1][:3], *GOOD[3:]]],
    )
    home.run(LEASE)
    return home, give_back(home, 1, "returned.xlsx")


def test_the_mended_workbook_is_the_next_delivery_and_its_old_marks_go(tmp_path: Path):
    home, returned = mended_home(tmp_path / "home")
    book = load_workbook(returned)
    book.worksheets[0]["B3"] = ID
    book.save(home.front / "lease_20240501.xlsx")

    home.run(LEASE)
    sheet = load_workbook(give_back(home, 2, "second.xlsx")).worksheets[0]

    rest = home.rows("SELECT DISTINCT _rest FROM lake.landing.office__lease")
    assert rest == [(None,)]
    assert [b["repeated"] + b["unchanged"] for b in home.balances(LEASE)] == [0, 1]
    assert set(notes_of(sheet)) == {"C3"}
    assert sheet["B3"].fill.fgColor.rgb != ORANGE
    assert (sheet["H1"].value, sheet["I1"].value) == (PROBLEM_COLUMN, None)
    assert "证号" not in sheet["H3"].value
    codes = home.rows("SELECT code FROM lake.management.source_findings WHERE batch = 2")
    assert codes == []


def test_without_the_original_a_workbook_is_made_of_what_landed(tmp_path: Path):
    home, _ = mended_home(tmp_path / "home")
    (home.front / "lease_20240401.xlsx").write_bytes(b"another file")

    sheet = load_workbook(give_back(home, 1, "rebuilt.xlsx")).worksheets[0]

    assert [row[:3] for row in values(sheet)[1:]] == [GOOD[:3], ROWS[1][:3]]
    assert set(notes_of(sheet)) == {"B3", "C3"}
    assert sheet["H3"].value.count("\n") == 1


def test_a_template_that_is_not_filled_ends_nothing(tmp_path: Path):
    home, _ = mended_home(tmp_path / "home")
    home.call("template", LEASE, "--to", home.front / "lease_20240601.xlsx")

    done = home.call("run", LEASE)

    assert done.code == 1
    assert "the template was not filled" in done.out
    assert "chengshu zero" in done.out
    assert len(home.current(LEASE, "number")) == 2


HOSTILE = [
    "=cmd()|'/C calc'!A0",
    "+1",
    "@SUM(A1)",
    "a\"b'c",
    "2024",
    " 前后空格 ",
    "长" * 200,
    "#1",
]


def test_hostile_labels_are_text_and_are_found_again(tmp_path: Path):
    fields = "\n".join(
        "  - " + json.dumps({"name": f"f{at}", "label": label, "type": "text"})
        for at, label in enumerate(HOSTILE)
    )
    lease = CITY["resources/office/lease.yaml"]
    head, tail = lease.split("fields:\n")[0], lease.split("source:")[1]
    text = head.replace("key: [number]", "key: [f0]").replace("租赁登记", "'=cmd()'")
    kind = "\n  - {name: kind, label: 类别, type: code, codes: kind}\nsource:"
    home = make_test_home(
        tmp_path / "home",
        {**CITY, "resources/office/lease.yaml": f"{text}fields:\n{fields}{kind}{tail}"},
    )
    path = home.root / "template.xlsx"
    assert home.call("template", LEASE, "--to", path).code == 0
    row = [f"v{at}" for at in range(len(HOSTILE))]
    fill(path, home.front / "lease_20240401.xlsx", [[*row, "=商铺"], ["w", *row[1:], "住 宅"]])

    home.run(LEASE)

    book = load_workbook(path)
    assert [c.coordinate for s in book for r in s for c in r if c.data_type == "f"] == []
    assert [book[CODES][f"A{at}"].value for at in (3, 4, 5)] == ["住 宅", "=商铺", "厂房"]
    names = [f"f{at}" for at in range(len(HOSTILE))]
    found = home.rows(
        f"SELECT {', '.join(names)} FROM lake.landing.office__lease ORDER BY _position"
    )
    assert found[0] == tuple(row)
    assert home.current(LEASE, "f0", "kind") == [("v0", "2"), ("w", "1")]
    assert open_table(path.parent / "front" / "lease_20240401.xlsx").sheet == "填报"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: file,", "kind: file, format: csv,", "comes as csv"),
        ("kind: file,", "kind: file, skip: 2,", "column names in its first line"),
        ("kind: file,", "kind: file, sheet: 'a/b',", "no workbook takes the declared name"),
        ("kind: file,", "kind: file, sheet: 填写说明,", "no workbook takes the declared name"),
    ],
)
def test_a_source_that_would_not_read_it_has_no_template(
    tmp_path: Path, old: str, new: str, said: str
):
    home = make_test_home(tmp_path / "home", CITY)
    home.mend("resources/office/lease.yaml", old, new)

    done = home.call("template", LEASE, "--to", tmp_path / "x.xlsx")

    assert done.code == 1
    assert said in done.err
    assert not (tmp_path / "x.xlsx").exists()

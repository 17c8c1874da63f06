from __future__ import annotations

import datetime as dt
import decimal
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from chengshu.exchange.files import TableFile, describe, open_table, write_table
from chengshu.kernel.errors import InputError


def read(path: Path, **options: Any) -> tuple[TableFile, list[list[str | None]]]:
    table = open_table(path, **options)
    rows = [row for batch in table.batches() for row in batch.to_pylist()]
    return table, [list(row.values()) for row in rows]


def codes(table: TableFile) -> list[tuple[int, str]]:
    return [(found.line, found.code) for found in table.findings]


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet, other = book.add_worksheet("数据"), book.add_worksheet("旧数据")
        other.write(0, 0, "x")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.merge_range(0, 0, 0, 1, "某市汇总表")
        sheet.write_row(1, 0, ["证号", "值"])
        sheet.write_string(2, 0, "110101199001011237")
        sheet.write_number(2, 1, 42)
        sheet.write_number(3, 0, 440524188001010022)
        sheet.write_number(3, 1, 0.1)
        sheet.write_string(4, 0, "4.40524E+17")
        sheet.write_boolean(4, 1, True)
        sheet.write_datetime(5, 0, dt.date(2024, 1, 31), day)
        sheet.write_number(5, 1, 45322 + 8.5 / 24, time)
        sheet.write_string(6, 0, "a")
        sheet.write_formula(6, 1, "=1/0", None, "#DIV/0!")
        sheet.write_number(7, 0, 999999999999999)
    return path


def test_a_sheet_is_read_as_text(workbook: Path) -> None:
    table, rows = read(workbook)

    assert table.header == ("证号", "值")
    assert [row[:3] for row in rows] == [
        [3, "110101199001011237", "42"],
        [4, "4.40524188001010E+17", "0.1"],
        [5, "4.40524E+17", "TRUE"],
        [6, "2024-01-31", "2024-01-31 08:30:00"],
        [7, "a", None],
        [8, "999999999999999", None],
    ]
    assert codes(table) == [
        (0, "other_sheets"),
        (1, "preamble"),
        (4, "number_precision"),
        (7, "error_cell"),
    ]
    assert describe(table)["encoding"] is None


def test_a_sheet_is_chosen_by_name(workbook: Path) -> None:
    table, _ = read(workbook, sheet="旧数据")

    assert table.header == ("x",)
    with pytest.raises(InputError, match="no sheet of that name"):
        open_table(workbook, sheet="无")


def test_a_sheet_that_is_shown_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        hidden, shown = book.add_worksheet("隐藏"), book.add_worksheet("可见")
        hidden.write_row(0, 0, ["x", "y"])
        hidden.hide()
        shown.write_row(0, 0, ["a", "b"])
        shown.activate()

    table, _ = read(path)
    assert (table.header, codes(table)[0]) == (("a", "b"), (0, "other_sheets"))

    table, _ = read(path, sheet="隐藏")
    assert (table.header, codes(table)[1]) == (("x", "y"), (0, "hidden_sheet"))


@pytest.mark.parametrize("name", ["b.csv", "b.xls", "b"])
def test_a_workbook_is_read_whatever_its_name_says(
    tmp_path: Path, workbook: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(workbook.read_bytes())

    table, _ = read(path)

    assert (table.format, table.header) == ("excel", ("证号", "值"))
    assert ((0, "suffix_wrong") in codes(table)) == (name == "b.csv")


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a.xlsx", "a,b\n1,2\n", "csv"),
        ("a.parquet", "a\tb\n1\t2\n", "tsv"),
        ("a.csv", '{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', "jsonl"),
    ],
)
def test_a_name_that_misleads_is_reported(
    tmp_path: Path, name: str, text: str, format: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")

    table, _ = read(path)

    assert (table.format, table.header) == (format, ("a", "b"))
    assert codes(table) == [(0, "suffix_wrong")]


def test_a_locked_workbook_is_refused_whatever_its_name_says(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"))

    with pytest.raises(InputError, match="locked"):
        open_table(path)


def test_a_stray_cell_far_out_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_string(1_048_575, 16_383, "x")

    with pytest.raises(InputError, match="17179869184 cells"):
        open_table(path)


def test_a_damaged_workbook_is_refused(tmp_path: Path, workbook: Path) -> None:
    path = tmp_path / "b.xlsx"
    path.write_bytes(workbook.read_bytes()[:2000])

    with pytest.raises(InputError, match="damaged"):
        open_table(path)


def test_json_lines_keep_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        '{"a": 1.10, "b": "x", "_line": true}',
        "",
        '{"a": 12345678901234567890, "b": {"k": [1.0, "y", null]}}',
        "not json",
        "[1]",
        '{"a": 1, "a": 2}',
        '{"a": null, "b": "\\u0000"}',
        '{"a": "\\ud800"}',
        '{"a": "\\ud83d\\ude00"}',
    ]
    path.write_text("\n".join(lines), encoding="utf-8")

    table, rows = read(path)

    assert table.header == ("a", "b", "_line_2")
    assert rows == [
        [1, "1.10", "x", "true", None, None],
        [3, "12345678901234567890", '{"k":[1.0,"y",null]}', None, None, None],
        [4, None, None, None, "not json", "not_json"],
        [5, None, None, None, "[1]", "not_json"],
        [6, None, None, None, '{"a": 1, "a": 2}', "duplicate_key"],
        [7, None, "\0", None, None, "nul"],
        [8, None, None, None, '{"a": "\\ud800"}', "half_character"],
        [9, "😀", None, None, None, None],
    ]
    assert [code for _, code in codes(table)] == [
        "header_renamed",
        "not_json",
        "not_json",
        "duplicate_key",
        "nul",
        "half_character",
    ]


def test_a_key_that_comes_late_is_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"a":1}\n' * 1000 + '{"a":2,"新":[3]}\n', encoding="utf-8")

    table, rows = read(path)

    assert rows[-1] == [1001, "2", '{"新":[3]}', None]
    assert codes(table) == [(1001, "late_key")]


def test_a_json_document_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"a": 1},\n {"a": 2}]', encoding="utf-8")

    with pytest.raises(InputError, match="one JSON document"):
        open_table(path)


def test_parquet_values_become_exact_text(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    moment = dt.datetime(2024, 1, 31, 8, 30, tzinfo=dt.UTC)
    columns = {
        "钱": pa.array([decimal.Decimal("1.20"), None]),
        "日": pa.array([dt.date(2024, 1, 31), None]),
        "时": pa.array([moment, None], pa.timestamp("s", "UTC")),
        "表": pa.array([[1, None], None]),
        "码": pa.array(["x", "x"]).dictionary_encode(),
        "字": pa.array([b"\xff", None]),
        "数": pa.array([2**62 + 1, 0.0], pa.int64()),
    }
    pq.write_table(pa.table(columns), path)

    table, rows = read(path)

    assert rows[0] == [
        1,
        "1.20",
        "2024-01-31",
        "2024-01-31 08:30:00.000Z",
        "[1,null]",
        "x",
        "/w==",
        "4611686018427387905",
        None,
        None,
    ]
    assert rows[1] == [2, None, None, None, None, "x", None, "0", None, None]
    assert codes(table) == [(0, "binary_column")]


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 is not all")

    with pytest.raises(InputError, match="not Parquet or is damaged"):
        open_table(path)


def test_a_table_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    source, target = tmp_path / "a.csv", tmp_path / "b.csv"
    source.write_text('a;b\n1;"x, ""y"""\n;\n2;z\n', encoding="utf-8")
    table = open_table(source)

    write_table(table, target)

    assert target.read_bytes() == b'a,b\n1,"x, ""y"""\n2,z\n'
    source.unlink()
    with pytest.raises(FileNotFoundError):
        write_table(table, tmp_path / "c.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["b.csv"]


def test_other_suffixes_are_not_written(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("a,b\n1,2\n", encoding="utf-8")

    with pytest.raises(InputError, match="are not written"):
        write_table(open_table(source), tmp_path / "b.xlsx")
    with pytest.raises(InputError, match="no file can be made here"):
        write_table(open_table(source), tmp_path / "none" / "b.csv")


def test_a_table_is_described_and_can_be_read_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,"2"\n3\n', encoding="utf-8")
    table, first = read(path)
    told = describe(table)

    again = [list(row.values()) for batch in table.batches() for row in batch.to_pylist()]

    assert again == first
    assert describe(table) == told
    assert json.loads(json.dumps(told)) == {
        "encoding": "utf-8",
        "delimiter": ",",
        "quote": '"',
        "header": ["a", "b"],
        "rows": 2,
        "findings": [
            {"line": 3, "code": "ragged_short", "message": "the record has 1 cells, expected 2"}
        ],
    }

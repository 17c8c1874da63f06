from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from chengshu.exchange.files import TableFile, open_table
from chengshu.exchange.files.fast import read_regular
from chengshu.exchange.files.tokenizer import Dialect
from chengshu.kernel.errors import InputError


def read(
    folder: Path, data: bytes | str, **options: Any
) -> tuple[TableFile, list[list[str | None]]]:
    path = folder / "a.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    table = open_table(path, **options)
    rows = [row for batch in table.batches() for row in batch.to_pylist()]
    return table, [list(row.values()) for row in rows]


def codes(table: TableFile) -> list[tuple[int, str]]:
    return [(found.line, found.code) for found in table.findings]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-be", "utf-16-be"),
        ("gbk", "gb18030"),
        ("gb18030", "gb18030"),
    ],
)
def test_an_encoding_is_found(tmp_path: Path, given: str, found: str) -> None:
    said = given if given.endswith("be") else None
    table, rows = read(tmp_path, "姓名,性别\n张三,男\n李四,女\n".encode(given), encoding=said)

    assert (table.encoding, table.header) == (found, ("姓名", "性别"))
    assert rows[1] == [3, "李四", "女", None, None]
    assert table.findings == []


@pytest.mark.parametrize(("first", "second"), [("utf-8", "gbk"), ("gbk", "utf-8")])
def test_a_line_of_another_encoding_is_no_mojibake(tmp_path: Path, first: str, second: str) -> None:
    start, end = "姓名,性别\n张三,男\n", "王五,男\n赵六,女\n钱七,男\n"
    data = start.encode(first) + "李四,女\n".encode(second) + end.encode(first)

    table, rows = read(tmp_path, data)

    assert codes(table) == [(3, "undecodable")]
    assert set("".join(rows[1][1:3])) == {"\ufffd"}  # type: ignore[arg-type]
    assert rows[2] == [4, "王五", "男", None, None]


def test_big5_is_not_taken_for_gb18030(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "姓名,性別\n張三豐,男\n李四維,女\n".encode("big5"))

    assert codes(table) == [(0, "encoding_fallback")]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("이름,주소\n김철수,서울특별시\n박영희,부산광역시\n이민호,대구\n", "euc-kr"),
        ("名前,番号,住所\n山田太郎,1,横浜\n鈴木花子,2,札幌\n佐藤,3,ひらがな\n", "euc-jp"),
    ],
)
def test_gb18030_that_is_hardly_chinese_is_doubted(
    tmp_path: Path, text: str, encoding: str
) -> None:
    table, _ = read(tmp_path, text.encode(encoding))

    assert (table.encoding, codes(table)) == ("gb18030", [(0, "encoding_unsure")])


def test_the_wide_space_of_gbk_is_no_other_encoding(tmp_path: Path) -> None:
    data = "姓名,备注\n".encode("gbk") + "张三,".encode("gbk") + b"\xa3\xa0" * 9 + b"\n"

    table, rows = read(tmp_path, data)

    assert (table.encoding, table.findings, rows[0][1]) == ("gb18030", [], "张三")


@pytest.mark.parametrize("bad", [b"\x80", b"\x815", b"\xff", b"\xd5"])
def test_a_damaged_line_neither_spoils_nor_swallows_others(tmp_path: Path, bad: bytes) -> None:
    start, end = "姓名,金额\n张三,".encode("gbk"), "\n李四,6\n王五,7\n".encode("gbk")

    table, rows = read(tmp_path, start + bad + end)

    assert (table.encoding, codes(table)) == ("gb18030", [(2, "undecodable")])
    assert rows[1:] == [[3, "李四", "6", None, None], [4, "王五", "7", None, None]]


def test_gbk_that_is_also_utf8_is_doubted(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "xb\n女\n女\n".encode("gbk"))

    assert (0, "encoding_unsure") in codes(table)


@pytest.mark.parametrize(
    ("text", "delimiter", "last"),
    [
        ("a;b\n1,5;2,5\n", ";", ["1,5", "2,5"]),
        ("a\tb\n1\t2\n", "\t", ["1", "2"]),
        ("a|b\n1|2\n", "|", ["1", "2"]),
        ("a, b\n1, 2\n", ", ", ["1", "2"]),
        ("a\x01b\n1\x012\n", "\x01", ["1", "2"]),
        ('a\tb\n1\t"x\ty"\n', "\t", ["1", "x\ty"]),
        ("a,b\n'x, y','z'\n", ",", ["x, y", "z"]),
        ("a,b\n'11,'22\n", ",", ["'11", "'22"]),
        ('a,b\n"x\n""y""",z\n', ",", ['x\n"y"', "z"]),
        ('a,b\n"x \\"y\\"",z\n', ",", ['x "y"', "z"]),
        ("a,b\r1,2\r", ",", ["1", "2"]),
        ("值\n007\n", ",", ["007"]),
        ("name\tnote\nx\ta, b, c\ny\td, e, f\n", "\t", ["y", "d, e, f"]),
        ("姓名|地址\n张三|宁波,鄞州\n李四|宁波,海曙\n", "|", ["李四", "宁波,海曙"]),
    ],
)
def test_a_dialect_is_found(tmp_path: Path, text: str, delimiter: str, last: list[str]) -> None:
    table, rows = read(tmp_path, text)

    assert table.delimiter == delimiter
    assert rows[-1][1:-2] == last
    assert rows[-1][-1] is None


@pytest.mark.parametrize(
    ("text", "header", "found"),
    [
        (
            "汇总表,,\n制表单位：民政局,,日期：2024\n序号,姓名,证号\n1,张,A\n",
            "序号 姓名 证号",
            "preamble",
        ),
        ("# note\na,b\n1,2\n", "a b", "preamble"),
        ("sep=;\na;b\n1;2\n", "a b", "preamble"),
        ("a,b,,d\n,x,y,\n1,2,3,4\n", "a b|x y d", "header_lines"),
        ("1,2\n3,4\n", "c1 c2", "header_missing"),
        ("地区,2019\n城关,1\n", "地区 2019", "header_unsure"),
        ("张,11010519491231002X\n李,440524188001010014\n", "c1 c2", "header_missing"),
        ("张,13812345678\n李,13912345678\n", "c1 c2", "header_missing"),
        ("姓名，证号\n张，1\n李，2\n", "姓名，证号", "delimiter_unsure"),
        ("姓名、证号\n张、1\n李、2\n", "姓名、证号", "delimiter_unsure"),
        ("a,b\n1,2,3\n4,5,6\n", "c1 c2 c3", "header_short"),
        ("a,b\n1,2,\n4,5,\n", "a b c3", "header_short"),
        ("a,a,a_2,\n1,2,3,4\n", "a a_3 a_2 c4", "header_renamed"),
        ("_line,b\n1,2\n", "_line_2 b", "header_renamed"),
    ],
)
def test_a_header_is_found(tmp_path: Path, text: str, header: str, found: str) -> None:
    table, rows = read(tmp_path, text)

    assert len(table.header) == len(header.split())
    assert found in {code for _, code in codes(table)}
    assert all(row[-1] is None for row in rows)
    if found != "header_lines":
        assert list(table.header) == header.split()


def test_levels_of_a_header_are_joined(tmp_path: Path) -> None:
    table, rows = read(tmp_path, "日期,差旅,,合计\n,火车,飞机,\n2024,1,2,3\n")

    assert table.header == ("日期", "差旅 火车", "差旅 飞机", "合计")
    assert rows == [[3, "2024", "1", "2", "3", None, None]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,b\n1\n", [(2, "ragged_short")]),
        ("a,b,c\n1,2,3\n4,5,6,7\n", [(3, "ragged_long")]),
        ("a,b\n1,x\0y\n", [(2, "nul")]),
        ('a,b,c\n1,"x,y\n2,3,4\n', [(2, "unclosed_quote")]),
        ('a,b\n1,"x "y" z"\n', [(2, "stray_quote")]),
        ("a,b\n1,2\na,b\n3,4\n", [(3, "header_repeated")]),
        ("a,b\n1,2\n,\n题,\n3,4\n", [(3, "empty_record"), (4, "table_changes")]),
        ("a,b\n1,2\n\ufeff3,4\n", [(3, "bom_inside")]),
        ("a,b\n1,\ufffd\n", [(2, "text_lost")]),
        ("a,b\n", [(0, "no_rows")]),
        ("a,b\n张,5\n合计,5\n", [(3, "total_row")]),
        ("a,b,c\n1,张,5\n,合　计,5\n", [(3, "total_row")]),
        ("a\n张\n合计\n", []),
    ],
)
def test_what_is_wrong_is_found(tmp_path: Path, text: str, found: list[tuple[int, str]]) -> None:
    table, _ = read(tmp_path, text)

    assert [one for one in codes(table) if one[1] != "header_unsure"] == found


def test_no_cell_of_a_damaged_record_is_lost(tmp_path: Path) -> None:
    _, rows = read(tmp_path, "a,b\n1\n2,3\n4,5,甲,乙\n")

    assert rows == [
        [2, "1", None, None, "ragged_short"],
        [3, "2", "3", None, None],
        [4, "4", "5", '["甲","乙"]', "ragged_long"],
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n\n", "no records"),
        (b",,\n,,\n", "no records"),
        (bytes(range(256)) * 20, "binary"),
        (b"\0" * 10, "binary"),
        ("名,b\n1,2\n".encode("utf-16-le"), "UTF-16 without"),
        ("a,b\n".encode("utf-32"), "UTF-32"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04abc", "ZIP"),
        (b" <html><table>", "HTML"),
        (b'[{"a": 1}, {"a": 2}]', "one JSON document"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read(tmp_path, data)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path, "not a file"), (tmp_path / "a.csv", "no such file")):
        for format in (None, "csv", "excel", "parquet"):
            with pytest.raises(InputError, match=reason):
                open_table(path, format=format)


def test_a_file_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        open_table(Path("/proc/self/mem"))


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    encodings = ("x", "base64", "idna", "utf-7", "unicode-escape", "hz", "utf-16", "utf-32")
    options: list[dict[str, Any]] = [{"encoding": one} for one in encodings]
    options += [{"format": "x"}, {"skip": -1}, {"skip": 9}, {"quote": "\n"}, {"delimiter": "||"}]
    for given in options:
        with pytest.raises(InputError):
            read(tmp_path, "a,b\n1,2\n", **given)


def test_a_tab_may_be_written_with_a_backslash(tmp_path: Path) -> None:
    table, rows = read(tmp_path, "a,b\tc\n1,2\t3\n", delimiter="\\t")

    assert (table.header, rows[0][1:3]) == (("a,b", "c"), ["1,2", "3"])


def test_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    table, rows = read(tmp_path, "x\ny,z,\na,b\n1,2\n\n3\n", skip=2)

    assert [row[0] for row in rows] == [4, 6]
    assert codes(table) == [(6, "ragged_short")]


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    table, rows = read(tmp_path, "a,b\n1,2\n", header=False)

    assert table.header == ("c1", "c2")
    assert rows[0] == [1, "a", "b", None, None]


@pytest.mark.parametrize(
    ("start", "line"),
    [
        (b'a,b,c\n0,x,y\n1,"x,y\n', b"1,name,3\n"),
        (b"a,b,c\n", b'1,"x,3\n'),
        (b'a,b,c\n0,x,y\n1,"x,y\n', b'1,"name",3\n'),
    ],
)
def test_a_quote_that_never_closes_costs_no_more_than_its_line(
    tmp_path: Path, start: bytes, line: bytes
) -> None:
    began = time.monotonic()

    table, rows = read(tmp_path, start + line * 50_000)

    assert len(rows) >= 50_000
    assert all(len(row[1] or "") < 10 for row in rows)
    assert table.findings[0].code == "unclosed_quote"
    assert time.monotonic() - began < 20


def test_a_cell_may_be_large_and_a_record_wide(tmp_path: Path) -> None:
    large = "x" * 10_000_000
    _, rows = read(tmp_path, f'a,b\n1,"{large}"\n')
    assert rows[0][2] == large

    names = ",".join(f"n{number}" for number in range(5000))
    table, rows = read(tmp_path, names + "\n" + ",".join("1" * 5000) + "\n")
    assert (len(table.header), len(rows[0])) == (5000, 5003)


def test_no_message_repeats_a_cell(tmp_path: Path) -> None:
    table, _ = read(tmp_path, '姓名,证号\n秘密\n秘密,1,秘密\n"秘密,2\n秘密,"x"y"z"\n')

    assert table.findings
    assert not any("秘密" in found.message for found in table.findings)


def test_quotes_that_only_balance_are_not_taken_for_regular() -> None:
    # As many quotes open as close, each at one edge, and the widths are right; yet one is stray.
    assert read_regular(b'"a,"x",b\nz",c\n', Dialect(), 2) is None
    assert read_regular(b'"a, x",b\n"z",c\n', Dialect(), 2) is not None

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chengshu.exchange.files import Finding, TableFile, open_table, write_table
from chengshu.exchange.files.chunks import split_lines
from chengshu.exchange.files.text import TextReader
from chengshu.exchange.files.tokenizer import Dialect, Tokenizer
from chengshu.kernel.errors import InputError

DELIMITERS = [",", ";", "\t", "|", ", "]
ENDS = ["\n", "\r\n", "\r"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "gb18030"]

letters = st.one_of(
    st.sampled_from(list("ab1 ,;|\t\"'\\\n\r中女")),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
cells = st.text(letters, max_size=6)
regular = st.text(st.sampled_from(list("ab12 中女")), max_size=6)
quoted = st.text(st.sampled_from(list("ab1 ,;中")), max_size=6)


def tables(cell: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    def of_width(width: int) -> st.SearchStrategy[list[list[str]]]:
        return st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=12)

    return st.integers(1, 5).flatmap(of_width)


def render(rows: list[list[str]], delimiter: str, quote: str, end: str, everything: bool) -> str:
    special = {*delimiter, quote, "\r", "\n"}

    def show(cell: str) -> str:
        if everything or special & set(cell):
            return quote + cell.replace(quote, quote * 2) + quote
        return cell

    lines = []
    for row in rows:
        shown = [show(cell) for cell in row]
        if not any(shown):
            shown[0] = quote * 2
        lines.append(delimiter.join(shown) + end)
    return "".join(lines)


def names_of(rows: list[list[str]]) -> list[str]:
    return [f"名称{'abcde'[at]}" for at in range(len(rows[0]))]


def read(
    data: bytes, *, fast: bool = True, chunk_bytes: int = 4 << 20, **options: Any
) -> tuple[TableFile, list[dict[str, Any]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(data)
        table = open_table(path, **options)
        reader = table.reader.__self__  # type: ignore[attr-defined]
        assert isinstance(reader, TextReader)
        reader.fast, reader.chunk_bytes = fast, chunk_bytes
        return table, [row for batch in table.batches(7) for row in batch.to_pylist()]


@settings(max_examples=150, deadline=None)
@given(
    tables(cells),
    st.sampled_from(DELIMITERS),
    st.sampled_from("\"'"),
    st.sampled_from(ENDS),
    st.sampled_from(ENCODINGS),
    st.booleans(),
    st.integers(1, 40),
)
def test_what_was_written_is_read(
    rows: list[list[str]],
    delimiter: str,
    quote: str,
    end: str,
    encoding: str,
    everything: bool,
    size: int,
) -> None:
    names = names_of(rows)
    text = render([names, *rows], delimiter, quote, end, everything)

    table, found = read(
        text.encode(encoding),
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        chunk_bytes=size,
    )

    assert table.header == tuple(names)
    assert [[row[name] for name in names] for row in found] == rows
    assert table.rows == len(rows)


@settings(max_examples=100, deadline=None)
@given(tables(cells), st.sampled_from(DELIMITERS), st.booleans())
def test_each_record_knows_its_line(
    rows: list[list[str]], delimiter: str, everything: bool
) -> None:
    names = names_of(rows)
    starts, line = [], 2
    for row in rows:
        starts.append(line)
        text = "".join(row)
        inside = "".join("." if cell == "" else cell + "." for cell in row)
        assert len(inside) >= len(text)
        line += 1 + inside.count("\n") + inside.count("\r") - inside.count("\r\n")

    text = render([names, *rows], delimiter, '"', "\n", everything)
    _, found = read(text.encode(), encoding="utf-8", delimiter=delimiter, quote='"')

    assert [row["_line"] for row in found] == starts


@settings(max_examples=150, deadline=None)
@given(
    tables(st.one_of(regular, quoted)),
    st.sampled_from(DELIMITERS[:4]),
    st.sampled_from(ENDS[:2]),
    st.booleans(),
    st.integers(1, 200),
)
def test_both_paths_read_a_regular_file_the_same(
    rows: list[list[str]], delimiter: str, end: str, everything: bool, size: int
) -> None:
    text = render([names_of(rows), *rows], delimiter, '"', end, everything)
    options = {"encoding": "utf-8", "delimiter": delimiter, "quote": '"'}

    quick, quick_rows = read(text.encode(), fast=True, chunk_bytes=size, **options)
    careful, careful_rows = read(text.encode(), fast=False, **options)

    assert quick_rows == careful_rows
    assert quick.findings == careful.findings


noise = st.text(st.sampled_from(list('aab1,,,""\'\n\n\r\\ ;\ufeff女\0')), max_size=60)


@settings(max_examples=250, deadline=None)
@given(st.text(st.sampled_from("ab"), max_size=2), noise, st.integers(1, 30))
def test_both_paths_read_any_file_the_same_whatever_the_chunks(
    start: str, text: str, size: int
) -> None:
    data = (f"{start}x,y,z\n" + text).encode()
    try:
        careful, careful_rows = read(data, fast=False)
    except InputError:
        with pytest.raises(InputError):
            read(data)
        return

    for options in ({}, {"chunk_bytes": size}, {"chunk_bytes": size, "fast": False}):
        table, rows = read(data, **options)
        assert rows == careful_rows
        assert table.findings == careful.findings
        assert table.quote == careful.quote


# Raw cells that are almost what a regular file holds, so that each clause of the proof matters.
tricky = st.sampled_from(
    [
        "a",
        "",
        '"a"',
        '""',
        '"a,b"',
        'a"',
        '"a"b',
        '"a',
        'a"b',
        '"a""b"',
        '"a\nb"',
        '"',
        ",",
        '"a" ',
        ' "a"',
        "x",
        "a\n",
        "\n\n",
    ]
)
plain = st.sampled_from(["a", "b", '"a"', '"a,b"'])
tricky_lines = st.lists(
    st.one_of(
        st.lists(plain, min_size=2, max_size=3).map(",".join),
        st.lists(tricky, min_size=2, max_size=3).map(",".join),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=500, deadline=None)
@given(tricky_lines, st.sampled_from([4, 20, 4 << 20]))
def test_both_paths_read_almost_regular_files_the_same(lines: list[str], size: int) -> None:
    data = ("x,y\n" + "\n".join(lines)).encode()
    options = {"encoding": "utf-8", "delimiter": ",", "quote": '"'}

    quick, quick_rows = read(data, chunk_bytes=size, **options)
    careful, careful_rows = read(data, fast=False, **options)

    assert quick_rows == careful_rows
    assert quick.findings == careful.findings


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        table, rows = read(data)
    except InputError:
        return

    assert table.rows == len(rows)
    assert all(isinstance(found, Finding) for found in table.findings)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=6))
def test_backslash_escapes_are_undone(rows: list[list[str]]) -> None:
    def show(cell: str) -> str:
        return '"' + cell.replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = "".join(",".join(map(show, row)) + "\n" for row in rows)
    tokenizer = Tokenizer(Dialect(",", '"', escape=True), width=2)

    records = list(tokenizer.split(split_lines(lines), 1, final=True))

    assert [list(record.cells) for record in records] == rows


@settings(max_examples=60, deadline=None)
@given(tables(cells), st.sampled_from([".csv", ".parquet"]))
def test_a_written_table_is_read_back(rows: list[list[str]], suffix: str) -> None:
    names = names_of(rows)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a.csv", Path(folder) / f"b{suffix}"
        source.write_bytes(render([names, *rows], ",", '"', "\n", True).encode())
        table = open_table(source, encoding="utf-8", delimiter=",", quote='"')
        write_table(table, target)
        options = {"delimiter": ",", "quote": '"', "encoding": "utf-8"}
        again = open_table(target, **(options if suffix == ".csv" else {}))  # type: ignore[arg-type]
        found = [row for batch in again.batches() for row in batch.to_pylist()]

    assert [[row[name] for name in names] for row in found] == rows

"""Write a workbook from SQL: a sheet is XML, which is text, which DuckDB writes by itself.

A library that sets cell by cell takes twenty times as long. A sheet ends at 1,048,576 rows; what is
more goes to a further one (台账2, …).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import copyfileobj
from typing import Any
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from chengshu.engine.sql import literal, quote

_ROWS = 1_048_000
_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"

# A cell of the second format is a date; Excel wants two fills.
_STYLES = (
    f'<styleSheet {_NS}><numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/>'
    '</numFmts><fonts count="1"><font><sz val="11"/><name val="宋体"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


def write_workbook(con: Any, columns: Sequence[str], path: Path, title: str = "") -> None:
    """Write ``delivered`` as a workbook; a text that is a date (2001-02-03) becomes a date cell.

    Args:
        con: Has the table ``delivered``.
        columns: Its columns, and the header.
        path: The file.
        title: A line above the header; none if empty.
    """
    (count,) = con.execute("SELECT count(*) FROM delivered").fetchone()
    sheets = max(1, -(-count // _ROWS))
    names = ["台账" if at == 1 else f"台账{at}" for at in range(1, sheets + 1)]
    body = path.with_suffix(".xml")
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as book:
        for name, text in _frame(names):
            book.writestr(_entry(name), _XML + text)
        for at in range(sheets):
            _write_rows(con, columns, body, at, 2 if title else 1)
            head = "".join(
                _line(number, cells)
                for number, cells in enumerate(([[title]] if title else []) + [columns], 1)
            )
            sheet = _entry(f"xl/worksheets/sheet{at + 1}.xml")
            with book.open(sheet, "w", force_zip64=True) as out:
                out.write(f"{_XML}<worksheet {_NS}><sheetData>{head}".encode())
                with body.open("rb") as rows:
                    copyfileobj(rows, out, 1 << 20)
                out.write(b"</sheetData></worksheet>")
    body.unlink()


def _entry(name: str) -> ZipInfo:
    """Return an entry with a time of its own: the same rows give the same bytes."""
    entry = ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    entry.compress_type = ZIP_DEFLATED
    return entry


def _write_rows(con: Any, columns: Sequence[str], path: Path, sheet: int, above: int) -> None:
    cells = " || ".join(_cell_sql(quote(name), _letter(at)) for at, name in enumerate(columns))
    sql = f"""SELECT '<row r="' || n || '">' || {cells} || '</row>' FROM (
        SELECT *, {above} + row_number() OVER () AS n FROM (
            SELECT * FROM delivered ORDER BY _row LIMIT {_ROWS} OFFSET {sheet * _ROWS}))"""
    options = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01'"
    con.execute(f"COPY ({sql}) TO {literal(str(path))} ({options})")


def _cell_sql(column: str, letter: str) -> str:
    day = f"TRY_CAST({column} AS DATE)"
    text = column
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = f"replace({text}, '{sign}', '{name}')"
    is_day = f"regexp_full_match({column}, '(19|20)\\d\\d-\\d\\d-\\d\\d')"
    return f"""CASE WHEN coalesce({column}, '') = '' THEN ''
        WHEN {is_day} AND {day} > DATE '1900-03-01'
        THEN '<c r="{letter}' || n || '" s="1"><v>' || ({day} - DATE '1899-12-30') || '</v></c>'
        ELSE '<c r="{letter}' || n || '" t="inlineStr"><is><t xml:space="preserve">'
            || {text} || '</t></is></c>' END"""


def _line(number: int, cells: Sequence[str]) -> str:
    inner = "".join(
        f'<c r="{_letter(at)}{number}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
        for at, text in enumerate(cells)
    )
    return f'<row r="{number}">{inner}</row>'


def _letter(at: int) -> str:
    return chr(ord("A") + at)


def _frame(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the parts of a workbook but its sheets."""
    numbers = range(1, len(names) + 1)
    part = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for n in numbers
    )
    yield (
        "[Content_Types].xml",
        (
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>{part}</Types>'
        ),
    )
    yield "_rels/.rels", _relations([("rId1", "officeDocument", "xl/workbook.xml")])
    sheets = [(f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in numbers]
    yield "xl/_rels/workbook.xml.rels", _relations([*sheets, ("rId0", "styles", "styles.xml")])
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1)
    )
    yield (
        "xl/workbook.xml",
        (f'<workbook {_NS} xmlns:r="{_KIND}"><sheets>{listed}</sheets></workbook>'),
    )
    yield "xl/styles.xml", _STYLES


def _relations(parts: Sequence[tuple[str, str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="{name}" Type="{_KIND}/{kind}" Target="{target}"/>'
        for name, kind, target in parts
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inner}</Relationships>'

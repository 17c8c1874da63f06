"""Give a workbook back with its faulty cells marked and explained."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chengshu.catalog import Pack, Resource
from chengshu.exchange.files.own import PROBLEM_COLUMN, PROBLEMS, SIGN
from chengshu.exchange.fillin.template import SHEET, make_template
from chengshu.exchange.fillin.words import EFFECTS, Fault, explain_source

# Effect → colour of the cell, the gravest first.
COLOURS = {"block": "FFFFC7CE", "withhold": "FFFFD8A8", "warn": "FFFFEB9C"}
HEADS = {"行": 8, "原文件行": 10, "列": 24, "填报的值": 32, "问题": 70, "处理": 14}
CELL, NOTE, WIDTH = 32_767, 2_000, 60
# What openpyxl raises over a workbook that it cannot take.
UNREADABLE = (
    ValueError, KeyError, TypeError, AttributeError, IndexError, SyntaxError, OSError,
    zipfile.BadZipFile,
)  # fmt: skip


@dataclass(frozen=True)
class Book:
    """A workbook to mark.

    Attributes:
        data: Its bytes.
        sheet: The sheet that holds the table.
        columns: Field → column of the sheet, from 1.
        lines: Position of a row in what was delivered → its row of the sheet.
        last: The column for what is wrong, right of all others or where it stands already.
    """

    data: bytes
    sheet: str
    columns: Mapping[str, int]
    lines: Mapping[int, int]
    last: int


def rebuild(pack: Pack, resource: Resource, rows: Sequence[Mapping[str, Any]]) -> Book:
    """Return a workbook of rows as they came (``_position``, ``_operation``, fields)."""
    told = [{None: row["_operation"], **row} for row in rows]
    lines = {row["_position"]: at for at, row in enumerate(rows, 2)}
    ahead = 2 if resource.source.operation else 1
    columns = {f.name: at for at, f in enumerate(resource.fields, ahead)}
    sheet = getattr(resource.source, "sheet", None) or SHEET
    last = len(resource.fields) + ahead
    return Book(make_template(pack, resource, told), sheet, columns, lines, last)


def mark(book: Book, faults: Sequence[Fault], about: Iterable[tuple[int, str]]) -> bytes | None:
    """Return the workbook, marked; None if it cannot be taken apart.

    Args:
        book: The workbook.
        faults: What is wrong with its rows.
        about: ``(line, code)`` of what was found about the file itself.
    """
    from openpyxl import load_workbook

    with warnings.catch_warnings():
        # It tells on standard error of each part of a workbook that it does not know.
        warnings.simplefilter("ignore")
        try:
            opened = load_workbook(io.BytesIO(book.data))
            sheet = opened[book.sheet]
        except UNREADABLE:
            return None
        head = _head_of(sheet, min(book.lines.values(), default=2))
        _clear(sheet, book, head)
        names = {field: sheet.cell(head, at).value for field, at in book.columns.items()}
        summary = _mark_rows(sheet, book, faults, names)
        _tell_rows(sheet, book, faults, head)
        _summarise(opened, [*_about(about, book.lines), *summary])
        stream = io.BytesIO()
        opened.save(stream)
    return stream.getvalue()


def _head_of(sheet: Any, first: int) -> int:
    """Return the row of the names, which is the last that holds something above the data."""
    for row in range(first - 1, 1, -1):
        if any(cell.value is not None for cell in sheet[row]):
            return row
    return 1


def _clear(sheet: Any, book: Book, head: int) -> None:
    """Take off what an earlier return marked."""
    from openpyxl.styles import PatternFill

    # No further than the data: a look of whole rows or columns may reach to the sheet's end.
    end = max(book.lines.values(), default=head)
    for row in sheet.iter_rows(min_row=head + 1, max_row=end, max_col=book.last):
        for cell in row:
            if cell.comment is not None and cell.comment.author == SIGN:
                cell.comment = None
                if cell.fill.fgColor.rgb in COLOURS.values():
                    cell.fill = PatternFill()
    if sheet.cell(head, book.last).value == PROBLEM_COLUMN:
        for line in range(head + 1, end + 1):
            sheet.cell(line, book.last).value = None


def _mark_rows(
    sheet: Any, book: Book, faults: Iterable[Fault], names: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """Colour and explain the faulty cells; return the lines of the summary."""
    cells: dict[tuple[int, int], list[Fault]] = {}
    summary = []
    for fault in faults:
        row = book.lines.get(fault.position)
        if row is None:
            continue
        columns = [book.columns[f] for f in fault.fields if f in book.columns]
        for at in columns or [1]:
            cells.setdefault((row, at), []).append(fault)
        known = [f for f in fault.fields if f in book.columns]
        name = "、".join(str(names[f] or "") for f in known) or "整行"
        values = "；".join(str(_value(sheet, row, at)) for at in columns)
        line = (row, fault.position, name, values, fault.text, EFFECTS[fault.effect])
        summary.append(line)
    for (row, at), found in cells.items():
        _mark_cell(_anchor(sheet, row, at), found)
    return summary


def _value(sheet: Any, row: int, column: int) -> Any:
    value = _anchor(sheet, row, column).value
    return "" if value is None else value


def _anchor(sheet: Any, row: int, column: int) -> Any:
    """Return the cell, or the first one of those that it is merged with."""
    cell = sheet.cell(row, column)
    for merged in sheet.merged_cells.ranges:
        if cell.coordinate in merged:
            return sheet.cell(merged.min_row, merged.min_col)
    return cell


def _mark_cell(cell: Any, faults: Sequence[Fault]) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import PatternFill

    lines = [f"{fault.text}（{EFFECTS[fault.effect]}）" for fault in faults]
    if cell.comment is not None:
        lines.append(str(cell.comment.text))
    text = _clean("\n".join(lines))[:NOTE]
    height = 20 + 18 * sum(1 + len(line) // 22 for line in text.split("\n"))
    cell.comment = Comment(text, SIGN, height=min(height, 400), width=300)
    cell.fill = PatternFill("solid", fgColor=COLOURS[_gravest(faults)])


def _gravest(faults: Iterable[Fault]) -> str:
    return min((fault.effect for fault in faults), key=list(COLOURS).index)


def _tell_rows(sheet: Any, book: Book, faults: Iterable[Fault], head: int) -> None:
    """Write all that is wrong with a row into its last column."""
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    column = book.last
    title = sheet.cell(head, column)
    _write(title, PROBLEM_COLUMN)
    title.font, title.alignment = Font(bold=True, color="FFC00000"), Alignment(wrap_text=True)
    sheet.column_dimensions[get_column_letter(column)].width = WIDTH
    told: dict[int, list[str]] = {}
    for fault in faults:
        if fault.position in book.lines:
            text = f"{fault.text}（{EFFECTS[fault.effect]}）"
            told.setdefault(book.lines[fault.position], []).append(text)
    for row, texts in told.items():
        _write(sheet.cell(row, column), "\n".join(texts))
        sheet.cell(row, column).alignment = Alignment(wrap_text=True, vertical="top")
        _heighten(sheet, row, "\n".join(texts), WIDTH)


def _heighten(sheet: Any, row: int, text: str, width: int) -> None:
    """Make a row high enough for a Chinese text in a column; a saved height does not grow."""
    lines = sum(1 + len(line) * 2 // width for line in text.split("\n"))
    now = sheet.row_dimensions[row].height or 15
    sheet.row_dimensions[row].height = min(max(now, 15 * lines), 400)


def _about(found: Iterable[tuple[int, str]], lines: Mapping[int, int]) -> list[tuple[Any, ...]]:
    return [
        (
            lines.get(line, ""),
            line or "",
            "整个文件" if not line else "整行",
            "",
            explain_source(code),
            "文件提示",
        )
        for line, code in found
    ]


def _summarise(opened: Any, lines: Sequence[tuple[Any, ...]]) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    old = opened[PROBLEMS] if PROBLEMS in opened.sheetnames else None
    if old is not None and str(old["A1"].value).startswith(SIGN):
        opened.remove(old)
    sheet = opened.create_sheet(PROBLEMS)
    _write(
        sheet["A1"], f"{SIGN}{PROBLEMS}：共 {len(lines)} 处。红色整行未收，橙色该值未收，黄色请核实"
    )
    sheet["A1"].font = Font(bold=True, size=12)
    for at, (name, width) in enumerate(HEADS.items(), 1):
        _write(sheet.cell(2, at), name)
        sheet.cell(2, at).font = Font(bold=True)
        sheet.cell(2, at).fill = PatternFill("solid", fgColor="FFD9E1F2")
        sheet.column_dimensions[get_column_letter(at)].width = width
    for row, line in enumerate(lines, 3):
        for at, value in enumerate(line, 1):
            _write(sheet.cell(row, at), value)
            sheet.cell(row, at).alignment = Alignment(wrap_text=at > 2, vertical="top")
        _heighten(sheet, row, line[4], HEADS["问题"])
    sheet.freeze_panes = "A3"
    sheet.auto_filter.ref = f"A2:{get_column_letter(len(HEADS))}{len(lines) + 2}"


def _write(cell: Any, value: Any) -> None:
    """Write a whole number, or text that no spreadsheet takes for a formula."""
    if isinstance(value, int):
        cell.value = value
        return
    cell.value = _clean(str(value))[:CELL] or None
    if cell.value is not None:
        cell.data_type, cell.number_format = "s", "@"
        cell.quotePrefix = True


def _clean(text: str) -> str:
    """Return the text without the control characters that no sheet takes."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    return str(ILLEGAL_CHARACTERS_RE.sub("\ufffd", text))

"""Read a sheet of a workbook (.xlsx, .xls, .ods): each cell as the text that says what it holds."""

from __future__ import annotations

import datetime
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from chengshu.exchange.files.body import Body
from chengshu.exchange.files.excel_errors import find_error_rows
from chengshu.exchange.files.excel_size import refuse_stray_cells
from chengshu.exchange.files.layout import Layout, find_layout
from chengshu.exchange.files.model import Finding, Record, TableFile
from chengshu.exchange.files.own import is_own
from chengshu.exchange.files.tokenizer import EMPTY
from chengshu.kernel.errors import InputError, Where

# A larger number has more digits than the sheet keeps (15).
EXACT_BELOW = 1e15
SAMPLE_RECORDS = 1000
# The part of a compound file that holds an encrypted workbook.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime
Value = Cell | datetime.timedelta


def open_excel(path: Path, *, sheet: str | None, header: bool, skip: int) -> TableFile:
    """Return a sheet of a workbook, opened; the first one that holds something if none is named.

    Raises:
        InputError: The file is damaged or locked, no sheet holds anything, or none has that name.
    """
    refuse_stray_cells(path)
    try:
        with _open_book(path) as book:
            chosen, findings, is_ours = _choose(book, path, sheet)
            rows = chosen.to_python(skip_empty_area=False)
            merges = chosen.merged_cell_ranges or []
    except PasswordError as err:
        raise _locked(path) from err
    except (CalamineError, OSError) as err:
        hint = "Open it in Excel and save it as .xlsx."
        problem = "the workbook is damaged or of an unknown kind"
        raise InputError(problem, where=Where(str(path)), hint=hint) from err
    records = list(_records(rows[: skip + SAMPLE_RECORDS], skip))
    layout = find_layout(records, header=header, header_until=_header_end(records, merges))
    if not layout.header:
        raise InputError("the sheet holds no records", where=Where(str(path)))
    if is_ours and not any(render(cell) for row in rows[layout.first_line - 1 :] for cell in row):
        hint = "Fill it; where nothing has changed, report that instead: chengshu zero"
        raise InputError("the template was not filled", where=Where(str(path)), hint=hint)
    findings += layout.findings + _merged_below(merges, layout)
    reader = _SheetReader(rows, layout, find_error_rows(path, chosen.name))
    return TableFile(
        path=path,
        format="excel",
        encoding=None,
        delimiter=None,
        quote=None,
        header=layout.header,
        reader=reader.read,
        findings=findings,
        sheet=chosen.name,
    )


def _open_book(path: Path) -> CalamineWorkbook:
    """Return a workbook, whichever kind its name says it is."""
    try:
        return CalamineWorkbook.from_path(path)
    except PasswordError:
        raise
    except CalamineError:
        data = path.read_bytes()
        if _ENCRYPTED in data:
            raise _locked(path) from None
        return CalamineWorkbook.from_filelike(io.BytesIO(data))


def _locked(path: Path) -> InputError:
    hint = "Save it without a password."
    return InputError("the workbook is locked", where=Where(str(path)), hint=hint)


def render(value: Value) -> str | None:
    """Return a cell as text; an empty one as None.

    Whole numbers below 1e15 have no decimal point; larger ones are in E notation with the 15
    digits a sheet keeps, so that they cannot be taken for exact.
    """
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        if abs(value) >= EXACT_BELOW:
            return f"{value:.14E}"
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.timedelta):
        return _render_duration(value)
    return value.isoformat()


def _render_duration(value: datetime.timedelta) -> str:
    sign, seconds = ("-", -value) if value < datetime.timedelta() else ("", value)
    minutes, second = divmod(int(seconds.total_seconds()), 60)
    part = f".{seconds.microseconds:06}" if seconds.microseconds else ""
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}:{second:02}{part}"


def _choose(
    book: CalamineWorkbook, path: Path, name: str | None
) -> tuple[CalamineSheet, list[Finding], bool]:
    """Return the sheet to read, a hidden one last, and findings about the others that are full.

    Sheets that the platform itself wrote beside it are no data; the last value tells of them.
    """
    kinds = {one.name: one for one in book.sheets_metadata}
    sheets = [one for one in book.sheet_names if kinds[one].typ == SheetTypeEnum.WorkSheet]
    if name is not None and name not in sheets:
        hint = f"Known: {', '.join(sheets)}."
        raise InputError("there is no sheet of that name", where=Where(str(path)), hint=hint)
    full = {one: sheet for one in sheets if (sheet := book.get_sheet_by_name(one)).start}
    ours = [one for one in full if one != name and is_own(one, _first_cell(full[one]))]
    full = {one: sheet for one, sheet in full.items() if one not in ours} or full
    shown = [one for one in full if kinds[one].visible == SheetVisibleEnum.Visible]
    chosen = name or next(iter([*shown, *full]), None)
    if chosen is None:
        raise InputError("no sheet of the workbook holds anything", where=Where(str(path)))
    findings = []
    others = [one for one in full if one != chosen]
    if others:
        message = f"only the sheet {chosen!r} was read; these hold rows too: {', '.join(others)}"
        findings.append(Finding(0, "other_sheets", message))
    if chosen not in shown and chosen in full:
        findings.append(Finding(0, "hidden_sheet", f"the sheet {chosen!r} is hidden"))
    return full.get(chosen) or book.get_sheet_by_name(chosen), findings, bool(ours)


def _first_cell(sheet: CalamineSheet) -> Value | None:
    rows = sheet.to_python(skip_empty_area=False, nrows=1)
    return rows[0][0] if rows and rows[0] else None


def _records(rows: Sequence[Sequence[Value]], skip: int) -> Iterator[Record]:
    """Yield the rows as records; blank ones are marked."""
    gap = False
    for number, row in enumerate(rows[skip:], skip + 1):
        cells = [render(value) for value in row]
        empty = not any(cells)
        yield Record(number, cells, EMPTY if empty else None, 1, gap)
        gap = empty


_Ranges = Sequence[tuple[tuple[int, int], tuple[int, int]]]


def _header_end(records: Sequence[Record], merges: _Ranges) -> int:
    """Return the last row that cells merged in the header's first row reach; 0 if it is one row."""
    for record in records:
        tall = [end[0] + 1 for start, end in merges if start[0] + 1 == record.line]
        names = sum(cell is not None for cell in record.cells)
        if names > 1:
            last = max(tall, default=record.line)
            return last if last > record.line else 0
    return 0


def _merged_below(merges: _Ranges, layout: Layout) -> list[Finding]:
    message = "cells are merged here; the value stands in the first one only, the others are empty"
    rows = sorted({start[0] + 1 for start, _ in merges})
    return [Finding(row, "merged_cells", message) for row in rows if row >= layout.first_line]


class _SheetReader:
    """Yields the batches of a sheet."""

    def __init__(
        self, rows: Sequence[Sequence[Value]], layout: Layout, errors: frozenset[int]
    ) -> None:
        self.rows, self.layout, self.errors = rows, layout, errors

    def read(self, table: TableFile, rows_per_batch: int) -> Iterator[pa.RecordBatch]:
        body = Body(table, self.layout, rows_per_batch)
        for record in _records(self.rows, self.layout.first_line - 1):
            row = self.rows[record.line - 1]
            if any(isinstance(cell, (int, float)) and abs(cell) >= EXACT_BELOW for cell in row):
                message = "a number of 16 or more digits: the sheet has lost its last digits"
                table.note(record.line, "number_precision", message)
            if record.line in self.errors:
                message = "a formula of this row failed; its cell is empty"
                table.note(record.line, "error_cell", message)
            yield from body.add(_fit(record, len(table.header)))
        yield from body.finish()


def _fit(record: Record, width: int) -> Record:
    """Return a row without empty cells beyond the header, which a sheet has for no reason."""
    cells = record.cells
    if len(cells) > width and not any(cells[width:]):
        return record._replace(cells=cells[:width])
    return record

"""Write the workbook that a department fills: the table, its notes, its code lists."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.exceptions import XlsxWriterException
from xlsxwriter.utility import xl_rowcol_to_cell

from chengshu.catalog import Pack, Resource
from chengshu.exchange.files.own import CODES, SIGN
from chengshu.exchange.fillin.notes import write_notes
from chengshu.exchange.fillin.sheet import Column, columns_of
from chengshu.kernel.errors import InputError

SHEET = "填报"
LAST_ROW = 1_048_575
# Signs that a spreadsheet's cell, note, title and message of a check take at most.
CELL, NOTE, TITLE, MESSAGE = 32_767, 2_000, 32, 255


def make_template(
    pack: Pack, resource: Resource, rows: Iterable[Mapping[str | None, str | None]] = ()
) -> bytes:
    """Return the workbook to fill, as .xlsx.

    Args:
        pack: Where its words and code sets are.
        resource: The declaration.
        rows: What stands in it already: field (None for the operation flag) → raw text.

    Raises:
        InputError: The declared sheet has a name that no workbook takes.
    """
    columns, stream = columns_of(pack, resource), io.BytesIO()
    try:
        with Workbook(stream, {"in_memory": True}) as book:
            book.set_properties({"title": resource.label, "author": SIGN})
            sheet = book.add_worksheet(getattr(resource.source, "sheet", None) or SHEET)
            write_notes(book, pack, resource, columns)
            ranges = _write_codes(book, columns)
            _write_head(book, sheet, columns)
            for at, column in enumerate(columns):
                _add_check(sheet, at, column, ranges.get(column.name))
            _write_rows(sheet, columns, rows)
            sheet.activate()
    except XlsxWriterException as err:
        problem = f"{resource.id}: no workbook takes the declared name of its sheet"
        raise InputError(problem, hint="Give source.sheet another name.") from err
    return stream.getvalue()


def _write_head(book: Workbook, sheet: Any, columns: Sequence[Column]) -> None:
    text = book.add_format({"num_format": "@"})
    for at, column in enumerate(columns):
        sheet.set_column(at, at, width_of(column), text)
        sheet.write_string(0, at, column.name, book.add_format(head_format(column)))
        sheet.write_comment(
            0, at, describe(column)[:NOTE],
            {"author": SIGN, "x_scale": 2, "y_scale": 1.4, "font_size": 9},
        )  # fmt: skip
    sheet.set_row(0, 30)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, LAST_ROW, len(columns) - 1)


def head_format(column: Column) -> dict[str, Any]:
    """Return how the head of a column looks; a needed one is red."""
    colour = "#C00000" if column.needed else "#44546A"
    look = {"bold": True, "font_color": "#FFFFFF", "bg_color": colour, "border": 1}
    return {**look, "num_format": "@", "text_wrap": True, "align": "center", "valign": "vcenter"}


def width_of(column: Column) -> float:
    """Return the width of a column: its name's in two lines, or its example's in one."""
    longest = max(_width(column.name) / 2, *map(_width, [column.form.example, *column.choices]))
    return min(max(longest + 4, 12), 42)


def _width(text: str) -> int:
    """Return how many digits wide a text is; a Chinese character takes two."""
    return sum(2 if ord(sign) > 0x2E7F else 1 for sign in text)


def describe(column: Column) -> str:
    """Return what a person must know to fill a column, one fact a line."""
    facts = {
        "含义": column.label,
        "类型": column.kind,
        "必填": "是，空着则整行不收" if column.needed else "否",
        "写法": column.form.words,
        "示例": column.form.example,
        "无值时可填": "、".join(column.missing),
    }
    return "\n".join(f"{name}：{fact}" for name, fact in facts.items() if fact)


def _write_codes(book: Workbook, columns: Sequence[Column]) -> dict[str, str]:
    """Write the lists to choose from to a hidden sheet; return column → where its list is."""
    chosen = [column for column in columns if column.choices]
    if not chosen:
        return {}
    sheet, found = book.add_worksheet(CODES), {}
    sheet.write_string(0, 0, f"{SIGN}：下拉清单，请勿改动")
    for at, column in enumerate(chosen):
        sheet.write_string(1, at, column.name)
        for row, text in enumerate(column.choices, 2):
            sheet.write_string(row, at, text)
        first, last = (
            xl_rowcol_to_cell(row, at, row_abs=True, col_abs=True)
            for row in (2, len(column.choices) + 1)
        )
        found[column.name] = f"='{CODES}'!{first}:{last}"
    sheet.hide()
    return found


def _add_check(sheet: Any, at: int, column: Column, choose_from: str | None) -> None:
    """Let the spreadsheet itself doubt a value; the platform decides, so it only warns."""
    formula = column.form.check.format(xl_rowcol_to_cell(1, at))
    check = {"validate": "any"}
    if choose_from:
        check = {"validate": "list", "source": choose_from}
    elif formula:
        check = {"validate": "custom", "value": f"={formula}"}
    title = f"{'必填' if column.needed else '选填'}：{column.kind}"
    message = f"写法：{column.form.words}"
    if column.form.example:
        message += f"\n示例：{column.form.example}"
    sheet.data_validation(
        1, at, LAST_ROW, at,
        {
            **check, "ignore_blank": True, "error_type": "warning",
            "input_title": title[:TITLE], "input_message": message[:MESSAGE],
            "error_title": "请核对", "error_message": message[:MESSAGE],
        },
    )  # fmt: skip


def _write_rows(
    sheet: Any, columns: Sequence[Column], rows: Iterable[Mapping[str | None, str | None]]
) -> None:
    for line, row in enumerate(rows, 1):
        for at, column in enumerate(columns):
            if text := row.get(column.field):
                sheet.write_string(line, at, text[:CELL])

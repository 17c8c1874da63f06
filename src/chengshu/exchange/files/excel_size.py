"""Refuse an .xlsx workbook in which a stray cell far out would fill the memory with empty ones.

python-calamine reads a sheet as one full rectangle and ends the whole process when that does not
fit, so the sheets' own XML is asked before.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from chengshu.exchange.files.excel_errors import UNREADABLE
from chengshu.kernel.errors import InputError, Where

MAX_CELLS = 40_000_000

_PART = re.compile(r"xl/worksheets/[^/]+\.xml")
# Patterns with a literal start, which are some ten times faster than parsing.
_COLUMN = re.compile(rb" r=\"([A-Z]{2,9})[0-9]")
_ROW = re.compile(rb" r=\"[A-Z]*([0-9]+)\"")
_FAR_ROW = re.compile(rb" r=\"[A-Z]*([0-9]{6,})\"")
_SINGLE_LETTERS, _SHORT_NUMBERS = 26, 99_999


def refuse_stray_cells(path: Path) -> None:
    """Raise if a sheet of the workbook spans more than `MAX_CELLS`; what is no ZIP passes.

    Raises:
        InputError: It does.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        for part in filter(_PART.fullmatch, archive.namelist()):
            try:
                count = _span(archive.read(part))
            except UNREADABLE:
                continue
            if count > MAX_CELLS:
                problem = f"a sheet spans {count} cells, most of them empty"
                hint = "Delete what stands far below or right of the table, and save it again."
                raise InputError(problem, where=Where(str(path)), hint=hint)


def _span(sheet: bytes) -> int:
    """Return about how many cells lie between A1 and a sheet's last row and column."""
    columns = max(map(_number_of, set(_COLUMN.findall(sheet))), default=_SINGLE_LETTERS)
    exact = columns * _SHORT_NUMBERS > MAX_CELLS
    found = set((_ROW if exact else _FAR_ROW).findall(sheet))
    return columns * max(map(int, found), default=_SHORT_NUMBERS)


def _number_of(column: bytes) -> int:
    """Return the number of a column: A is 1, Z 26, AA 27."""
    number = 0
    for letter in column:
        number = number * 26 + letter - ord("A") + 1
    return number

"""Find where a table starts in its first records: titles, header lines, names of the columns.

Shared by text files and sheets. What is not certain becomes a finding; no name is invented where
it could be the wrong one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from chengshu.exchange.files.model import OWN_COLUMNS, Finding, Record
from chengshu.exchange.files.tokenizer import EMPTY

_DATUM = re.compile(r"[-+]?[£$€¥￥]?\d[\d.,:/\-\sTZ年月日eE+%]*[xX]?")
# More digits than the name of a column has: of a person, a firm, a telephone.
_LONG_NUMBER = re.compile(r"\d{11,}[xX]?")
# A label and its value in one cell, as in 制表单位：民政局.
_REMARK = re.compile(r"\s*[^\d\s:：][^:：]*[:：][^:：].*", re.DOTALL)
_SPACE = " \t\r\n\v\f\u3000\xa0\ufeff"
MAX_HEADER_LINES = 6


@dataclass
class Layout:
    """Where the table starts and what its columns are called.

    Attributes:
        header: Unique names, one for each column.
        first_line: Physical line of the first record that is data.
        names: Cells of the last header line as they stand in the file; empty without a header.
        findings: What is unusual above the data.
    """

    header: tuple[str, ...] = ()
    first_line: int = 1
    names: list[str | None] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def note(self, line: int, code: str, message: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(line, code, message))


def find_layout(records: Sequence[Record], *, header: bool, header_until: int = 0) -> Layout:
    """Return the layout of a table from its first records.

    Args:
        records: The first records of the file, with those that hold only empty cells.
        header: False when the caller says that there is no header.
        header_until: Last line of the header if the file says so (merged cells of a sheet).
    """
    layout = Layout()
    rows = [record for record in records if record.problem != EMPTY]
    if not rows:
        return layout
    width = _usual_width(rows)
    start = _skip_preamble(rows, width, layout) if header else 0
    rows = rows[start:]
    if not header or _is_header_missing(rows, width, layout):
        layout.header = tuple(f"c{number}" for number in range(1, width + 1))
        layout.first_line = rows[0].line
        return layout
    levels = _header_rows(rows, width, header_until)
    above = _count_above(rows, width) if len(levels) == 1 else 0
    if above:
        message = f"{above} lines with few cells above the first full line were not read as data"
        layout.note(levels[0].line, "preamble", message)
        rows = rows[above:]
        levels = rows[:1]
    last = levels[-1]
    layout.names, layout.first_line = list(last.cells), last.line + last.span
    if len(levels) > 1:
        message = f"the header takes the lines {levels[0].line} to {last.line}; names were joined"
        layout.note(levels[0].line, "header_lines", message)
    _name_columns(levels, rows[len(levels) :], width, layout)
    return layout


def is_datum(cell: str | None) -> bool:
    """Return whether a cell is a number, date, time or code, which no name of a column is."""
    return bool(cell) and _DATUM.fullmatch((cell or "").strip()) is not None


def filled(cells: Sequence[str | None]) -> int:
    """Return how many cells are not empty."""
    return sum(1 for cell in cells if cell and cell.strip(_SPACE))


def _usual_width(rows: Sequence[Record]) -> int:
    """Return the most frequent width, of several the widest."""
    counts = Counter(len(row.cells) for row in rows)
    return max(counts, key=lambda width: (counts[width], width))


def _skip_preamble(rows: Sequence[Record], width: int, layout: Layout) -> int:
    """Return how many records stand above the header, with a finding if there are some."""
    start = 0
    while start + 1 < len(rows) and _is_title(rows[start], width):
        start += 1
    if start:
        message = f"{start} lines of text above the header were not read as data"
        layout.note(rows[0].line, "preamble", message)
    return start


def _is_title(row: Record, width: int) -> bool:
    if width == 1:
        return (row.cells[0] or "").startswith("#")
    # A table of two columns may leave the name of its first one empty.
    if width == 2 and len(row.cells) == 2 and not row.cells[0]:
        return False
    texts = [cell for cell in row.cells if cell and cell.strip(_SPACE)]
    return len(texts) <= 1 or (len(texts) < width and all(map(_REMARK.fullmatch, texts)))


def _count_above(rows: Sequence[Record], width: int) -> int:
    """Return how many half-empty lines stand above a full line of text, the header."""
    for count, row in enumerate(rows[: MAX_HEADER_LINES + 1]):
        if filled(row.cells) == width:
            return 0 if any(is_datum(cell) for cell in row.cells) else count
        if filled(row.cells) * 2 > width:
            return 0
    return 0


def _is_header_missing(rows: Sequence[Record], width: int, layout: Layout) -> bool:
    """Return whether the first row is data beyond doubt; note a doubt."""
    first, body = rows[0], [row for row in rows[1:] if len(row.cells) == width]
    if len(first.cells) != width:
        return False
    columns = [[row.cells[at] for row in body if row.cells[at]] for at in range(width)]
    numeric = [at for at in range(width) if columns[at] and all(map(is_datum, columns[at]))]
    alike = bool(numeric) and all(is_datum(first.cells[at]) for at in numeric)
    data_only = all(is_datum(cell) for cell in first.cells if cell) and filled(first.cells) > 0
    named = any(cell and _LONG_NUMBER.fullmatch(cell.strip()) for cell in first.cells)
    if (alike and (numeric[0] == 0 or named)) or (data_only and (alike or not body)):
        message = "the first line holds data, no names; the columns were named c1, c2, ..."
        layout.note(first.line, "header_missing", message)
        return True
    again = any(
        cell and not is_datum(cell) and cell in columns[at] for at, cell in enumerate(first.cells)
    )
    whole = any(list(row.cells) == list(first.cells) for row in body)
    nameless = not body and any(is_datum(cell) for cell in first.cells)
    if alike or nameless or (again and not whole):
        message = (
            "the first line was read as names but looks like data; if it is, pass header=False"
        )
        layout.note(first.line, "header_unsure", message)
    return False


def _header_rows(rows: Sequence[Record], width: int, until: int) -> list[Record]:
    """Return the records that make up the header."""
    if until:
        return [row for row in rows if row.line <= until] or list(rows[:1])
    spans = _spans(rows[0].cells)
    wide = {at for start, end in spans if end > start for at in range(start, end + 1)}
    taken: set[int] = set()
    for number, row in enumerate(rows[1:MAX_HEADER_LINES], 1):
        places = {at for at, cell in enumerate(row.cells) if cell}
        if 0 in places or len(row.cells) != width:
            return list(rows[:number]) if _covers(spans, taken) else list(rows[:1])
        if not places <= wide or any(is_datum(cell) for cell in row.cells):
            break
        taken |= places
    return list(rows[:1])


def _spans(cells: Sequence[str | None]) -> list[tuple[int, int]]:
    """Return the first and last column that each filled cell stands over."""
    starts = [at for at, cell in enumerate(cells) if cell]
    ends = [at - 1 for at in starts[1:]] + [len(cells) - 1]
    return list(zip(starts, ends, strict=True))


def _covers(spans: Sequence[tuple[int, int]], taken: set[int]) -> bool:
    """Return whether the lower lines name some spans, and each of them wholly."""
    parts = [{at in taken for at in range(start, end + 1)} for start, end in spans]
    return bool(taken) and all(len(part) == 1 for part in parts)


def _join_levels(levels: Sequence[Record], width: int) -> list[str]:
    """Return one name for each column, made of the labels that stand above each other."""
    grid = [[(cell or "").strip(_SPACE) for cell in row.cells] for row in levels]
    grid = [[*row, *[""] * (width - len(row))] for row in grid]
    parent = [0] * width
    for depth, row in enumerate(grid[:-1]):
        below = [any(lower[at] for lower in grid[depth + 1 :]) for at in range(width)]
        for at in range(1, width):
            same = parent[at] == parent[at - 1]
            if not row[at] and row[at - 1] and below[at] and below[at - 1] and same:
                row[at] = row[at - 1]
        parent = [sum(bool(cell) for cell in levels[0].cells[: at + 1]) for at in range(width)]
    return [" ".join(filter(None, labels)) for labels in zip(*grid, strict=True)]


def _name_columns(
    levels: Sequence[Record], body: Sequence[Record], width: int, layout: Layout
) -> None:
    """Set the header; names that cannot be assigned to a column for sure are not used."""
    line = levels[0].line
    size = max(len(row.cells) for row in levels)
    names = _join_levels(levels, max(size, width))
    longer = [row for row in body if len(row.cells) > size]
    if width > size and len(longer) * 2 > len(body):
        if any(cell for row in longer for cell in row.cells[size:]):
            names = [f"c{number}" for number in range(1, width + 1)]
            message = (
                f"the header has {size} names but the records have {width} cells: no name can be "
                "assigned for sure; the columns were named c1, c2, ..."
            )
        else:
            message = f"the header has {size} names; the records end with an empty cell more"
        layout.note(line, "header_short", message)
    else:
        names = names[:size]
    layout.header = make_unique(names, line, layout)


def make_unique(names: Sequence[str], line: int, layout: Layout) -> tuple[str, ...]:
    """Return the names, none empty and none twice, with a finding for each that was changed."""
    # Names that stand in the file once keep theirs, so that a made name never takes one.
    used = {*OWN_COLUMNS, *names}
    seen = set(OWN_COLUMNS)
    result = []
    for number, name in enumerate(names, 1):
        final, count = name or f"c{number}", 2
        if not name or name in seen:
            base = final
            while final in used:
                final, count = f"{base}_{count}", count + 1
            code = "header_renamed" if name else "header_empty"
            problem = "is used twice or reserved" if name else "has no name"
            layout.note(line, code, f"column {number} {problem}; it got a made name")
        seen.add(final)
        used.add(final)
        result.append(final)
    return tuple(result)

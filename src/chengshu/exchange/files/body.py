"""Fit the records of a text file or sheet to the header, marking what does not fit."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa

from chengshu.exchange.files.layout import Layout, filled
from chengshu.exchange.files.model import BatchBuilder, Record, TableFile
from chengshu.exchange.files.tokenizer import EMPTY, STRAY, UNCLOSED

REPEATED, CHANGES = "header_repeated", "table_changes"

_MESSAGES = {
    STRAY: "a quote stands inside a quoted cell or beside one: it should be doubled or absent",
    UNCLOSED: "a quote opens a cell and never closes it, or closes it in a later record",
    "nul": "a cell holds a NUL character, which no text has",
    "undecodable": "some bytes are not in the file's encoding; U+FFFD stands in their place",
    REPEATED: "the header stands here again, in the midst of the data",
    CHANGES: "a line with one filled cell after a gap: another table or a note may start",
}


class Body:
    """Gathers the records below the header; what they lack or have too much is a finding."""

    def __init__(self, table: TableFile, layout: Layout, size: int) -> None:
        """Start below the header of a table."""
        self.table, self.width = table, len(layout.header)
        self.names, self.builder = layout.names, BatchBuilder(layout.header, size)
        self._empty = (0, 0)
        self._in_title = False

    @property
    def is_settled(self) -> bool:
        """Whether what came before has no bearing on the next record."""
        return not self._in_title and not self._empty[1]

    def add(self, record: Record) -> Iterator[pa.RecordBatch]:
        """Take a record; yield a batch when one is full."""
        if record.problem == EMPTY:
            first, count = self._empty
            self._empty = (first or record.line, count + 1)
            return
        if self._empty[1]:
            self.end_gap()
        cells = record.cells
        if record.problem is None and len(cells) == self.width:
            if not (record.after_gap or self._in_title) and cells != self.names:
                self.builder.add(record.line, cells)
            else:
                self._add_doubtful(record)
        else:
            self._add_damaged(record)
        if self.builder.is_due():
            yield from self.builder.take()

    def finish(self) -> Iterator[pa.RecordBatch]:
        """Yield what is left."""
        self.end_gap()
        yield from self.builder.take()

    def end_gap(self) -> None:
        """Report the empty records met since the last one that was not."""
        first, count = self._empty
        if count:
            message = f"{count} records that hold only empty cells were skipped from here on"
            self.table.note(first, EMPTY, message)
        self._empty = (0, 0)

    def _add_doubtful(self, record: Record) -> None:
        """Take a record of the right width that may be a header or title in the midst of data."""
        problem = None
        if [cell and cell.lstrip("\ufeff") for cell in record.cells] == self.names:
            problem = REPEATED
        elif self.width > 1 and filled(record.cells) == 1:
            problem = CHANGES
        self._in_title = problem == CHANGES
        if problem:
            self.table.note(record.line, problem, _MESSAGES[problem])
        self.builder.add(record.line, record.cells, problem)

    def _add_damaged(self, record: Record) -> None:
        """Take a record that is too short, too long, or cannot be trusted."""
        self._in_title = False
        problem, cells, rest = record.problem, list(record.cells), None
        if problem:
            self.table.note(record.line, problem, _MESSAGES[problem])
        count = len(cells)
        if count != self.width:
            code = "ragged_short" if count < self.width else "ragged_long"
            message = f"the record has {count} cells, expected {self.width}"
            self.table.note(record.line, code, message)
            problem = problem or code
        if count > self.width:
            surplus = cells[self.width :]
            rest = json.dumps(surplus, ensure_ascii=False, separators=(",", ":"))
        cells = [*cells[: self.width], *[None] * (self.width - count)]
        self.builder.add(record.line, cells, problem, rest)

"""Cut lines of text into records, carefully: what cannot be trusted is marked, nothing is lost.

The grammar is RFC 4180, with any delimiter and quote and, if the dialect says so, backslash
escapes. A quote inside an unquoted cell is a character like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chengshu.exchange.files.model import Record

STRAY, UNCLOSED, EMPTY = "stray_quote", "unclosed_quote", "empty_record"

MAX_RECORD_CHARS = 32 << 20
# A quoted cell that holds more lines which look like records than this was never closed.
MAX_RECORDS_IN_CELL = 20
# So long after a quote that never closed, a line with an odd number of quotes is not trusted.
SUSPECT_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the cells of a text file are separated.

    Attributes:
        delimiter: One character, or one and a space.
        quote: One character, or empty for none.
        escape: True when a backslash escapes a quote or a backslash within quotes.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: bool = False


class Tokenizer:
    """Cuts lines into records.

    Attributes:
        width: Cells a record should have; 0 while it is not known.
        used: How many of the lines given last were used up.
    """

    def __init__(self, dialect: Dialect, width: int = 0) -> None:
        """Prepare for a dialect."""
        self.delimiter, self.quote, self.escape = dialect.delimiter, dialect.quote, dialect.escape
        self.width, self.used = width, 0
        self._gap = self._open = False
        self._suspect_until = 0
        quote, edge = re.escape(self.quote), re.escape(self.delimiter)
        self._token = re.compile((r"\\[\s\S]|" if self.escape else "") + f"{quote}{quote}|{quote}")
        self._edge = re.compile(f" *(?:({edge})|(?=[\r\n])|$)")
        self._spaced = re.compile(rf"\s+{quote}.*{quote}\s*$")

    def is_settled(self, line: int) -> bool:
        """Return whether what came before has no bearing on how ``line`` is read."""
        return not self._gap and line > self._suspect_until

    def split(self, lines: Sequence[str], line: int, *, final: bool) -> Iterator[Record]:
        """Yield the records of some lines.

        Args:
            lines: Physical lines with their ends.
            line: Number of the first one.
            final: False when more lines can follow; a record left open then ends the run, and
                ``used`` says how many lines were used up.
        """
        at, total = 0, len(lines)
        while at < total:
            content = lines[at].rstrip("\r\n")
            if self._is_blank(content):
                self._gap, taken, record = True, 1, None
            elif not self.quote or self.quote not in content:
                taken, record = 1, self._plain(content, line + at)
            else:
                record = self._simple(content, line + at) or self._quoted(lines, at, line)
                if record is None and self._open and not final and _is_short(lines, at):
                    break
                record = record or self._abandon(content, line + at)
                taken = record.span
            if record is not None:
                self._gap = record.problem == EMPTY
                yield record
            at += taken
        self.used = at

    def _is_blank(self, content: str) -> bool:
        if content and (self.width == 1 or not content.isspace()):
            return False
        return self.delimiter not in content

    def _plain(self, content: str, line: int) -> Record:
        cells = content.split(self.delimiter)
        problem = None
        if self.width != 1 and len(cells) > 1 and not any(cells):
            problem = EMPTY
        return Record(line, cells, problem, 1, self._gap)

    def _simple(self, content: str, line: int) -> Record | None:
        """Return the record of a line whose quotes all stand around whole cells, for speed."""
        if self.escape or line <= self._suspect_until:
            return None
        mark = self.quote
        cells = content.split(self.delimiter)
        for at, cell in enumerate(cells):
            if mark in cell:
                if len(cell) < 2 or cell[0] != mark or cell.find(mark, 1) != len(cell) - 1:
                    return None
                cells[at] = cell[1:-1]
        return Record(line, cells, None, 1, self._gap)

    def _abandon(self, content: str, line: int) -> Record:
        """Return a line whose quote never closes as a record of its own, quotes and all."""
        self._suspect_until = line + SUSPECT_LINES
        return Record(line, content.split(self.delimiter), UNCLOSED, 1, self._gap)

    def _quoted(self, lines: Sequence[str], start: int, line: int) -> Record | None:
        """Return the record that starts at ``lines[start]``; None when a quote never closes."""
        cells: list[str] = []
        at, position, problem, more = start, 0, None, True
        while more:
            text = lines[at]
            if text.startswith(self.quote, position):
                found = self._quoted_cell(lines, at, position + 1)
                if found is None:
                    return None
                cell, at, position, stray = found
                text, problem = lines[at], STRAY if stray else problem
                edge = self._edge.match(text, position)
                more = bool(edge and edge[1])
                position = edge.end() if edge else position
            else:
                end = text.find(self.delimiter, position)
                more = end >= 0
                cell = text[position:end] if more else text[position:].rstrip("\r\n")
                position = end + len(self.delimiter)
                if self._spaced.match(cell):
                    problem = STRAY
            cells.append(cell)
        return self._judge(lines[start : at + 1], Record(line + start, cells, problem))

    def _quoted_cell(
        self, lines: Sequence[str], at: int, position: int
    ) -> tuple[str, int, int, bool] | None:
        """Return a quoted cell, the line and position after it, and whether a quote was stray."""
        start, stray, size, self._open = at, False, 0, False
        parts: list[str] = []
        while at < len(lines):
            text, begin = lines[at], position
            for token in self._token.finditer(text, begin):
                if token.group() != self.quote:
                    parts.append(text[position : token.start()] + self._meaning(token.group()))
                elif self._edge.match(text, token.end()):
                    parts.append(text[position : token.start()])
                    return "".join(parts), at, token.end(), stray
                elif at > start:
                    return None
                else:
                    stray = True
                    parts.append(text[position : token.end()])
                position = token.end()
            if stray or size > MAX_RECORD_CHARS:
                return None
            parts.append(text[position:])
            size += len(text)
            at, position = at + 1, 0
        self._open = True
        return None

    def _meaning(self, pair: str) -> str:
        """Return what a doubled quote or an escape stands for; other escapes stay as they are."""
        if pair in (self.quote * 2, "\\" + self.quote):
            return self.quote
        return "\\" if pair == "\\\\" else pair

    def _judge(self, lines: Sequence[str], record: Record) -> Record | None:
        """Return the record with what makes it doubtful; None when its quote was never closed."""
        inside = 0
        if len(lines) > 2 and self.width > 2:
            inside = sum(text.count(self.delimiter) == self.width - 1 for text in lines[1:-1])
        if inside > MAX_RECORDS_IN_CELL:
            return None
        problem = UNCLOSED if inside else record.problem
        suspect = record.line <= self._suspect_until
        if suspect and sum(text.count(self.quote) for text in lines) % 2:
            self._suspect_until, problem = 0, problem or STRAY
        return record._replace(problem=problem, span=len(lines), after_gap=self._gap)


def _is_short(lines: Sequence[str], start: int) -> bool:
    """Return whether an open record may still grow."""
    size = 0
    for index in range(start, len(lines)):
        size += len(lines[index])
        if size > MAX_RECORD_CHARS:
            return False
    return True

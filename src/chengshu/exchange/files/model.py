"""What reading a table file gives: the table, its batches, and the findings about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

LINE, REST, PROBLEM = "_line", "_rest", "_problem"
OWN_COLUMNS = (LINE, REST, PROBLEM)

# DuckDB's own measure: with half as many, taking a million rows in cost 1 CPU second more.
ROWS_PER_BATCH = 122_880

# What stands in one of the first two cells of a row that sums up others.
_TOTALS = pa.array(["合计", "总计", "小计", "共计", "累计", "合 计", "总 计", "小 计", "合　计"])


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or unusual in a file; never repeats what a cell holds.

    Attributes:
        line: 1-based physical line (row in Excel and Parquet); 0 for the file as a whole.
        code: Stable name of the kind of finding, such as ``ragged_short``.
        message: What is wrong and what was expected.
    """

    line: int
    code: str
    message: str


class Record(NamedTuple):
    """One record of a text file or sheet, before it is fitted to the header.

    Attributes:
        line: Physical line where the record starts.
        cells: Its cells; None is an empty cell of a sheet.
        problem: Code of what makes the cells untrustworthy.
        span: How many physical lines it takes.
        after_gap: True when a blank line or an empty record stands before it.
    """

    line: int
    cells: Sequence[str | None]
    problem: str | None = None
    span: int = 1
    after_gap: bool = False


@dataclass
class TableFile:
    """A table file that was opened; ``findings`` and ``rows`` are complete after the batches.

    Attributes:
        path: The file.
        format: ``csv``, ``tsv``, ``excel``, ``jsonl`` or ``parquet``.
        encoding: Codec of a text file, else None.
        delimiter: What separates the cells of a text file, else None.
        quote: Quote character of a text file; None when it has none.
        header: The names of the columns, unique and never empty.
        findings: What is wrong or unusual, in the order it was met.
        rows: How many records the batches held.
        sheet: Name of the sheet that is read, of a workbook.
    """

    path: Path
    format: str
    encoding: str | None
    delimiter: str | None
    quote: str | None
    header: tuple[str, ...]
    reader: Callable[[TableFile, int], Iterator[pa.RecordBatch]] = field(repr=False)
    findings: list[Finding] = field(default_factory=list)
    rows: int = 0
    sheet: str | None = None

    def __post_init__(self) -> None:
        """Remember what opening found, so that reading twice does not report twice."""
        self._opening = tuple(self.findings)

    def batches(self, rows_per_batch: int = ROWS_PER_BATCH) -> Iterator[pa.RecordBatch]:
        """Yield the records in the order of the file; each call starts anew.

        Returns:
            Batches of 1 to ``rows_per_batch`` rows: ``_line int64`` (where the record starts), the
            header's columns as strings (null only where the source has none), ``_rest string``
            (surplus cells as a JSON array, or late keys as a JSON object) and ``_problem string``
            (why the cells cannot be trusted); the last two are null normally.

        Raises:
            InputError: the file cannot be read to its end.
        """
        self.findings[:], self.rows = self._opening, 0
        for batch in self.reader(self, rows_per_batch):
            self.rows += batch.num_rows
            self._note_totals(batch)
            yield batch
        if not self.rows:
            self.note(0, "no_rows", "the file holds a header and no records")

    def _note_totals(self, batch: pa.RecordBatch) -> None:
        """Add a finding for each row that seems to sum up others; such rows stay."""
        message = "the row seems to be a total of others, no record of its own"
        if len(self.header) > 1:
            found = [pc.is_in(batch.column(name), value_set=_TOTALS) for name in self.header[:2]]
            for line in batch.column(LINE).filter(pc.or_(*found)).to_pylist():
                self.note(line, "total_row", message)

    def note(self, line: int, code: str, message: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(line, code, message))


def schema_of(header: Sequence[str]) -> pa.Schema:
    """Return the schema of a table's batches."""
    columns = [pa.field(name, pa.string()) for name in (*header, REST, PROBLEM)]
    return pa.schema([pa.field(LINE, pa.int64(), nullable=False), *columns])


class BatchBuilder:
    """Gathers records and turns them into batches."""

    def __init__(self, header: Sequence[str], size: int) -> None:
        """Start empty; a batch is due when ``size`` records were added."""
        self.schema, self.size = schema_of(header), size
        self.lines: list[int] = []
        self.rows: list[Sequence[str | None]] = []
        self.extras: dict[int, tuple[str | None, str | None]] = {}

    def add(
        self,
        line: int,
        cells: Sequence[str | None],
        problem: str | None = None,
        rest: str | None = None,
    ) -> None:
        """Add one record, already as wide as the header."""
        if problem or rest:
            self.extras[len(self.lines)] = (rest, problem)
        self.lines.append(line)
        self.rows.append(cells)

    def is_due(self) -> bool:
        """Return whether a full batch has gathered."""
        return len(self.lines) >= self.size

    def take(self) -> Iterator[pa.RecordBatch]:
        """Yield what has gathered as one batch, if anything, and start again."""
        if not self.lines:
            return
        count, width = len(self.lines), len(self.schema) - 3
        columns: list[Sequence[str | None]] = list(zip(*self.rows, strict=True)) or [()] * width
        rest: list[str | None] = [None] * count
        problem: list[str | None] = [None] * count
        for at, (surplus, code) in self.extras.items():
            rest[at], problem[at] = surplus, code
        arrays = [pa.array(self.lines, pa.int64())]
        arrays += [pa.array(column, pa.string()) for column in (*columns, rest, problem)]
        self.lines, self.rows, self.extras = [], [], {}
        yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def describe(table: TableFile) -> dict[str, Any]:
    """Return what is known about a table whose batches have been exhausted."""
    return {
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "quote": table.quote,
        "header": list(table.header),
        "rows": table.rows,
        "findings": [
            {"line": found.line, "code": found.code, "message": found.message}
            for found in table.findings
        ],
    }

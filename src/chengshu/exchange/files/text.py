"""Read CSV and its kin: regular chunks at once, all others record by record."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from chengshu.exchange.files.body import Body
from chengshu.exchange.files.chunks import CHUNK_BYTES, Chunk, read_chunks, split_lines
from chengshu.exchange.files.dialect import find_dialect, find_unusual_delimiter, records_of
from chengshu.exchange.files.encoding import find_encoding
from chengshu.exchange.files.fast import read_regular
from chengshu.exchange.files.layout import Layout, find_layout
from chengshu.exchange.files.model import Finding, Record, TableFile, schema_of
from chengshu.exchange.files.tokenizer import Dialect, Tokenizer
from chengshu.kernel.errors import InputError, Where

SAMPLE_CHARS = 1 << 18


@dataclass(frozen=True)
class TextOptions:
    """What the caller says about a text file; None means find out."""

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool = True
    skip: int = 0


def open_text(path: Path, format: str, options: TextOptions) -> TableFile:
    """Return a delimited text file, opened.

    Raises:
        InputError: The file is binary, or holds nothing to take column names from.
    """
    encoding, findings = find_encoding(path, options.encoding)
    sample = _sample(path, encoding, options.skip)
    delimiter = options.delimiter or ("\t" if format == "tsv" else None)
    dialect = find_dialect(sample, delimiter, options.quote)
    records = records_of(sample, dialect)
    layout = find_layout(records, header=options.header)
    if not layout.header:
        hint = "Ask the department for the file again."
        raise InputError("the file holds no records", where=Where(str(path)), hint=hint)
    findings += layout.findings + _doubts(records, dialect, layout)
    layout = replace(layout, first_line=layout.first_line + options.skip)
    findings = [_moved(found, options.skip) for found in findings]
    reader = TextReader(encoding, dialect, layout)
    return TableFile(
        path=path,
        format="tsv" if dialect.delimiter == "\t" else "csv",
        encoding=encoding,
        delimiter=dialect.delimiter,
        quote=None,
        header=layout.header,
        reader=reader.read,
        findings=findings,
    )


def _sample(path: Path, encoding: str, skip: int) -> list[str]:
    """Return the first lines after those to skip."""
    for chunk in read_chunks(path, encoding):
        lines = split_lines(chunk.data.decode())
        if skip and skip >= len(lines):
            problem = f"skip={skip} passes over the first {len(lines)} lines, and no more were read"
            raise InputError(problem, where=Where(str(path)))
        size, count = 0, skip
        while count < len(lines) and size < SAMPLE_CHARS:
            size += len(lines[count])
            count += 1
        return lines[skip:count]
    return []


def _moved(found: Finding, lines: int) -> Finding:
    return replace(found, line=found.line + lines) if found.line else found


def _doubts(records: list[Record], dialect: Dialect, layout: Layout) -> list[Finding]:
    """Return what is not certain about the dialect."""
    findings = []
    if dialect.escape:
        message = "backslashes were read as escapes of quotes within quoted cells"
        findings.append(Finding(0, "backslash_escapes", message))
    if len(layout.header) == 1 and find_unusual_delimiter(records):
        message = "one column was read, but a sign cuts all lines alike: pass it as delimiter if so"
        findings.append(Finding(0, "delimiter_unsure", message))
    return findings


class TextReader:
    """Yields the batches of a text file.

    Attributes:
        fast: False to read all of it the careful way; the result is the same.
        chunk_bytes: About how much of the file is held at a time.
    """

    def __init__(self, encoding: str, dialect: Dialect, layout: Layout) -> None:
        """Prepare to read a file of known encoding, dialect and layout."""
        self.encoding, self.dialect, self.layout = encoding, dialect, layout
        self.schema = schema_of(layout.header)
        self.fast, self.chunk_bytes = True, CHUNK_BYTES

    def read(self, table: TableFile, rows_per_batch: int) -> Iterator[pa.RecordBatch]:
        """Yield the batches; chunk by chunk the fast way if it is safe, else the careful way."""
        body = Body(table, self.layout, rows_per_batch)
        tokenizer = Tokenizer(self.dialect, len(self.layout.header))
        quote = self.dialect.quote.encode()
        rest: Chunk | None = None
        for chunk in read_chunks(table.path, self.encoding, self.chunk_bytes):
            if quote and quote in chunk.data:
                table.quote = self.dialect.quote
            if rest is None:
                chunk = _drop_lines(chunk, self.layout.first_line)
                settled = body.is_settled and tokenizer.is_settled(chunk.line)
                cells = self._read_fast(chunk) if settled else None
                if cells is not None:
                    yield from body.builder.take()
                    yield from self._batches(cells, chunk.line, rows_per_batch)
                    continue
            else:
                chunk = Chunk(rest.line, rest.data + chunk.data, rest.damaged | chunk.damaged)
            rest = yield from self._read_careful(chunk, tokenizer, body, final=False)
        if rest:
            yield from self._read_careful(rest, tokenizer, body, final=True)
        yield from body.finish()

    def _read_fast(self, chunk: Chunk) -> pa.Table | None:
        """Return the cells of a chunk if it is regular and the header does not stand in it."""
        if not self.fast or chunk.damaged or not chunk.data:
            return None
        name = next((name for name in self.layout.names if name), "").encode()
        if name and name in chunk.data and self._holds_header(chunk):
            return None
        return read_regular(chunk.data, self.dialect, len(self.layout.header))

    def _holds_header(self, chunk: Chunk) -> bool:
        """Return whether the last header line may stand in a chunk again."""
        last = next((name for name in reversed(self.layout.names) if name), "").encode()
        ends = (self.dialect.delimiter.encode(), b"\n", b"\r", self.dialect.quote.encode() or b"\n")
        return any(last + end in chunk.data for end in ends) or chunk.data.endswith(last)

    def _batches(self, cells: pa.Table, line: int, size: int) -> Iterator[pa.RecordBatch]:
        """Yield cells with the line each record starts at, which is one line for each."""
        count = cells.num_rows
        nulls = pa.nulls(count, pa.string())
        columns = [pa.arange(line, line + count), *cells.columns, nulls, nulls]
        whole = pa.Table.from_arrays(columns, schema=self.schema)
        for start in range(0, count, size):
            yield from whole.slice(start, size).combine_chunks().to_batches()

    def _read_careful(
        self, chunk: Chunk, tokenizer: Tokenizer, body: Body, *, final: bool
    ) -> Generator[pa.RecordBatch, None, Chunk | None]:
        """Yield full batches; return the part of the chunk that is still open."""
        text = chunk.data.decode()
        lines = split_lines(text)
        odd = bool(chunk.damaged) or any(sign in text for sign in "\0\ufeff\ufffd")
        for record in tokenizer.split(lines, chunk.line, final=final):
            yield from body.add(_inspect(record, chunk.damaged, body.table) if odd else record)
        if tokenizer.used >= len(lines):
            return None
        left = "".join(lines[tokenizer.used :]).encode()
        return Chunk(chunk.line + tokenizer.used, left, chunk.damaged)


def _drop_lines(chunk: Chunk, first: int) -> Chunk:
    """Return a chunk without the lines before ``first``."""
    if chunk.line >= first:
        return chunk
    lines = split_lines(chunk.data.decode())[first - chunk.line :]
    return Chunk(first, "".join(lines).encode(), chunk.damaged)


def _inspect(record: Record, damaged: Set[int], table: TableFile) -> Record:
    """Return a record with the problem of its characters; a lesser oddity is only a finding."""
    if not damaged.isdisjoint(range(record.line, record.line + record.span)):
        return record._replace(problem="undecodable")
    text = "".join(cell or "" for cell in record.cells)
    if "\0" in text:
        return record._replace(problem=record.problem or "nul")
    if "\ufffd" in text:
        message = "U+FFFD stands in the file itself: text was lost before it was delivered"
        table.note(record.line, "text_lost", message)
    if "\ufeff" in text:
        message = "a byte order mark stands inside the data; files may have been joined here"
        table.note(record.line, "bom_inside", message)
        return record._replace(after_gap=True)
    return record

"""Read a chunk of a regular text file at once with pyarrow, or say that it is not regular.

A chunk is regular when the careful tokenizer would read the same cells from it. That is proved,
not assumed: before parsing by counting bytes, after parsing by counting rows and quotes.
"""

from __future__ import annotations

import pyarrow as pa
from pyarrow import csv

from chengshu.exchange.files.tokenizer import Dialect

_BOM, _REPLACED = "\ufeff".encode(), "\ufffd".encode()


def read_regular(data: bytes, dialect: Dialect, width: int) -> pa.Table | None:
    """Return the cells of a chunk as ``width`` string columns; None if it is not regular.

    The proof: no NUL, no lone CR, no line without content, no mark or replacement character; each
    quote stands at exactly one edge of a cell, as many open as close; pyarrow made as many rows as
    there are line ends, all of the right width; and no quote is left in the cells. So all quotes
    are structure, opening and closing in turn, and as no closing one can be of the opening kind
    (there would be more of those), none is followed by anything but an edge.
    """
    if (
        len(dialect.delimiter.encode()) != 1
        or dialect.escape
        or not _is_plain(data, dialect, width)
    ):
        return None
    quotes = data.count(dialect.quote.encode()) if dialect.quote else 0
    if quotes and not _has_quotes_at_edges(data, dialect, quotes):
        return None
    table = _parse(data, dialect, width)
    rows = data.count(b"\n") + (not data.endswith(b"\n"))
    if table is None or table.num_rows != rows:
        return None
    if quotes and _holds(table, dialect.quote.encode()):
        return None
    return table


def _is_plain(data: bytes, dialect: Dialect, width: int) -> bool:
    if b"\0" in data or _BOM in data or _REPLACED in data:
        return False
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return False
    if width == 1:
        return True
    empty = b"\n" + dialect.delimiter.encode() * (width - 1)
    begin = empty[1:]
    return not any(
        empty + end in data or data.startswith(begin + end) for end in (b"\n", b"\r")
    ) and not (data.endswith(empty) or data == begin)


def _has_quotes_at_edges(data: bytes, dialect: Dialect, quotes: int) -> bool:
    mark, cut = dialect.quote.encode(), dialect.delimiter.encode()
    before, after = (cut, b"\n"), (cut, b"\n", b"\r")
    opening = sum(data.count(one + mark) for one in before) + data.startswith(mark)
    closing = sum(data.count(mark + one) for one in after) + data.endswith(mark)
    lone = any(b + mark + a in data for b in before for a in after)
    lone |= any(data.startswith(mark + a) for a in after)
    lone |= any(data.endswith(b + mark) for b in before)
    return opening == closing and opening + closing == quotes and not lone


def _parse(data: bytes, dialect: Dialect, width: int) -> pa.Table | None:
    names = [str(number) for number in range(width)]
    try:
        return csv.read_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(column_names=names),
            parse_options=csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote or False,
                double_quote=True,
                newlines_in_values=False,
                ignore_empty_lines=True,
            ),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                check_utf8=False,  # the chunk was decoded before
            ),
        )
    except pa.ArrowInvalid:
        return None


def _holds(table: pa.Table, mark: bytes) -> bool:
    chunks = (chunk for column in table.columns for chunk in column.chunks)
    return any(mark in memoryview(buffer).tobytes() for c in chunks if (buffer := c.buffers()[2]))

"""Find the dialect of a text file from its first lines, by trying each and keeping the best.

A dialect is good when, from the first record with its usual width on, all records have that
width, and its cells look like values (not like several values with another delimiter between).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from chengshu.exchange.files.model import Record
from chengshu.exchange.files.tokenizer import STRAY, UNCLOSED, Dialect, Tokenizer

DELIMITERS = (",", "\t", ";", "|", "^", "~", "\x01", "\x1f")
QUOTES = ('"', "'")
SAMPLE_RECORDS = 1000

_MIN_SHARE = 0.5
_OTHER_DELIMITER = re.compile(r"[,;\t|]")
_NUMBER = re.compile(r"[-+]?[£$€¥￥]?[\d.,]+%?")
_UNUSUAL = re.compile(r"[^\w\s.,;|\t\"'()\[\]{}（）。-]| ")


def find_dialect(lines: Sequence[str], delimiter: str | None, quote: str | None) -> Dialect:
    """Return the dialect of some lines.

    Args:
        lines: The first lines of the file, with their ends.
        delimiter: What the caller says, or None.
        quote: What the caller says (empty: none), or None.
    """
    delimiters = DELIMITERS if delimiter is None else (delimiter,)
    present = [one for one in delimiters if any(one in line for line in lines)]
    quotes = QUOTES if quote is None else (quote,)
    tries = [Dialect(one, mark) for one in present or delimiters[:1] for mark in quotes]
    best = max(tries, key=lambda one: _score(lines, one))
    if quote is None:
        best = Dialect(best.delimiter, _quote_of(lines, best.delimiter))
    if delimiter is None and _is_spaced(records_of(lines, best)):
        best = Dialect(best.delimiter + " ", best.quote)
    if best.quote and any("\\" + best.quote in line for line in lines):
        best = _with_escape(lines, best)
    return best


def records_of(lines: Sequence[str], dialect: Dialect) -> list[Record]:
    """Return the first records of some lines."""
    split = Tokenizer(dialect).split(lines, 1, final=True)
    return list(islice(split, SAMPLE_RECORDS))


def find_unusual_delimiter(records: Sequence[Record]) -> str | None:
    """Return a sign that cuts all records of a one-column file alike, which may be no accident."""
    texts = [record.cells[0] or "" for record in records]
    if len(texts) < 3:
        return None
    counts = [Counter(_UNUSUAL.findall(text)) for text in texts]
    alike = [sign for sign, count in counts[0].items() if all(c[sign] == count for c in counts)]
    return min(alike, default=None)


def _score(lines: Sequence[str], dialect: Dialect) -> float:
    records = records_of(lines, dialect)
    widths = [len(record.cells) for record in records]
    usual = Counter(width for width in widths if width > 1).most_common(1)
    if not usual:
        return 0.0
    width, count = usual[0]
    share = count / (len(widths) - widths.index(width))
    if share < _MIN_SHARE:
        return 0.0
    problems = sum(record.problem in (STRAY, UNCLOSED) for record in records)
    cells = [cell for record in records[:200] for cell in record.cells if cell]
    clean = sum(_is_value(cell, dialect.delimiter) for cell in cells) / (len(cells) or 1)
    # What stands above the first record of this width counts against it: it may be the header.
    whole = count / len(widths)
    return whole * (0.1 + clean) * (1 - 1 / width) * (1 - problems / len(records))


def _is_value(cell: str, delimiter: str) -> bool:
    if _NUMBER.fullmatch(cell.strip()):
        return True
    return not any(found != delimiter for found in _OTHER_DELIMITER.findall(cell))


def _quote_of(lines: Sequence[str], delimiter: str) -> str:
    """Return the single quote only if it quotes without a doubt, else the double quote."""
    edge = re.escape(delimiter)
    counts: dict[str, tuple[int, int]] = {}
    for mark in QUOTES:
        opens = sum(len(re.findall(f"(?:^|{edge}) *{mark}", line)) for line in lines)
        closes = sum(len(re.findall(f"{mark} *(?:{edge}|\r?\n?$)", line)) for line in lines)
        counts[mark] = (opens, closes)
    opens, closes = counts["'"]
    if counts['"'][0] or not opens or opens != closes:
        return '"'
    records = records_of(lines, Dialect(delimiter, "'"))
    return '"' if any(record.problem in (STRAY, UNCLOSED) for record in records) else "'"


def _with_escape(lines: Sequence[str], dialect: Dialect) -> Dialect:
    """Return the dialect with backslash escapes if that leaves less trouble."""
    escaped = Dialect(dialect.delimiter, dialect.quote, escape=True)
    return escaped if _trouble(lines, escaped) < _trouble(lines, dialect) else dialect


def _trouble(lines: Sequence[str], dialect: Dialect) -> int:
    records = records_of(lines, dialect)
    width = Counter(len(record.cells) for record in records).most_common(1)[0][0]
    return sum(record.problem is not None or len(record.cells) != width for record in records)


def _is_spaced(records: Sequence[Record]) -> bool:
    """Return whether each delimiter is followed by a space."""
    later = [cell or "" for record in records for cell in record.cells[1:]]
    return len(records) > 1 and len(later) > 1 and all(cell.startswith(" ") for cell in later)

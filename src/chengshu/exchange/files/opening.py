"""Open a table file: find its format by its first bytes and its suffix, refuse what is none."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from chengshu.exchange.files.excel import open_excel
from chengshu.exchange.files.jsonl import open_jsonl
from chengshu.exchange.files.model import Finding, TableFile
from chengshu.exchange.files.parquet import open_parquet
from chengshu.exchange.files.text import TextOptions, open_text
from chengshu.kernel.errors import InputError, Where

FORMATS = ("csv", "tsv", "excel", "jsonl", "parquet")
HEAD_BYTES = 1 << 16

_SUPPORTED = "Supported: CSV and TSV text, Excel (.xlsx, .xls, .ods), JSON lines, Parquet."
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".ods": "excel",
    ".parquet": "parquet",
}
_TEXT = {"csv", "tsv"}
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*\"")
_REFUSED_SUFFIXES = {
    ".html": "an HTML page",
    ".htm": "an HTML page",
    ".xml": "an XML document",
    ".yaml": "a YAML document",
    ".yml": "a YAML document",
    ".md": "a text document",
    ".py": "a program",
}
_REFUSED_HEADS = (
    (b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (b"BZh", "compressed with bzip2; unpack it first"),
    (b"\xfd7zXZ", "compressed with xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"%PDF", "a PDF document"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
)


def open_table(
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    quote: str | None = None,
    sheet: str | None = None,
    header: bool = True,
    skip: int = 0,
    format: str | None = None,
) -> TableFile:
    """Return a table file, opened; None means find out.

    Args:
        path: The file.
        encoding: Codec of a text file.
        delimiter: What separates the cells of a text file.
        quote: Quote character of a text file; empty for none.
        sheet: Name of the sheet of a workbook; the first one that holds something if None.
        header: False when the first line is data; the columns are then named c1, c2, ...
        skip: Physical lines (rows of a sheet) to pass over at the start.
        format: ``csv``, ``tsv``, ``excel``, ``jsonl`` or ``parquet``.

    Raises:
        InputError: The file is missing, unreadable, empty, binary, or of no supported format.
    """
    delimiter = "\t" if delimiter == "\\t" else delimiter
    _check_options(delimiter, quote, skip, format)
    head = _read_head(path)
    kind = format or _format_of(path, head)
    if kind == "excel":
        table = open_excel(path, sheet=sheet, header=header, skip=skip)
    elif kind == "jsonl":
        table = open_jsonl(path, encoding=encoding)
    elif kind == "parquet":
        table = open_parquet(path)
    else:
        table = open_text(path, kind, TextOptions(encoding, delimiter, quote, header, skip))
    return table if format else _doubt_suffix(table)


def _check_options(delimiter: str | None, quote: str | None, skip: int, format: str | None) -> None:
    if format not in (None, *FORMATS):
        raise InputError(f"format {format!r} is unknown", hint=f"Known: {', '.join(FORMATS)}.")
    if skip < 0 or not all(map(_is_sign, (delimiter, quote))):
        raise InputError("skip is a number of lines; delimiter and quote are one character each")


def _is_sign(sign: str | None) -> bool:
    """Return whether this is one character, or one and a space, or nothing."""
    return not sign or (sign not in "\r\n" and len(sign.removesuffix(" ") or " ") == 1)


def _doubt_suffix(table: TableFile) -> TableFile:
    """Return the table, with a finding if its name promises another format."""
    said = _SUFFIXES.get(table.path.suffix.lower(), table.format)
    if said == table.format or {said, table.format} <= _TEXT:
        return table
    message = f"the name says {said}, the content is {table.format}: it was read as that"
    return replace(table, findings=[Finding(0, "suffix_wrong", message), *table.findings])


def _read_head(path: Path) -> bytes:
    """Return the first bytes of a file; refuse one that cannot be read or is empty."""
    where = Where(str(path))
    if not path.exists():
        raise InputError("there is no such file", where=where, hint="Check the path.")
    if not path.is_file():
        raise InputError("this is not a file", where=where, hint="Give the path of one file.")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as err:
        hint = "Check that this account may read it."
        raise InputError("the file cannot be read", where=where, hint=hint) from err
    if not head:
        hint = "Ask the department for the file again."
        raise InputError("the file is empty (0 bytes)", where=where, hint=hint)
    return head


def _format_of(path: Path, head: bytes) -> str:
    """Return the format by the first bytes, which do not lie, then by the suffix."""
    suffix = path.suffix.lower()
    for mark, what in _REFUSED_HEADS:
        if head.startswith(mark):
            raise _unsupported(path, f"the file is {what}")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "excel"
    if head.startswith(b"PK\x03\x04"):
        return _format_of_zip(path, head)
    if suffix in _REFUSED_SUFFIXES:
        raise _unsupported(path, f"the file is {_REFUSED_SUFFIXES[suffix]}")
    if _is_markup(head):
        raise _unsupported(path, "the file is HTML or XML, whatever its name says")
    said = _SUFFIXES.get(suffix, "csv")
    if suffix == ".json" or (said in _TEXT and _JSON.match(head)):
        return _format_of_json(path, head)
    return said if said in {"tsv", "jsonl"} else "csv"


def _format_of_zip(path: Path, head: bytes) -> str:
    names = (b"xl/", b"[Content_Types].xml", b"application/vnd.oasis.opendocument.spreadsheet")
    if any(name in head for name in names):
        return "excel"
    raise _unsupported(path, "the file is a ZIP archive; unpack it first")


def _format_of_json(path: Path, head: bytes) -> str:
    """Return ``jsonl`` if the first two lines are objects of their own."""
    lines = [line for line in head.splitlines() if line.strip()][:2]
    try:
        objects = [json.loads(line) for line in lines]
    except ValueError:
        objects = []
    if len(objects) == 2 and all(isinstance(one, dict) for one in objects):
        return "jsonl"
    raise _unsupported(path, "the file is one JSON document, not one object in each line")


def _is_markup(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    return start.startswith((b"<html", b"<!doctype", b"<?xml", b"<table", b"<meta", b"<head"))


def _unsupported(path: Path, problem: str) -> InputError:
    return InputError(problem, where=Where(str(path)), hint=_SUPPORTED)

"""Read JSON lines: one object in each line, its values as they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from chengshu.exchange.files.chunks import read_chunks, split_lines
from chengshu.exchange.files.encoding import find_encoding
from chengshu.exchange.files.layout import Layout, make_unique
from chengshu.exchange.files.model import BatchBuilder, TableFile
from chengshu.kernel.errors import InputError, Where

SAMPLE_LINES = 1000
DEEPEST = 300  # levels; deeper ones would meet the interpreter's limits

_MESSAGES = {
    "not_json": "the line is not one JSON object; its text is kept as it is",
    "too_deep": f"a value is nested deeper than {DEEPEST} levels; the line is kept as it is",
    "duplicate_key": "a key stands twice in the object; the line is kept as it is",
    "undecodable": "some bytes are not in the file's encoding; U+FFFD stands in their place",
    "half_character": "a value holds half of a surrogate pair; the line is kept as it is",
    "late_key": f"keys that the first {SAMPLE_LINES} lines do not have; kept apart",
}


_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)', re.DOTALL)


class Number(str):
    """A number exactly as the file writes it."""

    __slots__ = ()


class _DuplicateKeyError(ValueError):
    pass


def open_jsonl(path: Path, *, encoding: str | None = None, keys: Iterable[str] = ()) -> TableFile:
    """Return a file of JSON lines, opened.

    Args:
        path: The file.
        encoding: Its codec; None means find out.
        keys: What its columns are; the keys of its first 1000 lines if none are given.

    Raises:
        InputError: The file is binary, or none of its first lines is an object.
    """
    codec, findings = find_encoding(path, encoding)
    keys = dict.fromkeys(keys) or _first_keys(path, codec)
    if not keys:
        problem = "none of the first lines is a JSON object with keys"
        raise InputError(problem, where=Where(str(path)), hint="Expected one object in each line.")
    layout = Layout(findings=findings)
    layout.header = make_unique(list(keys), 0, layout)
    reader = _JsonReader(codec, dict(zip(keys, layout.header, strict=True)))
    return TableFile(
        path=path,
        format="jsonl",
        encoding=None,
        delimiter=None,
        quote=None,
        header=layout.header,
        reader=reader.read,
        findings=layout.findings,
    )


def _first_keys(path: Path, codec: str) -> dict[str, None]:
    keys: dict[str, None] = {}
    for _, text, _ in islice(_lines(path, codec), SAMPLE_LINES):
        parsed, _ = parse_object(text)
        keys.update(dict.fromkeys(parsed or ()))
    return keys


def parse_object(text: str) -> tuple[dict[str, Any] | None, str | None]:
    """Return the object a line holds, or None and the code of what is wrong."""
    value, problem = parse_value(text)
    if problem is None and not isinstance(value, dict):
        return None, "not_json"
    return value, problem


def parse_value(text: str) -> tuple[Any, str | None]:
    """Return what a JSON text holds, numbers as `Number`; or None and the code of what is wrong."""
    try:
        if is_deep(text):
            return None, "too_deep"
        value = parse(text, _make_object)
        if "\\u" in text and not is_text(dump(value)):
            return None, "half_character"
    except _DuplicateKeyError:
        return None, "duplicate_key"
    except ValueError:
        return None, "not_json"
    return value, None


def parse(
    text: str, make_object: Callable[[list[tuple[str, Any]]], Any], *, strict: bool = True
) -> Any:
    """Return what JSON says, its numbers as they are written.

    Args:
        text: JSON.
        make_object: Makes an object of its keys and values, in their order.
        strict: False to let line ends and tabs stand in texts as they are.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deep (see `is_deep`).
    """
    return json.loads(
        text,
        parse_float=Number,
        parse_int=Number,
        parse_constant=Number,
        object_pairs_hook=make_object,
        strict=strict,
    )


def is_deep(text: str) -> bool:
    """Return whether JSON is nested deeper than `DEEPEST`."""
    if text.count("{") + text.count("[") <= DEEPEST:
        return False
    steps = (1 if mark in "{[" else -1 for mark in re.findall(r"[][{}]", _STRING.sub("", text)))
    return any(level > DEEPEST for level in accumulate(steps))


def is_text(value: str) -> bool:
    """Return whether a string can be written: lone surrogates cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def render(value: Any) -> str | None:
    """Return a value as text: nested ones as compact JSON, numbers as they were written."""
    if value is None or isinstance(value, str):
        return None if value is None else str(value)
    return dump(value)


def dump(value: Any) -> str:
    """Return a value that was parsed as compact JSON, its numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}:{dump(one)}" for key, one in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _DuplicateKeyError
    return made


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str, bool]]:
    """Yield the number, the text and whether it decoded, of each line that is not blank."""
    for chunk in read_chunks(path, encoding):
        for number, text in enumerate(split_lines(chunk.data.decode()), chunk.line):
            if text.strip():
                yield number, text.rstrip("\r\n"), number not in chunk.damaged


class _JsonReader:
    """Yields the batches of a file of JSON lines."""

    def __init__(self, encoding: str, columns: dict[str, str]) -> None:
        self.encoding, self.columns = encoding, columns

    def read(self, table: TableFile, rows_per_batch: int) -> Iterator[pa.RecordBatch]:
        builder = BatchBuilder(table.header, rows_per_batch)
        for number, text, intact in _lines(table.path, self.encoding):
            self._add(builder, table, number, text, intact)
            if builder.is_due():
                yield from builder.take()
        yield from builder.take()

    def _add(
        self, builder: BatchBuilder, table: TableFile, line: int, text: str, intact: bool
    ) -> None:
        parsed, problem = parse_object(text)
        if parsed is None:
            cells: list[str | None] = [None] * len(self.columns)
            rest: str | None = text
        else:
            cells = [render(parsed.get(key)) for key in self.columns]
            late = {key: value for key, value in parsed.items() if key not in self.columns}
            rest = dump(late) if late else None
        if not intact:
            problem = "undecodable"
        elif problem is None and "\0" in "".join(cell or "" for cell in cells):
            problem = "nul"
        for code in filter(None, (problem, "late_key" if parsed and rest else None)):
            table.note(line, code, _MESSAGES.get(code, "a value holds a NUL character"))
        builder.add(line, cells, problem, rest)

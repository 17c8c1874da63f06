"""Cut a text file into chunks of whole lines, in UTF-8, whatever its encoding."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chengshu.exchange.files.encoding import (
    decodes,
    is_utf8_line,
    is_wide,
    may_hold_utf8,
)
from chengshu.kernel.errors import InputError, Where

CHUNK_BYTES = 4 << 20
MAX_LINE_BYTES = 64 << 20

_UTF8 = frozenset({"utf-8", "utf-8-sig", "ascii"})
_REPLACED = "\ufffd".encode()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole physical lines.

    Attributes:
        line: Physical line of the file that it starts with, from 1.
        data: The lines in UTF-8, with their ends.
        damaged: Physical lines with bytes that do not decode; U+FFFD stands in their place.
    """

    line: int
    data: bytes
    damaged: frozenset[int] = frozenset()


def read_chunks(path: Path, encoding: str, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Yield the file from its start; memory is bounded by ``size`` and the longest line.

    Raises:
        InputError: A line is longer than 64 MiB.
    """
    line = 1
    for raw in _whole_lines(path, encoding, size):
        chunk = _check_wide(raw, line) if is_wide(encoding) else _decode(raw, line, encoding)
        yield chunk
        line += count_lines(chunk.data)


def count_lines(data: bytes) -> int:
    """Return how many line ends there are: LF, CR LF and CR are one each."""
    if b"\r" not in data:
        return data.count(b"\n")
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def split_lines(text: str) -> list[str]:
    """Return the physical lines with their ends; only LF, CR LF and CR end a line."""
    return io.StringIO(text, newline="").readlines()


def _whole_lines(path: Path, encoding: str, size: int) -> Iterator[bytes]:
    rest = b""
    for block in _blocks(path, encoding, size):
        cut = _cut(block)
        if not cut:
            rest += block
            if len(rest) > MAX_LINE_BYTES:
                problem = f"a line is longer than {MAX_LINE_BYTES >> 20} MiB"
                hint = "Check that the file is a table of lines."
                raise InputError(problem, where=Where(str(path)), hint=hint)
            continue
        yield rest + block[:cut]
        rest = block[cut:]
    if rest:
        yield rest


def _cut(block: bytes) -> int:
    """Return where the last whole line ends; a CR at the very end may be half of a CR LF."""
    return block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, len(block) - 1) + 1


def _blocks(path: Path, encoding: str, size: int) -> Iterator[bytes]:
    """Yield bytes in which LF and CR are single bytes: of UTF-16 only its UTF-8 form is so."""
    decoder = codecs.getincrementaldecoder(encoding)("replace") if is_wide(encoding) else None
    with path.open("rb") as file:
        if encoding == "utf-8-sig":
            file.seek(len(codecs.BOM_UTF8))
        while block := file.read(size):
            yield decoder.decode(block).encode() if decoder else block
    if decoder and (tail := decoder.decode(b"", final=True)):
        yield tail.encode()


def _check_wide(data: bytes, line: int) -> Chunk:
    """Return a chunk already in UTF-8, with the lines in which the decoder replaced something."""
    if _REPLACED not in data:
        return Chunk(line, data)
    lines = enumerate(split_lines(data.decode()), line)
    return Chunk(line, data, frozenset(number for number, text in lines if "\ufffd" in text))


def _decode(raw: bytes, line: int, encoding: str) -> Chunk:
    codec = "utf-8" if encoding in _UTF8 else encoding
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        return _decode_lines(raw, line, codec)
    if codec == "gb18030" and may_hold_utf8(raw):
        return _decode_lines(raw, line, codec)
    return Chunk(line, raw if codec == "utf-8" else text.encode())


def _decode_lines(raw: bytes, line: int, codec: str) -> Chunk:
    """Decode line by line, so that one bad line neither hides nor spoils the others."""
    lines: list[str] = []
    damaged: set[int] = set()
    # Latin-1 maps each byte to itself, so it can split bytes into lines.
    for number, latin in enumerate(split_lines(raw.decode("latin-1")), line):
        one = latin.rstrip("\r\n").encode("latin-1")
        try:
            text = one.decode(codec)
        except UnicodeDecodeError:
            text = one.decode(codec, "replace")
            damaged.add(number)
        if _is_foreign(one, codec, intact=number not in damaged):
            text = one.decode("ascii", "replace")
            damaged.add(number)
        # The line's end is no part of a cut character: decoding must not take it along.
        lines.append(text + latin[len(one) :])
    return Chunk(line, "".join(lines).encode(), frozenset(damaged))


def _is_foreign(line: bytes, codec: str, *, intact: bool) -> bool:
    """Return whether a line is Chinese in the other of UTF-8 and GB18030, so no byte means much."""
    if codec == "gb18030":
        return is_utf8_line(line)
    return codec == "utf-8" and not intact and decodes(line, "gb18030")

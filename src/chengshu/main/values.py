"""The command `value`: what single values mean."""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from chengshu.kernel.errors import InputError, Where
from chengshu.standards.registry import value_type
from chengshu.standards.values import read_values


def value(kind: str, file: Path | None, param: Sequence[str], json: bool) -> None:
    """Print what each line means as a value of the type, made with ``name=value`` parameters."""
    pairs = [text.partition("=") for text in param]
    if bad := [name for name, equals, _ in pairs if not equals]:
        raise InputError(f"--param {bad[0]!r} is not name=value")
    found = value_type(kind, **{name: given for name, _, given in pairs})
    for reading in read_values(found, _lines(file)):
        if json:
            sys.stdout.write(json_text.dumps(reading, ensure_ascii=False) + "\n")
        else:
            cells = (reading["verdict"], reading["canonical"], reading["reason"])
            sys.stdout.write("\t".join(cell or "" for cell in cells) + "\n")


def _lines(file: Path | None) -> Iterator[str]:
    """Yield lines without their ends; only a line feed ends a line."""
    if file is not None and not file.is_file():
        raise InputError("there is no such file", where=Where(str(file)))
    stream = file.open("rb") if file is not None else sys.stdin.buffer
    with stream:
        for number, line in enumerate(stream, 1):
            try:
                yield (
                    line.decode("utf-8-sig" if number == 1 else "utf-8")
                    .removesuffix("\n")
                    .removesuffix("\r")
                )
            except UnicodeDecodeError as err:
                where = Where(str(file or "standard input"), number)
                raise InputError("the line is not UTF-8", where=where) from err

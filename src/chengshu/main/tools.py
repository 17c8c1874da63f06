"""Two small tools that people use by themselves: value and read."""

from __future__ import annotations

import json as json_text
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from chengshu.exchange.files import describe, open_table, write_table
from chengshu.kernel.errors import InputError, Where
from chengshu.main.render import progress_of_rows, say, show_table
from chengshu.standards.registry import value_type
from chengshu.standards.values import read_values


def value(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="A value type: citizen_id, uscc …")],
    file: Annotated[
        Path | None, typer.Argument(help="One value a line; standard input if none.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(help="A parameter of the type, as name=value: codes=gb2261_1."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
) -> None:
    """Read values: verdict (ok, corrected, warning, invalid), canonical form, reason."""
    pairs = [text.partition("=") for text in param or ()]
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


def read(
    file: Annotated[Path, typer.Argument(help="A CSV, TSV, Excel, JSON lines or Parquet file.")],
    to: Annotated[Path | None, typer.Option(help="Write it as clean .csv or .parquet.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding, when it is known.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Delimiter, when it is known.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One object.")] = False,
) -> None:
    """Say what a table file holds: encoding, dialect, header, rows, and what is wrong."""
    table = open_table(file, encoding=encoding, delimiter=delimiter, sheet=sheet)
    if to is not None:
        write_table(table, to)
    else:
        with progress_of_rows(file.name) as tell:
            for _ in table.batches():
                tell(table.rows)
    found = describe(table)
    if json:
        sys.stdout.write(json_text.dumps(found, ensure_ascii=False) + "\n")
        return
    for name in ("encoding", "delimiter", "quote", "rows"):
        shown = repr(found[name]) if name in ("delimiter", "quote") and found[name] else found[name]
        say(f"{name:<10} {'·' if shown is None else shown}")
    say(f"{'header':<10} {', '.join(found['header'])}")
    say("")
    if found["findings"]:
        rows = [[f["line"], f["code"], f["message"]] for f in found["findings"][:50]]
        show_table(f"{len(found['findings'])} findings", ("line", "code", "message"), rows)
    else:
        say("no findings")
    if to is not None:
        say(f"written to {to}")

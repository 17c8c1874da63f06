"""The commands of departments without a system: `template`, a workbook to fill, and `marked`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from chengshu.catalog import Pack, Resource, usable_pack
from chengshu.catalog.file_source import FileSource, TableFiles
from chengshu.exchange.connectors.file import find_landed
from chengshu.exchange.files import open_table
from chengshu.exchange.files.own import PROBLEM_COLUMN
from chengshu.exchange.fillin.marked import Book, mark, rebuild
from chengshu.exchange.fillin.template import make_template
from chengshu.exchange.fillin.words import Fault, explain
from chengshu.kernel.errors import ExternalError, InputError, NotFoundError
from chengshu.libraries import report
from chengshu.libraries.landing import list_batches
from chengshu.main.home import Home, open_home
from chengshu.main.render import say
from chengshu.main.uses import record_return

MOST_ROWS = 100_000


def template(root: Path, name: str, to: Path | None) -> None:
    """Write the workbook that a department fills."""
    pack = usable_pack(open_home(root).pack)
    resource = pack.get(name)
    _check_readable(resource)
    path = to or Path(f"{resource.table}_template.xlsx")
    _write(path, make_template(pack, resource), 0o644)
    say(f"written to {path}; filled, it is a delivery of {resource.id} like any other")


def _check_readable(resource: Resource) -> None:
    """Refuse a resource whose source would not read what is filled."""
    source = resource.source
    if not isinstance(source, TableFiles) or source.format not in (None, "excel"):
        shown = getattr(source, "format", None) or source.kind
        raise InputError(
            f"{resource.id} comes as {shown}, not as workbooks",
            hint="A template needs source: {kind: file} or sftp, with format: excel or none.",
        )
    if source.skip or not source.header:
        raise InputError(
            f"{resource.id}: a template has its column names in its first line",
            hint="Take skip and header out of the source.",
        )


def marked(root: Path, name: str, batch: int, to: Path | None, reason: str) -> None:
    """Write the workbook of a batch with its faulty cells marked and explained."""
    home = open_home(root)
    pack = usable_pack(home.pack)
    resource = pack.get(name)
    path = to or Path(f"{resource.table}_batch_{batch}_marked.xlsx")
    _check_free(path)
    with home.reading() as engine:
        if not report.is_known(engine, resource):
            raise InputError(f"{resource.id} has never been pulled", hint="Do: chengshu run")
        with engine.session() as session:
            _check_batch(session, resource, batch)
            found = report.list_faults(session, resource, batch)
            about = [
                (line["line"], line["code"])
                for line in report.list_source_faults(session, resource, batch)
            ]
            if not found and not about:
                say(f"{resource.id} batch {batch}: nothing is wrong, nothing was written")
                return
            record_return(home, resource.id, batch, reason)
            rows = report.list_raw_rows(session, resource, batch)
            source = report.find_source(session, resource, batch)
    faults = [explain(pack, resource, one, one["_position"]) for one in found]
    _write(path, _marked(home, pack, resource, source, rows, (faults, about)), 0o600)
    lines = len({fault.position for fault in faults})
    say(f"written to {path}: {len(faults)} findings in {lines} rows, {len(about)} about the file")
    say(f"it is in the clear: for {resource.owner} only")


def _check_batch(session: Any, resource: Resource, number: int) -> None:
    batches = {batch.number: batch for batch in list_batches(session, resource)}
    if number not in batches:
        raise NotFoundError(f"batch of {resource.id}", str(number), map(str, batches))
    if not batches[number].is_refined:
        raise InputError(
            f"{resource.id} batch {number} is {batches[number].state}, not refined",
            hint="What is wrong with it is known when it is: chengshu run, or decide",
        )
    if batches[number].rows > MOST_ROWS:
        raise InputError(
            f"{resource.id} batch {number} has {batches[number].rows} rows, at most {MOST_ROWS} "
            "are marked in a workbook",
            hint="See them with: chengshu show --store findings",
        )


_Rows = Sequence[Mapping[str, Any]]


def _marked(
    home: Home, pack: Pack, resource: Resource, source: tuple[str, str | None], rows: _Rows,
    found: tuple[Sequence[Fault], Sequence[tuple[int, str]]],
) -> bytes:  # fmt: skip
    """Return the original, marked; where it is gone or cannot be, a workbook of its rows."""
    book = _original(home, resource, source, rows)
    data = mark(book, *found) if book else None
    if data is None:
        say("the original workbook is no longer there; this one is made from what landed")
        data = mark(rebuild(pack, resource, rows), *found)
    if data is None:
        raise ExternalError("workbook", "it cannot be marked", retryable=False)
    return data


def _original(
    home: Home, resource: Resource, landed: tuple[str, str | None], rows: _Rows
) -> Book | None:
    source, (shown, digest) = resource.source, landed
    if not isinstance(source, FileSource) or digest is None:
        return None
    path = find_landed(source, home.pack, shown, digest)
    if path is None:
        return None
    table = open_table(
        path, sheet=source.sheet, header=source.header, skip=source.skip, format=source.format
    )
    data = path.read_bytes()
    # A file that changed just now is another one.
    if table.sheet is None or find_landed(source, home.pack, shown, digest) is None:
        return None
    columns = {
        field.name: table.header.index(name) + 1
        for field in resource.fields
        for name in [next((n for n in field.source_names if n in table.header), None)]
        if name is not None
    }
    lines = {row["_position"]: row["_position"] for row in rows}
    names = [*table.header, PROBLEM_COLUMN]
    return Book(data, table.sheet, columns, lines, names.index(PROBLEM_COLUMN) + 1)


def _check_free(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path} is there already", hint="Give another name with --to.")


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all, readable as ``mode`` says from its first byte."""
    _check_free(path)
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=".chengshu", delete=False) as stream:
            stream.write(data)
        os.chmod(stream.name, mode)
        os.replace(stream.name, path)
    except OSError as err:
        hint = "Check that its folder is there and can be written."
        raise InputError(f"{path} cannot be written", hint=hint) from err

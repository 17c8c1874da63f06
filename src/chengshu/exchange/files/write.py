"""Write a table's columns to a file that this package reads back the same."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from chengshu.exchange.files.model import OWN_COLUMNS, TableFile
from chengshu.kernel.errors import InputError, Where

_SPECIAL = re.compile('[",\r\n\ufeff]')


def write_table(table: TableFile, to: Path) -> None:
    """Write all records to ``.csv`` (UTF-8, LF, quotes where needed) or ``.parquet``.

    The file appears whole or not at all. A null is written to CSV as an empty cell.

    Raises:
        InputError: The suffix is another one, the table would be written over its own file, or the
            folder cannot be written to.
    """
    writers = {".csv": _write_csv, ".parquet": _write_parquet}
    writer = writers.get(to.suffix.lower())
    if writer is None:
        problem = f"files with the suffix {to.suffix!r} are not written"
        raise InputError(problem, where=Where(str(to)), hint="Known: .csv, .parquet.")
    if to.exists() and to.samefile(table.path):
        hint = "What came is kept as it came: choose another name."
        raise InputError("this is the file that is read", where=Where(str(to)), hint=hint)
    with _replacing(to) as part:
        writer(table, part)


@contextmanager
def _replacing(to: Path) -> Iterator[Path]:
    """Give a file beside the target that takes its place if all went well."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{to.name}.", dir=to.parent)
    except OSError as err:
        hint = "Check that the folder exists and this account may write to it."
        raise InputError("no file can be made here", where=Where(str(to)), hint=hint) from err
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(table: TableFile, to: Path) -> None:
    with to.open("w", encoding="utf-8", newline="") as file:
        file.write(render_csv_line(table.header))
        for batch in table.batches():
            columns = [batch.column(name).to_pylist() for name in table.header]
            file.writelines(map(render_csv_line, zip(*columns, strict=True)))
        file.flush()
        os.fsync(file.fileno())


def render_csv_line(cells: Sequence[str | None]) -> str:
    """Return one line of CSV; an empty record has quotes, so that it is not a blank line."""
    if not any(cells):
        return '""' + "," * (len(cells) - 1) + "\n"
    return ",".join([_quoted(cell) if cell else "" for cell in cells]) + "\n"


def _quoted(cell: str) -> str:
    if _SPECIAL.search(cell) is None:
        return cell
    return '"' + cell.replace('"', '""') + '"'


def _write_parquet(table: TableFile, to: Path) -> None:
    schema = pa.schema([pa.field(name, pa.string()) for name in table.header])
    with pq.ParquetWriter(to, schema, compression="zstd") as writer:
        for batch in table.batches():
            writer.write_batch(batch.drop_columns(list(OWN_COLUMNS)))

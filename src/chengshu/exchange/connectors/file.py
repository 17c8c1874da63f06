"""Files in a folder of a department's front store; each file is one delivery."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from chengshu.catalog.source import FileSource
from chengshu.exchange.files import TableFile, open_table
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError, Where


def find_files(source: FileSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return the files that have not landed yet, by business date and name.

    A file is known by its name and its bytes: the same name with other bytes is a new delivery.
    """
    # The folder is given apart: signs in its name are no pattern.
    found = glob.glob(source.path, root_dir=around.root, recursive=True)
    paths = sorted(path for path in (around.root / name for name in found) if path.is_file())
    if not paths:
        raise ExternalError(
            f"source {source.path}", "no file is there", retryable=True,
            hint="Check the path in the declaration, and that the department has delivered.",
        )  # fmt: skip
    dated = sorted(
        ((_date_of(source, path), path) for path in paths), key=lambda d: (str(d[0]), d[1])
    )
    waiting = []
    for as_of, path in dated:
        digest = _digest_of(path)
        key = f"{path.name}@{digest[:16]}"
        if key not in past.keys:
            waiting.append(_incoming(source, path, key, digest, as_of))
    return waiting


def _incoming(
    source: FileSource, path: Path, key: str, digest: str, as_of: datetime | None
) -> Incoming:
    table = open_table(
        path,
        encoding=source.encoding,
        delimiter=source.delimiter,
        quote=source.quote,
        sheet=source.sheet,
        header=source.header,
        skip=source.skip,
        format=source.format,
    )
    return Incoming(
        source=path.name,
        key=key,
        mode="full",
        header=table.header,
        batches=lambda: _unmoved(table, path, digest),
        as_of=as_of,
        digest=digest,
        findings=table.findings,
    )


def _unmoved(table: TableFile, path: Path, digest: str) -> Iterator[pa.RecordBatch]:
    """Yield the batches; a file that changed while it was read is not a delivery."""
    yield from table.batches()
    if _digest_of(path) != digest:
        raise ExternalError(
            f"file {path.name}", "it changed while it was read", retryable=True,
            hint="Nothing was taken; pull again when the department has finished writing it.",
        )  # fmt: skip


def _digest_of(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as err:
        raise ExternalError(
            f"file {path.name}", "it cannot be read", retryable=True, hint="Check its permissions."
        ) from err


def _date_of(source: FileSource, path: Path) -> datetime | None:
    if source.as_of is None:
        return None
    found = re.search(source.as_of, path.name)
    digits = "".join(found.groups()) if found else ""
    try:
        return datetime.strptime(digits, "%Y%m%d")  # noqa: DTZ007 - a business date has no zone
    except ValueError as err:
        raise InputError(
            f"the file name has no date where as_of {source.as_of!r} looks for it",
            where=Where(path.name),
            hint="Rename the file, or mend the pattern in the declaration.",
        ) from err

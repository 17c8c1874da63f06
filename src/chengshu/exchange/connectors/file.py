"""Files in a folder of a department's front store; each file is one delivery."""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path

import pyarrow as pa

from chengshu.catalog.source import FileSource
from chengshu.exchange.files import TableFile, open_table
from chengshu.exchange.port import Incoming, Past, Surroundings, zero_report
from chengshu.kernel.errors import ExternalError, InputError, Where


def find_files(source: FileSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return the files that have not landed as they are now, by business date and path.

    A file is known by its path below the source's folder. It waits when its bytes are others than
    those that landed last from that path: an older state that comes back is news too.
    """
    zeros = _names(source.zero, around.root) if source.zero else []
    names = [name for name in _names(source.path, around.root) if name not in zeros]
    if not names and not zeros:
        raise ExternalError(
            f"source {source.path}", "no file is there", retryable=True,
            hint="Check the path in the declaration, and that the department has delivered.",
        )  # fmt: skip
    dated = [(_number_of(source, name), _date_of(source, name), name) for name in [*names, *zeros]]
    waiting = []
    for number, as_of, name in sorted(dated, key=lambda d: (d[0] or 0, str(d[1]), d[2])):
        path, digest = around.root / name, _digest_of(around.root / name)
        folder = _folder_of(str(source.zero) if name in zeros else source.path)
        shown = Path(name).relative_to(folder).as_posix()
        landed = past.digests.get(shown, ())
        if landed and landed[-1] == digest:
            continue
        again = landed.count(digest)
        key = f"{shown}@{digest[:16]}" + (f"#{again + 1}" if again else "")
        if name in zeros:
            waiting.append(zero_report(shown, key, as_of=as_of, digest=digest, number=number))
        else:
            incoming = _incoming(source, path, shown, key, digest, as_of)
            waiting.append(replace(incoming, number=number))
    return waiting


def _names(pattern: str, root: Path) -> list[str]:
    # The folder is given apart: signs in its name are no pattern.
    found = set(glob.glob(pattern, root_dir=root, recursive=True))
    return [name for name in found if (root / name).is_file()]


def _folder_of(pattern: str) -> Path:
    """Return the part of a pattern that is a folder's plain name."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts[:-1]))


def _incoming(
    source: FileSource, path: Path, shown: str, key: str, digest: str, as_of: datetime | None
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
        source=shown,
        key=key,
        mode=source.batch_mode,
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


def _number_of(source: FileSource, name: str) -> int | None:
    """Return the batch number that a file's name says; None where none is declared."""
    if source.batch is None:
        return None
    found = re.search(source.batch, Path(name).name)
    try:
        return int(found.group(1) if found else "")
    except ValueError as err:
        raise InputError(
            f"the file name has no number where batch {source.batch!r} looks for it",
            where=Where(Path(name).name),
            hint="Rename the file, or mend the pattern in the declaration.",
        ) from err


def _date_of(source: FileSource, name: str) -> datetime | None:
    """Return the business date that a file's name says; None where none is declared."""
    if source.as_of is None:
        return None
    found = re.search(source.as_of, Path(name).name)
    groups = found.groups(default="") if found else ()
    whole = r"(\d{4})(\d\d)(\d\d)" if len(groups) == 1 else r"(\d{4})-(\d\d?)-(\d\d?)"
    parts = re.fullmatch(whole, "-".join(groups))
    try:
        year, month, day = map(int, parts.groups() if parts else ())
        return datetime(year, month, day)  # noqa: DTZ001 - a business date has no zone
    except ValueError as err:
        raise InputError(
            f"the file name has no date where as_of {source.as_of!r} looks for it",
            where=Where(Path(name).name),
            hint="Rename the file, or mend the pattern in the declaration.",
        ) from err

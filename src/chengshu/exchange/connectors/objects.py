"""Scans and recordings: their bytes go into the object store, one row for each goes on."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from chengshu.catalog.file_source import OBJECT_COLUMNS, ObjectsSource, column_names
from chengshu.exchange.connectors.file import folder_of
from chengshu.exchange.content import HEAD_BYTES, is_named_so, type_of
from chengshu.exchange.files import Finding
from chengshu.exchange.files.model import ROWS_PER_BATCH, BatchBuilder
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.exchange.spool import (
    CHUNK_BYTES,
    Writer,
    decode_name,
    glob_regex,
    load_notes,
    save_notes,
    sweep,
    writing,
)
from chengshu.kernel.errors import ExternalError

EMPTY, UNREADABLE, CHANGED = "empty_file", "unreadable", "changed_while_read"
OUTSIDE, NO_FILE = "link_outside", "not_a_file"
_PROBLEMS = {
    EMPTY: "the file is empty (0 bytes); nothing was kept",
    UNREADABLE: "the file cannot be read; nothing was kept",
    CHANGED: "the file changed while it was read; the next pull takes it",
    OUTSIDE: "the link leads out of the folder and was not followed",
    NO_FILE: "this is a pipe, a device, or a link to nothing",
}
_MESSAGES = {
    "suffix_wrong": "the name's suffix is not that of the content's type",
    "name_not_utf8": "the name's bytes are not UTF-8; they were read as GB18030",
    "path_unlike": "the path is not as 'columns' in the declaration says; those stay empty",
}


SETTLED_NS = 2_000_000_000


@dataclass(slots=True)
class _Object:
    """A file, and what is known of it; ``state`` is other once it was written to.

    ``settled``: its times are older than a clock's tick: a later write shows in them.
    """

    path: Path
    folder: Path
    state: list[int] = field(default_factory=list)
    digest: str | None = None
    type: str | None = None
    problem: str | None = None
    settled: bool = False

    @property
    def name(self) -> str:
        return decode_name(os.fsencode(self.path.relative_to(self.folder).as_posix()))


def find_objects(source: ObjectsSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return one delivery: the files that are there, or those that are new; none without news.

    Bytes are in the object store, under their digest, before the delivery is told of. Those of a
    delivery that never lands harm nobody, and are found again.
    """
    at = around.spool / "notes.json"
    notes = load_notes(at)
    parts = around.objects / ".part" / around.spool.name
    sweep(parts, ())
    files = _list_files(source, around.root)
    for file in files:
        _keep(file, notes.get(file.name, [None] * 4), around.objects, parts)
    landed = {name: noted[3] for name, noted in notes.items()}
    _note(at, files, landed)
    told = files
    if not source.is_whole:
        told = [file for file in files if landed.get(file.name) != file.state]
    incoming = _delivery(source, past, told, around)
    now = landed | {file.name: file.state for file in told if file.problem != CHANGED}
    incoming.landed = lambda: _note(at, files, now)
    if not told or past.digests.get(source.path, [None])[-1] == incoming.digest:
        incoming.landed()
        return []
    return [incoming]


def _note(at: Path, files: Sequence[_Object], landed: Mapping[str, list[int]]) -> None:
    """Note what is known of the files, and which of their states have landed."""
    known = {
        file.name: [file.state, file.digest, file.type, landed.get(file.name)]
        for file in files
        if file.settled
    }
    save_notes(at, known)


def _list_files(source: ObjectsSource, root: Path) -> list[_Object]:
    """Return the files that the pattern finds, by path; links to folders are never followed."""
    folder = root / folder_of(source.path)
    pattern = Path(source.path).relative_to(folder_of(source.path)).as_posix()
    wanted, found = glob_regex(pattern), []
    for at, folders, names in os.walk(folder, onerror=_refuse_folder):
        folders[:] = [n for n in folders if "/" in pattern and not n.startswith(".")]
        files = [_Object(Path(at) / name, folder) for name in names if not name.startswith(".")]
        found += [file for file in files if wanted.fullmatch(file.name)]
        links = [_Object(Path(at) / name, folder) for name in folders]
        # What a link within the folder leads to stands in its own place.
        found += [link for link in links if link.path.is_symlink() and _leaves(link)]
    if not found:
        raise ExternalError(
            f"source {source.path}", "no file is there", retryable=True,
            hint="Check the path in the declaration, and that the department has delivered.",
        )  # fmt: skip
    for file in found:
        _look(file)
    return sorted(found, key=lambda file: file.name)


def _refuse_folder(err: OSError) -> None:
    raise ExternalError(
        f"folder {err.filename}", "it cannot be read", retryable=True, hint="Check its permissions."
    ) from err


def _leaves(file: _Object) -> bool:
    return not file.path.resolve().is_relative_to(file.folder.resolve())


def _look(file: _Object) -> None:
    """Say what a path is; nothing is opened, for a pipe would never answer."""
    if _leaves(file):
        file.problem = OUTSIDE
        return
    try:
        seen = file.path.stat()
    except (OSError, RuntimeError):
        file.problem = NO_FILE
        return
    file.state = _state_of(seen)
    file.settled = max(file.state[1:3]) < time.time_ns() - SETTLED_NS
    if not stat.S_ISREG(seen.st_mode):
        file.problem = NO_FILE
    elif not seen.st_size:
        file.problem = EMPTY


def _state_of(seen: os.stat_result) -> list[int]:
    return [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino]


def _keep(file: _Object, noted: Sequence[Any], objects: Path, parts: Path) -> None:
    """Put a file's bytes into the object store; find its digest, its type, or its problem."""
    if file.problem:
        return
    state, digest, found, _ = noted
    if state == file.state and digest and _is_kept(objects, digest, file.state[0]):
        file.digest, file.type = digest, found
        return
    with writing(parts) as writer:
        try:
            head = _copy(file.path, writer)
            changed = _state_of(file.path.stat()) != file.state
        except OSError:
            file.problem = UNREADABLE
            return
        if changed or writer.size != file.state[0]:
            file.problem = CHANGED
            return
        if not _is_kept(objects, writer.digest, writer.size):
            writer.keep(object_path(objects, writer.digest))
    file.digest = writer.digest
    file.type = type_of(head, object_path(objects, writer.digest))


def _copy(path: Path, writer: Writer) -> bytes:
    """Write a file's bytes, piece by piece; return the first ones."""
    head = b""
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            head = head or chunk[:HEAD_BYTES]
            writer.write(chunk)
    return head


def object_path(objects: Path, digest: str) -> Path:
    """Return where the object store has the bytes of a digest."""
    return objects / digest[:2] / digest[2:]


def _is_kept(objects: Path, digest: str, size: int) -> bool:
    path = object_path(objects, digest)
    return path.is_file() and path.stat().st_size == size


def _delivery(
    source: ObjectsSource, past: Past, files: Sequence[_Object], around: Surroundings
) -> Incoming:
    header = [*OBJECT_COLUMNS, *column_names(source.columns or "")]
    pattern = _path_regex(source.columns or "")
    rows = [_row(file, pattern, around.timezone) for file in files]
    findings = [found for line, file in enumerate(files, 1) for found in _findings(line, file)]
    if source.columns:
        unlike = [line for line, f in enumerate(files, 1) if not pattern.fullmatch(f.name)]
        findings += [Finding(line, "path_unlike", _MESSAGES["path_unlike"]) for line in unlike]
    problems = [file.problem for file in files]
    said = json.dumps([rows, problems], ensure_ascii=False).encode()

    def batches() -> Iterator[pa.RecordBatch]:
        builder = BatchBuilder(header, ROWS_PER_BATCH)
        for line, (row, problem) in enumerate(zip(rows, problems, strict=True), 1):
            builder.add(line, row, problem)
            if builder.is_due():
                yield from builder.take()
        yield from builder.take()

    return Incoming(
        source=source.path,
        key=past.run,
        mode=source.batch_mode,
        header=header,
        batches=batches,
        digest=hashlib.sha256(said).hexdigest(),
        findings=findings,
    )


def _row(file: _Object, pattern: re.Pattern[str], zone: str) -> list[str | None]:
    """Return a row's cells; a file with a problem has no digest and no type."""
    size, modified = None, None
    if file.state:
        size = str(file.state[0])
        at = datetime.fromtimestamp(file.state[1] // 1_000_000_000, ZoneInfo(zone))
        modified = at.replace(tzinfo=None).isoformat(sep=" ")
    said = pattern.fullmatch(file.name)
    columns = list(said.groups()) if said else [None] * pattern.groups
    last = file.name.rsplit("/", 1)[-1]
    return [file.name, last, size, file.digest, file.type, modified, *columns]


def _findings(line: int, file: _Object) -> Iterator[Finding]:
    if file.problem:
        yield Finding(line, file.problem, _PROBLEMS[file.problem])
    if file.type and not is_named_so(file.name, file.type):
        yield Finding(line, "suffix_wrong", _MESSAGES["suffix_wrong"])
    if not os.fsencode(file.path).endswith(file.name.encode()):
        yield Finding(line, "name_not_utf8", _MESSAGES["name_not_utf8"])


def _path_regex(columns: str) -> re.Pattern[str]:
    """Return the declared pattern of paths; a part between others is as short as can be."""
    made = ""
    for part in re.split(r"(\{[^{}]*\}|\*)", columns):
        if part.startswith("{"):
            made += "([^/]+?)"
        else:
            made += "[^/]*" if part == "*" else re.escape(part)
    return re.compile(made)

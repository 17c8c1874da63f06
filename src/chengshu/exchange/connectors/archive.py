"""Archives: every member that is asked for becomes a file of its own, or the archive is refused."""

from __future__ import annotations

import gzip
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, TypeVar, cast

from chengshu.exchange.spool import CHUNK_BYTES, Writer, decode_name, short_name, writing
from chengshu.kernel.errors import InputError, Where

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".gz")
MOST_MEMBERS = 10_000
# Tables shrink to a twentieth, rarely to a hundredth; DEFLATE can make a thousandth of zeros.
MOST_RATIO, ALWAYS_BYTES = 300, 64 << 20
_DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError,
    NotImplementedError, UnicodeDecodeError,
)  # fmt: skip
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Member:
    """A file that was taken out of an archive."""

    name: str
    digest: str
    path: Path


@dataclass(frozen=True, slots=True)
class _Entry:
    """What an archive says of a member; ``problem`` is why it could not be taken out."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    problem: str | None = None


def is_archive(path: Path) -> bool:
    """Tell whether a file is an archive; a workbook is none, whatever its name says."""
    if not path.name.lower().endswith(SUFFIXES):
        return False
    if not zipfile.is_zipfile(path):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except _DAMAGE:
        return True
    return not names & {"[Content_Types].xml", "META-INF/manifest.xml"}


def unpack(path: Path, pattern: str, folder: Path) -> list[Member]:
    """Take the members that match a pattern out of an archive.

    Args:
        path: The archive.
        pattern: Glob over the members' names; over their paths if it has a slash.
        folder: Where they go, each into a folder of its own.

    Raises:
        InputError: The archive is damaged, or holds what is not taken out: names outside of it,
            encrypted members, archives, far more bytes than it has itself.
    """
    where, taken = Where(path.name), dict[str, Member]()
    budget = _Budget(where, max(ALWAYS_BYTES, MOST_RATIO * path.stat().st_size))
    entries = _undamaged(_entries(path), where)
    for number, entry in enumerate(entries, 1):
        name = _safe_name(entry.name, where)
        if number > MOST_MEMBERS:
            raise _refused(where, f"it has more than {MOST_MEMBERS} members")
        if not _is_wanted(name, pattern):
            budget.spend(entry.size)
            continue
        problem = entry.problem or ("is an archive" if name.lower().endswith(SUFFIXES) else None)
        problem = "stands in it twice" if name in taken else problem
        if problem:
            raise _refused(where, f"its member {name} {problem}")
        with writing(folder) as writer:
            _copy(entry, writer, budget, where)
            target = folder / str(number) / short_name(name)
            writer.keep(target)
        taken[name] = Member(name, writer.digest, target)
    if not taken:
        raise InputError(
            f"none of its members matches {pattern!r}", where=where,
            hint="Check 'members' in the declaration.",
        )  # fmt: skip
    return list(taken.values())


@dataclass(slots=True)
class _Budget:
    where: Where
    left: int

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise _refused(self.where, f"it holds more than {MOST_RATIO} times its own bytes")


def _copy(entry: _Entry, writer: Writer, budget: _Budget, where: Where) -> None:
    for chunk in _undamaged(_chunks(entry), where):
        budget.spend(len(chunk))
        writer.write(chunk)


def _chunks(entry: _Entry) -> Iterator[bytes]:
    with entry.open() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _undamaged(parts: Iterator[_Part], where: Where) -> Iterator[_Part]:
    try:
        yield from parts
    except _DAMAGE as err:
        raise InputError(
            "the archive is damaged, not complete, or not what its name says", where=where,
            hint="Ask the department for it again.",
        ) from err  # fmt: skip


def _entries(path: Path) -> Iterator[_Entry]:
    """Yield the members that are no folders, in the order of the archive."""
    name = path.name.lower()
    if name.endswith(".zip"):
        yield from _zip_entries(path)
    elif name.endswith((".tar", ".tar.gz", ".tgz")):
        yield from _tar_entries(path)
    else:
        yield _Entry(path.name[: -len(".gz")], 0, lambda: cast(IO[bytes], gzip.GzipFile(path)))


def _zip_entries(path: Path) -> Iterator[_Entry]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir() or info.orig_filename.endswith("\\"):
                continue
            name = info.orig_filename
            if not info.flag_bits & _UTF8_NAME:
                name = decode_name(name.encode("cp437"))
            problem = "is encrypted" if info.flag_bits & _ENCRYPTED else None
            yield _Entry(name, 0, lambda info=info: archive.open(info), problem)  # type: ignore[misc]


def _tar_entries(path: Path) -> Iterator[_Entry]:
    # As a stream: a compressed archive that is read by places is unpacked again for each.
    with tarfile.open(path, "r|*", encoding="utf-8", errors="surrogateescape") as archive:
        for info in archive:
            if info.isdir():
                continue
            name = decode_name(info.name.encode("utf-8", "surrogateescape"))
            problem = None if info.isfile() else "is a link or a device"
            opened = archive.extractfile(info) if problem is None else None
            yield _Entry(name, info.size, lambda opened=opened: opened, problem)  # type: ignore[misc]


def _safe_name(name: str, where: Where) -> str:
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    outside = path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in parts
    if outside or not parts or "\0" in path:
        raise _refused(where, "a member's name leads out of it")
    return "/".join(parts)


def _is_wanted(name: str, pattern: str) -> bool:
    last = name.rsplit("/", 1)[-1]
    # What machines add by themselves is nobody's delivery.
    if name.startswith("__MACOSX/") or last.startswith((".", "~$")) or last == "Thumbs.db":
        return False
    return fnmatchcase(name if "/" in pattern else last, pattern)


def _refused(where: Where, problem: str) -> InputError:
    return InputError(
        f"the archive is refused: {problem}", where=where,
        hint="Ask the department to deliver the files themselves, or in a plain archive.",
    )  # fmt: skip

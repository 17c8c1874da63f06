"""What a stream has sent and has not landed yet: numbered files of JSON lines in a folder.

A file that is written is called ``.part``, one that is whole ``.jsonl``, one that stands in landing
``.landed``. The newest of the last kind are kept as a memory of what came, so that a message sent
again is known. A name is used once, even if the folder is emptied.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

from chengshu.kernel.errors import ExternalError

# More than a broker has under way to us at once, and so few that numbers of packets (which begin
# again after 65,535) do not meet an earlier use of theirs.
MEMORY = 30_000
PART, WHOLE, LANDED = ".part", ".jsonl", ".landed"


@contextmanager
def holding(folder: Path) -> Iterator[bool]:
    """Yield whether we alone may write the folder; the kernel frees it when a process ends."""
    with _written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("ab")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def waiting(folder: Path) -> list[Path]:
    """Return the files that are whole and have not landed, in the order in which they came."""
    return sorted(folder.glob(f"*{WHOLE}"))


def forget(path: Path) -> None:
    """Put a file that landed aside, and remove those that are older than the memory reaches."""
    with suppress(FileNotFoundError):
        path.rename(path.with_suffix(LANDED))
    newer = 0
    for kept in _kept(path.parent):
        if newer >= MEMORY and kept.suffix == LANDED:
            kept.unlink(missing_ok=True)
        newer += _rows(kept)


def remembered(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the last messages that came, at least `MEMORY` of them if there are so many."""
    chosen: list[Path] = []
    for path in takewhile(lambda _: sum(map(_rows, chosen)) < MEMORY, _kept(folder)):
        chosen.append(path)
    for path in reversed(chosen):
        with path.open("rb") as stream:
            yield from map(json.loads, stream)


def stored(folder: Path, name: str, make: str | None = None) -> str | None:
    """Return the text kept under a name; with ``make`` it becomes that."""
    path, fresh = folder / name, folder / f"{name}.new"
    if make is None:
        return path.read_text(encoding="utf-8") if path.exists() else None
    with _written(folder):
        with fresh.open("w", encoding="utf-8") as stream:
            stream.write(make)
            stream.flush()
            _sync(stream.fileno())
        fresh.rename(path)
        _sync_folder(folder)
    return make


class SpoolWriter:
    """Writes the folder's next files; only for who holds the folder."""

    def __init__(self, folder: Path, most: int) -> None:
        """Begin; what an interrupted writer left becomes a whole file.

        Args:
            folder: The folder.
            most: How many lines a file has at most.
        """
        self.folder, self.most = folder, most
        self.rows, self.since = 0, 0.0
        self._stream: BinaryIO | None = None
        for part in folder.glob(f"*{PART}"):
            with _written(folder):
                _close_part(part, _mend(part))

    def add(self, line: str) -> None:
        """Add one line; it is safe after `commit`."""
        if self.rows >= self.most:
            self.commit()
        try:
            (self._stream or self._begin()).write(line.encode() + b"\n")
        except OSError as err:
            raise _error(self.folder) from err
        self.rows += 1

    def commit(self) -> None:
        """Bring what was added to the disk; a file that has its lines is then whole."""
        if self._stream is None:
            return
        with _written(self.folder):
            self._stream.flush()
            _sync(self._stream.fileno())
        if self.rows >= self.most:
            self.seal()

    def seal(self) -> None:
        """Make what was committed a whole file."""
        if self._stream is None:
            return
        with _written(self.folder):
            self._stream.close()
            _close_part(Path(self._stream.name), self.rows)
        self._stream, self.rows = None, 0

    def abandon(self) -> None:
        """Let go of the file; the next writer mends it."""
        if self._stream is not None:
            with suppress(OSError):
                self._stream.close()
            self._stream = None

    def _begin(self) -> BinaryIO:
        last = max((int(path.name.split("-")[0]) for path in _kept(self.folder)), default=0)
        path = self.folder / f"{last + 1:012}-{token_hex(4)}{PART}"
        self._stream = stream = path.open("xb", buffering=1 << 16)
        _sync_folder(self.folder)
        self.since = time.monotonic()
        return stream


def _kept(folder: Path) -> Iterator[Path]:
    """Yield the files that are whole, landed or not, the newest first."""
    names = (path for end in (WHOLE, LANDED) for path in folder.glob(f"*{end}"))
    yield from sorted(names, reverse=True)


def _rows(path: Path) -> int:
    return int(path.stem.split("-")[2])


def _close_part(part: Path, rows: int) -> None:
    if rows:
        part.rename(part.with_name(f"{part.stem}-{rows}{WHOLE}"))
    else:
        part.unlink()
    _sync_folder(part.parent)


def _mend(part: Path) -> int:
    """Cut what a power cut tore off the end, and return how many lines are whole.

    What was cut off had not been acknowledged, and comes again.
    """
    rows = good = 0
    with part.open("r+b") as stream:
        for line in stream:
            if not line.endswith(b"\n") or not _is_json(line):
                break
            rows, good = rows + 1, good + len(line)
        stream.truncate(good)
        _sync(stream.fileno())
    return rows


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _sync(handle: int) -> None:
    os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise _error(folder) from err


def _error(folder: Path) -> ExternalError:
    return ExternalError(
        f"spool {folder.name}", "what was received cannot be written", retryable=True,
        hint="Look at the home's disk; the broker keeps what was not acknowledged.",
    )  # fmt: skip

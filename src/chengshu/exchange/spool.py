"""What a connector keeps on disk: whole files only, and small notes that are safe to lose.

And what file names are: bytes in one of two encodings, matched by globs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from chengshu.kernel.errors import ExternalError

CHUNK_BYTES = 1 << 20
LONGEST_NAME = 80
_FORM = 1


def decode_name(raw: bytes) -> str:
    """Return a file name that is UTF-8 or, as on many departments' machines, GB18030."""
    for codec in ("utf-8", "gb18030"):
        with suppress(UnicodeDecodeError):
            return raw.decode(codec)
    return raw.decode("utf-8", "backslashreplace")


def glob_regex(pattern: str) -> re.Pattern[str]:
    """Return a glob over paths as a regular expression; ``**`` is any number of folders."""
    made = ""
    for part in re.split(r"(\*\*/|\*|\?|\[[^/\]]+\])", pattern):
        plain = {"**/": "(?:[^/]+/)*", "*": "[^/]*", "?": "[^/]"}.get(part)
        if plain is None and part.startswith("["):
            inside = part[1:-1].replace("\\", r"\\")
            plain = f"[{'^' + inside[1:] if inside.startswith('!') else inside}]"
        made += re.escape(part) if plain is None else plain
    return re.compile(made)


class Writer:
    """Takes a file's bytes; nothing has its name before all of them are on the disk."""

    def __init__(self, folder: Path) -> None:
        """Begin a file with a temporary name in the folder."""
        self._folder, self.size, self._hash = folder, 0, hashlib.sha256()
        with _on_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            handle, self._temporary = mkstemp(prefix=".part-", dir=folder)
            self._stream = os.fdopen(handle, "wb")

    @property
    def digest(self) -> str:
        """Return the SHA-256 of what was written."""
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Add bytes."""
        with _on_disk(self._folder):
            self._stream.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def keep(self, path: Path) -> None:
        """Give the file its name, once it is safe on the disk."""
        with _on_disk(path.parent):
            self._stream.flush()
            os.fsync(self._stream.fileno())
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._temporary, path)
            _sync_folder(path.parent)

    def close(self) -> None:
        """End the file; without a name it is removed."""
        # What could not be flushed belongs to a file that is given up.
        with suppress(OSError):
            self._stream.close()
        Path(self._temporary).unlink(missing_ok=True)


@contextmanager
def writing(folder: Path) -> Iterator[Writer]:
    """Write a file under a temporary name in a folder; it stays only if it is told to keep.

    Raises:
        ExternalError: The disk does not take it.
    """
    with closing(Writer(folder)) as writer:
        yield writer


@contextmanager
def _on_disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise ExternalError(
            f"folder {folder}", "a file cannot be written there", retryable=True,
            hint="Check that the disk has room and that this account may write.",
        ) from err  # fmt: skip


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def short_name(name: str) -> str:
    """Return the last part of a name, short enough for any file system, its suffix kept."""
    last = name.replace("\0", "_").rsplit("/", 1)[-1]
    return last if len(last) <= LONGEST_NAME else "_" + last[1 - LONGEST_NAME :]


def sweep(folder: Path, keep: Iterable[Path]) -> None:
    """Remove what lies below a folder but the files to keep."""
    kept = set(keep)
    needed = {parent for path in kept for parent in path.parents}
    for path in list(folder.iterdir()) if folder.is_dir() else []:
        if path in needed:
            sweep(path, kept)
        elif path not in kept:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def load_notes(path: Path) -> dict[str, Any]:
    """Return what was noted; nothing where the file is lost, damaged or of another form."""
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(noted, dict) or noted.pop("form", None) != _FORM:
        return {}
    return noted


def save_notes(path: Path, notes: Mapping[str, Any]) -> None:
    """Note something in the place of what was noted."""
    with writing(path.parent) as writer:
        writer.write(json.dumps({**notes, "form": _FORM}, ensure_ascii=False).encode())
        writer.keep(path)

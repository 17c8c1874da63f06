"""The commands `backup` and `restore`: a home as it is at one moment, and put back.

A backup is a folder that looks like the home, with a list of its files and their digests. It may be
made while the home is served. What says that work is done is copied before the work itself: what a
run did in between is done again after a restore, and every step knows whether it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from chengshu.engine.lake_copy import copy_sqlite, list_named_files
from chengshu.kernel.clock import utc_now
from chengshu.kernel.errors import InputError, IntegrityError
from chengshu.main.home import open_home
from chengshu.main.render import progress_of_rows, say

LIST = "backup.json"
BLOCK = 1 << 20
# Databases in this order, the stores' last; with what has been received and has not landed between.
FIRST, LAST = ("flows.sqlite", "state.sqlite"), "lake/catalog.sqlite"
FOLDERS = ("keys", "packs")
# Files here are never changed once they are whole.
LASTING = ("lake/data/", "objects/")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a backup: its path in the home, its size and the SHA-256 of its bytes."""

    path: str
    bytes: int
    sha256: str


def backup(root: Path, to: Path) -> None:
    """Write a new backup of a home into the folder ``to``; what an earlier one holds is linked."""
    home = open_home(root)
    earlier = _newest(to)
    made = to / f"{utc_now():%Y%m%dT%H%M%SZ}"
    partial = made.with_suffix(".partial")
    partial.mkdir(parents=True, mode=0o700)
    for name in FIRST:
        _copy_database(home.root / name, partial / name)
    _copy_spool(home.root / "spool", partial / "spool")
    _copy_database(home.root / LAST, partial / LAST)
    for name in FOLDERS:
        if (home.root / name).is_dir():
            shutil.copytree(home.root / name, partial / name)
    shutil.copy2(home.root / "config.toml", partial)
    files = [_described(partial, path) for path in _walk(partial)]
    linked = _bring_lasting(home.root, partial, files, earlier)
    _write(partial, files)
    partial.rename(made)
    _tell(made, files, linked)
    if not home.pack.is_relative_to(home.root.resolve()):
        say(f"the city pack is not in the home and not in the backup: keep {home.pack} yourself")
    say(f"next: chengshu restore {made} NEW_FOLDER")


def restore(made: Path, root: Path) -> None:
    """Put a backup into a new folder, every byte of it compared with what was written down.

    Raises:
        InputError: ``made`` is no backup, or the folder holds something.
        IntegrityError: A file of the backup is missing or another.
    """
    if root.exists() and any(root.iterdir()):
        raise InputError(f"{root} is not empty", hint="Restore into a new folder.")
    if not (made / LIST).is_file():
        raise InputError(f"{made} is no backup", hint=f"A whole one holds the file {LIST}.")
    files = _read(made)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    root.chmod(0o700)
    with progress_of_rows("restore", len(files)) as tell:
        for done, file in enumerate(files, 1):
            source, to = made / file.path, root / file.path
            to.parent.mkdir(parents=True, exist_ok=True)
            if not source.is_file() or _copy(source, to) != file.sha256:
                raise IntegrityError(
                    f"{source} is missing or not what was backed up. Restore another backup; "
                    f"what has come into {root} so far is not to be used"
                )
            tell(done)
    home = open_home(root)
    say(f"restored {len(files):,} files of {made.name} into {root}")
    say(f"next: chengshu --home {home.root} status")


def _bring_lasting(root: Path, partial: Path, files: list[File], earlier: Path | None) -> int:
    """Bring what never changes and add it to ``files``: linked to the earlier backup, or copied.

    Returns how many files are linked.
    """
    known = {file.path: file for file in _read(earlier)} if earlier else {}
    linked = 0
    with progress_of_rows("copy files") as tell:
        for path in _list_lasting(root, partial / LAST):
            to = partial / path
            to.parent.mkdir(parents=True, exist_ok=True)
            if earlier and path in known and (earlier / path).is_file():
                os.link(earlier / path, to)
                linked += 1
                files.append(known[path])
            else:
                files.append(File(path, (root / path).stat().st_size, _copy(root / path, to)))
            tell(len(files))
    return linked


def _list_lasting(root: Path, catalog: Path) -> Iterator[str]:
    """Yield the files that the copied catalogue names, then the objects."""
    for named in sorted(list_named_files(catalog)) if catalog.exists() else ():
        path = f"{LASTING[0]}{named}"
        if not (root / path).is_file():
            raise IntegrityError(f"the lake names a file that is not there: {root / path}")
        yield path
    yield from (f"{LASTING[1]}{path}" for path in _walk(root / "objects"))


def _copy_spool(source: Path, to: Path) -> None:
    """Copy what has been received and has not landed; it may come and be renamed meanwhile."""
    while new := [path for path in _walk(source) if not (to / path).exists()]:
        for path in new:
            (to / path).parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                shutil.copy2(source / path, to / path)


def _copy_database(source: Path, to: Path) -> None:
    if source.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        copy_sqlite(source, to)


def _copy(source: Path, to: Path) -> str:
    """Copy a file and its mode; return the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    with source.open("rb") as read, to.open("wb") as write:
        while block := read.read(BLOCK):
            digest.update(block)
            write.write(block)
    shutil.copymode(source, to)
    return digest.hexdigest()


def _described(root: Path, path: str) -> File:
    with (root / path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return File(path, (root / path).stat().st_size, digest)


def _walk(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def _newest(folder: Path) -> Path | None:
    made = [path.parent for path in folder.glob(f"*/{LIST}") if not path.parent.suffix]
    return max(made, default=None)


def _read(made: Path) -> list[File]:
    try:
        return [File(**file) for file in json.loads((made / LIST).read_text("utf-8"))["files"]]
    except (ValueError, KeyError, TypeError) as err:
        raise IntegrityError(f"{made / LIST} cannot be read as the list of a backup") from err


def _write(partial: Path, files: list[File]) -> None:
    text = json.dumps({"files": [asdict(file) for file in files]}, ensure_ascii=False, indent=0)
    with (partial / LIST).open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _tell(made: Path, files: list[File], linked: int) -> None:
    size = sum(file.bytes for file in files) / (1 << 20)
    say(f"backed up {len(files):,} files, {size:,.1f} MiB, into {made}")
    if linked:
        say(f"{linked:,} of them are the earlier backup's, linked: they take no room")

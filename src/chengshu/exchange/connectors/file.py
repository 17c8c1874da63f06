"""Files in a folder of a department's front store; each file is one delivery."""

from __future__ import annotations

import glob
import os
from itertools import takewhile
from pathlib import Path

from chengshu.catalog.file_source import FileSource
from chengshu.exchange.connectors.delivered import Held, deliveries_of, digest_of
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.exchange.spool import decode_name
from chengshu.kernel.errors import ExternalError


def find_files(source: FileSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return the files, and those in archives, that have not landed as they are now.

    A file is known by its path below the source's folder.
    """
    found = []
    for name in list_files(source.path, around.root):
        path = around.root / name
        found.append(Held(shown_name(source.path, name), digest_of(path), lambda p=path: p))  # type: ignore[misc]
    return deliveries_of(source, past, found, around.spool)


def list_files(pattern: str, root: Path) -> list[str]:
    """Return the paths that a pattern finds, in order, at least one.

    Raises:
        ExternalError: There is none.
    """
    names = find_names(pattern, root)
    if not names:
        raise ExternalError(
            f"source {pattern}", "no file is there", retryable=True,
            hint="Check the path in the declaration, and that the department has delivered.",
        )  # fmt: skip
    return names


def find_names(pattern: str, root: Path) -> list[str]:
    """Return the paths that a pattern finds, in order, also when there is none."""
    # The folder is given apart: signs in its name are no pattern.
    found = set(glob.glob(pattern, root_dir=root, recursive=True))
    return sorted(name for name in found if (root / name).is_file())


def find_landed(source: FileSource, root: Path, shown: str, digest: str) -> Path | None:
    """Return the file that landed as ``shown``, if it is still there with the same bytes."""
    return next(
        (
            root / name
            for name in find_names(source.path, root)
            if shown_name(source.path, name) == shown and digest_of(root / name) == digest
        ),
        None,
    )


def shown_name(pattern: str, name: str) -> str:
    """Return a path below the part of a pattern that is a folder's plain name."""
    return decode_name(os.fsencode(Path(name).relative_to(folder_of(pattern)).as_posix()))


def folder_of(pattern: str) -> Path:
    """Return the part of a pattern that is a folder's plain name."""
    return Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts[:-1]))

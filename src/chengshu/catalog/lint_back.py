"""What is wrong with where a resource is delivered back: nothing is pulled from there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from chengshu.catalog.back import PostgresBack
from chengshu.catalog.file_source import FileSource, ObjectsSource
from chengshu.catalog.model import Resource
from chengshu.catalog.pack import Pack
from chengshu.catalog.source import PostgresSource, SqliteSource

KINDS = ("findings", "receipts")


def lint_back(pack: Pack, resource: Resource) -> Iterator[str]:
    """Yield what would be pulled again once it has been delivered back."""
    for other in pack.resources.values():
        if place := _shared_place(pack.root, resource, other):
            yield (
                f"back: {place} is what {other.id} is pulled from; what is delivered back would "
                "be pulled again. Give it another place or prefix"
            )


def _shared_place(root: Path, resource: Resource, other: Resource) -> str | None:
    back, source = resource.back, other.source
    if back is None:
        return None
    if back.kind == "folder" and isinstance(source, FileSource | ObjectsSource):
        return f"folder {back.path}" if _is_read(root, source.path, back.path) else None
    same = (
        back.kind == "sqlite"
        and isinstance(source, SqliteSource)
        and _resolved(root, back.path) == _resolved(root, source.path)
    ) or (
        isinstance(back, PostgresBack)
        and isinstance(source, PostgresSource)
        and (back.host, back.port, back.database) == (source.host, source.port, source.database)
    )
    if not same or not isinstance(source, SqliteSource | PostgresSource):
        return None
    # A table without a schema may be in any: the server decides where it looks.
    ours = {f"{back.prefix}_{kind}".split(".")[-1].lower() for kind in KINDS}
    read = source.table if back.kind == "sqlite" else source.table.split(".")[-1]
    return f"table {source.table}" if read.lower() in ours else None


def _is_read(root: Path, pattern: str, folder: str) -> bool:
    """Tell whether files of the folder may be among those of a glob."""
    parts = Path(pattern).parts
    wild = next((at for at, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    base, ours = _resolved(root, str(Path(*parts[:wild]))), _resolved(root, folder)
    deep = wild < len(parts) - 1
    return ours == base or (deep and base in ours.parents)


def _resolved(root: Path, path: str) -> Path:
    return Path(os.path.normpath(root.absolute() / path))

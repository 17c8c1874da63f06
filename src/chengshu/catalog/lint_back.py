"""What is wrong with where a resource is delivered back: nothing is pulled from there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from chengshu.catalog.back import Back, FolderBack, PostgresBack, SqliteBack
from chengshu.catalog.file_source import FileSource, ObjectsSource
from chengshu.catalog.model import Resource
from chengshu.catalog.mysql_server import MysqlServer
from chengshu.catalog.pack import Pack
from chengshu.catalog.source import MysqlSource, PostgresSource, Source, SqliteSource

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
    if isinstance(back, FolderBack) and isinstance(source, FileSource | ObjectsSource):
        return f"folder {back.path}" if _is_read(root, source.path, back.path) else None
    if back is None or not isinstance(source, SqliteSource | PostgresSource | MysqlSource):
        return None
    ours = {_table(root, back, f"{back.prefix}_{kind}") for kind in KINDS}
    return f"table {source.table}" if _table(root, source, source.table) in ours else None


def _table(root: Path, declared: Back | Source, name: str) -> tuple[object, ...]:
    """Return what names a table the same in a source and in a way back."""
    name = name.lower()
    match declared:
        case SqliteBack() | SqliteSource():
            return _resolved(root, declared.path), name
        case PostgresBack() | PostgresSource():
            # A table without a schema may be in any: the server decides where it looks.
            place = declared.host, declared.port, declared.database
            return *place, name.rpartition(".")[2]
        case MysqlServer():
            return declared.address, declared.port, *declared.locate(name)
    return ()


def _is_read(root: Path, pattern: str, folder: str) -> bool:
    """Tell whether files of the folder may be among those of a glob."""
    parts = Path(pattern).parts
    wild = next((at for at, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    base, ours = _resolved(root, str(Path(*parts[:wild]))), _resolved(root, folder)
    deep = wild < len(parts) - 1
    return ours == base or (deep and base in ours.parents)


def _resolved(root: Path, path: str) -> Path:
    return Path(os.path.normpath(root.absolute() / path))

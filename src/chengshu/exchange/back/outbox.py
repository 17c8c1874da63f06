"""The outbox: a parcel is kept as it was first made until its front store has it.

Rules and references change between a delivery that was cut off and the next try, and findings
with them. What is tried again is the same parcel, so its receipt is known for what it is.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from chengshu.catalog import Resource
from chengshu.exchange.back.port import Parcel
from chengshu.kernel.errors import ExternalError


def folder_of(spool: Path, resource: Resource) -> Path:
    """Return the folder of the resource's parcels that are on their way."""
    return spool / "back" / resource.table


def find_parcel(
    spool: Path, resource: Resource, batch: int, kind: str, columns: Mapping[str, str]
) -> Parcel | None:
    """Return the parcel of the batch that is kept, if one is."""
    path = _path(spool, resource, batch, kind)
    if not path.exists():
        return None
    digest, count = hashlib.sha256(), 0
    with path.open("rb") as lines:
        for line in lines:
            digest.update(line)
            count += 1
    return Parcel(
        resource.id,
        resource.table,
        batch,
        kind,
        columns,
        lambda: _rows(path),
        count,
        digest.hexdigest(),
    )


def keep_parcel(
    spool: Path, resource: Resource, batch: int, kind: str, rows: Iterable[Sequence[str | None]]
) -> None:
    """Keep the rows of a parcel, all of them or none.

    Raises:
        ExternalError: The spool cannot be written.
    """
    path = _path(spool, resource, batch, kind)
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="\n") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as err:
        part.unlink(missing_ok=True)
        raise ExternalError(
            f"spool {path.parent}", f"a parcel cannot be written ({os.strerror(err.errno or 0)})",
            retryable=True, hint="Make room, and run again.",
        ) from err  # fmt: skip


def forget_others(spool: Path, resource: Resource, batches: Iterable[int]) -> None:
    """Take away what is kept of batches other than these."""
    kept = {str(batch) for batch in batches}
    for path in folder_of(spool, resource).glob("*"):
        if path.name.split(".")[0] not in kept:
            path.unlink(missing_ok=True)


def _path(spool: Path, resource: Resource, batch: int, kind: str) -> Path:
    return folder_of(spool, resource) / f"{batch}.{kind}.jsonl"


def _rows(path: Path) -> Iterator[list[str | None]]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield json.loads(line)

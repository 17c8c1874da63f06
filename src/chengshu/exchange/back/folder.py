"""Deliver into a folder: a CSV file that appears whole, then its receipt beside it."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from chengshu.catalog.back import FolderBack
from chengshu.exchange.back.port import PLACE, Parcel, Receipt, check_receipt, name_of
from chengshu.exchange.files.write import render_csv_line
from chengshu.exchange.port import Surroundings
from chengshu.kernel.clock import utc_now
from chengshu.kernel.errors import ConflictError, ExternalError

WHY = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
    errno.EACCES: "this account may not write there",
    errno.EPERM: "this account may not write there",
    errno.EROFS: "the disk may only be read",
}


def deliver_folder(back: FolderBack, parcel: Parcel, around: Surroundings) -> Receipt:
    """Deliver a parcel as a CSV file and its receipt, ``<name>.ok`` (see the port).

    The receipt alone says that the file has been delivered: a department may take the file away,
    and puts ``<name>.taken`` there if it wants that to be known.
    """
    folder = around.root / back.path
    if not folder.is_dir():
        raise ExternalError(
            name_of(back), "there is no such folder", retryable=True,
            hint="Check the path in the declaration, and that the disk is there.",
        )  # fmt: skip
    to = folder / f"{back.prefix}_{parcel.table}_{parcel.batch:06}_{parcel.kind}.csv"
    try:
        return _deliver(back, to, parcel)
    except OSError as err:
        problem = WHY.get(err.errno or 0, "the file cannot be written")
        raise ExternalError(
            name_of(back), problem, retryable=True, hint="The next run delivers again."
        ) from err


def _deliver(back: FolderBack, to: Path, parcel: Parcel) -> Receipt:
    told = to.with_name(f"{to.name}.ok")
    if told.exists():
        taken = to.with_name(f"{to.name}.taken").exists()
        return check_receipt(name_of(back), parcel, _read_receipt(back, told, taken=taken))
    digest = _digest_of(_lines(parcel))
    if not to.exists():
        _write_whole(to, _lines(parcel))
    with to.open("rb") as file:
        # Another's file is not written over, and ours was not written if it differs.
        whole = hashlib.file_digest(file, "sha256").hexdigest() == digest
    if not whole:
        raise ConflictError(
            f"{name_of(back)}: {to.name} is there, and is not what would be written. Move it away, "
            "or give back another prefix."
        )
    receipt = Receipt(parcel.count, parcel.digest, utc_now().isoformat(timespec="seconds"))
    said = {
        "resource": parcel.resource, "batch": parcel.batch, "kind": parcel.kind,
        "rows": receipt.rows, "sha256": digest, "digest": receipt.digest,
        "delivered_at": receipt.delivered_at,
    }  # fmt: skip
    _write_whole(told, [json.dumps(said, ensure_ascii=False).encode() + b"\n"])
    return receipt


def _read_receipt(back: FolderBack, path: Path, *, taken: bool) -> Receipt:
    try:
        said = json.loads(path.read_bytes())
        return Receipt(
            int(said["rows"]),
            str(said["digest"]),
            str(said["delivered_at"]),
            "taken" if taken else None,
        )
    except (ValueError, KeyError, TypeError) as err:
        raise ConflictError(
            f"{name_of(back)}: the receipt {path.name} is none of ours, or was edited. Move it "
            "away with its file, and run again."
        ) from err


def _lines(parcel: Parcel) -> Iterator[bytes]:
    """Yield the file: UTF-8 with a mark at its start, without which Excel takes it for GBK."""
    yield ("\ufeff" + render_csv_line([*PLACE, *parcel.columns])).encode()
    for row in parcel.numbered():
        yield render_csv_line([None if cell is None else str(cell) for cell in row]).encode()


def _digest_of(lines: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def _write_whole(to: Path, lines: Iterable[bytes]) -> None:
    """Write a file that appears whole, and stays through a power cut; or nothing."""
    part = to.with_name(f".{to.name}.part")
    # What a try before left; and never through a link that someone else has put there.
    part.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        part.rename(to)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(to.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

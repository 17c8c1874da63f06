"""Files of tables, wherever they came from: which of them are news, and each as a delivery."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from chengshu.catalog.file_source import TableFiles
from chengshu.exchange.connectors.archive import SUFFIXES, is_archive, unpack
from chengshu.exchange.files import TableFile, open_table
from chengshu.exchange.port import Incoming, Past, zero_report
from chengshu.exchange.spool import load_notes, save_notes, sweep
from chengshu.kernel.errors import ExternalError, InputError, Where

Listed = list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Held:
    """A file that a department has delivered.

    Attributes:
        shown: Its path below the source's folder; ``archive!member``.
        digest: SHA-256 of its bytes.
        path: Returns where it can be read, having fetched it there if need be.
        landed: Told at each pull once all that it holds has landed.
    """

    shown: str
    digest: str
    path: Callable[[], Path]
    landed: Callable[[], None] = field(default=lambda: None)


def deliveries_of(
    source: TableFiles, past: Past, found: Sequence[Held], spool: Path
) -> list[Incoming]:
    """Return the files that have not landed as they are now, by business date and path.

    A file waits when its bytes are others than those that landed last under its name: an older
    state that comes back is news too. Copies in ``spool`` that do not wait are removed.
    """
    waiting: list[tuple[Held, Held, set[str]]] = []
    for held, members in _unpacked(source, found, spool):
        for member in members:
            _place_of(source, member.shown)  # Also of those that landed: the pattern fits them all.
        news = [member for member in members if _is_news(member, past)]
        left = {member.shown for member in news}
        waiting += [(member, held, left) for member in news]
        if not news:
            held.landed()
    made, paths = [], []
    for member, held, left in sorted(waiting, key=lambda w: _place_of(source, w[0].shown)):
        paths.append(member.path())
        incoming = _incoming(source, member, paths[-1], past)
        incoming.landed = _told(paths[-1], spool, member.shown, left, held)
        made.append(incoming)
    for folder in ("files", "members"):
        sweep(spool / folder, paths)
    return made


def _is_news(held: Held, past: Past) -> bool:
    landed = past.digests.get(held.shown, ())
    return not landed or landed[-1] != held.digest


def _told(path: Path, spool: Path, shown: str, left: set[str], held: Held) -> Callable[[], None]:
    """Return what to do when a delivery has landed: our copy goes, and perhaps the original."""

    def landed() -> None:
        if path.is_relative_to(spool):
            path.unlink(missing_ok=True)
        left.discard(shown)
        if not left:
            held.landed()

    return landed


def _unpacked(
    source: TableFiles, found: Sequence[Held], spool: Path
) -> Iterator[tuple[Held, list[Held]]]:
    """Yield each file with the members that it has as an archive, or itself.

    What an archive holds is noted, so it is unpacked again only for a member that waits.
    """
    at, noted = spool / "members.json", load_notes(spool / "members.json")
    keys = {held.shown: f"{held.digest} {source.members}" for held in found}
    notes = {key: noted[key] for key in keys.values() if key in noted}
    for held in found:
        key = keys[held.shown]
        if not held.shown.lower().endswith(SUFFIXES):
            yield held, [held]
            continue
        if key not in notes:
            notes[key] = _list_members(held, source, spool)
            save_notes(at, notes)
        yield held, _members(held, source, spool, notes[key])


def _list_members(held: Held, source: TableFiles, spool: Path) -> Listed | None:
    """Unpack an archive and return its members; None for a file that only has such a name."""
    path = held.path()
    if not is_archive(path):
        return None
    members = unpack(path, source.members, _folder_of(held, spool))
    return [(m.name, m.digest, m.path.relative_to(spool).as_posix()) for m in members]


def _members(held: Held, source: TableFiles, spool: Path, listed: Listed | None) -> list[Held]:
    def path_of(at: str) -> Path:
        if not (spool / at).is_file():
            unpack(held.path(), source.members, _folder_of(held, spool))
        return spool / at

    if listed is None:
        return [held]
    return [
        Held(f"{held.shown}!{name}", digest, partial(path_of, at)) for name, digest, at in listed
    ]


def _folder_of(held: Held, spool: Path) -> Path:
    return spool / "members" / held.digest[:32]


def _place_of(source: TableFiles, shown: str) -> tuple[int, str, str]:
    """Return what files apply in the order of: number, date, name."""
    return _number_of(source, shown) or 0, str(_date_of(source, shown)), shown


def _incoming(source: TableFiles, held: Held, path: Path, past: Past) -> Incoming:
    again = list(past.digests.get(held.shown, ())).count(held.digest)
    key = f"{held.shown}@{held.digest[:16]}" + (f"#{again + 1}" if again else "")
    about: dict[str, Any] = {
        "as_of": _date_of(source, held.shown),
        "number": _number_of(source, held.shown),
        "digest": held.digest,
    }
    if source.zero and fnmatchcase(_names_of(held.shown)[0], source.zero):
        return zero_report(held.shown, key, **about)
    table = open_table(
        path,
        encoding=source.encoding,
        delimiter=source.delimiter,
        quote=source.quote,
        sheet=source.sheet,
        header=source.header,
        skip=source.skip,
        format=source.format,
    )
    return Incoming(
        source=held.shown,
        key=key,
        mode=source.batch_mode,
        header=table.header,
        batches=lambda: _unmoved(table, path, held.digest),
        findings=table.findings,
        **about,
    )


def _unmoved(table: TableFile, path: Path, digest: str) -> Iterator[pa.RecordBatch]:
    """Yield the batches; a file that changed while it was read is not a delivery."""
    yield from table.batches()
    if digest_of(path) != digest:
        raise ExternalError(
            f"file {path.name}", "it changed while it was read", retryable=True,
            hint="Nothing was taken; pull again when the department has finished writing it.",
        )  # fmt: skip


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises:
        ExternalError: It cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as err:
        raise ExternalError(
            f"file {path.name}", "it cannot be read", retryable=True, hint="Check its permissions."
        ) from err


def _names_of(shown: str) -> list[str]:
    """Return a file's name, and that of the archive it is in."""
    return [Path(part).name for part in reversed(shown.split("!"))]


def _number_of(source: TableFiles, shown: str) -> int | None:
    """Return the batch number that a file's name says, or its archive's; None if undeclared."""
    if source.batch is None:
        return None
    names = _names_of(shown)
    found = next(filter(None, (re.search(source.batch, name) for name in names)), None)
    try:
        return int(found.group(1) if found else "")
    except ValueError as err:
        raise InputError(
            f"the file name has no number where batch {source.batch!r} looks for it",
            where=Where(names[0]),
            hint="Rename the file, or mend the pattern in the declaration.",
        ) from err


def _date_of(source: TableFiles, shown: str) -> datetime | None:
    """Return the business date that a file's name says, or its archive's; None if undeclared."""
    if source.as_of is None:
        return None
    names = _names_of(shown)
    found = next(filter(None, (re.search(source.as_of, name) for name in names)), None)
    groups = found.groups(default="") if found else ()
    whole = r"(\d{4})(\d\d)(\d\d)" if len(groups) == 1 else r"(\d{4})-(\d\d?)-(\d\d?)"
    parts = re.fullmatch(whole, "-".join(groups))
    try:
        year, month, day = map(int, parts.groups() if parts else ())
        return datetime(year, month, day)  # noqa: DTZ001 - a business date has no zone
    except ValueError as err:
        raise InputError(
            f"the file name has no date where as_of {source.as_of!r} looks for it",
            where=Where(names[0]),
            hint="Rename the file, or mend the pattern in the declaration.",
        ) from err

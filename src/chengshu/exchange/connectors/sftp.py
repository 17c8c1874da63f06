"""Files in a folder of an SFTP server; each that is complete is fetched once, and is a delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from chengshu.catalog.file_source import Ready, SftpSource, duration_of
from chengshu.exchange.connectors.delivered import Held, deliveries_of
from chengshu.exchange.connectors.sftp_server import RemoteFile, Server, connected
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.exchange.spool import glob_regex, load_notes, save_notes, short_name, writing
from chengshu.kernel.clock import utc_now
from chengshu.kernel.errors import ExternalError, InputError

# A server tells times in whole seconds. A file whose size and time are the same over two of them
# has no write that its time does not show, so what was fetched then is known by size and time.
LOOKS_APART_S = 2.0
LONGEST_PAUSE_S = 60.0
TEMPORARY = (".part", ".tmp", ".temp", ".filepart", ".partial", ".crdownload", "~")
Found = Mapping[str, RemoteFile]


def find_sftp(source: SftpSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return the complete files, and those in archives, that have not landed as they are now.

    A file is known by its path below the folder. Its bytes are fetched when its size or time is
    another than when they were fetched last.
    """
    pull = _Pull(source, around, load_notes(around.spool / "notes.json"))
    found = asyncio.run(pull.look(past))
    return deliveries_of(source, past, found, around.spool)


@dataclass(slots=True)
class _Pull:
    """One pull.

    ``notes`` holds ``looks``, name → size, time and since when they are so, and ``digests``,
    name → size, time and digest.
    """

    source: SftpSource
    around: Surroundings
    notes: dict[str, Any]

    async def look(self, past: Past) -> list[Held]:
        """Return the complete files; those that are not known by size and time were fetched."""
        async with self._connected() as server:
            found = await self._list(server)
            if pause := self._pause(found):
                await asyncio.sleep(pause)
                found = await self._list(server)
            complete = [file for file in self._wanted(found) if self._is_complete(file, found)]
            held = []
            for file in complete:
                if self._digest(file) or await self._fetch(server, file):
                    held.append(self._held(file, found))
        if not held:
            self._refuse_none(found, past)
        return held

    async def _list(self, server: Server) -> Found:
        """Return the files by name, and note since when each is as it is."""
        files = await server.list_files(deep="/" in self.source.pattern)
        found = {file.name: file for file in files}
        if len(found) < len(files):
            raise InputError(
                f"source {self.source.folder}: two files have one name, in UTF-8 and in GB18030",
                hint="Ask the department to rename one of them.",
            )
        now, looks = utc_now().timestamp(), self.notes.get("looks", {})
        self.notes["looks"] = {
            name: [*file.state, _since(looks.get(name), file, now)] for name, file in found.items()
        }
        known = self.notes.get("digests", {})
        self.notes["digests"] = {name: known[name] for name in found if name in known}
        self._save()
        return found

    def _save(self) -> None:
        save_notes(self.around.spool / "notes.json", self.notes)

    def _wanted(self, found: Found) -> list[RemoteFile]:
        marker = glob_regex(self.source.ready.marker) if self.source.ready.marker else None
        wanted = glob_regex(self.source.pattern)
        return [
            file
            for name, file in sorted(found.items())
            if wanted.fullmatch(name)
            and not is_temporary(name)
            and not (marker and marker.fullmatch(name.rsplit("/", 1)[-1]))
        ]

    def _seen_for(self, file: RemoteFile) -> float:
        """Return for how many seconds a file is known to be as it is."""
        return utc_now().timestamp() - float(self.notes["looks"][file.name][2])

    def _pause(self, found: Found) -> float:
        """Return for how long to wait before the second look; 0 where there is nothing new."""
        stable = self.source.ready.stable
        asked = duration_of(stable).total_seconds() if stable else 0
        needed = LOOKS_APART_S if asked > LONGEST_PAUSE_S else max(asked, LOOKS_APART_S)
        new = [self._seen_for(file) for file in self._wanted(found) if not self._digest(file)]
        return max((needed - seen + 0.05 for seen in new if seen < needed), default=0)

    def _is_complete(self, file: RemoteFile, found: Found) -> bool:
        seen = self._seen_for(file)
        age = max(seen, utc_now().timestamp() - file.modified)
        return seen >= LOOKS_APART_S and is_complete(self.source.ready, file, found, seen, age)

    def _digest(self, file: RemoteFile) -> str | None:
        """Return the digest of a file that was fetched as it is."""
        *state, digest = self.notes["digests"].get(file.name, [None])
        return str(digest) if state == file.state else None

    async def _fetch(self, server: Server, file: RemoteFile) -> bool:
        """Fetch a file; tell whether it stayed as it was. If not, it is left to the next pull."""
        with writing(self.around.spool / "files") as writer:
            if not await server.fetch(file, writer, self.around.moved):
                return False
            writer.keep(self._copy(file, writer.digest))
        self.notes["digests"][file.name] = [*file.state, writer.digest]
        self._save()
        return True

    def _copy(self, file: RemoteFile, digest: str) -> Path:
        place = sha256(file.path + digest.encode()).hexdigest()[:32]
        return self.around.spool / "files" / place / short_name(file.name)

    def _held(self, file: RemoteFile, found: Found) -> Held:
        digest = str(self._digest(file))
        landed = partial(self._landed, file, markers_of(self.source.ready, file, found), digest)
        return Held(file.name, digest, partial(self._path, file), landed)

    def _path(self, file: RemoteFile) -> Path:
        """Return a file's copy, fetched again if it is gone."""

        async def fetch() -> bool:
            async with self._connected() as server:
                return await self._fetch(server, file)

        digest = str(self._digest(file))
        path = self._copy(file, digest)
        if not path.is_file() and not (asyncio.run(fetch()) and self._digest(file) == digest):
            raise ExternalError(
                f"file {file.name}", "it changed while it was read", retryable=True,
                hint="Nothing was taken; pull again.",
            )  # fmt: skip
        return path

    def _landed(self, file: RemoteFile, markers: Sequence[RemoteFile], digest: str) -> None:
        """Do what is declared with a file that has landed, unless it is another one by now."""

        async def leave() -> None:
            async with self._connected() as server:
                if not await server.is_unchanged(file):
                    return
                for one in (file, *markers):
                    if self.source.after == "archive":
                        await server.archive(one, digest)
                    else:
                        await server.remove(one)

        if self.source.after != "keep":
            asyncio.run(leave())

    def _refuse_none(self, found: Found, past: Past) -> None:
        """Tell that nothing can be read where nothing ever could, or all is gone."""
        wanted = len(self._wanted(found))
        name = f"source {self.source.folder}/{self.source.pattern}"
        if wanted and not past.digests:
            raise ExternalError(
                name, f"{wanted} files are there, none is complete", retryable=True,
                hint="Pull again later, or check 'ready' in the declaration.",
            )  # fmt: skip
        if not wanted and (self.source.after == "keep" or not past.digests):
            raise ExternalError(
                name, "no file is there", retryable=True,
                hint="Check folder and pattern in the declaration, and that the department has "
                "delivered.",
            )  # fmt: skip

    def _connected(self) -> Any:
        return connected(self.source, self.around.secret(self.source.secret))


def is_temporary(name: str) -> bool:
    """Tell whether a name is one that uploading programs give until they are done."""
    last = name.rsplit("/", 1)[-1].lower()
    return last.endswith(TEMPORARY) or last.startswith("~$")


def is_complete(ready: Ready, file: RemoteFile, found: Found, seen: float, age: float) -> bool:
    """Tell whether an upload is complete.

    Args:
        ready: How it is known.
        file: The file.
        found: All files of the folder by name.
        seen: For how many seconds it has been as it is, by our looks.
        age: For how many seconds it has been so, by our looks or its own time.
    """
    if ready.marker:
        # A marker from before is not for what is uploaded now.
        markers = markers_of(ready, file, found)
        return any(marker.modified >= file.modified for marker in markers)
    if ready.age:
        return age >= duration_of(ready.age).total_seconds()
    return seen >= duration_of(str(ready.stable)).total_seconds()


def markers_of(ready: Ready, file: RemoteFile, found: Found) -> list[RemoteFile]:
    """Return the done-markers of a file: for its name whole, and without its suffix."""
    folder, slash, last = file.name.rpartition("/")
    names = [last, last.rpartition(".")[0]] if ready.marker else []
    marks = [folder + slash + str(ready.marker).replace("*", name) for name in names if name]
    return [found[mark] for mark in marks if mark in found]


def _since(look: Sequence[float] | None, file: RemoteFile, now: float) -> float:
    """Return since when a file is as it is; a clock that was put back counts from now."""
    if look is None or list(look[:2]) != file.state:
        return now
    return min(float(look[2]), now)

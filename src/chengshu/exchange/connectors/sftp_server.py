"""A folder on an SFTP server: what lies in it, its bytes, and where they go.

Every answer is waited for no longer than the declaration says. What the server itself says is
never repeated. Names are bytes on the way: many servers' names are GB18030.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_DIRECTORY as FOLDER
from asyncssh.constants import FILEXFER_TYPE_REGULAR as FILE
from asyncssh.constants import FILEXFER_TYPE_SYMLINK as LINK

from chengshu.catalog.file_source import SftpSource, duration_of
from chengshu.exchange.spool import CHUNK_BYTES, Writer, decode_name
from chengshu.kernel.errors import ExternalError, InputError

ARCHIVE = b"archive"
# A server has a key of each kind and offers one; the declared one may be any of them.
_KEY_KINDS = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)
_LOST = (
    asyncssh.ConnectionLost, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection,
    ConnectionResetError, BrokenPipeError,
)  # fmt: skip
_OTHER_KEY = (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed, *_LOST)
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of the folder.

    Attributes:
        path: The bytes of its path below the folder.
        size: In bytes.
        modified: Seconds since 1970, by the server's clock.
    """

    path: bytes
    size: int
    modified: int

    @property
    def name(self) -> str:
        """Return its path as text."""
        return decode_name(self.path)

    @property
    def state(self) -> list[int]:
        """Return what is other once it was written to."""
        return [self.size, self.modified]


class _Client(asyncssh.SSHClient):
    """Accepts one host key, and remembers what was offered."""

    def __init__(self, expected: str) -> None:
        self.expected, self.offered = expected, ""

    def validate_host_public_key(self, *asked: Any) -> bool:
        """Tell whether the server's key, the last of what is asked, is the declared one."""
        self.offered = asked[-1].get_fingerprint()
        return self.offered == self.expected


class Server:
    """An open connection to the folder."""

    def __init__(self, source: SftpSource, sftp: asyncssh.SFTPClient) -> None:
        """Use a connection that is open."""
        self._source, self._sftp = source, sftp
        self._folder = source.folder.encode().rstrip(b"/") or b"/"

    async def list_files(self, *, deep: bool) -> list[RemoteFile]:
        """Return the files of the folder, and with ``deep`` of those in it; links count as files.

        Raises:
            ExternalError: The folder is not there or may not be read.
        """
        found, folders = list[RemoteFile](), [b""]
        archives = self._source.after == "archive"
        for folder in folders:
            with _told(self._source, f"folder {decode_name(self._at(folder))!r} cannot be read"):
                names = self._sftp.scandir(self._at(folder))
                while entry := await self._answer(anext(names, None)):
                    name = cast(bytes, entry.filename)
                    path, kind, attrs = _below(folder, name), entry.attrs.type, entry.attrs
                    if name.startswith(b".") or (path == ARCHIVE and archives):
                        continue
                    if kind == LINK:
                        kind, attrs = await self._target(path)
                    if kind == FOLDER and entry.attrs.type != LINK and deep:
                        folders.append(path)
                    if kind == FILE:
                        found.append(_remote(path, attrs))
        return found

    async def fetch(self, file: RemoteFile, writer: Writer, moved: Callable[[], None]) -> bool:
        """Write a file's bytes; tell whether it is still the one that was listed."""
        path = self._at(file.path)
        with _told(self._source, f"file {file.name} cannot be read"):
            stream = await self._answer(self._sftp.open(path, "rb", encoding=None))
            try:
                while chunk := await self._answer(stream.read(CHUNK_BYTES)):
                    writer.write(cast(bytes, chunk))
                    moved()
            finally:
                await self._answer(stream.close())
        return await self.is_unchanged(file) and writer.size == file.size

    async def is_unchanged(self, file: RemoteFile) -> bool:
        """Tell whether a file is there as it was listed."""
        with _told(self._source, f"file {file.name} cannot be read"):
            kind, attrs = await self._target(file.path)
        return kind == FILE and _remote(file.path, attrs) == file

    async def remove(self, file: RemoteFile) -> None:
        """Remove a file from the server."""
        with _told(self._source, f"file {file.name} cannot be removed"):
            await self._answer(self._sftp.remove(self._at(file.path)))

    async def archive(self, file: RemoteFile, digest: str) -> None:
        """Move a file into the folder ``archive``, beside what has its name there already."""
        path = _below(ARCHIVE, file.path)
        with _told(self._source, f"file {file.name} cannot be moved"):
            await self._answer(
                self._sftp.makedirs(self._at(path.rpartition(b"/")[0]), exist_ok=True)
            )
            if await self._answer(self._sftp.lexists(self._at(path))):
                path += f".{digest[:16]}".encode()
            await self._answer(self._sftp.rename(self._at(file.path), self._at(path)))

    async def _target(self, path: bytes) -> tuple[int, asyncssh.SFTPAttrs]:
        """Return what a path leads to; nothing that is known where it leads nowhere."""
        try:
            attrs = await self._answer(self._sftp.stat(self._at(path)))
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return 0, asyncssh.SFTPAttrs()
        return attrs.type, attrs

    async def _answer(self, asked: Awaitable[_Answer]) -> _Answer:
        return await asyncio.wait_for(asked, _timeout(self._source))

    def _at(self, path: bytes) -> bytes:
        return _below(self._folder, path) if path else self._folder


def _below(folder: bytes, path: bytes) -> bytes:
    return folder.rstrip(b"/") + b"/" + path if folder else path


def _remote(path: bytes, attrs: asyncssh.SFTPAttrs) -> RemoteFile:
    return RemoteFile(path, attrs.size or 0, int(attrs.mtime or 0))


@asynccontextmanager
async def connected(source: SftpSource, secret: str) -> AsyncIterator[Server]:
    """Open the folder; another host key than the declared one is refused before we log in.

    Raises:
        ExternalError: The server cannot be reached, is another one, or does not let us in.
        InputError: The secret is no private key.
    """
    connection = await _connect(source, _login(source, secret))
    try:
        with _told(source, "the server lets us in and has no SFTP"):
            sftp = await asyncio.wait_for(
                connection.start_sftp_client(path_encoding=None), _timeout(source)
            )
        yield Server(source, sftp)
    finally:
        # A farewell that the server would have to answer can hang.
        connection.abort()


async def _connect(source: SftpSource, login: dict[str, Any]) -> asyncssh.SSHClientConnection:
    """Return a connection to the server that has the declared key."""
    offered = list[str]()
    with _told(source, "the server cannot be reached"):
        for kinds in _KEY_KINDS:
            client = _Client(source.host_key)
            try:
                return await asyncssh.connect(
                    source.host, source.port, username=source.user, **login,
                    server_host_key_algs=list(kinds), client_factory=lambda c=client: c,
                    # None of this machine's own keys, agents and settings.
                    known_hosts=([], [], []), config=None, agent_path=None, gss_host=None,
                    connect_timeout=_timeout(source), login_timeout=_timeout(source),
                )  # fmt: skip
            except _OTHER_KEY:
                # A server that has no key of a kind may just hang up.
                offered += [client.offered] if client.offered else []
                if source.host_key in offered or (not offered and kinds == _KEY_KINDS[-1]):
                    raise
    raise ExternalError(
        _name(source),
        f"the server's key is not {source.host_key}, it offers {', '.join(offered)}",
        retryable=False,
        hint="It may be another machine. Ask the department whether it has changed the key, and "
        "only then mend host_key in the declaration.",
    )


def _login(source: SftpSource, secret: str) -> dict[str, Any]:
    if source.auth == "password":
        return {"password": secret, "client_keys": None}
    try:
        return {"client_keys": [asyncssh.import_private_key(secret)], "password": None}
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as err:
        raise InputError(
            f"the secret {source.secret!r} is no private key that can be used",
            hint="Store an OpenSSH or PEM key without passphrase: "
            f"chengshu secret {source.secret} < key",
        ) from err


@contextmanager
def _told(source: SftpSource, problem: str) -> Iterator[None]:
    """Tell in our own words what went wrong."""
    lost = "the connection ended in the middle"
    try:
        yield
    except asyncssh.PermissionDenied as err:
        hint = f"Check the user {source.user!r}, and the secret {source.secret!r}."
        raise _failed(source, "the server does not let us in", hint, retryable=False) from err
    except TimeoutError as err:
        hint = "Nothing was taken; pull again. A slow server needs a longer 'timeout'."
        raise _failed(source, f"the server is silent for {source.timeout}", hint) from err
    except _LOST as err:
        raise _failed(source, lost, "Nothing was taken; pull again.") from err
    except asyncssh.SFTPPermissionDenied as err:
        hint = f"Ask that user {source.user!r} is given the right."
        raise _failed(source, f"{problem}: no permission", hint) from err
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory) as err:
        hint = "Check the folder in the declaration."
        raise _failed(source, f"{problem}: it is not there", hint) from err
    except (asyncssh.Error, OSError) as err:
        hint = "Check that it runs, the host and the port."
        raise _failed(source, problem, hint) from err


def _failed(
    source: SftpSource, problem: str, hint: str, *, retryable: bool = True
) -> ExternalError:
    return ExternalError(_name(source), problem, retryable=retryable, hint=hint)


def _timeout(source: SftpSource) -> float:
    return duration_of(source.timeout).total_seconds()


def _name(source: SftpSource) -> str:
    return f"sftp {source.host}:{source.port}"

"""A real OpenSSH server for tests, with keys, settings and a folder of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from chengshu.catalog.source import SftpSource
from tests.support.servers import free_port, missing

SSHD = Path("/usr/sbin/sshd")
SETTINGS = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_ed25519
HostKey {folder}/host_rsa
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
PasswordAuthentication yes
Subsystem sftp internal-sftp {more}
"""


@dataclass
class SshServer:
    """A server on a free loopback port; the user who runs the tests logs in with `key`."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def files(self) -> Path:
        """The folder that the server offers."""
        return self.folder / "files"

    @property
    def key(self) -> str:
        return (self.folder / "user").read_text()

    def emptied(self) -> SshServer:
        """Return the server, with nothing in its folder."""
        shutil.rmtree(self.files)
        self.files.mkdir()
        return self

    def fingerprint(self, kind: str = "ed25519") -> str:
        shown = _keygen("-lf", self.folder / f"host_{kind}.pub")
        return shown.split()[1]

    def make_host_keys(self) -> None:
        for kind in ("ed25519", "rsa"):
            path = self.folder / f"host_{kind}"
            path.unlink(missing_ok=True)
            path.with_suffix(".pub").unlink(missing_ok=True)
            _keygen("-q", "-t", kind, "-N", "", "-f", path)

    def source(self, **more: Any) -> SftpSource:
        return SftpSource.model_validate(self.declared(**more))

    def declared(self, **more: Any) -> dict[str, Any]:
        return {
            "kind": "sftp", "host": "127.0.0.1", "port": self.port, "user": getpass.getuser(),
            "secret": "front", "auth": "key", "host_key": self.fingerprint(),
            "folder": str(self.files), "ready": {"age": "0 seconds"}, "timeout": "5 seconds",
            **more,
        }  # fmt: skip

    def start(self, more: str = "") -> None:
        """Start the server and wait until it answers."""
        config = self.folder / "config"
        config.write_text(SETTINGS.format(port=self.port, folder=self.folder, more=more))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", config], stdout=log, stderr=log, start_new_session=True
            )
        until = time.monotonic() + 20
        while b"Server listening" not in (self.folder / "log").read_bytes():
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def sessions(self) -> list[int]:
        """Return the processes that serve connections."""
        assert self.process is not None
        found, parents = [], [self.process.pid]
        for parent in parents:
            for path in Path("/proc").glob("[0-9]*/stat"):
                with suppress(OSError):
                    pid, _, rest = path.read_text().partition(" (")
                    if int(rest.rpartition(") ")[2].split()[1]) == parent:
                        found.append(int(pid))
                        parents.append(int(pid))
        return found

    def signal_sessions(self, how: int) -> list[int]:
        """Send a signal to what serves connections; return whom it reached."""
        reached = self.sessions()
        for pid in reached:
            with suppress(ProcessLookupError):
                os.kill(pid, how)
        return reached

    def stop(self) -> None:
        """End the server and its connections by their process ids."""
        if self.process is not None:
            self.signal_sessions(signal.SIGKILL)
            self.process.kill()
            self.process.wait(20)
            self.process = None
            (self.folder / "log").write_bytes(b"")


@contextmanager
def ssh_server() -> Iterator[SshServer]:
    """Make a server, and take it away again."""
    if not SSHD.exists():
        missing(f"no OpenSSH server at {SSHD}")
    folder = Path(mkdtemp(prefix="chengshu-ssh-", dir="/tmp"))
    server = SshServer(folder, free_port())
    try:
        server.files.mkdir()
        server.make_host_keys()
        _keygen("-q", "-t", "ed25519", "-N", "", "-f", folder / "user")
        shutil.copy(folder / "user.pub", folder / "authorized_keys")
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _keygen(*arguments: object) -> str:
    command = ["ssh-keygen", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout

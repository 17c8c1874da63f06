"""A real MariaDB server for tests, from the system's own package."""

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
from typing import Any

import pymysql

from tests.support.processes import (
    PASSWORD,
    USER,
    as_user,
    free_port,
    missing,
    server_folder,
)

ACCOUNT, DATABASE = "mysql", "city"


def find_program(name: str) -> Path:
    """Return the path of one of MariaDB's programs."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")
    if found is None:
        missing(f"no {name} (Debian's mariadb-server) on this machine")
    return Path(str(found))


@dataclass
class MariadbServer:
    """A server on a free loopback port; ``front`` needs `PASSWORD` and may do all in `DATABASE`."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, *more: str) -> None:
        """Start the server, with more options, and wait until it answers."""
        command = as_user(ACCOUNT, [
            find_program("mariadbd"), "--no-defaults", f"--datadir={self.folder / 'data'}",
            f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}",
            f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=1", "--innodb-flush-method=nosync",
            "--innodb-buffer-pool-size=64M", "--lc-messages=en_US", *more,
        ])  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 60
        while self._client("SELECT 1").returncode:
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.05)

    def connect(self) -> pymysql.Connection[Any]:
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD.encode(),
            database=DATABASE, autocommit=True, charset="utf8mb4",
        )  # fmt: skip

    def execute(self, *statements: str, sql_mode: str = "") -> list[list[str]]:
        """Run statements as the superuser in `DATABASE`; return what they give."""
        before = [f"SET sql_mode = '{sql_mode}'", f"USE {DATABASE}"]
        done = self._client(";\n".join([*before, *statements]))
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def _client(self, text: str) -> subprocess.CompletedProcess[str]:
        client = [find_program("mariadb"), "--no-defaults", f"--socket={self.folder / 'socket'}",
                  "-u", _owner(), "--default-character-set=utf8mb4", "-N", "-B"]  # fmt: skip
        return subprocess.run(
            as_user(ACCOUNT, client), input=text, capture_output=True, text=True, encoding="utf-8"
        )

    @property
    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Let the server do nothing for a while; the system still answers for it."""
        assert self.process is not None
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            # ``runuser`` stops itself when what it runs is stopped.
            for number in {self.pid, self.process.pid}:
                os.kill(number, signal.SIGCONT)

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End the server by its process id: SIGTERM in order, SIGKILL at once."""
        if self.process is None:
            return
        with suppress(ProcessLookupError, FileNotFoundError, ValueError):
            os.kill(self.pid, how)
        self.process.wait(60)
        self.process = None


def _owner() -> str:
    """Return the system's user as whom the server runs; by its socket it is the superuser."""
    return ACCOUNT if os.geteuid() == 0 else getpass.getuser()


@contextmanager
def mariadb_server() -> Iterator[MariadbServer]:
    """Make a server, and take it away again."""
    install = find_program("mariadb-install-db")
    with server_folder("chengshu-maria-", ACCOUNT) as folder:
        server = MariadbServer(folder, free_port())
        subprocess.run(
            as_user(ACCOUNT, [
                install, "--no-defaults", f"--datadir={folder / 'data'}", "--skip-test-db",
                "--auth-root-authentication-method=socket", f"--auth-root-socket-user={_owner()}",
            ]),
            check=True, capture_output=True,
        )  # fmt: skip
        try:
            server.start()
            _make_user(server)
            yield server
        finally:
            server.stop(signal.SIGKILL)


def _make_user(server: MariadbServer) -> None:
    secret = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    made = server._client(
        f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;"
        f"CREATE USER {USER}@'%' IDENTIFIED BY '{secret}';"
        f"GRANT ALL ON {DATABASE}.* TO {USER}@'%'; GRANT ALL ON `o'dd`.* TO {USER}@'%'"
    )
    assert made.returncode == 0, made.stderr

"""A real PostgreSQL server for tests, from the system's own package."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.support.processes import (
    PASSWORD,
    USER,
    as_user,
    free_port,
    give,
    missing,
    server_folder,
)

PACKAGES, ACCOUNT = Path("/usr/lib/postgresql"), "postgres"


def find_postgres() -> Path:
    """Return the folder of PostgreSQL's programs."""
    found = sorted(PACKAGES.glob("*/bin/postgres"))
    if not found:
        missing(f"no PostgreSQL under {PACKAGES}")
    return found[-1].parent


@dataclass
class PostgresServer:
    """A server on a free loopback port; its superuser ``front`` needs `PASSWORD`."""

    folder: Path
    port: int
    programs: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = {
            "fsync": "off", "listen_addresses": "127.0.0.1", "port": str(self.port),
            "unix_socket_directories": str(self.folder), "timezone": "UTC",
        }  # fmt: skip
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                as_user(
                    ACCOUNT,
                    [self.programs / "postgres", "-D", self.folder / "data", *settings],
                ),
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + 60
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def connect(self, **how: Any) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD,
            dbname="postgres", autocommit=True, **how,
        )  # fmt: skip

    def execute(self, *statements: str) -> None:
        with self.connect() as con:
            for statement in statements:
                con.execute(statement)  # type: ignore[arg-type]

    def stop(self, how: int = signal.SIGINT) -> None:
        """End the server by its process id: SIGINT in order, SIGQUIT at once."""
        if self.process is None:
            return
        with suppress(ProcessLookupError, FileNotFoundError, IndexError):
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
            os.kill(int(lines[0]), how)
        self.process.wait(60)
        self.process = None


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Make a server, and take it away again."""
    programs = find_postgres()
    with server_folder("chengshu-pg-", ACCOUNT) as folder:
        password = folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        give(password, ACCOUNT)
        server = PostgresServer(folder, free_port(), programs)
        try:
            subprocess.run(
                as_user(ACCOUNT, [
                    programs / "initdb", "-D", folder / "data", "-U", USER, "-E", "UTF8",
                    "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password}", "--no-sync",
                ]),
                check=True, capture_output=True,
            )  # fmt: skip
            server.start()
            yield server
        finally:
            server.stop(signal.SIGQUIT)

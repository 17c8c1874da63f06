"""A MariaDB server of our own, on a loopback port, with the persons in it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.people import FIELDS
from bench.server import KINDS, as_user, free_port, server_folder, write_csv

SOURCE = (
    "{{kind: mysql, host: 127.0.0.1, port: {port}, database: bench, user: bench, "
    "secret: bench, table: people}}"
)


@contextmanager
def running(folder: Path) -> Iterator[int]:
    """Start a new server in ``folder``; yields its port; stop it at the end."""
    with server_folder(folder, "mysql"):
        common = ["--no-defaults", f"--datadir={folder / 'data'}"]
        subprocess.run(as_user("mysql", [
            "mariadb-install-db", *common, "--skip-test-db",
            "--auth-root-authentication-method=socket", "--auth-root-socket-user=mysql",
        ]), check=True, stdout=subprocess.DEVNULL, cwd="/")  # fmt: skip
        port = free_port()
        command = as_user("mysql", [
            "/usr/sbin/mariadbd", *common, f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}", f"--port={port}", "--bind-address=127.0.0.1",
            "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
            "--innodb-flush-method=nosync", "--innodb-buffer-pool-size=1G",
            f"--log-error={folder / 'log'}",
        ])  # fmt: skip
        server = subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL)
        try:
            _wait(folder)
            yield port
        finally:
            os.kill(int((folder / "pid").read_text()), signal.SIGTERM)
            server.wait(60)


def load_people(folder: Path, file: Path) -> None:
    """Make the table ``people`` with typed columns, an index on the watermark, and all rows."""
    kinds = KINDS | {"updated_at": "datetime", "citizen_id": "varchar(40)"}
    columns = ", ".join(f"{name} {kinds.get(name, 'varchar(200)')}" for name in FIELDS)
    rows = folder / "people.csv"
    with rows.open("wb") as sink:
        write_csv(file, sink.write)
    rows.chmod(0o644)
    _run(folder, (
        "CREATE DATABASE bench CHARACTER SET utf8mb4; "
        "CREATE USER bench@'%' IDENTIFIED BY 'bench'; GRANT ALL ON bench.* TO bench@'%'; "
        f"USE bench; CREATE TABLE people ({columns}); "
        f"LOAD DATA INFILE '{rows}' INTO TABLE people CHARACTER SET utf8mb4 "
        "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY ''; "
        "ALTER TABLE people ADD KEY (updated_at); ANALYZE TABLE people"
    ))  # fmt: skip
    rows.unlink()


def _wait(folder: Path) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            return _run(folder, "SELECT 1")
        except subprocess.CalledProcessError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _run(folder: Path, text: str) -> None:
    client = shutil.which("mariadb") or "mariadb"
    command = [client, "--no-defaults", f"--socket={folder / 'socket'}", "-u", "mysql",
               "-e", f"SET sql_mode = ''; {text}"]  # fmt: skip
    subprocess.run(as_user("mysql", command), check=True, cwd="/", stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)  # fmt: skip

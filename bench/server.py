"""A PostgreSQL server of our own, on a loopback port, with the persons in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.people import FIELDS

SOURCE = (
    "{{kind: postgres, host: 127.0.0.1, port: {port}, database: postgres, user: postgres, "
    "secret: bench, table: people"
)
# Dates that are none stay text in a department's system too: those columns are text.
KINDS = {"updated_at": "timestamp", "registered_on": "date", "left_on": "date"}


@dataclass(frozen=True)
class Server:
    """A running server; the password of ``postgres`` is ``bench``."""

    port: int

    @property
    def url(self) -> str:
        return f"postgresql://postgres:bench@127.0.0.1:{self.port}/postgres"


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start a new server in ``folder``, and stop it at the end."""
    with server_folder(folder, "postgres"):
        (folder / "password").write_text("bench")
        if os.geteuid() == 0:
            shutil.chown(folder / "password", "postgres")
        data, port = folder / "data", free_port()
        _as_postgres("initdb", "-D", data, "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256",
                     f"--pwfile={folder / 'password'}")  # fmt: skip
        options = f"-p {port} -k {folder} -h 127.0.0.1 -c fsync=off -c shared_buffers=512MB "
        options += "-c max_wal_size=8GB"
        _as_postgres("pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield Server(port)
        finally:
            _as_postgres("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


@contextmanager
def server_folder(folder: Path, user: str) -> Iterator[None]:
    """Make ``folder`` anew for the system's ``user``, and take it away at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o755)
    for parent in [folder, *folder.parents][:2]:
        parent.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a loopback port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_user(user: str, command: Sequence[object]) -> list[str]:
    """Return the command as ``user``, since servers refuse to run as root."""
    before = ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []
    return [*before, *map(str, command)]


def write_csv(file: Path, write: Callable[[bytes], object]) -> None:
    """Write the rows of a Parquet file as CSV without a header."""
    import pyarrow.csv
    import pyarrow.parquet

    for batch in pyarrow.parquet.ParquetFile(file).iter_batches(100_000):
        sink = pyarrow.BufferOutputStream()
        pyarrow.csv.write_csv(batch, sink, pyarrow.csv.WriteOptions(include_header=False))
        write(sink.getvalue().to_pybytes())


def load_people(server: Server, file: Path) -> None:
    """Make the table ``people`` with typed columns, an index on the watermark, and all rows."""
    import psycopg

    columns = ", ".join(f"{name} {KINDS.get(name, 'text')}" for name in FIELDS)
    with psycopg.connect(server.url) as con, con.cursor() as cursor:
        cursor.execute(f"CREATE TABLE people ({columns})")
        with cursor.copy("COPY people FROM STDIN (FORMAT csv)") as copy:
            write_csv(file, copy.write)
        cursor.execute("CREATE INDEX ON people (updated_at)")
        con.commit()
        con.autocommit = True
        cursor.execute("VACUUM ANALYZE people")


def update_people(server: Server, every: int, at: str) -> None:
    """Move one person in ``every``, each a microsecond after the other, from ``at`` on."""
    import psycopg

    with psycopg.connect(server.url, autocommit=True) as con:
        con.execute(
            "UPDATE people SET address = address || '内', "
            "updated_at = %s::timestamp + n * interval '1 microsecond' "
            "FROM (SELECT ctid AS place, row_number() OVER () AS n FROM people) AS numbered "
            f"WHERE people.ctid = place AND n %% {every} = 7",
            (at,),
        )
        con.execute("VACUUM ANALYZE people")


def _as_postgres(tool: str, *args: object) -> None:
    path = max(Path("/usr/lib/postgresql").glob(f"*/bin/{tool}"))
    command = as_user("postgres", [path, *args])
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

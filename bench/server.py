"""A PostgreSQL server of our own, on a loopback port, with the persons in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.people import FIELDS

SOURCE = (
    "{{kind: postgres, host: 127.0.0.1, port: {port}, database: postgres, user: postgres, "
    "secret: bench, table: people"
)


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
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o755)
    for parent in [folder, *folder.parents][:2]:
        parent.chmod(0o755)
    shutil.chown(folder, "postgres")
    (folder / "password").write_text("bench")
    shutil.chown(folder / "password", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    _as_postgres("initdb", "-D", data, "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256",
                 f"--pwfile={folder / 'password'}")  # fmt: skip
    options = f"-p {port} -k {folder} -h 127.0.0.1 -c fsync=off -c shared_buffers=512MB "
    options += "-c max_wal_size=8GB"
    _as_postgres("pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
    try:
        yield Server(port)
    finally:
        _as_postgres("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def load_people(server: Server, file: Path) -> None:
    """Make the table ``people`` with typed columns, an index on the watermark, and all rows.

    Dates that are none stay text in a department's system too: those columns are text.
    """
    import psycopg
    import pyarrow.csv
    import pyarrow.parquet

    kinds = {"updated_at": "timestamp", "registered_on": "date", "left_on": "date"}
    columns = ", ".join(f"{name} {kinds.get(name, 'text')}" for name in FIELDS)
    with psycopg.connect(server.url) as con, con.cursor() as cursor:
        cursor.execute(f"CREATE TABLE people ({columns})")
        with cursor.copy("COPY people FROM STDIN (FORMAT csv)") as copy:
            for batch in pyarrow.parquet.ParquetFile(file).iter_batches(100_000):
                sink = pyarrow.BufferOutputStream()
                options = pyarrow.csv.WriteOptions(include_header=False)
                pyarrow.csv.write_csv(batch, sink, options)
                copy.write(sink.getvalue().to_pybytes())
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
    command = [str(path), *map(str, args)]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

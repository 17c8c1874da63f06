"""The process that runs SQL from people: it reads the files it was given, and nothing else.

Run by its path with Python's ``-I``: of the platform nothing is imported. ``request.json`` in the
folder that is its argument says what to do; it writes ``answer.json`` and ``out/<table>.arrow``.
"""

import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from typing import Any

DISK = ("No space left", "max_temp_directory_size", "disk is full")
# Errors that name only what stands in the statement, never a value of a row.
TOLD = ("BinderException", "ParserException", "CatalogException")


def main() -> None:
    """Do what the request says within its limits."""
    folder = Path(sys.argv[1])
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    _limit(request["limits"])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    answer: dict[str, Any] = {"tables": {}, "values": {}}
    at = "start"
    try:
        con = _connect(folder, request)
        for at, sql in request["views"].items():
            con.execute(f"CREATE TEMP VIEW {_quote(at)} AS {sql}")
        for at, sql in request["tables"].items():
            answer["tables"][at] = _make(con, at, sql, folder, request["limits"]["rows"])
        for at, sql in request["values"].items():
            answer["values"][at] = _plain(con.execute(sql).fetchmany(2))
    except Exception as err:  # noqa: BLE001 - whatever it is, the parent tells of it
        answer = {"failed": at, **_told(err)}
    (folder / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    # Threads of the engine are not waited for.
    os._exit(0)


def _limit(limits: dict[str, Any]) -> None:
    """Let the system end this process when it takes too long, or too much of anything."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits["seconds"])
    most = (limits["memory_mb"] * 2 + 4000) << 20
    for kind, value in ((resource.RLIMIT_AS, most), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (value, value))


def _end_with_parent() -> None:
    """End this process when who started it has died: its end of our input closes."""
    os.read(0, 1)
    os._exit(1)


def _connect(folder: Path, request: dict[str, Any]) -> Any:
    """Return a connection that can read the inputs, and from then on nothing else can change."""
    import duckdb

    limits = request["limits"]
    con = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "memory_limit": f"{limits['memory_mb']}MB",
            "temp_directory": str(folder / "spill"),
            "max_temp_directory_size": f"{limits['disk_mb']}MB",
            "threads": str(limits["threads"]),
            "python_enable_replacements": "false",
        }
    )
    con.execute("SET TimeZone = 'UTC'")
    files = [file for files in request["inputs"].values() for file in files]
    con.execute(f"SET allowed_paths = {_list(files)}")
    for name, own in request["inputs"].items():
        con.execute(f"CREATE VIEW {_quote(name)} AS SELECT * FROM read_parquet({_list(own)})")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    return con


def _make(con: Any, name: str, sql: str, folder: Path, most: int) -> int:
    """Compute a table and write it as Arrow; return its number of rows."""
    import pyarrow as pa

    con.execute(f"CREATE TEMP TABLE {_quote(name)} AS SELECT * FROM ({sql}) LIMIT {most + 1}")
    (count,) = con.execute(f"SELECT COUNT(*) FROM {_quote(name)}").fetchone()
    if count > most:
        raise _TooManyError(f"gives more than {most:,} rows")
    reader = con.execute(f"SELECT * FROM {_quote(name)}").to_arrow_reader()
    path = str(folder / "out" / f"{name}.arrow")
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
    return int(count)


class _TooManyError(Exception):
    """More rows than the limit."""


def _told(err: Exception) -> dict[str, str]:
    """Return why, in words that carry no value of any row."""
    import duckdb

    text, kind = str(err), type(err).__name__
    if any(sign in text for sign in DISK):
        return {"why": "needs more disk than it may have"}
    if isinstance(err, _TooManyError):
        return {"why": text}
    if isinstance(err, MemoryError | duckdb.OutOfMemoryException) or "bad_alloc" in text:
        return {"why": "needs more memory than it may have"}
    if kind in TOLD:
        return {"why": text.splitlines()[0]}
    return {"why": f"failed ({kind})"}


def _plain(rows: list[Any]) -> Any:
    """Return the one value of a query, as text unless it is a boolean; None for any other shape."""
    if len(rows) != 1 or len(rows[0]) != 1:
        return None
    value = rows[0][0]
    return value if isinstance(value, bool) or value is None else str(value)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _list(texts: list[str]) -> str:
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"


if __name__ == "__main__":
    main()

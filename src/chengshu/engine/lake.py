"""Where a lake is, and how a DuckDB connection attaches it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chengshu.engine.sql import literal
from chengshu.kernel.errors import ExternalError

EXTENSIONS = ("sqlite_scanner", "ducklake")
# Nothing is downloaded, and signatures are checked once in a process (`_checked`), not each time.
EXTENDED: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_unsigned_extensions": "true",
}


@dataclass(frozen=True, slots=True)
class Lake:
    """A DuckLake: a catalogue and a folder of Parquet files.

    Attributes:
        catalog: SQLite file of the catalogue.
        data: Absolute folder of the data files; every worker of a cluster must see it.
        scratch: Folder for what spills and for files on their way into the lake.
        memory_mb: Most memory the embedded engine may take.
    """

    catalog: Path
    data: Path
    scratch: Path
    memory_mb: int = 3000

    def exists(self) -> bool:
        """Tell whether the lake has been made."""
        return self.catalog.exists()


def connect(lake: Lake, *, threads: int | None = None, read_only: bool = False) -> Any:
    """Return a DuckDB connection with ``lake`` attached; a writer makes it when there is none."""
    import duckdb

    lake.scratch.mkdir(parents=True, exist_ok=True)
    lake.data.mkdir(parents=True, exist_ok=True)
    con = bare_connection(
        memory_limit=f"{lake.memory_mb}MB",
        temp_directory=str(lake.scratch),
        preserve_insertion_order="true",
        **({"threads": str(threads)} if threads else {}),
    )
    load_extensions(con, EXTENSIONS)
    mode = ", READ_ONLY" if read_only else ""
    # The catalogue remembers where the data was first; a home that was moved has it elsewhere.
    try:
        con.execute(
            f"ATTACH {literal(f'ducklake:sqlite:{lake.catalog}')} AS lake "
            f"(DATA_PATH {literal(str(lake.data))}, OVERRIDE_DATA_PATH true, "
            f"META_JOURNAL_MODE 'WAL', META_BUSY_TIMEOUT 5000{mode})"
        )
        if not read_only:
            # Small changes kept in the catalogue are invisible to Spark (decisions.md, trap 2).
            # Each time: whoever made the lake may have been killed before this.
            con.execute("CALL lake.set_option('data_inlining_row_limit', 0)")
    except duckdb.Error as err:
        con.close()
        raise ExternalError(
            f"lake {lake.catalog}",
            "the catalogue cannot be opened",
            retryable=True,
            hint="Check that the file is readable and the disk is not full.",
        ) from err
    return con


def bare_connection(**config: str) -> Any:
    """Return a connection to a DuckDB of its own, in memory, that reads times as UTC."""
    import duckdb

    con = duckdb.connect(config={**EXTENDED, **config})
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    return con


def load_extensions(con: Any, names: tuple[str, ...]) -> None:
    """Load DuckDB extensions from their Python packages; nothing is downloaded."""
    for name in names:
        con.execute(f"LOAD {literal(_checked(name))}")


@cache
def _checked(name: str) -> str:
    """Return the file of an extension, having let DuckDB check its signature.

    That takes longer than all else of opening a connection.
    """
    import importlib

    import duckdb

    package = importlib.import_module(f"duckdb_extension_{name}")
    folder = Path(str(package.__file__)).parent / "extensions" / f"v{duckdb.__version__}"
    path = str(folder / f"{name}.duckdb_extension")
    with closing(duckdb.connect()) as con:
        con.execute(f"LOAD {literal(path)}")
    return path

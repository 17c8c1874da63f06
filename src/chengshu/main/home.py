"""A home folder: everything that one installation keeps, and how its parts are opened.

A part is imported when it is opened: most commands need few of them, and start sooner.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chengshu.engine.lake import Lake
from chengshu.kernel.errors import DeclarationError, InputError, Where

if TYPE_CHECKING:
    from chengshu.engine.duckdb import DuckDBEngine
    from chengshu.flows.platform import Platform
    from chengshu.security.secret import Secrets
    from chengshu.state import Database

SETTINGS = {
    "pack": str, "memory_mb": int, "threads": int, "spark_master": str, "spark_from_rows": int,
}  # fmt: skip
SPARK_FROM = 20_000_000
LEAST = {"memory_mb": 100, "threads": 0, "spark_from_rows": 0}
CONFIG = """\
# Settings of this home; the command `chengshu` reads them at each start.
pack = {pack}        # folder of the city pack, relative to this file
memory_mb = 3000     # the most memory that the embedded engine takes
threads = 0          # 0: as many as the machine has
spark_master = ""    # spark://host:7077, a cluster (docs/rules/cluster.md); none if empty
spark_from_rows = 20000000  # from so many rows on a step goes to the cluster
"""


@dataclass(frozen=True, slots=True)
class Home:
    """One home folder.

    Attributes:
        root: The folder.
        pack: Folder of the city pack.
        memory_mb: The most memory that the embedded engine takes.
        threads: Threads of the embedded engine; None for as many as the machine has.
        spark_master: Address of the cluster's master, if there is one.
        spark_from_rows: From so many rows on a step goes to the cluster.
    """

    root: Path
    pack: Path
    memory_mb: int = 3000
    threads: int | None = None
    spark_master: str | None = None
    spark_from_rows: int = SPARK_FROM

    @property
    def lake(self) -> Lake:
        """Return where the lake is."""
        root = self.root.resolve()
        lake = root / "lake"
        return Lake(lake / "catalog.sqlite", lake / "data", root / "tmp", self.memory_mb)

    @property
    def flows(self) -> Path:
        """Return the database of the durable flows."""
        return self.root / "flows.sqlite"

    @property
    def spool(self) -> Path:
        """Return the folder of what has been received and has not landed."""
        return self.root.resolve() / "spool"

    @property
    def lock(self) -> Path:
        """Return the file that the one writing process holds."""
        return self.root / "lock"

    def open_state(self) -> Database:
        """Open the platform's own database."""
        from chengshu.state import Database

        return Database(self.root / "state.sqlite")

    @contextmanager
    def open_secrets(self) -> Iterator[Secrets]:
        """Open the stored secrets."""
        from chengshu.security.secret import Secrets

        with closing(self.open_state()) as state:
            yield Secrets(state, self.root / "keys")

    @contextmanager
    def reading(self) -> Iterator[DuckDBEngine]:
        """Open the stores to read them."""
        from chengshu.engine.duckdb import DuckDBEngine

        if not self.lake.exists():
            raise InputError(
                f"home {self.root} has no data yet", hint="Bring some in with: chengshu run"
            )
        engine = DuckDBEngine(self.lake, read_only=True, threads=self.threads)
        try:
            yield engine
        finally:
            engine.close()

    @contextmanager
    def writing(self, progress: Callable[[str, str, int], None]) -> Iterator[Platform]:
        """Open the platform to run flows; only for the process that holds the lock."""
        from chengshu.catalog.pack import PackReader
        from chengshu.engine.duckdb import DuckDBEngine
        from chengshu.flows.platform import Platform
        from chengshu.libraries.themes.log import needed_snapshots
        from chengshu.main.clusters import opened_cluster
        from chengshu.main.uses import record_delivery
        from chengshu.security.secret import Secrets

        engine = DuckDBEngine(self.lake, threads=self.threads)
        try:
            with closing(self.open_state()) as state, opened_cluster(self, engine) as cluster:
                yield Platform(
                    engine, PackReader(self.pack), self.flows,
                    Secrets(state, self.root / "keys").get, self.spool,
                    self.root.resolve() / "objects", partial(record_delivery, state), progress,
                    needed=partial(needed_snapshots, engine), cluster=cluster,
                )  # fmt: skip
        finally:
            engine.close()


def make_home(root: Path, pack: Path | None = None) -> Home:
    """Make a home folder that others may not look into, or return the one that is there.

    Args:
        root: The folder.
        pack: The city pack; ``packs/city`` in a new home if None.

    Raises:
        InputError: The folder holds something else, or is a home of another pack.
    """
    if (root / "config.toml").exists():
        home = open_home(root)
        if pack is not None and pack.resolve() != home.pack:
            raise InputError(
                f"{root} is a home already, and its city pack is {home.pack}",
                hint=f"To change it, edit pack in {root / 'config.toml'}.",
            )
        return home
    if root.exists() and any(root.iterdir()):
        raise InputError(f"{root} is not empty and not a home", hint="Choose another folder.")
    (root / "lake").mkdir(parents=True, exist_ok=True)
    root.chmod(0o700)
    shown = os.path.relpath((pack or root / "packs" / "city").resolve(), root.resolve())
    text = CONFIG.format(pack='"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"')
    (root / "config.toml").write_text(text, encoding="utf-8")
    return open_home(root)


def open_home(root: Path) -> Home:
    """Return the home in the folder ``root``.

    Raises:
        InputError: There is none, or its path is wrong.
        DeclarationError: Its settings are wrong.
    """
    path = root / "config.toml"
    if "?" in str(root.absolute()):
        # The flows' database is named by a URL, in which a question mark ends the path.
        raise InputError(f"{root}: the path of a home may not hold a question mark")
    if not path.exists():
        raise InputError(f"{root} is not a home", hint=f"Make one with: chengshu init {root}")
    given = _read_settings(path)
    return Home(
        root,
        (root / given["pack"]).resolve(),
        given.get("memory_mb", 3000),
        given.get("threads") or None,
        given.get("spark_master") or None,
        given.get("spark_from_rows", SPARK_FROM),
    )


def _read_settings(path: Path) -> dict[str, Any]:
    where = Where(str(path))
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise DeclarationError(where, f"not TOML: {err}") from err
    for name, value in given.items():
        # A bool is an int to Python, and no number of anything.
        if type(value) is not SETTINGS.get(name) or not _is_usable(name, given[name]):
            least = {n: f" from {value}" for n, value in LEAST.items()}
            known = [f"{n} ({t.__name__}{least.get(n, '')})" for n, t in SETTINGS.items()]
            raise DeclarationError(where, f"wrong setting {name!r}", known)
    if "pack" not in given:
        raise DeclarationError(where, "setting 'pack' is missing")
    return given


def _is_usable(name: str, value: str | int) -> bool:
    return "\0" not in value if isinstance(value, str) else value >= LEAST[name]

"""Which engine does a step: the embedded one, or the cluster where it is asked for or pays.

Each choice is written to the lake with its reason, where a home has a cluster at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chengshu.engine import Engine
from chengshu.engine.sql import listed
from chengshu.kernel.clock import utc_now
from chengshu.kernel.errors import InputError

CHOICES = "management.engine_choices"
COLUMNS = {
    "at": "TIMESTAMP",  # UTC
    "what": "VARCHAR",  # a resource, an entity or a theme
    "step": "VARCHAR",
    "engine": "VARCHAR",
    "rows": "BIGINT",  # of the tables that the step is about, before it
    "why": "VARCHAR",
}


@dataclass(frozen=True, slots=True)
class Task:
    """A step that is to be done.

    Attributes:
        what: Of which resource, entity or theme.
        step: What is done.
        tables: What it is about.
        asked: The engine that a person asked for.
    """

    what: str
    step: str
    tables: Sequence[str]
    asked: str | None = None


@dataclass(slots=True)
class Cluster:
    """The distributed engine of a home, opened when it is first needed.

    Attributes:
        open: Opens it, having checked that it can do the work.
        from_rows: From so many rows on a step goes there.
    """

    open: Callable[[], Engine]
    from_rows: int
    _engine: Engine | None = None
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def engine(self) -> Engine:
        """Return the engine."""
        with self._opening:
            if self._engine is None:
                self._engine = self.open()
            return self._engine


def choose(embedded: Engine, cluster: Cluster | None, task: Task) -> Engine:
    """Return the engine for a task, and write down why.

    Raises:
        InputError: Spark is asked for, and the home has no cluster.
    """
    if cluster is None:
        if task.asked == "spark":
            raise InputError(
                "this home has no cluster", hint="Name its master in config.toml: spark_master."
            )
        return embedded
    rows = _count(embedded, task.tables)
    is_large = rows >= cluster.from_rows
    name = task.asked or ("spark" if is_large else "duckdb")
    sign = "≥" if is_large else "<"
    why = "asked for" if task.asked else f"{rows:,} rows {sign} {cluster.from_rows:,}"
    engine = cluster.engine() if name == "spark" else embedded
    _record(embedded, (utc_now(), task.what, task.step, name, rows, why))
    return engine


def _count(engine: Engine, tables: Sequence[str]) -> int:
    files = engine.upkeep.list_files()
    return sum(file.rows - file.deleted for file in files if file.table in tables)


def _record(engine: Engine, row: tuple[object, ...]) -> None:
    engine.ensure_tables({CHOICES: COLUMNS})
    with engine.session() as session:
        session.stage_rows("choice", COLUMNS, [row])
        session.append(CHOICES, f"SELECT {listed(COLUMNS)} FROM choice", step="log a choice")

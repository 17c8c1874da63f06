"""What every engine must do. Nothing above this module knows which one runs.

SQL is written in DuckDB's dialect, within what ``docs/rules/sql.md`` allows; the tables of the
lake are named ``lake.<store>.<table>``, staged relations by their bare name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from chengshu.kernel.errors import ChengshuError

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scan:
    """How DuckDB reads a source by itself, sparing its rows the way through Arrow.

    Attributes:
        attached: Makes the source readable on a connection while it is open; yields SQL of rows.
        lost: Returns the error to raise when the source fails in the middle.
    """

    attached: Callable[[Any], AbstractContextManager[str]]
    lost: Callable[[], ChengshuError]


class Session(Protocol):
    """One transaction over the lake: reads see one snapshot, writes land together or not at all.

    A table is read before it is written: whether a session sees its own writes is not defined.
    """

    @property
    def version(self) -> int:
        """The number of the lake's snapshot that is read, before any write."""
        ...

    def rows(self, sql: str, *, step: str) -> Sequence[Row]:
        """Return all rows of a query. For small results: counts, samples, checks.

        Raises:
            EngineError: The engine refused it; ``retryable`` says if it is worth a retry.
        """
        ...

    def stage(self, name: str, sql: str, *, step: str) -> None:
        """Compute ``sql`` once and keep it as relation ``name`` until the session ends."""
        ...

    def define(self, name: str, sql: str, *, step: str) -> None:
        """Let ``name`` stand for ``sql``, computed whenever it is read, until the session ends."""
        ...

    def define_at(self, name: str, table: str, version: int, *, step: str) -> None:
        """Let ``name`` stand for a lake table as it was in a snapshot, until the session ends.

        Raises:
            EngineError: The table or the snapshot is not there (any more).
        """
        ...

    def write(self, sql: str, folder: Path, *, step: str) -> None:
        """Write the rows of ``sql`` as Parquet files into a new folder."""
        ...

    def stage_rows(
        self, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Make a small relation ``name``; ``columns`` maps names to SQL types."""
        ...

    def stage_arrow(
        self,
        name: str,
        batches: pa.RecordBatchReader,
        *,
        scan: Scan | None = None,
        select: str = "*",
        step: str,
    ) -> None:
        """Take the ``select`` list over a stream of Arrow batches in as relation ``name``.

        An error that reading the stream raises comes out as it is. An engine that can run ``scan``,
        which gives the same columns in the same order, need not read the stream.
        """
        ...

    def stage_changes(
        self, name: str, table: str, columns: Sequence[str], *, since: int, step: str
    ) -> bool:
        """Stage the distinct ``columns`` of rows that a lake table gained or lost after a snapshot.

        A row that was rewritten as it was may be among them. Returns False, and stages nothing,
        when what changed since is no longer known.
        """
        ...

    def drop(self, name: str) -> None:
        """Free a staged or defined relation before the session ends."""
        ...

    def append(self, table: str, sql: str, *, step: str) -> None:
        """Add the rows of ``sql`` to a lake table; columns go by name, missing ones are NULL."""
        ...

    def remove(self, table: str, keys: str, *, on: Sequence[str], step: str) -> None:
        """Delete the rows of a lake table whose ``on`` columns equal a row of the query ``keys``.

        No column of ``on`` may be NULL on either side.
        """
        ...


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of a lake table as it is now.

    Attributes:
        table: ``store.name``.
        rows: Rows in the file, deleted ones among them.
        deleted: Rows that a delete file takes from it.
        bytes: Its size.
    """

    table: str
    rows: int
    deleted: int
    bytes: int


class Upkeep(Protocol):
    """What keeps a lake quick to read and write, and its disk from filling.

    Nothing here changes a row, at any snapshot that is kept. What is cut off anywhere has been done
    or not, table by table; doing it again does the rest. Times are UTC without a zone.
    """

    def list_files(self) -> Sequence[DataFile]:
        """Return the data files of all tables, in no order; one query of the catalogue."""
        ...

    def compact(self, table: str, *, worn: float | None, below: int | None) -> None:
        """Make fewer and fresher files of a table's.

        Args:
            table: ``store.name``.
            worn: Files of which this share of rows or more is deleted are written anew without
                them; None for none, 0.0 for all that have deleted rows.
            below: Files of fewer bytes than this without deleted rows are merged; None for none.
        """
        ...

    def expire(
        self, before: datetime, *, daily_since: datetime, zone: str, needed: Collection[int]
    ) -> int:
        """Let go of the snapshots from before ``before``; return how many went.

        The newest stays, and those in ``needed``, and the last one of each day of ``zone`` from
        ``daily_since`` on. Who reads one that goes misses rows without an error: no reader may have
        been reading since then.
        """
        ...

    def clean(self, before: datetime, *, orphans: bool) -> int:
        """Delete files that no snapshot has needed since ``before``; return how many.

        No reader may have been reading since then. With ``orphans``, files older than that go, too,
        which the catalogue does not know: what was killed left them.
        """
        ...


class Engine(Protocol):
    """A place where SQL runs over the lake."""

    name: str

    @property
    def upkeep(self) -> Upkeep:
        """What keeps its lake."""
        ...

    @property
    def scratch(self) -> Path:
        """A folder for files on their way; who puts them there removes them."""
        ...

    def session(self) -> AbstractContextManager[Session]:
        """Open a transaction; leaving it normally commits, an exception leaves nothing behind.

        Raises:
            ConflictError: Another process committed to the same rows first.
        """
        ...

    def ensure_tables(
        self,
        tables: Mapping[str, Mapping[str, str]],
        ordered: Mapping[str, Sequence[str]] = ...,
    ) -> None:
        """Create each ``lake.<table>`` with its columns, or add those it lacks; all or none.

        Rows of the tables ``ordered`` are looked up by these columns: their files are kept so that
        one row is found without reading many.


        Nothing is ever dropped: a column whose type is another now is renamed to ``name__1``, and
        a new one takes its name, NULL in the rows that stand.
        """
        ...

    def columns_of(self, table: str) -> Mapping[str, str]:
        """Return column name → SQL type of a lake table, in order; empty when there is none."""
        ...

    def changes_of(self, table: str) -> int:
        """Return a number that grows whenever rows of the table change; 0 when there is none.

        Compaction leaves it as it is; it names no snapshot.
        """
        ...

    def snapshots_of(self, tables: Sequence[str]) -> Mapping[str, int]:
        """Return of each table the newest snapshot that changed its rows, or a later compaction."""
        ...

    def parses(self, expression: str, columns: Mapping[str, str]) -> str | None:
        """Return why a boolean expression over ``columns`` cannot run here, or None."""
        ...

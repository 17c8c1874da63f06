"""DuckDB on the lake, in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

from chengshu.engine.arrow import arrow_of, noted
from chengshu.engine.changes import changes_sql
from chengshu.engine.duckdb_errors import duckdb_errors, translated
from chengshu.engine.lake import Lake, connect
from chengshu.engine.port import Row, Scan
from chengshu.engine.sql import listed, literal, quote
from chengshu.engine.tables import (
    NO_ORDER,
    Written,
    columns_of,
    count_changes_sql,
    has_columns,
    parses,
    qualified,
    read_tables,
    render_order_sql,
    render_table_sql,
    snapshots_of,
    tables_of,
    without_reading,
    written_tables,
)
from chengshu.engine.upkeep import LakeUpkeep
from chengshu.kernel.errors import ChengshuError, EngineError


class DuckDBEngine:
    """One DuckDB instance over one lake; threads get a connection each."""

    name = "duckdb"

    def __init__(self, lake: Lake, *, read_only: bool = False, threads: int | None = None) -> None:
        """Open ``lake``, making it when there is none."""
        self.lake = lake
        self._root = connect(lake, read_only=read_only, threads=threads)
        # In the SQLite catalogue a transaction that has read cannot commit once another one has:
        # sessions that may write take turns from their first look at the lake on.
        self._turn = nullcontext() if read_only else threading.RLock()
        # What stands already, as far as we know: one process writes, and nothing is ever dropped.
        self._made: dict[str, dict[str, str]] = {}
        self._written = Written()
        self.upkeep = LakeUpkeep(self.session)

    @property
    def scratch(self) -> Path:
        """The folder for files on their way (see the port)."""
        return self.lake.scratch

    def close(self) -> None:
        """Close the instance and every connection of it."""
        self._root.close()

    @contextmanager
    def session(self) -> Iterator[DuckDBSession]:
        """Open a transaction (see the port)."""
        with ExitStack() as attached, self._root.cursor() as con, ExitStack() as turn:
            session = DuckDBSession(
                con, lambda: turn.enter_context(self._turn), attached, self._written
            )
            session.execute("BEGIN TRANSACTION", "begin")
            try:
                yield session
            except BaseException:
                # A connection that failed in COMMIT has no transaction left to roll back.
                with suppress(ChengshuError):
                    session.execute("ROLLBACK", "roll back")
                raise
            session.execute("COMMIT", "commit")

    def ensure_tables(
        self,
        tables: Mapping[str, Mapping[str, str]],
        ordered: Mapping[str, Sequence[str]] = NO_ORDER,
    ) -> None:
        """Create tables or bring their columns up to date (see the port)."""
        if all(self._made.get(table) == columns for table, columns in tables.items()):
            return
        with self._root.cursor() as con:
            have = tables_of(DuckDBSession(con), tables)
        if not all(has_columns(have.get(table, {}), columns) for table, columns in tables.items()):
            with self.session() as session:
                # Another thread may have made them while this one waited for its turn.
                have = tables_of(session, tables)
                for table, columns in tables.items():
                    for statement in render_table_sql(table, have.get(table, {}), columns):
                        session.execute(statement, f"make {table}")
        if ordered:
            with self.session() as session:
                for statement in render_order_sql(session, ordered):
                    session.execute(statement, "order tables")
        self._made |= {table: dict(columns) for table, columns in tables.items()}

    def columns_of(self, table: str) -> Mapping[str, str]:
        """Return the table's columns (see the port)."""
        with self._root.cursor() as con:
            return columns_of(DuckDBSession(con), table)

    def changes_of(self, table: str) -> int:
        """Return how many rows have ever come into the table or gone from it (see the port)."""
        with self._root.cursor() as con:
            (row,) = DuckDBSession(con).rows(count_changes_sql(table), step=f"changes of {table}")
        return int(row["changes"])

    def snapshots_of(self, tables: Sequence[str]) -> Mapping[str, int]:
        """Return the newest snapshots that changed the tables (see the port)."""
        with self._root.cursor() as con:
            return snapshots_of(DuckDBSession(con), tables)

    def parses(self, expression: str, columns: Mapping[str, str]) -> str | None:
        """Return why the expression cannot run here, or None (see the port)."""
        with self._root.cursor() as con:
            return parses(DuckDBSession(con), expression, columns)


class DuckDBSession:
    """One connection in one transaction (see the port)."""

    def __init__(
        self,
        con: Any,
        take_turn: Callable[[], object] = lambda: None,
        attached: ExitStack | None = None,
        written: Written | None = None,
    ) -> None:
        """Use ``con``, which the engine owns.

        ``take_turn`` is called before it sees the lake; ``attached`` is left when it has ended.
        ``written`` is kept up to date.
        """
        self.con, self._take_turn, self._has_turn = con, take_turn, False
        self._attached = attached or ExitStack()
        self._defined: set[str] = set()
        self._written, self._looked = written or Written(), False

    def rows(self, sql: str, *, step: str) -> Sequence[Row]:
        """Return all rows of a query."""
        cursor = self.execute(self._sparing(sql), step)
        names = [column[0] for column in cursor.description or []]
        try:
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except duckdb_errors() as err:
            raise translated(err, step, sql) from err

    def stage(self, name: str, sql: str, *, step: str) -> None:
        """Keep the result of ``sql`` as a temporary table."""
        self.execute(f"CREATE TEMP TABLE {quote(name)} AS {self._sparing(sql)}", step)

    def define(self, name: str, sql: str, *, step: str) -> None:
        """Make a temporary view."""
        self.execute(f"CREATE TEMP VIEW {quote(name)} AS {self._sparing(sql)}", step)
        self._defined.add(name)

    @property
    def version(self) -> int:
        """The number of the snapshot that is read (see the port)."""
        (row,) = self.rows("SELECT id FROM ducklake_current_snapshot('lake')", step="snapshot")
        return int(row["id"])

    def define_at(self, name: str, table: str, version: int, *, step: str) -> None:
        """Make a temporary view of a table as it was."""
        self.define(name, f"FROM {qualified(table)} AT (VERSION => {version})", step=step)

    def write(self, sql: str, folder: Path, *, step: str) -> None:
        """Write a Parquet file."""
        folder.mkdir(parents=True)
        file = literal(str(folder / "part.parquet"))
        self.execute(f"COPY ({sql}) TO {file} (FORMAT parquet)", step)

    def stage_rows(
        self, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Make a small temporary table."""
        self._take(name, arrow_of(columns, rows), "SELECT *", f"stage {name}")

    def stage_arrow(
        self,
        name: str,
        batches: pa.RecordBatchReader,
        *,
        scan: Scan | None = None,
        select: str = "*",
        step: str,
    ) -> None:
        """Take a stream of Arrow batches, or what the scan reads, in as a temporary table."""
        if scan:
            self._stage_scan(name, scan, listed(batches.schema.names), f"SELECT {select}", step)
            return
        failed: list[Exception] = []
        stream = pa.RecordBatchReader.from_batches(batches.schema, noted(batches, failed))
        try:
            self._take(name, stream, f"SELECT {select}", step)
        except EngineError as err:
            raise (failed[0] if failed else err) from err.__cause__

    def stage_changes(
        self, name: str, table: str, columns: Sequence[str], *, since: int, step: str
    ) -> bool:
        """Read DuckLake's change feed."""
        if sql := changes_sql(self, table, columns, since, step):
            self.stage(name, sql, step=step)
        return bool(sql)

    def drop(self, name: str) -> None:
        """Drop a temporary table or view."""
        kind = "VIEW" if name in self._defined else "TABLE"
        self.execute(f"DROP {kind} {quote(name)}", f"drop {name}")
        self._defined.discard(name)

    def append(self, table: str, sql: str, *, step: str) -> None:
        """Insert by column name."""
        self.execute(f"INSERT INTO {qualified(table)} BY NAME {self._sparing(sql)}", step)

    def remove(self, table: str, keys: str, *, on: Sequence[str], step: str) -> None:
        """Delete by a semi-join; where there is nothing to delete the table is not read."""
        columns = listed(on)
        if self._unwritten({table}):
            return
        self.stage("removed", f"SELECT {columns} FROM ({keys}) AS keys", step=step)
        if self.execute("SELECT 1 FROM removed LIMIT 1", step).fetchone():
            self.execute(
                f"DELETE FROM {qualified(table)} WHERE ({columns}) IN "
                f"(SELECT ({columns}) FROM removed)",
                step,
            )
        self.drop("removed")

    def _sparing(self, sql: str) -> str:
        """Return ``sql`` reading nothing of tables that have never held rows."""
        unwritten = self._unwritten(read_tables(sql)) if "lake." in sql else None
        return without_reading(sql, unwritten) if unwritten else sql

    def _unwritten(self, tables: set[str]) -> set[str]:
        """Return those of ``tables`` that have never held rows in what this session sees."""
        if not tables <= self._written.tables and not self._looked:
            (row,) = self.rows("SELECT id FROM ducklake_current_snapshot('lake')", step="snapshot")
            if row["id"] != self._written.snapshot:
                self._written.tables |= written_tables(self)
                self._written.snapshot = row["id"]
            self._looked = True
        return tables - self._written.tables

    def execute(self, sql: str, step: str) -> Any:
        """Run one statement and return the cursor."""
        if not self._has_turn and "lake" in sql:
            self._take_turn()
            self._has_turn = True
        return self._execute(sql, step)

    def _execute(self, sql: str, step: str) -> Any:
        """Run one statement that does not see the lake, whatever names stand in it."""
        try:
            return self.con.execute(sql)
        except duckdb_errors() as err:
            raise translated(err, step, sql) from err

    def _stage_scan(self, name: str, scan: Scan, columns: str, select: str, step: str) -> None:
        # What was attached inside a transaction could not be let go before its end.
        own = self._attached.enter_context(self.con.cursor())
        sql = self._attached.enter_context(scan.attached(own))
        into = f"CREATE TEMP TABLE {quote(name)} AS {select} FROM ({sql}) AS scan({columns})"
        try:
            self._execute(into, step)
        except EngineError as err:
            raise (err if err.why else scan.lost()) from err.__cause__

    def _take(self, name: str, arrow: object, select: str, step: str) -> None:
        self.con.register("arrow_in", arrow)
        try:
            self._execute(f"CREATE TEMP TABLE {quote(name)} AS {select} FROM arrow_in", step)
        finally:
            self.con.unregister("arrow_in")

"""DuckDB on the lake, in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import Any

import pyarrow as pa

from chengshu.engine.arrow import arrow_of
from chengshu.engine.changes import changes_sql, snapshots_of
from chengshu.engine.lake import Lake, connect
from chengshu.engine.port import Row, Scan
from chengshu.engine.sql import listed, quote
from chengshu.kernel.errors import ChengshuError, ConflictError, EngineError

DISK_FULL = ("No space left", "max_temp_directory_size", "disk is full")


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

    def close(self) -> None:
        """Close the instance and every connection of it."""
        self._root.close()

    @contextmanager
    def session(self) -> Iterator[DuckDBSession]:
        """Open a transaction (see the port)."""
        with ExitStack() as attached, self._root.cursor() as con, ExitStack() as turn:
            session = DuckDBSession(con, lambda: turn.enter_context(self._turn), attached)
            session.execute("BEGIN TRANSACTION", "begin")
            try:
                yield session
            except BaseException:
                # A connection that failed in COMMIT has no transaction left to roll back.
                with suppress(ChengshuError):
                    session.execute("ROLLBACK", "roll back")
                raise
            session.execute("COMMIT", "commit")

    def ensure_tables(self, tables: Mapping[str, Mapping[str, str]]) -> None:
        """Create tables or bring their columns up to date (see the port)."""
        if all(self._made.get(table) == columns for table, columns in tables.items()):
            return
        with self._root.cursor() as con:
            have = _tables_of(DuckDBSession(con))
        if not all(_has(have.get(table, {}), columns) for table, columns in tables.items()):
            with self.session() as session:
                # Another thread may have made them while this one waited for its turn.
                have = _tables_of(session)
                for table, columns in tables.items():
                    for statement in _statements(table, have.get(table, {}), columns):
                        session.execute(statement, f"make {table}")
        self._made |= {table: dict(columns) for table, columns in tables.items()}

    def columns_of(self, table: str) -> Mapping[str, str]:
        """Return the table's columns (see the port)."""
        with self._root.cursor() as con:
            return columns_of(DuckDBSession(con), table)

    def snapshot_of(self, table: str) -> int:
        """Return the newest snapshot that changed the table (see the port)."""
        return self.snapshots_of([table])[table]

    def snapshots_of(self, tables: Sequence[str]) -> Mapping[str, int]:
        """Return the newest snapshots that changed the tables (see the port)."""
        with self._root.cursor() as con:
            return snapshots_of(DuckDBSession(con), tables)

    def parses(self, expression: str, columns: Mapping[str, str]) -> str | None:
        """Return why the expression cannot run here, or None (see the port)."""
        body = ", ".join(f"CAST(NULL AS {kind}) AS {quote(name)}" for name, kind in columns.items())
        with self._root.cursor() as con:
            try:
                DuckDBSession(con).rows(
                    f"SELECT 1 AS one FROM (SELECT {body}) AS probe WHERE {expression}",
                    step="parse a rule",
                )
            except EngineError as err:
                return str(err.__cause__).splitlines()[0]
        return None


def _has(have: Mapping[str, str], columns: Mapping[str, str]) -> bool:
    return all(have.get(name) == kind for name, kind in columns.items())


def _statements(table: str, have: Mapping[str, str], columns: Mapping[str, str]) -> Iterator[str]:
    """Yield what makes a table's columns ``columns``; nothing is dropped, old types move aside."""
    if not have:
        body = ", ".join(f"{quote(column)} {kind}" for column, kind in columns.items())
        yield f"CREATE SCHEMA IF NOT EXISTS lake.{quote(table.split('.')[0])}"
        yield f"CREATE TABLE {qualified(table)} ({body})"
        return
    change = f"ALTER TABLE {qualified(table)}"
    for name, kind in columns.items():
        if name in have and have[name] != kind:
            aside = next(f"{name}__{n}" for n in range(1, 1000) if f"{name}__{n}" not in have)
            yield f"{change} RENAME COLUMN {quote(name)} TO {quote(aside)}"
        if have.get(name) != kind:
            yield f"{change} ADD COLUMN {quote(name)} {kind}"


def columns_of(session: DuckDBSession, table: str) -> Mapping[str, str]:
    """Return column name → type of a table as ``session`` sees it."""
    return _tables_of(session).get(table, {})


def _tables_of(session: DuckDBSession) -> Mapping[str, Mapping[str, str]]:
    """Return every lake table with its columns, as ``session`` sees them."""
    rows = session.rows(
        "SELECT schema_name || '.' || table_name AS name, column_name, data_type "
        "FROM duckdb_columns() WHERE database_name = 'lake' ORDER BY name, column_index",
        step="columns of the lake",
    )
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["name"], {})[row["column_name"]] = row["data_type"]
    return found


def qualified(table: str) -> str:
    """Return ``store.table`` as the quoted name of a lake table."""
    store, name = table.split(".")
    return f"lake.{quote(store)}.{quote(name)}"


class DuckDBSession:
    """One connection in one transaction (see the port)."""

    def __init__(
        self,
        con: Any,
        take_turn: Callable[[], object] = lambda: None,
        attached: ExitStack | None = None,
    ) -> None:
        """Use ``con``, which the engine owns.

        ``take_turn`` is called before it sees the lake; ``attached`` is left when it has ended.
        """
        self.con, self._take_turn, self._has_turn = con, take_turn, False
        self._attached = attached or ExitStack()
        self._defined: set[str] = set()

    def rows(self, sql: str, *, step: str) -> Sequence[Row]:
        """Return all rows of a query."""
        cursor = self.execute(sql, step)
        names = [column[0] for column in cursor.description or []]
        try:
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except _errors() as err:
            raise _translated(err, step, sql) from err

    def stage(self, name: str, sql: str, *, step: str) -> None:
        """Keep the result of ``sql`` as a temporary table."""
        self.execute(f"CREATE TEMP TABLE {quote(name)} AS {sql}", step)

    def define(self, name: str, sql: str, *, step: str) -> None:
        """Make a temporary view."""
        self.execute(f"CREATE TEMP VIEW {quote(name)} AS {sql}", step)
        self._defined.add(name)

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
        stream = pa.RecordBatchReader.from_batches(batches.schema, _noted(batches, failed))
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
        self.execute(f"INSERT INTO {qualified(table)} BY NAME {sql}", step)

    def remove(self, table: str, keys: str, *, on: Sequence[str], step: str) -> None:
        """Delete by a semi-join; where there is nothing to delete the table is not read."""
        columns = listed(on)
        self.stage("removed", f"SELECT {columns} FROM ({keys}) AS keys", step=step)
        if self.execute("SELECT 1 FROM removed LIMIT 1", step).fetchone():
            self.execute(
                f"DELETE FROM {qualified(table)} WHERE ({columns}) IN "
                f"(SELECT ({columns}) FROM removed)",
                step,
            )
        self.drop("removed")

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
        except _errors() as err:
            raise _translated(err, step, sql) from err

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


def _noted(batches: Iterable[pa.RecordBatch], failed: list[Exception]) -> Iterator[pa.RecordBatch]:
    """Pass batches on; keep the error of their source, which crosses the engine as text only."""
    try:
        yield from batches
    except Exception as err:
        failed.append(err)
        raise


def _errors() -> type[Exception]:
    import duckdb

    return duckdb.Error


def _translated(err: Exception, step: str, sql: str) -> ChengshuError:
    """Return our error for DuckDB's: its own text may carry citizens' data and is never shown."""
    import duckdb

    text = str(err)
    if any(sign in text for sign in DISK_FULL):
        return EngineError("duckdb", step, sql, retryable=True, why="the disk is full")
    if isinstance(err, duckdb.OutOfMemoryException):
        return EngineError("duckdb", step, sql, retryable=True, why="not enough memory")
    if isinstance(err, duckdb.TransactionException) or "database is locked" in text:
        return ConflictError(f"duckdb at step {step!r}: another commit came first. Run it again.")
    return EngineError("duckdb", step, sql, retryable=isinstance(err, duckdb.IOException))

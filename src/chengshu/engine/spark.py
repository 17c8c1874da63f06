"""Spark on the same lake: reads a snapshot's files, writes Parquet, commits through DuckDB.

Reading takes the official file list of a snapshot and leaves out deleted positions; columns are
read and written by field id, because names lie after a rename (decisions.md, trap 3).
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from chengshu.engine.arrow import arrow_of
from chengshu.engine.dialect import translate
from chengshu.engine.duckdb import DuckDBEngine, DuckDBSession
from chengshu.engine.lake import Lake
from chengshu.engine.port import Row, Scan
from chengshu.engine.spark_types import plain, struct_of
from chengshu.engine.sql import listed, literal, quote
from chengshu.engine.tables import CATALOG, columns_at, columns_of, render_probe_sql
from chengshu.kernel.errors import EngineError


class SparkEngine:
    """One Spark session over one lake."""

    name = "spark"

    def __init__(self, lake: Lake, spark: Any, catalog: DuckDBEngine | None = None) -> None:
        """Use ``spark``, made by `start`; the caller owns it and stops it.

        ``catalog`` is the embedded engine of this process on the same lake, if it has one open.
        """
        self.lake, self._spark = lake, spark
        self._catalog = catalog or DuckDBEngine(lake)
        # What asks only the catalogue is answered by it.
        self.ensure_tables = self._catalog.ensure_tables
        self.columns_of = self._catalog.columns_of
        self.changes_of = self._catalog.changes_of
        self.upkeep = self._catalog.upkeep
        self.snapshots_of = self._catalog.snapshots_of

    @property
    def scratch(self) -> Path:
        """The folder for files on their way (see the port)."""
        return self.lake.scratch

    def close(self) -> None:
        """Close the catalogue's connections; the Spark session stays."""
        self._catalog.close()

    @contextmanager
    def session(self) -> Iterator[SparkSession]:
        """Open a transaction (see the port)."""
        scratch = self.lake.scratch / f"spark-{uuid.uuid4().hex}"
        try:
            with self._catalog.session() as catalog:
                yield SparkSession(self.lake, self._spark.newSession(), catalog, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def parses(self, expression: str, columns: Mapping[str, str]) -> str | None:
        """Return why the expression cannot run here, or None (see the port)."""
        sql = render_probe_sql(expression, columns)
        try:
            self._spark.sql(translate(sql)).schema  # noqa: B018 - analyses, runs nothing
        except _errors() as err:
            return str(err).splitlines()[0]
        return None


class SparkSession:
    """Spark's views over one snapshot, and a DuckDB transaction for the commit (see the port)."""

    def __init__(self, lake: Lake, spark: Any, catalog: DuckDBSession, scratch: Path) -> None:
        """Use ``spark`` for the work and ``catalog`` for the commit."""
        self._lake, self._spark, self._catalog, self._scratch = lake, spark, catalog, scratch
        self.version = catalog.version
        self._views: set[str] = set()

    def rows(self, sql: str, *, step: str) -> Sequence[Row]:
        """Return all rows of a query."""
        with translated_errors(step, sql):
            return [row.asDict() for row in self._frame(sql).collect()]

    def stage(self, name: str, sql: str, *, step: str) -> None:
        """Keep the result of ``sql`` in files of this session."""
        path = str(self._scratch / name)
        with translated_errors(step, sql):
            frame = plain(self._frame(sql))
            frame.write.parquet(path)
        # A schema that is given needs no look into the files.
        self._spark.read.schema(frame.schema).parquet(path).createOrReplaceTempView(name)

    def define(self, name: str, sql: str, *, step: str) -> None:
        """Make a view over the query."""
        with translated_errors(step, sql):
            self._frame(sql).createOrReplaceTempView(name)

    def define_at(self, name: str, table: str, version: int, *, step: str) -> None:
        """Let DuckDB read a table as it was: files' lists do not tell what was deleted later."""
        if version == self.version:
            self._table(table).createOrReplaceTempView(name)
            return
        path = self._scratch / name / "part.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._catalog.define_at(name, table, version, step=step)
        self._catalog.execute(f"COPY (FROM {quote(name)}) TO {literal(str(path))}", step)
        schema = struct_of(columns_at(self._catalog, table, version))
        self._spark.read.schema(schema).parquet(str(path)).createOrReplaceTempView(name)

    def write(self, sql: str, folder: Path, *, step: str) -> None:
        """Write Parquet files, each task one."""
        with translated_errors(step, sql):
            plain(self._frame(sql)).write.parquet(str(folder))

    def stage_rows(
        self, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Make a small view."""
        path = self._scratch / name / "part.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(arrow_of(columns, rows), path, coerce_timestamps="us")
        view = self._spark.read.schema(struct_of(columns)).parquet(str(path))
        view.createOrReplaceTempView(name)

    def stage_arrow(
        self,
        name: str,
        batches: pa.RecordBatchReader,
        *,
        scan: Scan | None = None,  # noqa: ARG002 - only DuckDB has it
        select: str = "*",
        step: str,
    ) -> None:
        """Write the stream to files of this session, in its order."""
        path = self._scratch / name / "part.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(path, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        with translated_errors(step, select):
            self._spark.read.parquet(str(path)).createOrReplaceTempView(f"{name}__arrow")
            self._frame(f"SELECT {select} FROM {name}__arrow").createOrReplaceTempView(name)

    def stage_changes(
        self, name: str, table: str, columns: Sequence[str], *, since: int, step: str
    ) -> bool:
        """Let DuckDB find them."""
        if not self._catalog.stage_changes(name, table, columns, since=since, step=step):
            return False
        path = self._scratch / name / "part.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        kinds = columns_of(self._catalog, table)
        self._catalog.execute(f"COPY {quote(name)} TO {literal(str(path))}", step)
        schema = struct_of({column: kinds[column] for column in columns})
        self._spark.read.schema(schema).parquet(str(path)).createOrReplaceTempView(name)
        return True

    def drop(self, name: str) -> None:
        """Forget a view and its files."""
        self._spark.catalog.dropTempView(name)
        shutil.rmtree(self._scratch / name, ignore_errors=True)

    def append(self, table: str, sql: str, *, step: str) -> None:
        """Write Parquet with the lake's field ids, then enter the files."""
        store, name = table.split(".")
        folder = self._lake.data / store / name / f"spark-{uuid.uuid4().hex}"
        with translated_errors(step, sql):
            frame = self._frame(sql)
            have = set(frame.columns)
            ids = {c: k for c, k in self._fields(table).items() if c in have}
            kinds = columns_of(self._catalog, table)
            columns = [
                frame[c]
                .cast(struct_of({c: kinds[c]})[0].dataType)
                .alias(c, metadata={"parquet.field.id": field_id})
                for c, field_id in ids.items()
            ]
            frame.select(columns).write.parquet(str(folder))
        files = [str(f) for f in folder.glob("*.parquet") if pq.read_metadata(f).num_rows]
        if files:
            self._catalog.execute(
                f"CALL ducklake_add_data_files('lake', {literal(name)}, "
                f"[{', '.join(map(literal, files))}], schema => {literal(store)}, "
                "allow_missing => true)",
                step,
            )

    def remove(self, table: str, keys: str, *, on: Sequence[str], step: str) -> None:
        """Find the keys with Spark, delete with DuckDB."""
        path = self._scratch / f"keys-{uuid.uuid4().hex}"
        with translated_errors(step, keys):
            found = self._frame(f"SELECT DISTINCT {listed(on)} FROM ({keys}) AS keys")
            plain(found).write.parquet(str(path))
        if any(pq.read_metadata(f).num_rows for f in path.glob("*.parquet")):
            files = f"read_parquet({literal(str(path / '*.parquet'))})"
            self._catalog.remove(table, f"SELECT * FROM {files}", on=on, step=step)

    def _frame(self, sql: str) -> Any:
        return self._spark.sql(translate(sql, self._view))

    def _view(self, store: str, name: str) -> str:
        """Return the name of the view over a lake table, made when it is first asked for."""
        view = f"lake__{store}__{name}"
        if view not in self._views:
            self._table(f"{store}.{name}").createOrReplaceTempView(view)
            self._views.add(view)
        return view

    def _table(self, table: str) -> Any:
        store, name = table.split(".")
        files = self._catalog.rows(
            f"SELECT data_file, delete_file FROM ducklake_list_files('lake', {literal(name)}, "
            f"schema => {literal(store)}, snapshot_version => {self.version})",
            step=f"files of {table}",
        )
        kinds, ids = columns_of(self._catalog, table), self._fields(table)
        if not files:
            # No rows as SQL: what is joined with them is planned away.
            nothing = ", ".join(f"CAST(NULL AS {k}) AS {quote(n)}" for n, k in kinds.items())
            return self._spark.sql(translate(f"SELECT {nothing} WHERE FALSE"))
        # A field that a file lacks by id is looked for by name: names that no file has keep a
        # column of the same name and another id from being taken for it.
        hidden = {f"_field_{ids[name]}": kind for name, kind in kinds.items()}
        schema = struct_of(hidden, {f"_field_{i}": i for i in ids.values()})
        frame = self._spark.read.schema(schema).parquet(*[row["data_file"] for row in files])
        names = [f"_field_{ids[name]} AS `{name}`" for name in kinds]
        deletes = [row["delete_file"] for row in files if row["delete_file"]]
        if deletes:
            base = "regexp_extract({}, '[^/]+$', 0)"
            gone = self._spark.read.parquet(*deletes).selectExpr(
                f"{base.format('file_path')} AS _file", "pos AS _pos"
            )
            frame = frame.selectExpr(
                *hidden,
                f"{base.format('_metadata.file_path')} AS _file",
                "_metadata.row_index AS _pos",
            ).join(gone, ["_file", "_pos"], "left_anti")
        return frame.selectExpr(*names)

    def _fields(self, table: str) -> Mapping[str, int]:
        """Return column → field id, in the table's order."""
        store, name = (literal(part) for part in table.split("."))
        rows = self._catalog.rows(
            f"SELECT c.column_name AS name, c.column_id AS id FROM {CATALOG}.ducklake_column AS c "
            f"JOIN {CATALOG}.ducklake_table AS t USING (table_id) "
            f"JOIN {CATALOG}.ducklake_schema AS s USING (schema_id) "
            f"WHERE s.schema_name = {store} AND t.table_name = {name} "
            "AND c.end_snapshot IS NULL AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL "
            "ORDER BY c.column_order",
            step=f"columns of {table}",
        )
        return {row["name"]: int(row["id"]) for row in rows}


@contextmanager
def translated_errors(step: str, sql: str) -> Iterator[None]:
    """Turn Spark's errors into ours; its text repeats values, so it stays in the cause only."""
    try:
        yield
    except _errors() as err:
        text = str(err)
        full = "No space left" in text
        raise EngineError(
            "spark", step, sql, retryable=full, why="the disk is full" if full else ""
        ) from err


def _errors() -> tuple[type[Exception], ...]:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from sqlglot.errors import SqlglotError

    return (PySparkException, Py4JError, SqlglotError)

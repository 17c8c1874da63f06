"""A department's database server that DuckDB reads by itself, through one of its extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pyarrow as pa

from chengshu.engine import Scan
from chengshu.engine.lake import bare_connection, load_extensions
from chengshu.engine.sql import literal
from chengshu.exchange.files.model import ROWS_PER_BATCH, schema_of
from chengshu.kernel.errors import ChengshuError, ExternalError

Ask = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Front:
    """How a server is read.

    Attributes:
        extension: The DuckDB extension.
        query: Template of the function that runs ``sql`` on the server attached as ``name``.
        attach: Attaches the server on a connection, with a secret, both under the name given.
        unreadable: The error to raise when a query cannot be run.
        lost: The error to raise when the server fails in the middle.
        watched: What is entered while the server is in use; calls what it is given while
            something comes.
        moved: See `Surroundings`.
    """

    extension: str
    query: str
    attach: Callable[[Any, str], None]
    unreadable: ChengshuError
    lost: ExternalError
    watched: Callable[[Callable[[], None]], AbstractContextManager[object]] = nullcontext
    moved: Callable[[], None] = lambda: None

    def query_sql(self, name: str, sql: str) -> str:
        """Return SQL of what a query of the server gives."""
        return self.query.format(name=literal(name), sql=literal(sql))

    def scan_of(self, sql: str) -> Scan:
        """Return how DuckDB reads a query's rows on a connection of the engine's."""
        return Scan(lambda con: _scanned(self, con, sql), lambda: self.lost)


@contextmanager
def connected(front: Front) -> Iterator[Ask]:
    """Attach the server to a DuckDB of its own; yields what runs queries on it."""
    with closing(bare_connection()) as con:
        load_extensions(con, (front.extension,))
        with _attached(front, con) as name:
            yield lambda sql: _query(front, con, name, sql)


def read_batches(front: Front, header: Sequence[str], sql: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a query as a connector does (see `Incoming`)."""
    import duckdb

    schema, line = schema_of(header), 0
    with connected(front) as ask:
        try:
            reader = ask(sql).to_arrow_reader(ROWS_PER_BATCH)
        except ChengshuError as err:
            # Its columns could be read a moment ago, when it was found.
            raise err if "denied" in str(err.__cause__) else front.lost from err
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except (duckdb.Error, OSError, pa.ArrowException) as err:
                raise front.lost from err
            arrays = [pa.arange(line + 1, line + 1 + batch.num_rows)]
            arrays += [column.cast(pa.string()) for column in batch.columns]
            arrays += [pa.nulls(batch.num_rows, pa.string())] * 2
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            line += batch.num_rows


@contextmanager
def _attached(front: Front, con: Any) -> Iterator[str]:
    """Attach the server under a name of its own; the password goes into a secret, never a DSN."""
    import duckdb

    name = f"front_{uuid4().hex}"

    def heard() -> None:
        try:
            front.moved()
        except ExternalError:
            # Its time is up; who waits for the rows is told that the server is lost.
            con.interrupt()

    with front.watched(heard):
        try:
            front.attach(con, name)
            yield name
        finally:
            # What failed before says more than that the connection is gone.
            with suppress(duckdb.Error):
                con.execute(f"DETACH DATABASE IF EXISTS {name}")
                con.execute(f"DROP SECRET IF EXISTS {name}")


@contextmanager
def _scanned(front: Front, con: Any, sql: str) -> Iterator[str]:
    """Make the rows readable on the lake's own connection; yields SQL of them."""
    load_extensions(con, (front.extension,))
    with _attached(front, con) as name:
        yield (
            "SELECT ROW_NUMBER() OVER () AS _line, *, CAST(NULL AS VARCHAR) AS _rest, "
            f"CAST(NULL AS VARCHAR) AS _problem FROM {front.query_sql(name, sql)}"
        )


def _query(front: Front, con: Any, name: str, sql: str) -> Any:
    import duckdb

    try:
        return con.execute(f"SELECT * FROM {front.query_sql(name, sql)}")
    except duckdb.Error as err:
        raise front.unreadable from err

"""Our side of a benchmark: a new lake, and pulling, landing, refining the person resource."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bench.measure import Cost, Costs, timed
from bench.people import make_pack
from chengshu.catalog import Pack
from chengshu.engine.duckdb import DuckDBEngine, DuckDBSession
from chengshu.engine.lake import Lake
from chengshu.exchange.port import Surroundings
from chengshu.exchange.pull import Pull, find_incoming, land_incoming
from chengshu.libraries import stores
from chengshu.libraries.landing import list_batches
from chengshu.libraries.reconcile import balance_batches
from chengshu.libraries.refine import refine_pending
from chengshu.libraries.stores import ensure_tables

PERSON = "office/person"
MEMORY_MB = 3000
FILE_SOURCE = '{kind: file, path: "../front/*.parquet"}'


def lake_in(root: Path) -> Lake:
    """Return the lake of a benchmark's folder."""
    return Lake(root / "catalog.sqlite", root / "data", root / "tmp", MEMORY_MB)


@contextmanager
def opened(root: Path) -> Iterator[DuckDBEngine]:
    """Open the engine over the lake in ``root``."""
    engine = DuckDBEngine(lake_in(root))
    try:
        yield engine
    finally:
        engine.close()


def new_folder(root: Path) -> Path:
    """Return ``root``, empty."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    return root


def deliver(engine: DuckDBEngine, pack: Pack, run: str, costs: Costs, name: str = "") -> None:
    """Pull, land and refine what waits; costs go under ``pull and land`` and ``refine``."""
    resource = pack.get(PERSON)
    types = {f.name: pack.type_of(f) for f in resource.fields}
    around = Surroundings(
        pack.root,
        "Asia/Shanghai",
        lambda _name: "bench",
        pack.root / "spool",
        pack.root / "objects",
    )
    with _steps(), timed(costs, f"{name}pull and land"):
        ensure_tables(engine, resource, types)
        for incoming in find_incoming(engine, resource, around, run):
            as_of = datetime(2026, 1, len(costs) + 1)  # noqa: DTZ001 - a business date
            land_incoming(engine, pack, resource, incoming, Pull(run, as_of))
    with _steps(), timed(costs, f"{name}refine"):
        refine_pending(engine, pack, resource)


def front_pack(root: Path, *files: Path) -> Pack:
    """Return the pack whose source is the folder ``front``, with ``files`` delivered."""
    (root / "front").mkdir(exist_ok=True)
    for file in files:
        (root / "front" / file.name).unlink(missing_ok=True)
        os.link(file, root / "front" / file.name)
    return make_pack(root / "pack", FILE_SOURCE)


def show_counts(engine: DuckDBEngine, pack: Pack) -> None:
    """Print the balance of the batches to standard error, so that a wrong result is seen."""
    resource = pack.get(PERSON)
    with engine.session() as session:
        numbers = [batch.number for batch in list_batches(session, resource)]
        for balance in balance_batches(session, resource, numbers):
            print(balance, "closed" if balance.is_closed else "NOT CLOSED", file=sys.stderr)
        (row,) = session.rows(
            f"SELECT COUNT(*) AS n FROM lake.{stores.findings(resource)}", step="count"
        )
        print(f"findings: {row['n']}", file=sys.stderr)


@contextmanager
def _steps() -> Iterator[None]:
    """With BENCH_STEPS set, print what each statement of the engine costs."""
    if not os.environ.get("BENCH_STEPS"):
        yield
        return
    plain = DuckDBSession.execute

    def execute(self: DuckDBSession, sql: str, step: str) -> object:
        costs: Costs = {}
        with timed(costs, step):
            done = plain(self, sql, step)
        cost: Cost = costs[step]
        if cost.cpu > 0.02:
            line = f"{cost.cpu:7.2f} {cost.wall:7.2f} {cost.rss_mb:6} {step:<40} {sql[:90]!r}"
            print(line, file=sys.stderr)
        return done

    DuckDBSession.execute = execute
    try:
        yield
    finally:
        DuckDBSession.execute = plain

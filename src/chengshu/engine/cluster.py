"""Reaching Spark: a session on a master, and whether its workers can do our work.

Workers run no Python of ours: what they are asked is SQL that calls their own JVM.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from chengshu.engine.lake import Lake
from chengshu.kernel.errors import ExternalError, InputError

CONFIG = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.fieldId.read.enabled": "true",
    "spark.sql.parquet.fieldId.write.enabled": "true",
    "spark.sql.ansi.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.log.level": "OFF",  # Spark's own log repeats values of citizens' data.
}
# So many tasks for each core, so that every worker has some.
ROUNDS = 4
REACHED_S, PLACE_S, SKEW_S = 10.0, 60.0, 2.0


def start(master: str = "local[2]", **config: str) -> Any:
    """Return a Spark session on ``master`` that reads the lake as it must be read."""
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession

    # It writes statements that fail, with all that Spark says of them, to standard error.
    PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True
    builder = SparkSession.builder.master(master).appName("chengshu")
    for key, value in {**CONFIG, **config}.items():
        builder = builder.config(key, value)
    with _silenced():
        return builder.getOrCreate()


def start_on(master: str) -> Any:
    """Return a Spark session on a master that answers.

    Raises:
        InputError: pyspark is not installed.
        ExternalError: Nobody answers at its address, or no session begins there.
    """
    try:
        import pyspark  # noqa: F401
    except ImportError as err:
        raise InputError(
            "pyspark is not installed", hint="Install it: pip install 'chengshu[spark]'."
        ) from err
    address = urlsplit(master)
    if address.scheme == "spark":
        try:
            socket.create_connection((address.hostname, address.port or 7077), REACHED_S).close()
        except OSError as err:
            raise ExternalError(
                f"spark {master}",
                "nobody answers there",
                retryable=True,
                hint="Check the address, and that the master runs.",
            ) from err
    with _told(master, "no session begins there", "Compare its version of Spark with pyspark's."):
        spark = start(master)
    if address.scheme == "spark":
        _await_workers(spark, master)
    return spark


def _await_workers(spark: Any, master: str) -> None:
    """Wait until a worker has given us a place; without one every job would wait for ever."""
    until = time.monotonic() + PLACE_S
    known = spark.sparkContext._jsc.sc().statusTracker()
    while len(known.getExecutorInfos()) < 2:  # this process is one
        if time.monotonic() > until:
            spark.stop()
            raise ExternalError(
                f"spark {master}",
                f"no worker has taken us on in {PLACE_S:.0f} s",
                retryable=True,
                hint="Check that workers run, and have a core and spark.executor.memory free.",
            )
        time.sleep(0.2)


def check_paths(spark: Any, lake: Lake, master: str) -> int:
    """Let every worker read what this process writes, and this one what they write.

    Returns:
        How many tasks tried it.

    Raises:
        ExternalError: A worker cannot see the folder of the data, or that of work on its way.
    """
    tasks = ROUNDS * int(spark.sparkContext.defaultParallelism)
    for folder in (lake.data, lake.scratch):
        with _probing(folder) as probe:
            for number in range(tasks):
                pq.write_table(pa.table({"n": [number]}), probe / f"{number}.parquet")
            hint = "All workers must see it under the same path, and may read and write it."
            with _told(master, f"a worker cannot read and write {folder}", hint):
                read = spark.read.parquet(*map(str, sorted(probe.glob("*.parquet"))))
                read.repartition(tasks).write.parquet(str(probe / "back"))
                _same(tasks, probe / "back")
    return tasks


def check_round_trip(spark: Any, lake: Lake, master: str) -> None:
    """Write, read and delete rows of a lake of its own, below the folder of work on its way.

    Raises:
        ExternalError: What is read is not what was written.
    """
    from chengshu.engine.spark import SparkEngine

    with _probing(lake.scratch) as root:
        probe = Lake(root / "catalog.sqlite", root / "data", root / "tmp", 500)
        with closing(SparkEngine(probe, spark)) as engine:
            engine.ensure_tables({"probe.rows": {"n": "BIGINT"}})
            with engine.session() as session:
                session.stage_rows("seed", {"n": "BIGINT"}, ([n] for n in range(1000)))
                session.append("probe.rows", "SELECT n FROM seed", step="write")
            gone = "SELECT n FROM lake.probe.rows WHERE n >= 900"
            with engine.session() as session:
                session.remove("probe.rows", gone, on=["n"], step="delete")
            with engine.session() as session:
                (row,) = session.rows("SELECT SUM(n) AS n FROM lake.probe.rows", step="read")
    if row["n"] != sum(range(900)):
        raise ExternalError(f"spark {master}", "it read other rows than it wrote", retryable=False)


@contextmanager
def _probing(folder: Path) -> Iterator[Path]:
    """Yield a new folder in ``folder``; it is removed."""
    probe = folder / f"probe-{uuid.uuid4().hex}"
    probe.mkdir(parents=True)
    try:
        yield probe
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _same(tasks: int, back: Path) -> None:
    found = sum(pq.read_metadata(file).num_rows for file in back.glob("*.parquet"))
    if found != tasks:
        raise OSError(f"{found} rows came back of {tasks}")


def ask_workers(spark: Any) -> Mapping[str, Any]:
    """Return what workers say of themselves.

    ``workers``: their hosts and processes; ``spark``, ``java``: versions; ``skew_s``: by how many
    seconds the clock of the worst of them differs from ours.
    """
    tasks = ROUNDS * int(spark.sparkContext.defaultParallelism)
    before = time.time()
    rows = spark.sql(
        "SELECT java_method('java.lang.System', 'currentTimeMillis') AS ms, "
        "java_method('java.net.InetAddress', 'getLocalHost') AS host, "
        "java_method('java.lang.ProcessHandle', 'current') AS process, "
        "java_method('java.lang.System', 'getProperty', 'java.version') AS java "
        f"FROM range(0, {tasks}, 1, {tasks})"
    ).collect()
    after = time.time()
    clocks = [int(row["ms"]) / 1000 for row in rows]
    skew = max(before - min(clocks), max(clocks) - after, 0.0)
    return {
        "workers": sorted({f"{row['host']} (process {row['process']})" for row in rows}),
        "spark": spark.version,
        "java": sorted({row["java"] for row in rows}),
        "skew_s": skew,
    }


@contextmanager
def _silenced() -> Iterator[None]:
    """Let a JVM that is started have nowhere to write: its words are not ours, and may be data."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _told(master: str, problem: str, hint: str) -> Iterator[None]:
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, OSError) as err:
        raise ExternalError(f"spark {master}", problem, retryable=True, hint=hint) from err

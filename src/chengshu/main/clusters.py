"""The cluster of a home: how it is opened, and the command `cluster check`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chengshu.engine.cluster import SKEW_S, ask_workers, check_paths, check_round_trip, start_on
from chengshu.flows.cluster import Cluster
from chengshu.kernel.errors import ExternalError, InputError
from chengshu.main.home import Home, open_home
from chengshu.main.render import say, show_table

if TYPE_CHECKING:
    from chengshu.engine.duckdb import DuckDBEngine


@contextmanager
def opened_cluster(home: Home, embedded: DuckDBEngine) -> Iterator[Cluster | None]:
    """Yield the cluster of a home, None where it names none; what was opened is closed."""
    if home.spark_master is None:
        yield None
        return
    master, started = home.spark_master, []

    def open_it() -> Any:
        from chengshu.engine.spark import SparkEngine

        spark = start_on(master)
        started.append(spark)
        check_paths(spark, home.lake, master)
        return SparkEngine(home.lake, spark, embedded)

    try:
        yield Cluster(open_it, home.spark_from_rows)
    finally:
        for spark in started:
            # A master that has gone cannot be told.
            with suppress(Exception):
                spark.stop()


def check_cluster(root: Path, master: str | None) -> None:
    """Try a cluster from end to end, and say what is missing."""
    home = open_home(root)
    master = master or home.spark_master
    if master is None:
        raise InputError(
            "this home names no cluster",
            hint="Give the address of its master, or spark_master in config.toml.",
        )
    spark = start_on(master)
    try:
        told = ask_workers(spark)
        tasks = check_paths(spark, home.lake, master)
        check_round_trip(spark, home.lake, master)
    finally:
        spark.stop()
    show_table(
        f"cluster {master}",
        ("what", "found"),
        [
            ("Spark", told["spark"]),
            ("Java of the workers", ", ".join(told["java"])),
            ("workers", f"{len(told['workers'])}: {', '.join(told['workers'])}"),
            ("clocks", f"within {told['skew_s']:.1f} s of this machine's"),
            (f"{home.lake.data}", f"read and written by {tasks} tasks"),
            (f"{home.lake.scratch}", f"read and written by {tasks} tasks"),
            ("a table", "made, written, read back equal, deleted from"),
        ],
    )
    if told["skew_s"] > SKEW_S:
        raise ExternalError(
            f"spark {master}", f"a worker's clock differs by {told['skew_s']:.0f} s",
            retryable=True, hint="Set the workers' clocks by the same time server.",
        )  # fmt: skip
    say("next: spark_master in config.toml, or chengshu run --engine spark")

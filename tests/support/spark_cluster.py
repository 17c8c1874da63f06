"""A real Spark cluster on this machine: a master and workers, each a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.support.processes import free_port

SPARK = Path(str(find_spec("pyspark").origin)).parent  # type: ignore[union-attr]
PACKAGE = "org.apache.spark.deploy"
SETTINGS = {
    "SPARK_DAEMON_MEMORY": "256m",
    "SPARK_LOCAL_IP": "127.0.0.1",
    # Its port would be the same for all.
    "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
}


@dataclass
class Worker:
    """A worker that serves one core to the master."""

    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it and its executor as a power cut does."""
        os.killpg(self.process.pid, 9)
        self.process.wait()


@dataclass
class SparkCluster:
    """A master on a free port of the loopback, and its workers."""

    folder: Path
    port: int = field(default_factory=free_port)
    page: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def master(self) -> str:
        return f"spark://127.0.0.1:{self.port}"

    def start(self, workers: int = 2) -> list[Worker]:
        """Start the master, then workers, and wait until all are there."""
        place = ["--host", "127.0.0.1", "--port", self.port, "--webui-port", self.page]
        self._spawn("master", f"{PACKAGE}.master.Master", place)
        self._wait(0)
        made = [self.add_worker() for _ in range(workers)]
        self._wait(workers)
        return made

    def add_worker(self, prefix: Sequence[str] = ()) -> Worker:
        """Start a worker of one core, by ``prefix`` as somebody else."""
        name = f"worker{len(self.processes)}"
        (self.folder / name).mkdir(mode=0o777)
        (self.folder / name).chmod(0o777)
        place = [
            "--host", "127.0.0.1", "--cores", 1, "--memory", "1100m", "--work-dir",
            self.folder / name, "--webui-port", free_port(), self.master,
        ]  # fmt: skip
        return Worker(self._spawn(name, f"{PACKAGE}.worker.Worker", place, prefix))

    def _spawn(
        self, name: str, program: str, args: Sequence[object], prefix: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*prefix, str(SPARK / "bin" / "spark-class"), program, *map(str, args)],
                env={**os.environ, **SETTINGS}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def _wait(self, workers: int) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.page}/json/") as page:
                    if json.load(page)["aliveworkers"] == workers:
                        return
            except OSError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"no cluster of {workers} workers: {sorted(self.folder.iterdir())}")


@contextmanager
def running_cluster(folder: Path, workers: int = 2) -> Iterator[tuple[SparkCluster, list[Worker]]]:
    """Yield a cluster and its workers; all processes are ended."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = SparkCluster(folder)
    try:
        yield cluster, cluster.start(workers)
    finally:
        for process in reversed(cluster.processes):
            if process.poll() is None:
                os.killpg(process.pid, 9)
            process.wait()

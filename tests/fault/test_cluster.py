"""The flow on a real cluster: a master and two workers, of whom some die."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import finish, kill
from tests.support.home import PLACE, RESIDENT, STREET, TestHome, make_test_home, without
from tests.support.processes import as_user
from tests.support.spark_cluster import SparkCluster, Worker, running_cluster

pytestmark = [pytest.mark.fault, pytest.mark.spark]
# Cases are tiny: planning costs more than running.
CONF = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.executor.memory": "512m",
}
MOST_S = 600  # a cluster of five processes on two cores that others use, too
RUN = ("run", STREET, RESIDENT, "--engine", "spark", "--as-of", "2026-02-02")


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conf")
    lines = [f"{name} {value}" for name, value in CONF.items()]
    (folder / "spark-defaults.conf").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.fixture
def cluster(tmp_path: Path, conf: Path) -> Iterator[tuple[SparkCluster, list[Worker]]]:
    os.environ["SPARK_CONF_DIR"] = str(conf)
    try:
        with running_cluster(tmp_path / "cluster") as found:
            yield found
    finally:
        del os.environ["SPARK_CONF_DIR"]


def make_home(root: Path, master: str = "") -> TestHome:
    home = make_test_home(root, {**without("office/visit"), **PLACE})
    config = root / "config.toml"
    text = config.read_text("utf-8").replace('spark_master = ""', f'spark_master = "{master}"')
    config.write_text(text, "utf-8")
    home.deliver_all()
    return home


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> TestHome:
    """The same deliveries on the embedded engine."""
    home = make_home(tmp_path_factory.mktemp("embedded") / "home")
    done = home.call("run", STREET, RESIDENT, "--as-of", "2026-02-02")
    assert done.code == 0, done
    return home


def begun(home: TestHome) -> subprocess.Popen[str]:
    """Start a run on the cluster; it goes on once something has been refined there."""
    process = home.start(*RUN, warm=False)
    until = time.monotonic() + MOST_S
    while not (home.root / "tmp").is_dir() or not [*(home.root / "tmp").glob("spark-*/*")]:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
    return process


def check_same(home: TestHome, other: TestHome) -> None:
    place = (
        "SELECT place_code, place_name, opened, last_resident, _by FROM lake.base.place ORDER BY 1"
    )
    expected = other.snapshot(times=True)
    found = home.snapshot(times=True)
    engines = found.pop("management.engine_choices")
    assert {name: found.get(name) for name in expected} == expected
    assert home.rows(place) == other.rows(place) != []
    assert {row[-1] for row in engines} == {"asked for"}
    # Columns stand by name: at, rows, step, what, why.
    assert {(row[3], row[2]) for row in engines} == {
        (STREET, "refine"), (RESIDENT, "refine"), ("base/place", "merge"),
    }  # fmt: skip


def test_a_cluster_that_passes_its_check_does_the_work_though_a_worker_dies(
    tmp_path: Path, cluster: tuple[SparkCluster, list[Worker]], undisturbed: TestHome
):
    found, workers = cluster
    home = make_home(tmp_path / "home", found.master)

    check = finish(home.start("cluster", "check", warm=False), most_s=MOST_S)
    process = begun(home)
    workers[0].kill()
    done = finish(process, most_s=MOST_S)

    assert check.code == 0, check
    assert "2: " in check.out
    assert "made, written, read back equal, deleted from" in check.out
    assert done.code == 0, done
    check_same(home, undisturbed)


def test_a_run_whose_driver_died_is_gone_on_with(
    tmp_path: Path, cluster: tuple[SparkCluster, list[Worker]], undisturbed: TestHome
):
    home = make_home(tmp_path / "home", cluster[0].master)

    kill(begun(home))
    done = finish(home.start(*RUN, warm=False), most_s=MOST_S)

    assert done.code == 0, done
    check_same(home, undisturbed)


def test_a_worker_that_cannot_see_the_data_is_told_before_any_work(tmp_path: Path, conf: Path):
    os.environ["SPARK_CONF_DIR"] = str(conf)
    folder = Path("/tmp") / f"chengshu-cluster-{os.getpid()}"
    try:
        with running_cluster(folder, workers=0) as (found, _):
            # Nobody but the owner may enter a home.
            found.add_worker(as_user("nobody", []))
            home = make_home(tmp_path / "home", found.master)

            done = finish(home.start(*RUN, warm=False), most_s=MOST_S)

            assert done.code == 3, done
            assert f"a worker cannot read and write {home.root / 'lake' / 'data'}" in done.text
            assert "All workers must see it under the same path" in done.text
            assert home.current(STREET, "code") == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ["SPARK_CONF_DIR"]


def test_a_master_that_is_not_there_is_told_at_once(tmp_path: Path):
    home = make_home(tmp_path / "home")

    nobody = home.call("cluster", "check", "spark://127.0.0.1:1")
    none = home.call("run", STREET, "--engine", "spark")

    assert (nobody.code, "nobody answers there" in nobody.err) == (3, True), nobody
    assert (none.code, "this home has no cluster" in none.text) == (1, True), none

"""A MariaDB server that dies, stalls or ends a query: nothing half lands, the next run works."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chengshu.exchange.connectors.mysql import find_mysql
from chengshu.exchange.port import Past
from chengshu.kernel.errors import ExternalError
from tests.functional.test_mysql import DECLARED, around, source
from tests.support.commands import finish
from tests.support.home import TestHome, make_test_home
from tests.support.mariadb import MariadbServer, mariadb_server
from tests.support.processes import PASSWORD, USER

pytestmark = pytest.mark.fault

BIG = (
    "CREATE OR REPLACE VIEW shops AS SELECT seq AS id, REPEAT('x', 200) AS name, "
    "IF(seq MOD 1000 = 0, SLEEP(0.02), '2020-01-01') AS opened, seq AS changed "
    "FROM seq_1_to_400000"
)


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with mariadb_server() as server:
        yield server


def make_home(folder: Path, server: MariadbServer, silence_s: int = 900) -> TestHome:
    declared = DECLARED.format(port=server.port).replace(
        "mode: incremental, watermark: changed", f"silence_s: {silence_s}"
    )
    home = make_test_home(folder, {
        "city.yaml": "name: x\nlabel: x\ndivision: 330200\n",
        "departments.yaml": "departments: {office: {label: 办公室}}\n",
        "resources/office/shop.yaml": declared,
    })  # fmt: skip
    with home.home.open_secrets() as secrets:
        secrets.put("front", PASSWORD)
    return home


def queries(server: MariadbServer) -> list[str]:
    """Return the ids of the connections that read the big table."""
    rows = server.execute(
        f"SELECT id FROM information_schema.processlist WHERE user = '{USER}' "
        "AND info LIKE '%.`shops` AS t%' AND time_ms > 300"
    )
    return [row[0] for row in rows]


def wait_for_query(server: MariadbServer, running: Callable[[], bool]) -> list[str]:
    until = time.monotonic() + 60
    while time.monotonic() < until and running():
        if found := queries(server):
            return found
        time.sleep(0.02)
    pytest.fail("the pull was never seen on the server")


def mended(server: MariadbServer, home: TestHome) -> None:
    """Check that nothing of the broken pull is there, and that the next one works."""
    assert all(not rows for rows in home.snapshot().values())
    server.execute(
        "CREATE OR REPLACE VIEW shops AS SELECT 1 AS id, 'whole' AS name, NULL AS opened"
    )
    assert [line["accepted"] for line in home.run("shop")] == [1]


@pytest.mark.parametrize("how", ["connection", "query", "server"])
def test_a_server_that_dies_mid_pull_leaves_nothing_landed(
    tmp_path: Path, server: MariadbServer, how: str
):
    home = make_home(tmp_path / "home", server)
    server.execute(BIG)
    run = home.start("run", "shop")

    for number in wait_for_query(server, lambda: run.poll() is None):
        if how == "server":
            server.stop(signal.SIGKILL)
        else:
            server.execute(f"KILL {how.upper()} {number}")
    done = finish(run)

    if how == "server":
        server.start()
    assert done.code == 3, done
    assert "mysql 127.0.0.1" in done.text
    assert PASSWORD not in done.text
    mended(server, home)


def test_a_server_that_stalls_mid_pull_is_left_after_its_silence(
    tmp_path: Path, server: MariadbServer
):
    home = make_home(tmp_path / "home", server, silence_s=3)
    server.execute(BIG)
    run = home.start("run", "shop")
    wait_for_query(server, lambda: run.poll() is None)

    with server.stalled():
        start = time.monotonic()
        done = finish(run)
        took = time.monotonic() - start

    assert done.code == 3, done
    assert "was silent for 3 s" in done.text
    assert 2 < took < 20
    mended(server, home)


def test_a_server_that_does_not_greet_is_left_after_its_silence(server: MariadbServer):
    with server.stalled(), pytest.raises(ExternalError) as caught:
        find_mysql(source(server, "shops", silence_s="1"), Past("run"), around())

    assert caught.value.retryable


def test_a_slow_reader_is_no_silence(server: MariadbServer):
    server.execute(BIG.replace("IF(seq MOD 1000 = 0, SLEEP(0.02), '2020-01-01')", "NULL"))
    (incoming,) = find_mysql(source(server, "shops", silence_s="1"), Past("run"), around())

    batches = incoming.batches()
    rows = next(batches).num_rows
    time.sleep(3)

    assert rows + sum(batch.num_rows for batch in batches) == 400_000


def test_a_limit_on_a_querys_time_is_told(server: MariadbServer):
    server.execute(BIG, "SET GLOBAL max_statement_time = 1")
    try:
        with pytest.raises(ExternalError, match="limit on a query's time") as caught:
            (incoming,) = find_mysql(source(server, "shops"), Past("run"), around())
            list(incoming.batches())
    finally:
        server.execute("SET GLOBAL max_statement_time = 0")
    assert caught.value.retryable


def test_rows_stream_and_are_not_kept_by_the_client(server: MariadbServer):
    server.execute(BIG.replace("0.02", "0.1"))
    (incoming,) = find_mysql(source(server, "shops"), Past("run"), around())
    threads = threading.active_count()

    start = time.monotonic()
    batches = incoming.batches()
    next(batches)
    first = time.monotonic() - start
    batches.close()

    assert first < 25, "the whole takes 40 s"
    assert threading.active_count() == threads

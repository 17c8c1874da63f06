"""A MariaDB server that does not greet, or limits a query, and a client that is slow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from chengshu.exchange.connectors.mysql import find_mysql
from chengshu.exchange.port import Past
from chengshu.kernel.errors import ExternalError
from tests.connectors.mysql import SLOW
from tests.support.mariadb import MariadbServer, mariadb_server
from tests.support.mysql_pull import around, source

pytestmark = pytest.mark.fault

BIG = f"CREATE OR REPLACE VIEW slow AS {SLOW}"


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with mariadb_server() as server:
        yield server


def test_a_server_that_does_not_greet_is_left_after_its_silence(server: MariadbServer):
    with server.stalled(), pytest.raises(ExternalError) as caught:
        find_mysql(source(server, "slow", silence_s="1"), Past("run"), around())

    assert caught.value.retryable


def test_a_slow_reader_is_no_silence(server: MariadbServer):
    server.execute(BIG.replace("IF(seq MOD 1000 = 0, SLEEP(0.02), '2020-01-01')", "NULL"))
    (incoming,) = find_mysql(source(server, "slow", silence_s="1"), Past("run"), around())

    batches = incoming.batches()
    rows = next(batches).num_rows
    time.sleep(3)

    assert rows + sum(batch.num_rows for batch in batches) == 400_000


def test_a_limit_on_a_querys_time_is_told(server: MariadbServer):
    server.execute(BIG, "SET GLOBAL max_statement_time = 1")
    try:
        with pytest.raises(ExternalError, match="limit on a query's time") as caught:
            (incoming,) = find_mysql(source(server, "slow"), Past("run"), around())
            list(incoming.batches())
    finally:
        server.execute("SET GLOBAL max_statement_time = 0")
    assert caught.value.retryable


def test_rows_stream_and_are_not_kept_by_the_client(server: MariadbServer):
    server.execute(BIG.replace("0.02", "0.1"))
    (incoming,) = find_mysql(source(server, "slow"), Past("run"), around())
    threads = threading.active_count()

    start = time.monotonic()
    batches = incoming.batches()
    next(batches)
    first = time.monotonic() - start
    batches.close()

    assert first < 25, "the whole takes 40 s"
    assert threading.active_count() == threads

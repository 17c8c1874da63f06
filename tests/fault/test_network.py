"""The network between us and a department's database: cut, ended, silent, not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from chengshu.catalog.source import Source
from chengshu.exchange.connectors import CONNECTORS
from chengshu.exchange.port import Past, Surroundings
from chengshu.kernel.errors import ExternalError
from tests.support.mariadb import DATABASE, mariadb_server
from tests.support.processes import PASSWORD, USER
from tests.support.proxy import Fault, Proxy, proxy_to
from tests.support.servers import postgres_server

pytestmark = pytest.mark.fault

ROWS, AFTER = 20_000, 200_000
FAULTS = {
    "cut": (Fault("cut", after=AFTER), "the connection ended, or was silent for 1 s"),
    "ended": (Fault("truncate", after=AFTER), "the connection ended, or was silent for 1 s"),
    "silent": (Fault("stall", after=AFTER), "the connection ended, or was silent for 1 s"),
    "refused": (Fault("refuse"), "Check that it runs"),
}
Read = Callable[[Proxy], list[Any]]


@contextmanager
def reading(kind: str) -> Iterator[tuple[int, Read]]:
    """Start a server with a big table; yields its port, and what pulls it through a proxy."""
    start: Any = {"postgres": postgres_server, "mysql": mariadb_server}[kind]
    series = {
        "postgres": f"SELECT i AS n, md5(i::text) || '字' AS t FROM generate_series(1, {ROWS}) i",
        "mysql": f"SELECT seq AS n, CONCAT(MD5(seq), '字') AS t FROM seq_1_to_{ROWS}",
    }
    with start() as server:
        server.execute(f"CREATE TABLE big AS {series[kind]}")

        def read(proxy: Proxy) -> list[Any]:
            source: Any = TypeAdapter(Source).validate_python({
                "kind": kind, "host": "127.0.0.1", "port": proxy.port, "user": USER,
                "database": DATABASE if kind == "mysql" else "postgres", "secret": "front",
                "table": "big", "silence_s": 1,
            })  # fmt: skip
            around = Surroundings(Path(), "UTC", lambda _: PASSWORD, Path(), Path())
            (incoming,) = CONNECTORS[kind](source, Past("run", key=[["n"]]), around)
            return [row for batch in incoming.batches() for row in batch.to_pylist()]

        yield server.port, read


@pytest.fixture(scope="module", params=["postgres", "mysql"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[int, Read]]:
    with reading(request.param) as served:
        yield served


@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_network_that_fails_is_told_and_the_next_pull_is_whole(
    served: tuple[int, Read], fault: str
):
    port, read = served
    harm, told = FAULTS[fault]
    with proxy_to(port) as proxy:
        proxy.always = harm
        with pytest.raises(ExternalError) as caught:
            read(proxy)
        assert told in str(caught.value)
        assert caught.value.retryable
        assert PASSWORD not in str(caught.value)

        proxy.always = None
        rows = read(proxy)

    assert [int(row["n"]) for row in rows] == list(range(1, ROWS + 1))

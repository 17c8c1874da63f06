"""The network between us and a department: cut, ended, silent, not there, slow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chengshu.engine import Engine
from tests.support.networks import WAYS, Way
from tests.support.proxy import Fault, proxy_to
from tests.support.steps import City

pytestmark = pytest.mark.fault

# Fault → what the proxy does in the middle, and which of what a way tells is told of it.
FAULTS: dict[str, tuple[dict[str, Any], int]] = {
    "cut": ({"what": "cut"}, 0),
    "ended": ({"what": "truncate"}, 0),
    "silent": ({"what": "stall"}, 1),
    "not there": ({}, 2),
    "slow": ({"what": "delay", "seconds": 0.01}, -1),
    # What is delivered back is there, and we are not told.
    "unanswered": ({"what": "cut", "asked": b"COMMIT", "up": False, "after": 0}, 0),
}
CASES = [(way, fault) for way in WAYS for fault in FAULTS if "back" in way or fault != "unanswered"]


@pytest.fixture(scope="module")
def started() -> Iterator[Callable[[str], Way]]:
    with ExitStack() as stack:
        servers: dict[Any, Any] = {}

        def start(name: str) -> Way:
            make, way_of = WAYS[name]
            if make not in servers:
                servers[make] = stack.enter_context(make())
            return way_of(servers[make])

        yield start


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_a_network_that_fails_is_told_and_in_the_end_all_is_there_once(
    started: Callable[[str], Way],
    tmp_path: Path,
    duckdb_engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fault: str,
):
    # Else a new file is looked at again two seconds later, and a broker waited for 15 seconds.
    monkeypatch.setattr("chengshu.exchange.connectors.sftp.LOOKS_APART_S", 0)
    monkeypatch.setattr("chengshu.exchange.connectors.mqtt_session.ANSWER_S", 2)
    way, (harm, at) = started(name), FAULTS[fault]
    goes_back = way.server is not None
    with proxy_to(way.port) as proxy:
        city = City(tmp_path / "city", duckdb_engine, way.declare(proxy.port), lambda _: way.secret)
        if name == "mqtt":
            city.run()
        way.deliver(city)
        if harm:
            proxy.always = Fault(**{"after": way.after, "up": goes_back, **harm})
        else:
            proxy.close_door()
        _, error = city.attempt(refine=goes_back)
        between, parts = way.arrived(city), [*(city.root / "spool").rglob(".part-*")]
        proxy.mend()
        if fault != "slow":
            _, none = city.attempt(refine=goes_back)
            assert none is None

    if fault == "slow":
        assert (error, between) == (None, way.whole)
    elif error is None:
        assert way.goes_on
        assert 0 < len(between) < len(way.whole)
    else:
        assert way.told[at] in error["message"]
        assert way.secret not in error["message"]
        assert (error["code"], error["retryable"]) == ("external-failed", True)
        assert between == (way.whole if fault == "unanswered" else [])
    assert (way.arrived(city), parts) == (way.whole, [])

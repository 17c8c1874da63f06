"""Pulls and brokers that end in the middle: each message is in landing once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chengshu.exchange.connectors.mqtt import receive
from chengshu.exchange.connectors.mqtt_spool import SpoolWriter
from chengshu.kernel.errors import ExternalError
from tests.functional.test_mqtt import Pulls, make_home, reading
from tests.support.brokers import Broker, mqtt_broker
from tests.support.dying import Point, die
from tests.support.home import TestHome

pytestmark = pytest.mark.fault

CONNECTORS = "chengshu.exchange.connectors"
POINTS = {
    "before what was written is on the disk": Point(f"{CONNECTORS}.mqtt_spool", "_sync", 3),
    "before anything is acknowledged": Point(f"{CONNECTORS}.mqtt_session", "Session._send"),
    "before the last file is whole": Point(f"{CONNECTORS}.mqtt_spool", "SpoolWriter.seal", 2),
    "before the files are listed": Point(f"{CONNECTORS}.mqtt", "incoming_of"),
    "before the second delivery lands": Point("chengshu.exchange.pull", "land", 2),
    "when the second delivery stands in landing": Point(f"{CONNECTORS}.message", "forget", 2),
}


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with mqtt_broker() as broker:
        yield broker


def tear(home: TestHome) -> None:
    """Leave what a power cut leaves of a line that was not safe yet, where a file is open."""
    for part in home.root.glob("spool/*/*.part"):
        with part.open("ab") as stream:
            stream.write(b'{"mid":7,"received":"2026-01-01 \0\0\0')


@pytest.mark.parametrize("identity", ["key: [device, value]", "identity: none"])
def test_a_pull_that_is_killed_anywhere_neither_loses_nor_doubles(
    broker: Broker, tmp_path: Path, identity: str
):
    home = make_home(tmp_path / "home", broker, identity, tmp_path.name)
    topic, sent = f"{tmp_path.name}/sensors/east/d1/air", 0
    home.run()

    for at, point in enumerate(POINTS.values()):
        more = range(sent, sent + 70)
        broker.publish([(topic, reading(n)) for n in more])
        sent += len(more)
        die(point, "--home", home.root, "run")
        tear(home)
        if at % 2:
            home.run()
    home.run()

    landed = home.rows(
        "SELECT CAST(value AS INTEGER) AS n FROM lake.landing.office__air ORDER BY n"
    )
    assert landed == [(n,) for n in range(sent)]
    assert home.rows("SELECT COUNT(*) FROM lake.department.office__air") == [(sent,)]
    home.balances()


def test_a_receiver_comes_back_to_a_broker_that_was_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(f"{CONNECTORS}.mqtt.RETRY_S", (0.2,))
    with mqtt_broker() as broker:
        pulls, stop = Pulls(broker, tmp_path / "spool", messages=30), threading.Event()
        pulls.find()
        thread = threading.Thread(target=receive, args=(pulls.source, pulls.around, stop))
        thread.start()
        try:
            for start in range(0, 300, 100):
                pulls.publish(*(reading(n) for n in range(start, start + 100)))
                broker.stop()
                broker.start()
            wait_for(lambda: spooled(pulls) >= 270)
        finally:
            stop.set()
            thread.join(20)

        rows = pulls.take()

    assert sorted(int(row["value"]) for row in rows) == list(range(300))


def spooled(pulls: Pulls) -> int:
    return sum(int(path.stem.split("-")[2]) for path in pulls.spool.glob("*.jsonl"))


def wait_for(seen: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_pull_through_a_restart_of_the_broker_lands_what_came(tmp_path: Path):
    with mqtt_broker() as broker:
        pulls = Pulls(broker, tmp_path / "spool")
        pulls.find()
        pulls.publish(reading(1), reading(2))
        (first,) = pulls.find()
        broker.stop()
        (still,) = pulls.find()
        still.landed()
        with pytest.raises(ExternalError, match="the broker cannot be reached"):
            pulls.find()
        broker.start()
        pulls.publish(reading(3))

        rows = pulls.take()

    assert still.key == first.key
    assert [row["value"] for row in rows] == ["3"]


def test_a_broker_that_forgot_us_is_told(tmp_path: Path):
    with mqtt_broker() as broker:
        pulls = Pulls(broker, tmp_path / "spool")
        pulls.find()
        pulls.publish(reading(1))
        pulls.take()
        broker.stop()
        (broker.folder / "mosquitto.db").unlink()
        broker.start()
        (told,) = pulls.find()
        told_rows = list(told.batches())
        told.landed()
        pulls.publish(reading(2))

        rows = pulls.take()

    assert (told_rows, [f.code for f in told.findings]) == ([], ["session_lost"])
    assert [row["value"] for row in rows] == ["2"]


def test_a_spool_that_cannot_be_written_acknowledges_nothing(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pulls = Pulls(broker, tmp_path / "spool")
    pulls.find()
    pulls.publish(reading(1))

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"{CONNECTORS}.mqtt_spool._sync", full)
        with pytest.raises(ExternalError, match="what was received cannot be written"):
            pulls.find()

    assert [row["value"] for row in pulls.take()] == ["1"]


def test_a_message_that_could_not_be_written_is_not_acknowledged_with_the_others(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pulls, plain, calls = Pulls(broker, tmp_path / "spool"), SpoolWriter.add, []
    pulls.find()
    pulls.publish(*map(reading, range(5)))

    def full_once(writer: SpoolWriter, line: str) -> None:
        calls.append(line)
        if len(calls) == 3:
            raise ExternalError("spool", "full", retryable=True)
        plain(writer, line)

    monkeypatch.setattr(SpoolWriter, "add", full_once)
    first, second = pulls.take(), pulls.take()

    assert [row["value"] for row in first] == ["0", "1"]
    assert [row["value"] for row in second] == ["2", "3", "4"]

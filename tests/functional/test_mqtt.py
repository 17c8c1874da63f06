"""Sensors' messages through a real Mosquitto: every one once, as it was written."""

from __future__ import annotations

import gc
import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chengshu.catalog.stream_source import MqttSource
from chengshu.exchange.connectors.mqtt import find_mqtt, receive
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ConflictError, ExternalError
from tests.support.brokers import PASSWORD, USER, Broker, mqtt_broker
from tests.support.home import TestHome, make_test_home

ZONE = "Asia/Shanghai"
TOPIC = "sensors/{district}/{device}/air"
FIELDS = [["device"], ["at"], ["value", "数值"], ["_received"], ["_retained"]]


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with mqtt_broker() as broker:
        yield broker


class Pulls:
    """Pulls of one resource that has ``topic`` for itself."""

    def __init__(self, broker: Broker, spool: Path, **more: Any) -> None:
        self.broker, self.spool, self.runs = broker, spool, 0
        self.top = spool.parent.name
        given = {"topics": [f"{self.top}/{TOPIC}"], **more}
        self.source = MqttSource.model_validate(
            {
                "kind": "mqtt", "host": "127.0.0.1", "port": broker.port, "user": USER,
                "secret": "front", **given,
            }
        )  # fmt: skip
        self.around = Surroundings(spool, ZONE, lambda _: PASSWORD, spool, spool)

    def publish(self, *payloads: str | bytes, device: str = "d1", **how: Any) -> None:
        topic = f"{self.top}/sensors/east/{device}/air"
        self.broker.publish([(topic, payload) for payload in payloads], **how)

    def find(self) -> list[Incoming]:
        """Pull, as a new run."""
        self.runs += 1
        return find_mqtt(self.source, Past(f"run{self.runs}", fields=FIELDS), self.around)

    def take(self) -> list[dict[str, Any]]:
        """Pull, and let it land; return the rows."""
        rows = []
        for incoming in self.find():
            rows += rows_of(incoming)
            incoming.landed()
        return rows


def rows_of(incoming: Incoming) -> list[dict[str, Any]]:
    return [row for batch in incoming.batches() for row in batch.to_pylist()]


@pytest.fixture
def pulls(broker: Broker, tmp_path: Path) -> Pulls:
    pulls = Pulls(broker, tmp_path / "spool")
    assert pulls.find() == []
    return pulls


def reading(number: int, at: str = "2026-01-01 08:00:00") -> str:
    return json.dumps({"at": at, "value": number})


def test_what_is_published_between_two_pulls_comes_with_the_next(pulls: Pulls):
    pulls.publish(*map(reading, range(3)))
    first = pulls.take()
    pulls.publish(reading(3), reading(1), device="d2")
    second = pulls.take()

    assert [(row["device"], row["value"]) for row in first] == [("d1", str(n)) for n in range(3)]
    assert [(row["device"], row["value"]) for row in second] == [("d2", "3"), ("d2", "1")]
    assert pulls.take() == []


def test_numbers_and_names_come_as_they_are_written(pulls: Pulls):
    pulls.publish('{"at": 1.50, "数值": 12345678901234567890.10, "more": {"a": [1e5, null]}}')

    (row,) = pulls.take()

    assert (row["at"], row["value"]) == ("1.50", "12345678901234567890.10")
    assert json.loads(row["_rest"]) == {"district": "east", "more": {"a": [1e5, None]}}
    assert "1e5" in row["_rest"]
    assert row["_received"].startswith("20")
    assert row["_received"].endswith("+08:00")
    assert row["_retained"] == "false"


def test_deliveries_hold_at_most_so_many_messages(broker: Broker, tmp_path: Path):
    pulls = Pulls(broker, tmp_path / "spool", messages=40, most=100)
    pulls.find()
    pulls.publish(*map(reading, range(130)))

    found = pulls.find()
    values = [[row["value"] for row in rows_of(incoming)] for incoming in found]
    for incoming in found:
        incoming.landed()
    rest = pulls.take()

    assert [len(part) for part in values[:2]] == [40, 40]
    assert sum(map(len, values)) == 100
    got = [int(value) for part in values for value in part] + [int(r["value"]) for r in rest]
    assert got == list(range(130))
    assert len({incoming.key for incoming in found}) == len(found)


def test_finding_again_changes_nothing(pulls: Pulls):
    pulls.publish(reading(1))
    (first,) = pulls.find()

    pulls.publish(reading(2))
    again = find_mqtt(pulls.source, Past("run2", fields=FIELDS), pulls.around)
    both = pulls.find()

    assert [i.key for i in again] == [first.key]
    assert both[0].key == first.key
    assert [row["value"] for i in both for row in rows_of(i)] == ["1", "2"]


DEEP = '{"value":' + "[" * 600 + "]" * 600 + "}"

# Payload → (value, problem, rest) of its rows.
HOSTILE: list[tuple[str | bytes, list[tuple[str | None, str | None, str]]]] = [
    ("", [(None, "not_json", "")]),
    ("{", [(None, "not_json", "{")]),
    ("21.5", [(None, "not_object", "21.5")]),
    ("[]", [(None, "empty_array", "[]")]),
    ('[{"value": 1}, 2, {"value": 3.0}]',
     [("1", None, ""), (None, "not_object", "2"), ("3.0", None, "")]),
    ('{"value": 1, "value": 2}', [(None, "duplicate_key", '{"value": 1, "value": 2}')]),
    ('{"value": "\\ud800"}', [(None, "half_character", '{"value": "\\ud800"}')]),
    ('{"value": "a\\u0000b"}', [("a\0b", "nul", "")]),
    ('{"value": "line\\nbreak \u2028 \\" 密"}', [('line\nbreak \u2028 " 密', None, "")]),
    (b"\xff\x00\x01", [(None, "binary", b64encode(b"\xff\x00\x01").decode())]),
    ("[" * 100_000, [(None, "too_deep", "[" * 100_000)]),
    ('{"value": "' + "[" * 600 + '"}', [("[" * 600, None, "")]),
    (DEEP, [(None, "too_deep", DEEP)]),
    ('{"value": ' + "9" * 5000 + "}", [("9" * 5000, None, "")]),
    ('{"device": "other", "value": 1}', [("1", None, '"payload/device":"other"')]),
    ('{"_received": "x", "value": 1}', [("1", None, '"payload/_received":"x"')]),
]  # fmt: skip


def test_broken_payloads_are_rows_with_their_problem(pulls: Pulls):
    pulls.publish(*(payload for payload, _ in HOSTILE))

    (incoming,) = pulls.find()
    rows = rows_of(incoming)

    expected = [one for _, ones in HOSTILE for one in ones]
    assert len(rows) == len(expected)
    for row, (value, problem, rest) in zip(rows, expected, strict=True):
        assert (row["value"], row["_problem"]) == (value, problem)
        assert row["device"] == "d1"
        if problem in (None, "nul"):
            assert rest in row["_rest"]
        else:
            assert row["_rest"] == rest
    assert [row["_line"] for row in rows] == list(range(1, len(rows) + 1))
    told = [(f.line, f.code) for f in incoming.findings]
    assert told == [(row["_line"], row["_problem"]) for row in rows if row["_problem"]]


def test_text_payloads_are_one_column(broker: Broker, tmp_path: Path):
    pulls = Pulls(broker, tmp_path / "spool", payload="text")
    pulls.find()
    pulls.publish("21.50", '{"a": 1}', b"\xff")

    rows = pulls.take()

    rest = [json.loads(row["_rest"]) for row in rows[:2]]
    assert [one["payload"] for one in rest] == ["21.50", '{"a": 1}']
    assert (rows[2]["_problem"], rows[2]["_rest"]) == ("binary", b64encode(b"\xff").decode())


@pytest.mark.parametrize(("how", "expected"), [("once", ["1"]), ("never", [])])
def test_a_retained_message_is_taken_once_and_marked(
    broker: Broker, tmp_path: Path, how: str, expected: list[str]
):
    pulls = Pulls(broker, tmp_path / "spool", retained=how)
    pulls.publish(reading(1), retain=True)

    first, again = pulls.take(), pulls.take()

    assert [(row["value"], row["_retained"]) for row in first] == [(n, "true") for n in expected]
    assert again == []


def test_a_message_that_a_sensor_sends_again_is_known_where_all_are_distinct(
    broker: Broker, tmp_path: Path
):
    pulls = Pulls(broker, tmp_path / "spool", distinct=True)
    pulls.find()
    pulls.publish(reading(1), reading(2), reading(1))
    first = pulls.take()
    pulls.publish(reading(2), reading(3))
    pulls.publish(reading(3), device="d2")
    second = pulls.take()

    assert [row["value"] for row in first] == ["1", "2"]
    assert [(row["device"], row["value"]) for row in second] == [("d1", "3"), ("d2", "3")]


def test_equal_messages_are_each_a_row_where_not_all_are_distinct(pulls: Pulls):
    pulls.publish("{}", "{}")
    first = pulls.take()
    pulls.publish("{}")

    assert (len(first), len(pulls.take())) == (2, 1)


def test_a_topic_that_is_no_longer_declared_is_left(pulls: Pulls):
    later = Pulls(pulls.broker, pulls.spool, topics=[f"{pulls.top}/alarms/#"])
    later.runs = 10
    later.find()
    pulls.publish(reading(1))
    pulls.broker.publish([(f"{pulls.top}/alarms/fire", reading(2)), (f"{pulls.top}/alarms", "{}")])

    assert [row["value"] for row in later.take()] == ["2", None]


def test_a_receiver_listens_while_pulls_take_what_is_there(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("chengshu.exchange.connectors.mqtt.SEAL_S", 0.3)
    pulls, stop = Pulls(broker, tmp_path / "spool", messages=50), threading.Event()
    thread = threading.Thread(target=receive, args=(pulls.source, pulls.around, stop))
    thread.start()
    try:
        until = time.monotonic() + 20
        while not (pulls.spool / "topics").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        pulls.publish(*map(reading, range(120)))
        rows: list[dict[str, Any]] = []
        while len(rows) < 120:
            assert time.monotonic() < until
            rows += pulls.take()
        with pytest.raises(ConflictError):
            receive(pulls.source, pulls.around, stop)
    finally:
        stop.set()
        thread.join(20)
    pulls.publish(reading(120))

    assert [int(row["value"]) for row in rows + pulls.take()] == list(range(121))


def test_a_wrong_password_is_told_and_not_shown(broker: Broker, tmp_path: Path):
    pulls = Pulls(broker, tmp_path / "spool")
    pulls.around = Surroundings(tmp_path, ZONE, lambda _: "wrong-' pass", tmp_path, tmp_path)

    with pytest.raises(ExternalError) as caught:
        pulls.find()

    # Mosquitto says the same of a wrong password as of a user without rights.
    assert "the broker does not let us in" in str(caught.value)
    assert "'front'" in str(caught.value)
    assert "wrong-" not in str(caught.value)
    assert not caught.value.retryable


# The library leaves a socket whose handshake failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
def test_tls_asks_for_a_certificate_of_the_declared_authority(tmp_path: Path):
    with mqtt_broker(tls=True) as broker:
        ca = str(broker.folder / "certificate.pem")
        pulls = Pulls(broker, tmp_path / "spool", tls=True, ca=ca, most=2000)
        pulls.find()
        pulls.publish(*map(reading, range(3000)))
        rows = pulls.take() + pulls.take()
        strange = Pulls(broker, tmp_path / "strange", tls=True)
        plain = Pulls(broker, tmp_path / "plain")

        for other in (strange, plain):
            with pytest.raises(ExternalError):
                other.find()
        gc.collect()

    assert [int(row["value"]) for row in rows] == list(range(3000))


def test_a_topic_that_may_not_be_read_is_named(tmp_path: Path):
    with mqtt_broker(readable="open/#") as broker:
        pulls = Pulls(broker, tmp_path / "spool", topics=["open/a", "closed/{x}"])

        with pytest.raises(ExternalError, match=r"may not listen to closed/\{x\}\.") as caught:
            pulls.find()

    assert not caught.value.retryable


def test_a_broker_that_is_away_is_told(broker: Broker, tmp_path: Path):
    pulls = Pulls(broker, tmp_path / "spool")
    pulls.source = pulls.source.model_copy(update={"port": 1})

    with pytest.raises(ExternalError, match=":1: the broker cannot be reached") as caught:
        pulls.find()

    assert caught.value.retryable


DECLARED = """\
name: air
label: 空气
owner: office
sharing: unconditional
update: realtime
{identity}
fields:
  - {{name: district, label: 区, type: text}}
  - {{name: device, label: 设备, type: text}}
  - {{name: at, label: 时间, type: datetime}}
  - {{name: value, label: 数值, type: number}}
  - {{name: received, label: 到达, type: datetime, column: _received, compared: false}}
source: {{kind: mqtt, host: 127.0.0.1, port: {port}, user: front, secret: front,
  topics: ["{top}/sensors/{{district}}/{{device}}/air"], messages: 50}}
"""


def make_home(root: Path, broker: Broker, identity: str, top: str) -> TestHome:
    home = make_test_home(root, {
        "city.yaml": f"name: x\nlabel: x\ndivision: 330200\ntimezone: {ZONE}\n",
        "departments.yaml": "departments: {office: {label: 办公室}}\n",
        "resources/office/air.yaml": DECLARED.format(port=broker.port, identity=identity, top=top),
    })  # fmt: skip
    with home.home.open_secrets() as secrets:
        secrets.put("front", PASSWORD)
    return home


def test_late_and_repeated_messages_land_and_only_broken_ones_are_refused(
    broker: Broker, tmp_path: Path
):
    home = make_home(tmp_path / "home", broker, "key: [device, at]", tmp_path.name)
    topic = f"{tmp_path.name}/sensors/east/d1/air"
    home.run()
    broker.publish([(topic, reading(n, f"2026-01-01 09:00:{n:02}")) for n in range(60)])
    home.run()
    late = [reading(100, "2025-12-31 23:59:59"), reading(59, "2026-01-01 09:00:59"), "broken"]
    broker.publish([(topic, text) for text in late])
    home.run()

    rows = home.current("office/air", '"at"', "value", "district")
    assert len(rows) == 61
    assert [int(value) for _, value, _ in rows[:2]] == [100, 0]
    assert {district for *_, district in rows} == {"east"}
    last = home.balances()[-1]
    assert (last["pulled"], last["accepted"], last["refused"]) == (3, 1, 1)

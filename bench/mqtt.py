"""Sensors' messages at 5,000 and 10,000 a second through Mosquitto: received, landed, lost.

Publishing, receiving and landing are processes of their own, as the broker is. What landed is
counted by the number that each message holds.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

from bench.measure import ROOT, WORK, Cost, Costs, main_of, run_part, show, timed
from bench.ours import new_folder, opened
from chengshu.catalog import Pack, usable_pack
from chengshu.catalog.stream_source import MqttSource
from chengshu.exchange.connectors.mqtt import receive as listen
from chengshu.exchange.port import Surroundings
from chengshu.exchange.pull import Pull, find_incoming, land_incoming
from chengshu.libraries.stores import ensure_tables
from tests.support.brokers import PASSWORD, USER, Broker, mqtt_broker

RATES, SECONDS = (5_000, 10_000), int(os.environ.get("BENCH_SECONDS", "60"))
AIR = "office/air"
FILES = {
    "city.yaml": "name: bench\nlabel: 测试市\ndivision: 330200\n",
    "departments.yaml": "departments:\n  office: {label: 办公室}\n",
    "resources/office/air.yaml": """\
name: air
label: 空气
owner: office
sharing: unconditional
update: realtime
identity: none
fields:
  - {{name: district, label: 区,   type: text}}
  - {{name: device,   label: 设备, type: text}}
  - {{name: n,        label: 序号, type: text}}
  - {{name: at,       label: 时间, type: datetime}}
  - {{name: value,    label: 数值, type: number}}
source: {{kind: mqtt, host: 127.0.0.1, port: {port}, user: front, secret: front,
  topics: ["sensors/{{district}}/{{device}}/air"]}}
""",
}


def run() -> None:
    """Run each rate against a new broker."""
    for rate in RATES:
        with mqtt_broker() as broker:
            _round(broker, rate)


def _round(broker: Broker, rate: int) -> None:
    root, total = new_folder(WORK / "mqtt"), rate * SECONDS
    make_pack(root / "pack", broker.port)
    receiver, lander = _start("receiver", root), _start("lander", root)
    _wait_for(root / "pack/spool/office__air/topics")
    costs = run_part("mqtt", "publisher", broker.port, rate, SECONDS)
    ended, behind = time.monotonic(), total - _received(root)
    received = _when(lambda: _received(root) >= total, ended)
    assert broker.process is not None
    costs["mosquitto"] = Cost(_cpu_of(broker.process.pid), costs["publisher"].wall, 0)
    receiver.terminate()
    costs |= _ended(receiver)
    landed = _when(lambda: _landed(root) >= total, ended)
    lander.terminate()
    costs |= _ended(lander)
    rows, different = _count(root)
    show(f"{rate} messages a second for {SECONDS} s", costs)
    print(f"published {total}, landed {rows}, different {different}, lost {total - different}")
    print(f"when the last was published {behind} had not been received; all were after {received},")
    print(f"and had landed after {landed}")


def publisher(port: str, rate: str, seconds: str) -> Costs:
    """Publish with QoS 1 at a rate, from a thousand devices, until each is acknowledged."""
    costs: Costs = {}
    with timed(costs, "publisher"), socket.create_connection(("127.0.0.1", int(port))) as link:
        words = [_text("bench"), _text(USER), _text(PASSWORD)]
        link.sendall(_packet(0x10, _text("MQTT") + b"\x04\xc2\x00\x3c" + b"".join(words)))
        assert link.recv(4) == b"\x20\x02\x00\x00"
        acknowledgements = Acknowledgements(link)
        begun, tick, sent = time.monotonic(), int(rate) // 100, 0
        for number in range(int(seconds) * 100):
            time.sleep(max(0.0, begun + number / 100 - time.monotonic()))
            link.sendall(b"".join(_message(n) for n in range(sent, sent + tick)))
            sent += tick
            acknowledgements.read(sent - 30_000)
        acknowledgements.read(sent)
    return costs


class Acknowledgements:
    """Counts what the broker acknowledges: packets of four bytes."""

    def __init__(self, link: socket.socket) -> None:
        self.link, self.bytes = link, 0

    def read(self, least: int) -> None:
        """Read what is there, and until there are at least so many."""
        while True:
            wait = self.bytes < least * 4
            try:
                got = self.link.recv(1 << 16, 0 if wait else socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            assert got, "the broker ended the connection"
            self.bytes += len(got)


def _message(n: int) -> bytes:
    topic = f"sensors/d{n % 10}/device{n % 1000}/air"
    at = f"2026-01-01 {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}"
    payload = f'{{"n": {n}, "at": "{at}", "value": {n % 997 / 10:.2f}, "unit": "ug/m3"}}'
    number = struct.pack("!H", n % 65_535 + 1)
    return _packet(0x32, _text(topic) + number + payload.encode())


def _packet(kind: int, body: bytes) -> bytes:
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([size % 128 | 128, size // 128])
    return bytes([kind]) + length + body


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text.encode())) + text.encode()


def receiver(root: str) -> Costs:
    """Receive until told to stop."""
    stop, costs, pack = _stop(), Costs(), usable_pack(Path(root) / "pack")
    around = _around(pack)
    spool = around.spool / pack.get(AIR).table
    source = pack.get(AIR).source
    assert isinstance(source, MqttSource)
    with timed(costs, "receiver"):
        listen(source, replace(around, spool=spool), stop)
    return costs


def lander(root: str) -> Costs:
    """Land what has been received, every few seconds, until told to stop."""
    stop, costs, pack = _stop(), Costs(), usable_pack(Path(root) / "pack")
    resource, landed, counted = pack.get(AIR), 0, Path(root) / "landed"
    with opened(Path(root)) as engine, timed(costs, "lander"):
        ensure_tables(engine, resource, {f.name: pack.type_of(f) for f in resource.fields})
        while not stop.wait(2):
            for incoming in find_incoming(engine, resource, _around(pack), "bench"):
                landed += land_incoming(engine, pack, resource, incoming, Pull("bench")).rows
                counted.write_text(str(landed))
    return costs


def make_pack(root: Path, port: int) -> None:
    """Write the pack of the one resource."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text.format(port=port) if "air" in name else text)


def _around(pack: Pack) -> Surroundings:
    spool, objects = pack.root / "spool", pack.root / "objects"
    return Surroundings(pack.root, "Asia/Shanghai", lambda _: PASSWORD, spool, objects)


def _stop() -> Event:
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop


def _start(part: str, root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.mqtt", part, str(root)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _ended(process: subprocess.Popen[str]) -> Costs:
    out, _ = process.communicate(timeout=60)
    return {name: Cost(**cost) for name, cost in json.loads(out.splitlines()[-1]).items()}


def _wait_for(path: Path) -> None:
    until = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < until, f"no {path}"
        time.sleep(0.1)


def _when(done: Callable[[], bool], since: float) -> str:
    """Return how long after ``since`` something was done; it is waited for two minutes."""
    while not done() and time.monotonic() < since + 120:
        time.sleep(0.1)
    return f"{time.monotonic() - since:.1f} s" if done() else "more than 120 s"


def _landed(root: Path) -> int:
    counted = root / "landed"
    return int(counted.read_text() or 0) if counted.exists() else 0


def _received(root: Path) -> int:
    """Return how many messages are safe: landed, waiting, or in the file that is written."""
    spool, landed = root / "pack/spool/office__air", _landed(root)
    waiting = sum(int(path.stem.split("-")[2]) for path in spool.glob("*.jsonl"))
    return landed + waiting + sum(p.read_bytes().count(b"\n") for p in spool.glob("*.part"))


def _count(root: Path) -> tuple[int, int]:
    with opened(root) as engine, engine.session() as session:
        sql = "SELECT COUNT(*) AS a, COUNT(DISTINCT n) AS d FROM lake.landing.office__air"
        (row,) = session.rows(sql, step="count")
    return row["a"], row["d"]


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main_of({"publisher": publisher, "receiver": receiver, "lander": lander}, sys.argv)

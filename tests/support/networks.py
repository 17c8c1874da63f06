"""Every way that data goes over a network, declared so that a proxy can stand in it: `WAYS`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import yaml

from chengshu.libraries import stores
from tests.support.api import Api, department_api, number_rows
from tests.support.back import Server, back_of, emptied, findings_in, receipts_in
from tests.support.brokers import Broker, mqtt_broker
from tests.support.home import write
from tests.support.mariadb import DATABASE, mariadb_server
from tests.support.processes import PASSWORD, USER
from tests.support.servers import PostgresServer, postgres_server
from tests.support.sshd import SshServer, ssh_server
from tests.support.steps import City

ROWS, SILENT_S = 1000, 2
HEAD = """\
name: big
label: 大表
owner: office
sharing: unconditional
update: daily
key: [id]
fields:
  - {name: id, label: 编号, type: text}
  - {name: note, label: 说明, type: text, required: true}
"""
LOST = "the connection ended, or was silent for 2 s, in the middle"
Declared = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """One way that data goes over a network.

    Attributes:
        port: The server's.
        declared: What the declaration says of the server, but for its port.
        told: What is said when the connection ends in the middle, when the server is silent there,
            and when it is not there.
        after: Bytes from the server, or to it where we deliver ``back``, after which the middle is.
        secret: What the server wants to hear.
        deliver: Brings what is to go, to where a city has run once.
        server: Where what we deliver back arrives.
        goes_on: What has come may be taken, and the next run goes on.
    """

    port: int
    declared: Declared
    told: tuple[str, str, str]
    after: int = 20_000
    secret: str = PASSWORD
    deliver: Callable[[City], object] = lambda _: None
    server: Server | None = None
    goes_on: bool = False

    def declare(self, port: int) -> str:
        """Return the declaration of a resource that meets its server at a port."""
        there = {**self.declared, "port": port}
        if "url" in there:
            there["url"] = f"http://127.0.0.1:{there.pop('port')}/rows"
        said: Mapping[str, Declared] = {"source": there}
        if self.server:
            said = {"source": {"kind": "file", "path": "front/big_*.csv"}, "back": there}
        return HEAD + yaml.safe_dump(dict(said), allow_unicode=True)

    def arrived(self, city: City) -> list[Any]:
        """Return what has come to where it goes, in order: its ids, and receipts of batches."""
        if self.server:
            return [*(int(str(row[2])) for row in findings_in(self.server)),
                    *receipts_in(self.server)]  # fmt: skip
        return sorted(int(number) for (number,) in city.rows("id", stores.landing))

    @property
    def whole(self) -> list[Any]:
        """What has arrived in the end."""
        return [*range(1, ROWS + 1), *[(1, ROWS)] * bool(self.server)]


def pulled_from(server: Server) -> Way:
    """Return how a table is pulled."""
    is_postgres = isinstance(server, PostgresServer)
    series = (
        f"SELECT i AS id, md5(i::text) || '字' AS note FROM generate_series(1, {ROWS}) AS i"
        if is_postgres
        else f"SELECT seq AS id, CONCAT(MD5(seq), '字') AS note FROM seq_1_to_{ROWS}"
    )
    server.execute("DROP TABLE IF EXISTS big", f"CREATE TABLE big AS {series}")
    declared = {
        "kind": "postgres" if is_postgres else "mysql", "host": "127.0.0.1", "user": USER,
        "database": "postgres" if is_postgres else DATABASE, "secret": "front", "table": "big",
        "silence_s": SILENT_S,
    }  # fmt: skip
    return Way(server.port, declared, (LOST, LOST, "Check that it runs"))


def delivered_to(server: Server) -> Way:
    """Return how findings are delivered back."""

    def deliver(city: City) -> None:
        emptied(server)
        rows = "".join(f"{n},\n" for n in range(1, ROWS + 1))
        write(city.root / "front" / "big_1.csv", f"id,note\n{rows}")

    declared = yaml.safe_load(back_of(server, more=f", silence_s: {SILENT_S}"))
    told = (LOST, LOST, "Check that it runs")
    return Way(server.port, declared, told, deliver=deliver, server=server)


def asked_of(api: Api) -> Way:
    """Return how an API is asked."""
    api.rows = number_rows(ROWS)
    declared = {
        "kind": "http", "url": "", "rows": "data.items", "auth": {"kind": "bearer", "secret": "s"},
        "timeout_s": SILENT_S, "attempts": 2, "backoff_s": 0.01,
    }  # fmt: skip
    told = ("ended too early (2 tries)", "not answer within 2 s (2 tries)",
            "no connection to it (2 tries)")  # fmt: skip
    return Way(api.port, declared, told, secret="t0k-/+= 'en")


def fetched_from(server: SshServer) -> Way:
    """Return how a file is fetched."""
    rows = "".join(f"{n},{n * 7919 % 104729:050}\n" for n in range(1, ROWS + 1))
    (server.files / "big_1.csv").write_text(f"id,note\n{rows}", encoding="utf-8")
    declared = server.declared(pattern="big_*.csv", timeout=f"{SILENT_S} seconds")
    told = ("the connection ended in the middle", "the server is silent for 2 seconds",
            "the server cannot be reached")  # fmt: skip
    return Way(server.port, declared, told, secret=server.key)


def sent_by(broker: Broker) -> Way:
    """Return how messages come."""

    def deliver(_: City) -> None:
        texts = (json.dumps({"id": str(n), "note": "字" * 9}) for n in range(1, ROWS + 1))
        broker.publish(("big/one", text) for text in texts)

    declared = {
        "kind": "mqtt", "host": "127.0.0.1", "user": USER, "secret": "front", "topics": ["big/+"],
    }  # fmt: skip
    told = ("mqtt 127.0.0.1", "mqtt 127.0.0.1", "the broker cannot be reached")
    return Way(broker.port, declared, told, deliver=deliver, goes_on=True)


Started = Callable[[], AbstractContextManager[Any]]
# Name → what starts its server, and what then makes the way.
WAYS: dict[str, tuple[Started, Callable[[Any], Way]]] = {
    "postgres": (postgres_server, pulled_from),
    "mysql": (mariadb_server, pulled_from),
    "http": (department_api, asked_of),
    "sftp": (ssh_server, fetched_from),
    "mqtt": (mqtt_broker, sent_by),
    "back postgres": (postgres_server, delivered_to),
    "back mysql": (mariadb_server, delivered_to),
}

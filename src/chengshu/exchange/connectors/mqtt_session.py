"""Our place at a broker: connect, subscribe, receive into the spool, acknowledge what is safe."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from contextlib import suppress
from select import select
from ssl import SSLWantWriteError
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from chengshu.catalog.stream_source import MqttSource
from chengshu.exchange.connectors.message import filter_of
from chengshu.exchange.connectors.mqtt_spool import MEMORY, SpoolWriter, remembered, stored
from chengshu.exchange.port import Surroundings
from chengshu.kernel.clock import local_time
from chengshu.kernel.errors import ExternalError

# How many messages the broker may have under way to us: far more than one write to the disk takes.
WINDOW = 10_000
SESSION_S = 7 * 86_400
KEEPALIVE_S, ANSWER_S = 30, 15
# So many messages at a time share the time at which they came.
BURST = 200
_ONCE, _NEVER = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB, SubscribeOptions.RETAIN_DO_NOT_SEND
_REFUSED = {134: "the user or password is wrong", 135: "the user may not connect"}
_TAKEN_OVER = 142


class Session:
    """One connection to a resource's place at its broker; it ends with its first error."""

    def __init__(
        self, source: MqttSource, around: Surroundings, name: str, spool: SpoolWriter
    ) -> None:
        """Remember what came last; nothing is connected yet."""
        self.source, self.around, self.name, self.spool = source, around, name, spool
        self.received = self.uncommitted = 0
        self._since, self._moment = 0.0, ""
        self._unacknowledged: list[int] = []
        self._client: Client | None = None
        self._answer: Any = None
        self._ended = 0
        self._memory: dict[int, None] = {}
        for message in remembered(spool.folder):
            if "topic" in message:
                self._remember(self._print(message["topic"], _kept(message), message["mid"]))

    def is_due(self, messages: int, seconds: float) -> bool:
        """Return whether enough has come, or waited long enough, to be written to the disk."""
        return self.uncommitted >= messages or time.monotonic() - self._since >= seconds

    def open(self) -> None:
        """Connect and subscribe.

        Raises:
            ExternalError: The broker cannot be reached, refuses us, or a topic.
        """
        client = self._client = self._make_client()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S
        properties.ReceiveMaximum = min(WINDOW, self.source.most)
        try:
            client.connect(
                self.source.host, self.source.port, KEEPALIVE_S,
                clean_start=False, properties=properties,
            )  # fmt: skip
        except (OSError, ValueError) as err:
            raise self._error(
                "the broker cannot be reached", "Check that it runs, its address, and TLS."
            ) from err
        flags, code, _ = self._wait_for_answer()
        if code.is_failure:
            raise self._error(
                f"the broker does not let us in: {_REFUSED.get(code.value, 'it refuses')}",
                f"Check the user, and the secret {self.source.secret!r}.",
                retryable=code.value not in _REFUSED,
            )
        if not flags.session_present:
            self._mark_lost()
        self._subscribe(client)

    def pump(self, wait_s: float, most: int = BURST) -> bool:
        """Receive what is there, or comes within ``wait_s``; return whether something did.

        Raises:
            ExternalError: The connection ended, or the spool cannot be written.
        """
        client, before, seen, self._moment = self._connected(), self.received, -1, ""
        failed = client.loop(wait_s)
        while not failed and seen < self.received < before + most:
            seen = self.received
            failed = client.loop_read()
        if failed:
            raise self._ending()
        return self.received > before

    def commit(self) -> None:
        """Bring what came to the disk, then acknowledge it."""
        self.spool.commit()
        self._acknowledge()

    def _acknowledge(self) -> None:
        numbers = self._unacknowledged
        self._send(b"".join(b"\x40\x02" + number.to_bytes(2) for number in numbers))
        self._unacknowledged.clear()
        self.uncommitted = 0

    def seal_older_than(self, seconds: float) -> None:
        """Make the file that is written whole, if it is so old."""
        if self.spool.rows and time.monotonic() - self.spool.since >= seconds:
            self.commit()
            self.spool.seal()

    def close(self) -> None:
        """End the connection; what came becomes a whole file, and is acknowledged."""
        try:
            self.spool.commit()
            self.spool.seal()
            # What the broker does not hear now is known when it comes again.
            if self._client is not None:
                with suppress(ExternalError):
                    self._acknowledge()
        finally:
            self.spool.abandon()
            if self._client is not None:
                self._client.disconnect()

    def _send(self, packets: bytes) -> None:
        """Send acknowledgements in one write; the library would make one for each."""
        client = self._connected()
        while client.want_write() and not client.loop_write():
            pass
        link, left = client.socket(), packets
        while link is not None and left:
            try:
                left = left[link.send(left) :]
            except (BlockingIOError, SSLWantWriteError):
                select([], [link], [], ANSWER_S)
            except OSError as err:
                raise self._ending() from err

    def _ending(self) -> ExternalError:
        if self._ended == _TAKEN_OVER:
            return self._error(
                "someone else has come with our name", "Does a copy of this home run? Remove "
                f"spool/{self.spool.folder.name}/client in the copy.", retryable=False,
            )  # fmt: skip
        return self._error("the connection ended", "Nothing is lost; pull again.")

    def _connected(self) -> Client:
        if self._client is None:
            raise self._error("it is not connected", "Pull again.")
        return self._client

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2, self.name, protocol=MQTTv5, manual_ack=True
        )  # fmt: skip
        client.connect_timeout = ANSWER_S
        client.username_pw_set(self.source.user, self.around.secret(self.source.secret))
        if self.source.tls:
            ca = self.source.ca
            try:
                client.tls_set(ca_certs=str(self.around.root / ca) if ca else None)
            except OSError as err:
                raise self._error(
                    "the file of the certificate authority cannot be used",
                    "Check the path of ca in the declaration.", retryable=False,
                ) from err  # fmt: skip
        client.on_message = self._on_message
        client.on_connect = lambda _client, _data, *answer: self._answered(answer)
        client.on_disconnect = lambda _client, _data, _flags, code, _: self._left(code)
        client.on_subscribe = lambda _client, _data, _mid, codes, _: self._answered(codes)
        return client

    def _answered(self, answer: Any) -> None:
        self._answer = answer

    def _left(self, code: Any) -> None:
        self._ended = code.value

    def _wait_for_answer(self) -> Any:
        self._answer, until = None, time.monotonic() + ANSWER_S
        while self._answer is None:
            failed = self._connected().loop(0.1)
            if self._answer is None and (failed or time.monotonic() > until):
                raise self._error("the broker does not answer", "Check that it speaks MQTT 5.")
        return self._answer

    def _subscribe(self, client: Client) -> None:
        retained = _ONCE if self.source.retained == "once" else _NEVER
        options = SubscribeOptions(qos=1, retainHandling=retained)
        client.subscribe([(filter_of(topic), options) for topic in self.source.topics])
        codes = self._wait_for_answer()
        refused = [t for t, c in zip(self.source.topics, codes, strict=True) if c.value != 1]
        if refused:
            raise self._error(
                f"user {self.source.user!r} may not listen to {', '.join(refused)}",
                "Ask who runs the broker for the right to subscribe with QoS 1.", retryable=False,
            )  # fmt: skip
        wanted = sorted(map(filter_of, self.source.topics))
        before = json.loads(stored(self.spool.folder, "topics") or "[]")
        if gone := [topic for topic in before if topic not in wanted]:
            client.unsubscribe(gone)
        if before != wanted:
            stored(self.spool.folder, "topics", json.dumps(wanted))

    def _mark_lost(self) -> None:
        """Note in the spool that the broker no longer knew us, though it had."""
        if stored(self.spool.folder, "topics") is not None:
            self.spool.add(json.dumps({"received": self._now()}))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._spool(message)
        # Only now: what could not be written must not be acknowledged.
        if not self.uncommitted:
            self._since = time.monotonic()
        if message.qos:
            self._unacknowledged.append(message.mid)
        self.received += 1
        self.uncommitted += 1

    def _spool(self, message: MQTTMessage) -> None:
        self._moment = self._moment or self._now()
        topic, kind = message.topic, "payload"
        try:
            text = message.payload.decode()
        except UnicodeDecodeError:
            text, kind = b64encode(message.payload).decode(), "base64"
        fingerprint = self._print(topic, text, message.mid)
        if (self.source.distinct or message.dup) and fingerprint in self._memory:
            return
        retained = "true" if message.retain else "false"
        self.spool.add(
            f'{{"mid":{message.mid},"received":"{self._moment}","retained":{retained},'
            f'"topic":{_quoted(topic)},"{kind}":{_quoted(text)}}}'
        )
        self._remember(fingerprint)

    def _print(self, topic: str, text: str, number: int) -> int:
        """Return by what a message is known that comes again: under its number, if not at all."""
        return hash((topic, text) if self.source.distinct else (topic, text, number))

    def _remember(self, fingerprint: int) -> None:
        self._memory.pop(fingerprint, None)
        self._memory[fingerprint] = None
        if len(self._memory) > MEMORY:
            del self._memory[next(iter(self._memory))]

    def _now(self) -> str:
        return local_time(self.around.timezone).isoformat(" ")

    def _error(self, problem: str, hint: str, *, retryable: bool = True) -> ExternalError:
        return ExternalError(
            f"mqtt {self.source.host}:{self.source.port}", problem, retryable=retryable, hint=hint
        )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _kept(message: dict[str, str]) -> str:
    """Return a message's payload as the spool has it."""
    return message["base64"] if "base64" in message else message["payload"]

"""Messages of sensors through an MQTT 5 broker, in deliveries of a few thousand each.

The broker keeps our place (a session that lasts) and sends each message until we acknowledge it;
we do so when it is safe in the resource's spool. Whoever holds the spool listens: a pull for a
moment, or a receiver for good, beside which a pull only takes what is there.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from threading import Event
from typing import TYPE_CHECKING

from chengshu.catalog.stream_source import MqttSource
from chengshu.exchange.connectors.message import incoming_of
from chengshu.exchange.connectors.mqtt_spool import SpoolWriter, holding, stored, waiting
from chengshu.exchange.port import Incoming, Past, Surroundings
from chengshu.kernel.errors import ConflictError, ExternalError

if TYPE_CHECKING:
    from chengshu.exchange.connectors.mqtt_session import Session

QUIET_S = 0.5
# A message that is alone waits so long for others, to share a write to the disk with them.
LINGER_S = 0.003
COMMIT_MESSAGES, COMMIT_S = 1000, 0.1
# A receiver's file becomes a delivery when it is so old, be it small.
SEAL_S = 10.0
# With so much waiting to land, a receiver leaves what comes to the broker.
FULL_BYTES = 1 << 30
LOOK_S = 1.0
RETRY_S = (1.0, 2.0, 5.0, 10.0, 30.0)


def find_mqtt(source: MqttSource, past: Past, around: Surroundings) -> list[Incoming]:
    """Return what was received and has not landed; first listen, once in a pull, if we may.

    While the broker is away, what is in the spool is still returned; its absence is told by a pull
    that has nothing.
    """
    folder = around.spool
    with holding(folder) as ours:
        if ours and not (waiting(folder) and stored(folder, "pulled") == past.run):
            try:
                _drain(source, around)
            except ExternalError:
                if not waiting(folder):
                    raise
            stored(folder, "pulled", past.run)
    return [incoming_of(path, source, past.fields) for path in waiting(folder)]


def receive(source: MqttSource, around: Surroundings, stop: Event) -> None:
    """Listen until told to stop, coming back whenever the broker, or the disk, does.

    Raises:
        ConflictError: Another receiver or pull holds the spool.
        ExternalError: The broker refuses us, or what has come does not land.
    """
    with holding(around.spool) as ours:
        if not ours:
            raise ConflictError(f"spool {around.spool.name}: another process listens already.")
        tries = 0
        while not stop.is_set():
            try:
                # Each time anew: what is on the disk, not what was to be, says what is known.
                with closing(_session(source, around)) as session:
                    session.open()
                    tries = 0
                    _listen(session, stop)
            except ExternalError as err:
                if not err.retryable:
                    raise
                stop.wait(RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1


def _session(source: MqttSource, around: Surroundings) -> Session:
    """Return a session under the name that the resource has at its broker, as long as it lives."""
    from chengshu.exchange.connectors.mqtt_session import Session

    folder = around.spool
    name = stored(folder, "client") or stored(
        folder, "client", f"chengshu-{folder.name}-{token_hex(8)}"
    )
    return Session(source, around, str(name), SpoolWriter(folder, source.messages))


def _drain(source: MqttSource, around: Surroundings) -> None:
    """Listen until nothing more comes, or the declared limits of a pull are met."""
    with closing(_session(source, around)) as session:
        session.open()
        until, last = time.monotonic() + source.seconds, time.monotonic()
        while time.monotonic() < min(until, last + QUIET_S) and session.received < source.most:
            if session.pump(LINGER_S, source.most - session.received):
                last = time.monotonic()
            elif session.uncommitted:
                session.commit()
            if session.is_due(COMMIT_MESSAGES, COMMIT_S) and session.uncommitted:
                session.commit()


def _listen(session: Session, stop: Event) -> None:
    """Receive and commit until told to stop: when nothing more comes, or enough has come."""
    look = 0.0
    while not stop.is_set():
        pumped = session.pump(LINGER_S if session.uncommitted else 0.1)
        if session.uncommitted and (not pumped or session.is_due(COMMIT_MESSAGES, COMMIT_S)):
            session.commit()
        session.seal_older_than(SEAL_S)
        if time.monotonic() > look:
            _check_room(session.spool.folder)
            look = time.monotonic() + LOOK_S


def _check_room(folder: Path) -> None:
    size = sum(path.stat().st_size for path in waiting(folder))
    if size > FULL_BYTES:
        raise ExternalError(
            f"spool {folder.name}", f"{size >> 20} MiB wait to land; we do not listen until there "
            "is room, and the broker may drop what it cannot keep", retryable=False,
            hint="See chengshu status why they do not land.",
        )  # fmt: skip

"""A small TCP proxy that harms what passes: the network faults that every client meets one day.

    with proxy_to(server.port) as proxy:
        proxy.faults = [Fault("cut", after=1000)]   # of the next connection; then none
        ... connect to 127.0.0.1:proxy.port ...

What it can do to a connection, once ``after`` bytes have come from the server, or with ``up`` from
the client, and once the client has said ``asked``:

- ``cut``: reset it, as a fallen router does.
- ``truncate``: end it in order, as if the server had said everything.
- ``stall``: let nothing more through and keep it open, until the proxy ends.
- ``delay``: hold each further piece for ``seconds``.

``refuse`` resets a connection as soon as it is made; `Proxy.close_door` makes the port refuse
every one, as a server that is not there.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

PIECE = 4096


@dataclass(frozen=True)
class Fault:
    """What happens to one connection."""

    what: Literal["cut", "truncate", "stall", "delay", "refuse"]
    after: int = 0
    seconds: float = 0
    up: bool = False
    asked: bytes = b""

    def is_due(self, passed: int, asked: threading.Event) -> bool:
        return passed >= self.after and (not self.asked or asked.is_set())


@dataclass
class Proxy:
    """A proxy on a free loopback port.

    Attributes:
        target: Port of the server.
        faults: What happens to the next connections, one each; those after them are whole.
        always: What happens to every connection that ``faults`` says nothing of.
        connections: How many were made so far.
        port: Where it listens.
    """

    target: int
    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    connections: int = 0
    port: int = 0
    _door: socket.socket | None = None
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def open_door(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._door = socket.create_server(("127.0.0.1", self.port))
        self.port = self._door.getsockname()[1]
        self._run(self._accept, self._door)

    def close_door(self) -> None:
        """Refuse every further connection; those that are open stay."""
        if self._door is not None:
            with suppress(OSError):
                self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
        self._door = None

    def mend(self) -> None:
        """Be whole from now on; what was harmed, or hangs, has ended."""
        self.always = None
        self._end_all()
        if self._door is None:
            self.open_door()

    def _end_all(self) -> None:
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything."""
        self._ended.set()
        self.close_door()
        self._end_all()
        for thread in self._threads:
            thread.join(10)
        for end in self._open:
            end.close()

    def _run(self, act: object, *args: object) -> None:
        thread = threading.Thread(target=act, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, door: socket.socket) -> None:
        while not self._ended.is_set():
            try:
                client, _ = door.accept()
            except OSError:
                return
            fault = self.faults.pop(0) if self.faults else self.always
            self.connections += 1
            self._open.append(client)
            if fault and fault.what == "refuse":
                _reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                _reset(client)
                continue
            self._open.append(server)
            asked = threading.Event()
            self._run(self._pass, client, server, fault, asked, True)
            self._run(self._pass, server, client, fault, asked, False)

    def _pass(
        self,
        giver: socket.socket,
        taker: socket.socket,
        fault: Fault | None,
        asked: threading.Event,
        up: bool,
    ) -> None:
        """Pass on what comes, until the end or the fault."""
        passed = 0
        with suppress(OSError):
            while piece := giver.recv(PIECE):
                passed += len(piece)
                if fault and up and fault.asked in piece:
                    asked.set()
                if fault and fault.up == up and fault.is_due(passed, asked):
                    if fault.what != "delay":
                        taker.sendall(piece[: max(0, len(piece) - (passed - fault.after))])
                        self._harm(giver, taker, fault)
                        return
                    self._ended.wait(fault.seconds)
                taker.sendall(piece)
            taker.shutdown(socket.SHUT_WR)

    def _harm(self, server: socket.socket, client: socket.socket, fault: Fault) -> None:
        if fault.what == "stall":
            self._ended.wait()
        elif fault.what == "cut":
            _reset(client)
            _reset(server)
        else:
            client.shutdown(socket.SHUT_RDWR)
            server.shutdown(socket.SHUT_RDWR)


def _reset(end: socket.socket) -> None:
    """End a connection with a reset."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # A thread that waits in recv holds the socket: it is woken, else closing ends nothing.
        end.shutdown(socket.SHUT_RD)
        end.close()


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """Make a proxy to a server on a loopback port, and take it away again."""
    proxy = Proxy(port)
    proxy.open_door()
    try:
        yield proxy
    finally:
        proxy.close()

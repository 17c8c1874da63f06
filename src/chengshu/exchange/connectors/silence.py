"""A limit on how long a server may be silent, for clients that know none."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
import threading
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FDS = Path("/proc/self/fd")
# Where struct tcp_info of <linux/tcp.h> has the milliseconds since data was last sent, and came.
_LAST_SENT, _LAST_RECEIVED = 44, 52


@contextmanager
def bounded_silence(
    host: str, port: int, limit_s: float, heard: Callable[[], None]
) -> Iterator[None]:
    """End this process's connections to a server if nothing comes or can be sent for ``limit_s``.

    Whoever waits on such a connection then gets the error of one that was lost. What has come and
    was not read yet is no silence: the reader is busy. While something comes, ``heard`` is called
    every few seconds. Only Linux tells this; elsewhere nothing is ended.
    """
    if not hasattr(socket, "TCP_INFO") or not _FDS.exists():
        yield
        return
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(done, host, port, limit_s, heard), daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()


def _watch(
    done: threading.Event, host: str, port: int, limit_s: float, heard: Callable[[], None]
) -> None:
    look_s = min(limit_s / 4, 5)
    while not done.wait(look_s):
        with suppress(OSError):
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            peers = {(address[4][0], address[4][1]) for address in found}
            silences = [_silence_with(int(name), peers, limit_s) for name in os.listdir(_FDS)]
            if min(silences) <= look_s:
                heard()


def _silence_with(number: int, peers: Container[object], limit_s: float) -> float:
    """Return how long one of the peers has been silent on a file; end it after ``limit_s``."""
    with suppress(OSError):
        # A copy, so that the number cannot become another file's meanwhile.
        if os.readlink(_FDS / str(number)).startswith("socket:"):
            with socket.socket(fileno=os.dup(number)) as copy:
                if copy.getpeername()[:2] in peers:
                    silence = _silence_of(copy)
                    if silence > limit_s:
                        copy.shutdown(socket.SHUT_RDWR)
                    return silence
    return float("inf")


def _silence_of(connection: socket.socket) -> float:
    """Return for how many seconds nothing has passed; 0 while something waits to be read."""
    waiting = fcntl.ioctl(connection, termios.FIONREAD, b"\0" * 4)
    if struct.unpack("i", waiting)[0]:
        return 0.0
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_RECEIVED + 4)
    ages = [struct.unpack_from("I", info, at)[0] for at in (_LAST_SENT, _LAST_RECEIVED)]
    return float(min(ages)) / 1000

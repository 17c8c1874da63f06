"""The command line in a process that need not start Python first: most of a short command's time.

A server with everything imported forks itself for each command; what it forks is a process like
any other, whose output, end and death are its own. `tests.support.commands.start` asks for it.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SUBREAPER = 36
# What the platform imports only when it needs it.
# DuckDB is not among it: it starts a thread, and what has threads must not fork.
LATE = ("pyarrow", "psycopg", "pymysql", "asyncssh", "paho.mqtt.client", "pytz")
THREADLESS = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
# Read when the platform is imported, so it is the server's as well as its commands'.
WIDTH = {"COLUMNS": "200"}


class Warm(subprocess.Popen[str]):
    """A process of the warm server's; it is ours, as one that was started here."""

    def _execute_child(
        self, args: Any, _executable: Any, _preexec: Any, _close: Any, _pass: Any, cwd: Any,
        env: Any, _info: Any, _flags: Any, _shell: Any, *pipes: Any,
    ) -> None:  # fmt: skip
        into, _, _, out, _, err = pipes[:6]
        fds = [given if given >= 0 else own for own, given in enumerate((into, out, err))]
        asked = {"args": args[1:], "cwd": str(cwd or Path.cwd()), "env": env}
        door = _server()
        socket.send_fds(door, [json.dumps(asked).encode()], fds)
        self.pid = int(door.recv(100))
        self._child_created = True
        self._close_pipe_fds(*pipes[:6])


@cache
def _server() -> socket.socket:
    """Start the server; return the way to ask it."""
    # What it forks becomes our own child when that which forked it has ended.
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, its):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    program = [sys.executable, "-m", "tests.support.warm", str(its.fileno())]
    process = subprocess.Popen(
        program, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=ROOT,
        pass_fds=[its.fileno()], start_new_session=True, env={**os.environ, **WIDTH, **THREADLESS},
    )  # fmt: skip
    its.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve(door: socket.socket) -> None:
    """Fork for each command that is asked for; return in what was forked, to be the command."""
    gc.freeze()
    while True:
        said, fds, _, _ = socket.recv_fds(door, 1 << 20, 3)
        if not said:
            os._exit(0)
        told, tell = os.pipe()
        between = os.fork()
        if not between:
            if child := os.fork():
                os.write(tell, str(child).encode())
                os._exit(0)
            door.close()
            for fd in (told, tell):
                os.close(fd)
            return become(json.loads(said), fds)
        os.waitpid(between, 0)
        door.send(os.read(told, 100))
        for fd in (told, tell, *fds):
            os.close(fd)


def become(asked: Mapping[str, Any], fds: Sequence[int]) -> None:
    """Be the command: ``-m`` and a module, and its arguments."""
    os.setsid()
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    time.tzset()
    for own, given in enumerate(fds):
        os.dup2(given, own)
        os.close(given)
    _, module, *sys.argv[1:] = asked["args"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _preload() -> None:
    import chengshu

    for name in LATE:
        import_module(name)
    for module in pkgutil.walk_packages(chengshu.__path__, "chengshu."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


if __name__ == "__main__":
    _preload()
    assert len(os.listdir("/proc/self/task")) == 1
    serve(socket.socket(fileno=int(sys.argv[1])))

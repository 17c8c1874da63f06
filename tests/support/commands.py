"""The real command line, each command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.support.warm import WIDTH, Warm


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return standard output read as one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def text(self) -> str:
        return self.out + self.err


def start(
    *args: object,
    program: Sequence[str] = ("-m", "chengshu.main"),
    warm: bool = False,
    **how: Any,
) -> subprocess.Popen[str]:
    """Start the command line, or another of Python's programs, in a process group of its own.

    With ``warm`` Python need not start first, nor import what the platform is made of, unless the
    command has an environment of its own, which it may read on import.
    """
    # Compiled modules are kept between commands: a start then takes half as long.
    environment = {**os.environ, **WIDTH, "PYTHONPYCACHEPREFIX": "/tmp/chengshu-pycache"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment.pop("CHENGSHU_HOME", None)
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return (Warm if warm and "env" not in how else subprocess.Popen)(
        [sys.executable, *program, *map(str, args)],
        **{**pipes, "env": environment, "text": True, "start_new_session": True, **how},
    )


def finish(process: subprocess.Popen[str], given: str | None = None, most_s: float = 180) -> Done:
    """Wait for a command's end, which may never show a traceback."""
    try:
        out, err = process.communicate(given, timeout=most_s)
    finally:
        if process.poll() is None:
            process.kill()
    done = Done(process.returncode, out, err)
    assert "Traceback" not in done.text, done
    return done


def kill(process: subprocess.Popen[str]) -> None:
    """End a command as a power cut would; nothing of it can react."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def command(*args: object, given: str | None = None) -> Done:
    """Run the command line to its end."""
    return finish(start(*args), given)

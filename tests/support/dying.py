"""Commands that end as by a power cut at an exact place of the code, none of it able to react.

``python -m tests.support.dying POINT COMMAND …`` runs the command line with one function replaced
by one that ends the process; `die` starts it from a test.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.support.commands import finish, start

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


@dataclass(frozen=True)
class Point:
    """Where a command ends.

    Attributes:
        module: The module through which the function is called.
        name: The function, as ``Class.method`` where it is one.
        nth: At which call of it; where several threads stand there, at which call of each.
        threads: How many threads must stand there at once, none of them going on.
        after: At the call's end instead of its start.
        turns: False lets threads write side by side, so that many stand in open transactions.
    """

    module: str
    name: str
    nth: int = 1
    threads: int = 1
    after: bool = False
    turns: bool = True


def die(point: Point, *args: object) -> None:
    """Run a command and check that it ended at the point."""
    program = ["-m", "tests.support.dying", json.dumps(asdict(point))]
    done = finish(start(*args, program=program, cwd=ROOT, warm=True))
    assert done.code == -signal.SIGKILL, (point, done)


def _lie_in_wait(point: Point) -> None:
    """Put what ends the process in the place of the point's function."""
    owner: Any = import_module(point.module)
    *parts, name = point.name.split(".")
    for part in parts:
        owner = getattr(owner, part)
    plain: Callable[..., Any] = getattr(owner, name)
    calls: dict[int, int] = {}
    standing: set[int] = set()

    def stand() -> None:
        me = threading.get_ident() if point.threads > 1 else 0
        calls[me] = calls.get(me, 0) + 1
        if calls[me] != point.nth:
            return
        standing.add(threading.get_ident())
        until = time.monotonic() + PATIENCE_S
        while len(standing) < point.threads:
            if time.monotonic() > until:
                print(f"only {len(standing)} of {point.threads} came", file=sys.stderr)  # noqa: T201
                os._exit(99)
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGKILL)

    def dying(*args: Any, **how: Any) -> Any:
        if not point.after:
            stand()
        given = plain(*args, **how)
        if point.after:
            stand()
        return given

    setattr(owner, name, dying)


def _let_many_run(point: Point) -> None:
    """Let runs go on side by side where the point needs many of them."""
    from chengshu.engine.duckdb import DuckDBEngine
    from chengshu.flows import turns

    if point.threads > 1:
        turns.next_of = lambda waiting, _running, _now: next(iter(waiting), None)
    plain = DuckDBEngine.__init__

    def without_turns(engine: DuckDBEngine, *args: Any, **how: Any) -> None:
        plain(engine, *args, **how)
        engine._turn = nullcontext()

    if not point.turns:
        DuckDBEngine.__init__ = without_turns  # type: ignore[method-assign]


if __name__ == "__main__":
    _point = Point(**json.loads(sys.argv[1]))
    _let_many_run(_point)
    _lie_in_wait(_point)
    sys.argv = ["chengshu", *sys.argv[2:]]
    runpy.run_module("chengshu.main", run_name="__main__")

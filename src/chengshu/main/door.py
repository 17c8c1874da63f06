"""The door of the command line: every way out is at most one sentence and an exit code.

Nothing is imported before Ctrl-C is minded: a start takes a second, and people are impatient.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

INTERRUPTED = "interrupted; what is finished stays, run it again to go on."


def main() -> None:
    """Run the command; an error of ours is one message and an exit code, never a traceback."""
    interrupts: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        if interrupts:
            os._exit(130)
        interrupts.append(number)
        raise KeyboardInterrupt

    # Where a shell has said to ignore it, as for what runs in the background, it stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        message, code = _run()
    except KeyboardInterrupt:
        message, code = INTERRUPTED, 130
    if interrupts:
        # Whatever it was made into on its way: an engine answers with an error of its own.
        sys.stderr.write(f"chengshu: {INTERRUPTED}\n")
        sys.stderr.flush()
        # What had to be undone has been; threads are not waited for.
        os._exit(130)
    if message:
        sys.stderr.write(f"chengshu: {message}\n")
    _drop_unwritable()
    # All is done and said; while the interpreter ends, Ctrl-C would kill it without a word.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def _run() -> tuple[str, int]:
    """Return what is to be said at the end, and the exit code."""
    from chengshu.kernel.errors import ChengshuError
    from chengshu.main.cli import run_command

    try:
        code = run_command(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        return "", 0  # nobody reads on
    except ChengshuError as err:
        return str(err), err.exit_code
    except OSError as err:
        return f"{err.filename or 'the system'}: {err.strerror}.", 3
    except Exception as err:  # noqa: BLE001 - the last door; what others say may be citizens' data
        return f"a fault of the platform: {type(err).__name__} at {_place(err)}.", 3
    return "", code


def _drop_unwritable() -> None:
    """Let output that cannot be written go nowhere; at its end Python would try again, and fail."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _place(err: Exception) -> str:
    """Return the last line of ours that the error passed."""
    from pathlib import Path
    from traceback import extract_tb

    place = [f for f in extract_tb(err.__traceback__) if "chengshu" in f.filename][-1]
    return f"{Path(place.filename).name}:{place.lineno}"

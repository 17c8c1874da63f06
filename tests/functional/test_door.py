"""Ways out of the command line: Ctrl-C and closed pipes, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.commands import finish, start
from tests.support.home import TestHome, make_test_home, query

TICKS = os.sysconf("SC_CLK_TCK")
INTERRUPTED = "chengshu: interrupted; what is finished stays, run it again to go on.\n"


def spend(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait until a process has used so many CPU seconds, or wants nothing more for a while.

    On a busy machine it starts later by the clock.
    """
    used, since = 0.0, time.monotonic()
    while process.poll() is None and used < seconds and time.monotonic() - since < 1 + 2 * seconds:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        now = (int(fields[11]) + int(fields[12])) / TICKS
        if now > used:
            used, since = now, time.monotonic()
        time.sleep(0.01)


@pytest.mark.parametrize("delay", [0.3, 0.45, 0.6, 0.9, 1.2, 1.5, 1.8])
def test_ctrl_c_is_one_sentence_even_during_the_start(home: TestHome, delay: float):
    process = home.start(*(("value", "date") if delay < 0.6 else ("run", "visit")), warm=False)
    spend(process, delay)

    process.send_signal(signal.SIGINT)

    done = finish(process)
    assert (done.code, done.err) in ((130, INTERRUPTED), (0, "")), done
    assert done.code == 130 or delay > 1


def test_ctrl_c_in_a_run_leaves_it_to_the_next(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    home.deliver_all()
    process = home.start("run", warm=False)
    while process.poll() is None and not query(
        home.root / "flows.sqlite", "SELECT COUNT(*) FROM workflow_status"
    ):
        time.sleep(0.01)

    process.send_signal(signal.SIGINT)

    done = finish(process)
    assert (done.code, done.out, done.err) == (130, "", INTERRUPTED)
    home.run()
    assert len(home.balances()) == 4


def test_ctrl_c_at_a_question_asks_no_more(home: TestHome):
    process = home.start("secret", "front_password", warm=False)
    spend(process, 0.8)

    process.send_signal(signal.SIGINT)

    done = finish(process)
    assert (done.code, done.err) == (130, INTERRUPTED)


@pytest.mark.parametrize(
    "args",
    [["value", "date"], ["value", "date", "--json"], ["show", "visit", "--json"], ["status"]],
    ids=" ".join,
)
def test_a_closed_pipe_is_no_error(home: TestHome, tmp_path: Path, args: list[str]):
    values = tmp_path / "values.txt"
    values.write_text("2026-01-02\n" * 100_000)
    given = [values] if args[0] == "value" else []
    process = home.start(*args, *given, warm=False)
    assert process.stdout is not None

    process.stdout.readline() if given else None
    process.stdout.close()

    assert process.wait(timeout=60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()


def test_a_full_disk_under_the_output_is_one_sentence():
    with Path("/dev/full").open("wb") as full:
        process = start("value", "date", stdout=full)
        _, said = process.communicate("2026-01-02\n", timeout=60)

    assert process.returncode == 3
    assert said == "chengshu: the system: No space left on device.\n"


def test_background_runs_ignore_ctrl_c_as_their_shell_said(home: TestHome):
    process = home.start(
        "value",
        "date",
        warm=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    time.sleep(0.5)

    process.send_signal(signal.SIGINT)

    assert finish(process, "2026-01-02\n").code == 0

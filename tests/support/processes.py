"""What the servers of tests have in common: a folder, a port, a user of the system."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest

USER, PASSWORD = "front", "pass'word \\ 密码"


def missing(what: str) -> None:
    """Fail in CI, skip elsewhere: what a test needs is not on this machine."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}; in CI that is a failure")
    pytest.skip(f"NOT TESTED: {what}")


@contextmanager
def server_folder(prefix: str, user: str) -> Iterator[Path]:
    """Make a folder that the system's ``user`` owns, and take it away again."""
    # Not pytest's own folder, which nobody but root may enter.
    folder = Path(mkdtemp(prefix=prefix, dir="/tmp"))
    folder.chmod(0o755)
    give(folder, user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def give(path: Path, user: str) -> None:
    """Let the user own a file, where we may."""
    if os.geteuid() == 0:
        shutil.chown(path, user)


def as_user(user: str, command: Sequence[object]) -> list[str]:
    """Return the command as ``user``, since servers refuse to run as root."""
    before = ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []
    return [*before, *map(str, command)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""A pull of scans that is killed while it stores bytes ends, in the end, as one that was not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.functional.test_objects import PDF, make_home, put, stored
from tests.support.commands import kill
from tests.support.home import TestHome, same_stores

pytestmark = pytest.mark.fault


def deliver(home: TestHome) -> None:
    for number in range(20):
        path = put(home.front / "scans", f"2026/A{number}_01.pdf", PDF + bytes([number]))
        os.utime(path, (1_700_000_000,) * 2)
    with (home.front / "scans/2026/B_film.mp4").open("wb") as stream:
        stream.write(b"\0\0\0\x18ftypmp42")
        stream.truncate(400 << 20)
    os.utime(home.front / "scans/2026/B_film.mp4", (1_700_000_000,) * 2)


def is_storing(home: TestHome) -> bool:
    """Tell whether the film is being written into the object store."""
    try:
        parts = (home.root / "objects" / ".part").rglob(".part-*")
        return any(path.stat().st_size > 1 << 20 for path in parts)
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_a_killed_pull_ends_as_if_it_was_not(tmp_path: Path, mode: str):
    undisturbed = make_home(tmp_path / "undisturbed", mode)
    deliver(undisturbed)
    undisturbed.run()
    home = make_home(tmp_path / "home", mode)
    deliver(home)

    process = home.start("run")
    until = time.monotonic() + 60
    while not is_storing(home) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.001)
    assert process.poll() is None
    kill(process)
    assert is_storing(home), "the film was stored before the pull could be killed"
    home.run()

    same_stores(undisturbed.snapshot(), home.snapshot())
    names = [set(stored(one.root / "objects")) for one in (undisturbed, home)]
    assert names[0] == names[1]
    assert len(names[0]) == 21

"""Disks that are full, cannot be written, or hold something else than they should."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.home import (
    RESIDENT,
    STREET,
    TestHome,
    make_test_home,
    same_stores,
    without,
)
from tests.support.processes import missing

pytestmark = pytest.mark.fault


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount a small disk in memory at the folder."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "chengshu-test", str(folder)], capture_output=True
    )
    if done.returncode:
        missing("a small disk cannot be mounted here (mount -t tmpfs)")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def on_small_disk(folder: Path, front: Path) -> TestHome:
    """Make a home on the small disk, whose sources lie elsewhere."""
    home = make_test_home(folder / "home", without(RESIDENT, "office/visit"))
    home.front.rmdir()
    front.mkdir()
    home.front.symlink_to(front)
    home.deliver_all()
    return home


def test_a_full_disk_is_told_and_the_next_run_completes(tmp_path: Path):
    plain = make_test_home(tmp_path / "plain", without(RESIDENT, "office/visit"))
    plain.deliver_all()
    plain.run()
    disk = tmp_path / "disk"
    with mounted(disk, "size=24m"):
        home = on_small_disk(disk, tmp_path / "front")
        ballast = disk / "ballast"
        codes = []
        for free in (0, 200_000, 700_000, 1_500_000, 4_000_000):
            ballast.write_bytes(b"")
            room = shutil.disk_usage(disk).free
            ballast.write_bytes(b"x" * max(room - free, 0))

            done = home.call("run")

            assert done.code in (0, 3), done
            codes.append(done.code)
            if done.code:
                assert done.err or "failed" in done.out
                assert "another commit came first" not in done.text
        ballast.unlink()
        assert codes[0] == 3
        home.run()

        same_stores(plain.snapshot(), home.snapshot())
        home.balances()


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path):
    disk = tmp_path / "disk"
    with mounted(disk, "size=64m"):
        home = on_small_disk(disk, tmp_path / "front")
        home.run()
        before = home.snapshot(times=True)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

        for args in (["run"], ["pull"], ["secret", "front"],
                     ["show", STREET, "--unmasked", "--reason", "a test of it"]):  # fmt: skip
            done = home.call(*args, given="x\n")
            assert (done.code, done.out) == (3, ""), done
            assert "cannot be" in done.err or "read-only" in done.err.lower(), done
        looked = home.call("status")
        assert looked.code == 0 or (looked.code == 3 and "cannot be" in looked.err), looked

        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert home.snapshot(times=True) == before
        assert home.run() == [{"resource": STREET, "batch": None, "pulled": 0}]


def test_a_catalogue_that_is_no_database_is_told(tmp_path: Path):
    home = make_test_home(tmp_path / "home", without(RESIDENT, "office/visit"))
    home.deliver_all()
    home.run()
    for part in ("catalog.sqlite-wal", "catalog.sqlite-shm"):
        (home.root / "lake" / part).unlink(missing_ok=True)
    catalog = home.root / "lake" / "catalog.sqlite"
    whole = catalog.read_bytes()
    catalog.write_bytes(os.urandom(4096))

    for args in (["status"], ["show", STREET], ["run"]):
        done = home.call(*args)
        assert done.code == 3, done
        assert "the catalogue cannot be opened" in done.text

    catalog.write_bytes(whole)
    assert len(home.balances()) == 2

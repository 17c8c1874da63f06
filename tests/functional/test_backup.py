"""Backup and restore: the same stores again, from a home that may be at work meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import command
from tests.support.home import CITY, PLACE, TestHome, make_test_home

SHOWN = ("office/street", "office/resident", "office/visit")


@pytest.fixture
def home(tmp_path: Path) -> TestHome:
    made = make_test_home(tmp_path / "home", {**CITY, **PLACE})
    made.deliver_all()
    made.run()
    return made


def back_up(home: TestHome, to: Path) -> Path:
    known = set(to.glob("*"))
    done = home.call("backup", to)
    assert done.code == 0, done
    (made,) = set(to.glob("*")) - known
    return made


def restored(made: Path, root: Path) -> TestHome:
    done = command("restore", made, root)
    assert done.code == 0, done
    return TestHome(root)


def told(home: TestHome) -> list[list[dict[str, Any]]]:
    asked = (["status"], ["show", "place", "a"], ["usage"], *(["show", name] for name in SHOWN))
    return [home.call(*args, "--json").lines for args in asked]


def test_a_restored_home_says_the_same_and_goes_on(tmp_path: Path, home: TestHome):
    home.call("secret", "pw", given="sesame")
    home.call("show", "office/resident", "--unmasked", "--reason", "test")
    before, stores = told(home), home.snapshot(times=True)
    made = back_up(home, tmp_path / "backups")
    home.deliver("street_20260301", "code,name,opened", ["a,甲路,2001-02-03"])
    home.run("office/street")

    again = restored(made, tmp_path / "again")

    assert told(again) == before
    assert again.snapshot(times=True) == stores
    shutil.copytree(home.front, again.front)
    again.run("office/street")
    assert again.snapshot() == home.snapshot() != stores
    assert (again.root / "keys" / "secrets.key").stat().st_mode & 0o777 == 0o600


def test_what_an_earlier_backup_holds_is_linked(tmp_path: Path, home: TestHome):
    first = back_up(home, tmp_path / "backups")
    home.deliver("street_20260301", "code,name,opened", ["a,甲路,2001-02-03"])
    home.run("office/street")
    time.sleep(1.1)

    second = back_up(home, tmp_path / "backups")

    files = {path.relative_to(first): path for path in first.rglob("*.parquet")}
    assert files
    assert all((second / name).samefile(path) for name, path in files.items())
    assert len([*second.rglob("*.parquet")]) > len(files)
    assert told(restored(second, tmp_path / "again")) == told(home)


def test_backups_of_a_home_at_work_are_whole(tmp_path: Path, home: TestHome):
    backups = []
    for day in range(1, 4):
        rows = [f"{code},{day}街,2001-02-03" for code in "abcdefgh"]
        home.deliver(f"street_2026030{day}", "code,name,opened", rows)
        at_work = home.start("run", "office/street")
        time.sleep(0.15 * day)
        backups.append(back_up(home, tmp_path / f"backups{day}"))
        assert at_work.wait(120) == 0
        at_work.communicate()
    for number, made in enumerate(backups):
        again = restored(made, tmp_path / f"again{number}")
        shutil.copytree(home.front, again.front)
        again.run("office/street")
        again.balances()
        assert again.current("office/street", "code", "name") == home.current(
            "office/street", "code", "name"
        )


DAMAGES = {
    "another byte": lambda file: file.write_bytes(file.read_bytes()[:-1] + b"?"),
    "cut": lambda file: os.truncate(file, 10),
    "gone": lambda file: file.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_not_restored(tmp_path: Path, home: TestHome, damage: str):
    made = back_up(home, tmp_path / "backups")
    victim = sorted(made.rglob("*.parquet"))[0]
    DAMAGES[damage](victim)

    done = command("restore", made, tmp_path / "again")

    assert done.code == 4
    assert f"{victim} is missing or not what was backed up" in done.err


def test_what_is_no_backup_and_no_new_folder_is_refused(tmp_path: Path, home: TestHome):
    made = back_up(home, tmp_path / "backups")
    (made.with_suffix(".partial")).mkdir()

    cases = {
        "is no backup": (made.with_suffix(".partial"), tmp_path / "again"),
        "is not empty": (made, home.root),
    }
    for message, (source, to) in cases.items():
        done = command("restore", source, to)
        assert (done.code, message in done.err) == (1, True), done
    assert json.loads((made / "backup.json").read_text("utf-8"))["files"]

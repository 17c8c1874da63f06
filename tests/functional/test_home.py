"""Home folders: how they are made, who may look into them, and what is said of broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import command, finish, start
from tests.support.home import make_test_home, write


def test_init_makes_a_home_once_and_says_what_is_next(tmp_path: Path):
    first, second = (command("init", tmp_path / "new") for _ in range(2))

    assert (first.code, second.code) == (0, 0)
    assert "(not there yet)" in first.out
    assert f"chengshu --home {tmp_path / 'new'} check" in first.out
    assert (tmp_path / "new" / "config.toml").is_file()


def test_init_refuses_a_folder_that_holds_something_else(tmp_path: Path):
    write(tmp_path / "letter.txt", "mine")

    done = command("init", tmp_path)

    assert (done.code, done.out) == (1, "")
    assert "is not empty and not a home" in done.err


def test_a_new_home_is_closed_to_others(tmp_path: Path):
    (tmp_path / "empty").mkdir(mode=0o755)

    for name in ("new", "empty"):
        command("init", tmp_path / name)

        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700


def test_init_takes_any_pack_and_never_changes_it_silently(tmp_path: Path):
    (tmp_path / "own").mkdir()
    home = tmp_path / "home"

    first = finish(start("init", home, "--pack", ".", cwd=tmp_path / "own"))
    same, none = command("init", home, "--pack", tmp_path / "own"), command("init", home)
    other = command("init", home, "--pack", tmp_path / "other")

    assert [d.code for d in (first, same, none)] == [0, 0, 0]
    assert all(f"city pack {tmp_path / 'own'}\n" in d.out for d in (first, same, none))
    assert (other.code, other.out) == (1, "")
    assert f"its city pack is {tmp_path / 'own'}. To change it, edit pack in {home}" in other.err


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("what", ["home", "letter"])
def test_the_demo_touches_no_folder_that_holds_something(tmp_path: Path, what: str):
    folder = tmp_path / "mine"
    if what == "home":
        command("init", folder)
    write(folder / "packs" / "city" / "city.yaml", "name: mine\n")
    before = files_of(folder)

    done = command("demo", folder)

    assert (done.code, done.out) == (1, "")
    assert f"{folder} is not empty" in done.err
    assert files_of(folder) == before


HOMES: dict[str, tuple[str | None, str]] = {
    "no home": (None, "is not a home. Make one with: chengshu init"),
    "not TOML": ("pack = [", "config.toml: not TOML"),
    "unknown setting": ('pack = "p"\nmemory = 3', "Known: memory_mb (int from 100), pack (str)"),
    "wrong kind": ('pack = "p"\nthreads = true', "wrong setting 'threads'"),
    "too little": ('pack = "p"\nmemory_mb = -5', "wrong setting 'memory_mb'"),
    "no pack named": ("threads = 1", "setting 'pack' is missing"),
    "pack with NUL": (r'pack = "a\u0000b"', "wrong setting 'pack'"),
    "pack too long": (f'pack = "{"x" * 300}"', "File name too long"),
    "missing pack": ('pack = "nowhere"', "city.yaml: there is no such file"),
}


@pytest.mark.parametrize("case", HOMES)
def test_a_wrong_home_is_said_so(tmp_path: Path, case: str):
    config, message = HOMES[case]
    if config is not None:
        write(tmp_path / "config.toml", config)

    done = command("--home", tmp_path, "status")

    assert done.code == {"no home": 1, "pack too long": 3}.get(case, 2), done
    assert message in done.err, done


GARBAGE: dict[str, tuple[list[str], str]] = {
    "state.sqlite": (["secret", "pw"], "move it away: the usage record is lost"),
    "flows.sqlite": (["run"], "move it away: a new one is made"),
    "keys/secrets.key": (["secret", "pw"], "remove it and store each secret again"),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_a_file_of_the_home_that_is_garbage_is_named_with_a_way_out(tmp_path: Path, name: str):
    args, way_out = GARBAGE[name]
    home = make_test_home(tmp_path / "home")
    write(home.root / name, "no database, no key; " * 300)

    done = home.call(*args, given="sesame")

    assert (done.code, done.out) == (3, ""), done
    assert f"{home.root / name}: the file is damaged" in done.err
    assert way_out in done.err
    (home.root / name).unlink()
    assert "damaged" not in home.call(*args, given="sesame").text

"""Tables on screens of any width, and the help: nothing is cut."""

from __future__ import annotations

import os
import re

import pytest
from rich.cells import cell_len

from chengshu.main.cli import app
from tests.support.commands import Done, finish, start
from tests.support.home import TestHome

COMMANDS = [command.name or "" for command in app.registered_commands]


def call(home: TestHome, columns: int | None, *args: str) -> Done:
    env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    wide = {} if columns is None else {"COLUMNS": str(columns)}
    return finish(home.start(*args, env={**env, **wide}))


@pytest.mark.parametrize("columns", [20, 60, 80, 200, None])
def test_no_id_and_no_header_is_cut_or_folded(home: TestHome, columns: int | None):
    done = call(home, columns, "status")

    words = done.out.split()
    assert {"office/resident", "office/street", "office/visit", "department"} <= set(words)
    assert "…" not in done.out
    wide = columns is None or columns == 200
    assert wide == any(line.startswith("resource ") and "landing" in line for line in
                       done.out.splitlines())  # fmt: skip


def test_a_narrow_screen_shows_a_record_as_names_and_values(home: TestHome):
    done = call(home, 40, "show", "resident", "--limit", "1")

    assert done.out.splitlines()[4:10] == [
        "_awaiting  ·",
        "number     1",
        "person     王**",
        "street     a",
        "income     1,000.50",
        "changed    2026-01-01 08:00:00",
    ]


def test_chinese_text_keeps_columns_in_line(home: TestHome):
    lines = call(home, None, "show", "street").out.splitlines()[1:5]

    at = lines[0].index("opened")
    assert {len(line) < cell_len(line) for line in lines[1:]} == {True}
    for line in lines[1:]:
        before = next(i for i in range(len(line) + 1) if cell_len(line[:i]) == at)
        assert line[before - 1] == " "
        assert line[before] in "12·"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_whole_at_80_columns(command: str):
    args = [command, "--help"] if command else ["--help"]

    done = finish(start(*args, env={**os.environ, "COLUMNS": "80"}))

    assert done.code == 0
    # An argument that may be given several times has three points behind it.
    assert "..." not in re.sub(r"(\[ARGS\]|\[?(resources|cell)\]?)\.\.\.", "", done.out)
    assert all(cell_len(line) <= 80 for line in done.out.splitlines())

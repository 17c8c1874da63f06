"""The demo: a city is made and lived through, nothing fails, and what was found is scored."""

from __future__ import annotations

import re

import pytest

from tests.support.commands import Done, finish, start
from tests.support.home import TestHome

DAYS = 1


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[TestHome, Done]:
    home = TestHome(tmp_path_factory.mktemp("demo") / "home")
    process = start("demo", home.root, "--size", 2000, "--days", DAYS)
    return home, finish(process, most_s=900)


def test_every_department_delivers_and_no_run_fails(done: tuple[TestHome, Done]):
    home, told = done

    assert told.code == 0, told
    assert f"2,000 residents, 14 departments, 25 resources, {DAYS + 1} days" in told.out
    assert "runs that ended with an error" not in told.out
    assert {line["resource"] for line in home.balances()} == set(home.declared().resources)


def test_what_was_found_is_scored(done: tuple[TestHome, Done]):
    home, told = done

    score = home.call("score", "--key", home.root / "answer_key.parquet", "--json")

    assert score.code == 0, score
    total = next(line for line in score.lines if line["about"] == "total")
    assert 0 < total["found"] < total["errors"]
    assert "by kind, the most missed first" in told.out
    assert {line["about"] for line in score.lines} >= {"kinds", "departments", "stores", "habits"}


def test_all_that_it_names_next_works(done: tuple[TestHome, Done]):
    home, told = done
    commands = re.findall(rf"^  chengshu --home {home.root} (.+)$", told.out, re.MULTILINE)

    assert len(commands) > 4
    for line in commands:
        arguments = re.findall(r'"[^"]*"|\S+', line)
        answer = home.call(*(argument.strip('"') for argument in arguments))
        assert answer.code == 0, (line, answer)
        assert answer.out.strip()

"""The real registers and records of the data folder go through the stores as docs/realdata.md says.

The tables of that page are the expectation: what is documented and what happens cannot part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chengshu.catalog import Resource
from tests.realdata.story import CHANGED, RESOURCES

PAGE = Path(__file__).parents[2] / "docs" / "realdata.md"


def table_under(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading of the page, without its header."""
    part = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def number(text: str) -> int:
    return int(text.replace(",", ""))


def file_of(resource: Resource, names: Iterator[str] | list[str]) -> str:
    pattern = Path(str(getattr(resource.source, "path", ""))).name
    return next(name for name in names if Path(f"{name}.csv").match(pattern))


@pytest.mark.parametrize("name", RESOURCES)
def test_every_row_is_accounted_for(name: str, story: Any, raw: Any) -> None:
    resource, seen = story[name]

    rows = raw[file_of(resource, list(raw))]

    assert all(balance.is_closed for balance in [seen.balance, *seen.balances])
    assert seen.balance.pulled == len(rows)


def test_the_outcome_is_the_documented_one(story: Any) -> None:
    documented = {row[0]: [number(cell) for cell in row[1:5]] for row in table_under("Outcome")}

    happened = {
        name: [b.pulled, b.accepted, b.repeated, b.refused]
        for name, b in ((name, seen.balance) for name, (_, seen) in story.items())
    }

    assert happened == documented
    assert {seen.balance.lost for _, seen in story.values()} == {0}


def test_the_findings_are_the_documented_ones(story: Any) -> None:
    documented = {
        (row[0], row[1], row[2], row[3].replace("–", ""), row[4]): number(row[5])
        for row in table_under("Findings")
    }

    happened = {
        (name, *finding): rows
        for name, (_, seen) in story.items()
        for finding, rows in seen.findings.items()
    }

    assert happened == documented


@pytest.mark.parametrize("name", RESOURCES)
def test_a_second_delivery_changes_nothing(name: str, story: Any) -> None:
    seen = story[name][1]

    assert seen.landed[0] == []
    assert seen.landed[1] == [2]
    assert seen.held[0] == seen.held[1] == seen.held[2]
    assert (seen.balances[1].accepted, seen.balances[1].refused) == (0, seen.balance.refused)


@pytest.mark.parametrize("name", CHANGED)
def test_a_changed_delivery_changes_those_rows_alone(name: str, story: Any, raw: Any) -> None:
    resource, seen = story[name]
    gone, changed = raw[file_of(resource, list(raw))][-2:]
    records, ended, refused = seen.held[2]

    assert seen.held[3] == (records - 1, ended + 2, refused)
    assert (seen.balances[2].accepted, seen.balances[2].refused) == (1, refused)
    by_column = {f.name: f.column or f.label for f in resource.fields}
    ids = {"uscc": "统一社会信用代码"} | by_column
    key = resource.key or ("company_id", "held_id")
    assert {tuple(str(row[k]) for k in key) for row in seen.ended} == {
        tuple(row[str(ids[k])] for k in key) for row in (gone, changed)
    }

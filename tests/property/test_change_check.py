"""Whatever is delivered, in whatever order: the stores are what plain Python makes of it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from chengshu.engine.port import Engine
from chengshu.libraries import stores
from tests.support.city import START, Row, TestCity

KEYED = """\
key: [code]
fields:
  - {name: code, label: 编码, type: text}
  - {name: name, label: 名称, type: text}
rules:
  - {name: own_name, unique: [name], effect: warn}
"""
KEYLESS = KEYED.replace("key: [code]", "identity: content")
BAD = "bad"  # stands for a row that is refused
GONE = "gone"  # stands for a row by which the source ends its record


@dataclass(frozen=True)
class Delivered:
    """One delivery: its number, business day, mode, and ``(code, name)`` of its rows."""

    number: int
    day: int
    mode: str
    rows: tuple[tuple[str, str], ...]


def deliveries(seed: int, *, flagged: bool) -> list[Delivered]:
    dice = random.Random(seed)
    days = [dice.randint(1, 4) for _ in range(4)] if seed % 2 else [1, 2, 3, 4]
    names = [*"xyz", BAD, *([GONE, GONE] if flagged else [])]
    made = []
    for number, day in enumerate(days, 1):
        rows = tuple((dice.choice("abc"), dice.choice(names)) for _ in range(dice.randint(0, 5)))
        made.append(Delivered(number, day, dice.choice(["full", "incremental"]), rows))
    return made


def as_row(code: str, name: str) -> Row:
    problem = "ragged_short" if name == BAD else None
    operation = "D" if name == GONE else "U"
    return {"code": code, "name": name, "_problem": problem, "_operation": operation}


def versions_of(said: list[Delivered], *, keyed: bool):
    """Return current and ended versions, and the batch rows that made one, by the book."""
    ordered = sorted(said, key=lambda d: (d.day, d.number))
    events: dict[str, list[tuple[int, int, int, str | None]]] = {}
    for delivery in ordered:
        copies: Counter[str] = Counter()
        for position, (code, name) in enumerate(delivery.rows, 1):
            record = code
            if not keyed:
                if name == BAD:
                    continue
                copies[code + name] += 1
                record = f"{code}{name}#{copies[code + name]}"
            told = None if name == GONE else name
            events.setdefault(record, []).append((delivery.day, delivery.number, position, told))
    current, ended = {}, []
    for record, told in events.items():
        for full in (d for d in ordered if d.mode == "full"):
            if not any(number == full.number for _, number, _, _ in told):
                told.append((full.day, full.number, 0, None))
        state, since, awaiting = None, 0, None
        for day, number, _, name in sorted(told, key=lambda e: e[:3]):
            if name == BAD:
                awaiting = awaiting or number
                continue
            awaiting = None
            if name != state:
                if state is not None:
                    ended.append((record, state, since, day))
                state, since = name, day
        if state is not None:
            current[record] = (state, since, awaiting)
    return current, sorted(ended)


def sharers_of(said: list[Delivered], current: dict[str, Any]) -> list[str]:
    """Return the records whose name another one has, and was given no later."""
    given: dict[tuple[str, str], tuple[int, int]] = {}
    for delivery in sorted(said, key=lambda d: (d.day, d.number)):
        for row in delivery.rows:
            given.setdefault(row, (delivery.day, delivery.number))
    named = {code: name for code, (name, _, _) in current.items()}
    return [
        code
        for code, name in sorted(named.items())
        if any(
            other != code and named[other] == name and given[other, name] <= given[code, name]
            for other in named
        )
    ]


SEEDS = [pytest.param(seed, id=f"seed{seed}") for seed in range(8)]


def compare(engine: Engine, seed: int, *, keyed: bool) -> None:
    city, flagged = TestCity(engine), keyed and seed % 4 > 1
    operations = "mode: incremental, operation: {column: op}" if flagged else ""
    resource = city.declare("things", KEYED if keyed else KEYLESS, operations)
    said = deliveries(seed, flagged=flagged)
    for delivery in said:
        rows = [as_row(*row) for row in delivery.rows]
        city.land(resource, rows, mode=delivery.mode, day=delivery.day)
        city.refine(resource)

    current, ended = versions_of(said, keyed=keyed)

    found = city.current(resource, "code", "name", "_since", "_awaiting")
    expected = [
        (code[0], name, START + timedelta(days=since), awaiting)
        for code, (name, since, awaiting) in current.items()
    ]
    assert Counter(found) == Counter(expected)
    history = city.history(resource, "code", "name")
    assert Counter(history) == Counter((c[0], name, a, b) for c, name, a, b in ended)
    balances = city.balances(resource)
    assert all(balance.is_closed for balance in balances)
    assert sum(b.pulled for b in balances) == sum(len(d.rows) for d in said)
    for kind, name in (("refused", BAD), ("ended", GONE)):
        counted = sum(getattr(balance, kind) for balance in balances)
        assert counted == sum(row[1] == name for d in said for row in d.rows)
    made = len(current) + len(ended)
    assert sum(b.accepted for b in balances) == made
    assert len(city.rows(stores.current(resource))) == len(current)
    if keyed:
        standing = {row[0] for row in city.rows(stores.current(resource), "_digest")}
        found = city.rows(stores.findings(resource), "_record, _digest, rule")
        sharing = [
            code for code, digest, rule in found if rule == "own_name" and digest in standing
        ]
        assert sharing == sharers_of(said, current)


@pytest.mark.parametrize("seed", SEEDS[:2])
@pytest.mark.parametrize("keyed", [True, False], ids=["key", "content"])
def test_the_stores_are_what_python_makes_of_it(engine: Engine, seed: int, keyed: bool):
    compare(engine, seed, keyed=keyed)


@pytest.mark.parametrize("seed", SEEDS[2:])
@pytest.mark.parametrize("keyed", [True, False], ids=["key", "content"])
def test_more_cases_on_the_embedded_engine(duckdb_engine: Engine, seed: int, keyed: bool):
    compare(duckdb_engine, seed, keyed=keyed)

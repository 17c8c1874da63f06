"""Rules about a resource's own rows, in whatever order deliveries come: what plain Python makes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chengshu.engine.duckdb import DuckDBEngine
from chengshu.libraries import stores
from tests.conftest import make_lake
from tests.support.city import Row, TestCity
from tests.support.home import same_stores

BODY = """\
{identity}
fields:
  - {{name: code, label: 编码, type: text}}
  - {{name: name, label: 名称, type: text}}
  - {{name: n, label: 数, type: count}}
rules:
"""
RULES = {
    "unique": "unique: [name], field: name",
    "sequence": "sequence: [name], order_by: [n], where_bad: n < previous_n + 2, field: n",
}
# The effect of each rule, and how the resource is delivered.
CASES = [
    ({"unique": "block"}, "key"),
    ({"unique": "block"}, "flagged"),
    ({"unique": "warn"}, "key"),
    ({"unique": "withhold"}, "flagged"),
    ({"sequence": "block"}, "key"),
    ({"sequence": "withhold"}, "flagged"),
    ({"sequence": "warn", "unique": "block"}, "key"),
    ({"unique": "block", "sequence": "block"}, "content"),
]
DAYS, SEEDS = 6, 1  # Each case takes seconds; more seeds are for who changes `spoken`.


@dataclass(frozen=True)
class Delivered:
    """One delivery; a row is its code, name, number, and ``bad``, ``gone`` or nothing."""

    day: int
    mode: str
    rows: tuple[tuple[str, str, int, str], ...]


def deliveries(dice: random.Random, *, flagged: bool) -> list[Delivered]:
    states = ["", "", "", "", "", "bad", *(["gone"] if flagged else [])]
    made = []
    for day in range(1, DAYS + 1):
        rows = tuple(
            (dice.choice("abcd"), dice.choice("xyz"), dice.randint(1, 6), dice.choice(states))
            for _ in range(dice.randint(0, 4))
        )
        mode = "incremental" if flagged else dice.choice(["full", "incremental"])
        made.append(Delivered(day, mode, rows))
    return made


def as_row(code: str, name: str, n: int, state: str) -> Row:
    problem = "ragged_short" if state == "bad" else None
    operation = "D" if state == "gone" else "U"
    row = {"code": code, "name": name, "n": str(n)}
    return {**row, "_problem": problem, "_operation": operation}


def failing(said: list[Delivered], effects: dict[str, str]) -> set[tuple[str, str, int, str]]:
    """Return ``code, name, n, rule`` of the rows that fail, by the book; a record is its code."""
    now: dict[str, tuple[str, int]] = {}
    moments: list[dict[str, tuple[str, int]]] = []
    came: dict[tuple[str, str], int] = {}
    good: set[tuple[str, str, int]] = set()
    for delivery in said:
        if delivery.mode == "full":
            told = {code for code, *_ in delivery.rows}
            now = {code: row for code, row in now.items() if code in told}
        for code, name, n, state in delivery.rows:
            if state == "gone":
                now.pop(code, None)
            elif not state:
                now[code] = name, n
                came.setdefault((code, name), delivery.day)
                good.add((code, name, n))
        moments.append(dict(now))

    def shares(code: str, name: str) -> bool:
        then = next((m for m in reversed(moments) if m.get(code, ("",))[0] == name), {})
        days = sorted(came[other, name] for other in then if then[other][0] == name)
        ours = came[code, name]
        alone = [d for d in days if effects["unique"] == "warn" or days.count(d) == 1]
        return days.count(ours) > 1 or any(day < ours for day in alone)

    def follows(code: str, name: str, n: int) -> bool:
        then = next((m for m in reversed(moments) if m.get(code) == (name, n)), {})
        before = [(k, c) for c, (g, k) in then.items() if g == name and (k, c) < (n, code)]
        return bool(before) and n < max(before)[0] + 2

    judged = {"unique": lambda code, name, n: shares(code, name), "sequence": follows}
    return {(*row, rule) for row in good for rule in effects if judged[rule](*row)}


def deliver(
    root: Path, case: tuple[dict[str, str], str], said: list[Delivered], dice: random.Random | None
) -> tuple[dict[str, list[tuple[Any, ...]]], set[tuple[str, str, int, str]]]:
    """Return what the stores hold, and whom an own rule failed; in any order where dice say so."""
    effects, way = case
    identity = "identity: content" if way == "content" else "key: [code]"
    rules = [f"  - {{name: {r}, {RULES[r]}, effect: {e}}}\n" for r, e in effects.items()]
    source = "mode: incremental, operation: {column: op}" if way == "flagged" else ""
    engine = DuckDBEngine(make_lake(root), threads=1)
    try:
        city = TestCity(engine)
        things = city.declare("things", BODY.format(identity=identity) + "".join(rules), source)
        for one in dice.sample(said, len(said)) if dice else said:
            city.land(things, [as_row(*r) for r in one.rows], mode=one.mode, day=one.day)
            if dice is None or dice.random() < 0.6:
                city.refine(things)
        city.refine(things)
        assert all(balance.is_closed for balance in city.balances(things))
        named = dict(city.rows(stores.BATCHES, "batch, as_of"))
        shown = {
            stores.current(things): "_record, code, name, n, _digest, _since, _awaiting",
            stores.history(things): "_record, code, name, n, _digest, _since, _until",
            stores.refused(things): "_digest, _record",
            stores.findings(things): "DISTINCT _digest, _record, rule, field, reason, effect",
        }
        made = {table: city.rows(table, columns, "ALL") for table, columns in shown.items()}
        now = stores.current(things)
        made[now] = [(*row[:-1], named.get(row[-1])) for row in made[now]]
        found = city.rows(
            f"{stores.findings(things)} AS f JOIN (SELECT DISTINCT _digest, code, name, n "
            f"FROM lake.{stores.landing(things)}) AS l ON f._digest = l._digest",
            "code, name, n, rule",
        )
    finally:
        engine.close()
    return made, {(c, name, int(n), rule) for c, name, n, rule in found if rule in effects}


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_own_rules_find_the_same_in_any_order(
    tmp_path: Path, case: tuple[dict[str, str], str], seed: int
):
    dice = random.Random(f"{case} {seed}")
    said = deliveries(dice, flagged=case[1] == "flagged")

    in_order, found = deliver(tmp_path / "in_order", case, said, None)
    any_order, _ = deliver(tmp_path / "any_order", case, said, dice)

    same_stores(in_order, any_order)
    if case[1] != "content":
        assert found == failing(said, case[0])

"""A month of the small city, delivered in any order that each way allows: the same stores."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest

from chengshu.catalog import Pack, Resource, load_pack
from chengshu.engine import Engine, Session
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.sql import listed, literal
from chengshu.exchange.port import Surroundings
from chengshu.exchange.pull import Pull, find_incoming, land_incoming
from chengshu.flows.asks import asks_of
from chengshu.libraries import stores
from chengshu.libraries.reconcile import balance_batches
from chengshu.libraries.refine import refine_pending
from tests.conftest import make_lake
from tests.support.home import same_stores
from tests.support.living import DAYS, WAYS, Given, deliver_month, make_pack

SEEDS = [pytest.param(seed, id=f"seed{seed}") for seed in (1, 2)]
AGAIN, AT_ONCE = 0.2, 0.2
Stores = dict[str, list[tuple[Any, ...]]]


@dataclass
class Replay:
    """One home of the city into which deliveries come in some order."""

    root: Path
    engine: Engine
    pulls: int = 0
    waiting: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        make_pack(self.root / "packs" / "city")
        self.pack: Pack = load_pack(self.root / "packs" / "city")
        assert not self.pack.problems
        self.order = [ask.resource for ask in asks_of(self.pack, [], None, refine=True)]

    def deliver(self, given: Given, again: str = "") -> None:
        """Put a delivery into the front store and pull it."""
        given.put(self.root / "front", again)
        resource, spool = self.pack.get(given.resource), self.root / "spool"
        around = Surroundings(self.pack.root, "Asia/Shanghai", str, spool, self.root)
        self.pulls += 1
        pull = Pull(f"run {self.pulls}", datetime.combine(given.date, time()))
        types = {f.name: self.pack.type_of(f) for f in resource.fields}
        stores.ensure_tables(self.engine, resource, types)
        for incoming in find_incoming(self.engine, resource, around, pull.run):
            land_incoming(self.engine, self.pack, resource, incoming, pull)
        self.waiting.add(given.resource)

    def refine(self) -> None:
        """Refine what was pulled, what others rest on first."""
        for name in self.order:
            if name in self.waiting:
                refine_pending(self.engine, self.pack, self.pack.get(name))
        self.waiting.clear()

    def found(self) -> Stores:
        """Return what the stores hold, having brought all that was pulled before up to date."""
        self.waiting.update(self.order)
        self.refine()
        made: Stores = {}
        with self.engine.session() as session:
            for name in self.order:
                made |= business_of(session, self.pack.get(name))
        return made


def business_of(session: Session, resource: Resource) -> Stores:
    """Return what the stores say of a resource, whatever order its deliveries came in.

    In the place of a batch, or of its time, stands the number that its source gives it, or its day.
    """

    def rows(sql: str) -> list[dict[str, Any]]:
        return [dict(row) for row in session.rows(sql, step="look")]

    sql = f"SELECT batch, as_of, number FROM lake.{stores.BATCHES} WHERE resource = "
    said = {
        r["batch"]: (r["number"] or r["as_of"].date(), r["as_of"])
        for r in rows(sql + literal(resource.id))
    }
    names: dict[Any, Any] = {None: None} | {batch: name for batch, (name, _) in said.items()}
    names |= {as_of: name for name, as_of in said.values()}
    own = listed(["_record", *(f.name for f in resource.fields), "_digest"])
    raw = set(stores.raw_columns(resource)) - {*stores.PLACE, "_source"}
    shown = {
        stores.current(resource): f"{own}, _since, _awaiting",
        stores.history(resource): f"{own}, _since, _until, _ended",
        stores.refused(resource): listed(["_digest", "_record", *sorted(raw)]),
        stores.findings(resource): "_digest, _record, rule, field, reason, effect",
        stores.endings(resource): "_digest, _record, _batch",
    }
    told = {"_since", "_until", "_awaiting", "_ended", "_batch"}
    made: Stores = {}
    for table, columns in shown.items():
        found = (r.items() for r in rows(f"SELECT {columns} FROM lake.{table}"))
        lines = [tuple(names[v] if c in told else v for c, v in row) for row in found]
        made[table] = sorted(lines, key=repr)
    made[f"balances of {resource.id}"] = _balances(session, resource, names, list(said))
    return made


def _balances(
    session: Session, resource: Resource, names: dict[Any, Any], batches: list[int]
) -> list[tuple[Any, ...]]:
    """Return the balance of each delivery when it came first, having checked all."""
    first: dict[Any, tuple[Any, ...]] = {}
    for one in balance_batches(session, resource, batches):
        assert one.is_closed, (resource.id, one)
        parts = (one.pulled, one.accepted, one.ended, one.unchanged, one.repeated, one.refused)
        first.setdefault(names[one.batch], parts)
    return sorted(first.items(), key=repr)


def shuffled(month: list[Given], dice: random.Random) -> Iterator[tuple[Given, str]]:
    """Yield the month's deliveries in an order that their ways allow, some of them again."""
    order = dice.sample(month, len(month))
    for name in (name for name, way in WAYS.items() if not way.is_file):
        # What a table shows is what it is now: its days come in order.
        places = [at for at, given in enumerate(order) if given.resource == name]
        for at, given in zip(places, [g for g in month if g.resource == name], strict=True):
            order[at] = given
    last: dict[str, Given] = {}
    for at, given in enumerate(order):
        last[given.resource] = given
        yield given, ""
        if dice.random() < AGAIN:
            other = dice.choice(order[: at + 1])
            if WAYS[other.resource].is_file:
                # Under another name it lands again; what ended records then ends nothing, as told.
                flagged = "operation" in WAYS[other.resource].source
                yield other, "" if flagged else dice.choice(["", f"_again{at}"])
            else:
                yield last[other.resource], ""


@contextmanager
def replay(root: Path) -> Iterator[Replay]:
    # Cases are tiny: threads cost more than they bring.
    engine = DuckDBEngine(make_lake(root / "lake"), threads=1)
    try:
        yield Replay(root / "home", engine)
    finally:
        engine.close()


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> list[Given]:
    return deliver_month(tmp_path_factory.mktemp("month"))


@pytest.fixture(scope="module")
def in_order(month: list[Given], tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """Return the stores after every delivery came on its day, and was refined."""
    with replay(tmp_path_factory.mktemp("in_order")) as city:
        for at, given in enumerate(month):
            city.deliver(given)
            if at + 1 == len(month) or month[at + 1].day > given.day:
                city.refine()
        return city.found()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_month_in_any_order_makes_the_same_stores(
    month: list[Given], in_order: Stores, tmp_path: Path, seed: int
):
    dice = random.Random(seed)
    with replay(tmp_path) as city:
        for given, again in shuffled(month, dice):
            city.deliver(given, again)
            if dice.random() < AT_ONCE:
                city.refine()

        found = city.found()

    same_stores(in_order, found)


@pytest.mark.parametrize("kind", ["__history", "__refused", "__findings", "__endings"])
def test_a_month_has_what_could_differ(month: list[Given], in_order: Stores, kind: str):
    """A month in which nothing happens would be the same in any order."""
    assert {given.resource for given in month} == set(WAYS)
    assert month[-1].day >= DAYS - 5
    assert [rows for table, rows in in_order.items() if kind in table and rows]


@pytest.mark.parametrize("rule", ["one_certificate", "name_is_own", "not_married_twice"])
def test_a_month_has_rows_that_others_fail(in_order: Stores, rule: str):
    assert [row for rows in in_order.values() for row in rows if rule in row]

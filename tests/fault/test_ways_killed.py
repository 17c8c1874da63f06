"""Each way of delivery, killed at each step and replayed: equal to the run that was not disturbed.

All ways of a home stand at a step when its process is killed; each home is killed at every step.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from chengshu.libraries import stores
from chengshu.libraries.landing import list_batches
from chengshu.libraries.reconcile import balance_batches
from tests.support.dying import Point, die
from tests.support.home import TestHome, make_test_home, same_stores
from tests.support.mariadb import DATABASE, mariadb_server
from tests.support.processes import PASSWORD
from tests.support.servers import postgres_server
from tests.support.steps import PACK
from tests.support.ways import Files, Tables

pytestmark = pytest.mark.fault
FLOW, REFINE = "chengshu.flows.run", "chengshu.libraries.refine"
ALL = 0  # Of threads: one for each way.
LAND, RECORD = Point("chengshu.exchange.pull", "land"), Point(REFINE, "_record_step")
HELD = "office/held"
# Becomes the worker, which goes on with what was left, and itself asks for nothing that there is.
AGAIN = ("decide", HELD, 99, "discard", "--reason", "none")
NTH = {"first": 1, "second": 2, "decided": 2}
DECIDE = ("decide", HELD, 2, "confirm", "--reason", "asked them")
# Part of a home's life → the steps at which it is killed, one after the other, and the command that
# is; later ones go on with what the first ones asked for.
CUTS: dict[str, dict[str, tuple[Point, tuple[object, ...]]]] = {
    "first": {
        "at the first tables": (Point("chengshu.libraries.stores", "ensure_tables", after=True),
                                ("run",)),
        "asked for": (Point("chengshu.flows.worker", "_worker"), ("run",)),
        "refined, not recorded": (Point(FLOW, "refine_pending", threads=ALL, after=True), AGAIN),
    },
    "second": {
        "after waiting": (Point(FLOW, "land_step", threads=ALL), ("run",)),
        "in all landing commits": (replace(LAND, threads=ALL, after=True, turns=False), AGAIN),
        "landed, not recorded": (Point(FLOW, "land_incoming", threads=ALL, after=True), AGAIN),
        "after land": (Point(FLOW, "refine_step", nth=2, threads=ALL), AGAIN),
        "in all refine commits": (replace(RECORD, threads=ALL, after=True, turns=False), AGAIN),
        "refined, not recorded": (Point(FLOW, "refine_pending", threads=ALL, after=True), AGAIN),
        "after refine": (Point(FLOW, "deliver_step", threads=ALL), AGAIN),
    },
    "decided": {
        "in the decision's commit": (replace(RECORD, after=True), DECIDE),
        "decided, not recorded": (Point(FLOW, "decide", after=True), ("run", HELD)),
        "in the refine commit": (replace(RECORD, after=True), ("run", HELD)),
        "after refine": (Point(FLOW, "deliver_step"), ("run", HELD)),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What a home was, and what its stores held, after each part of an undisturbed life."""

    kind: Files | Tables
    before: dict[str, Path]
    after: dict[str, dict[str, list[Any]]]


def report_zero(home: TestHome) -> None:
    assert home.call("zero", "office/whole", "--reason", "asked them").code == 0


def stored(home: TestHome, kind: Files | Tables) -> dict[str, list[Any]]:
    """Return what the stores hold less how often a table was pulled; each balance is closed.

    A table is pulled once by each run that was cut off after it had pulled; a file, and a batch
    that has a number, lands once whatever happens.
    """
    found: dict[str, list[Any]] = {}
    fields = "id, name, changed"
    resources = [home.resource(way) for way in kind.ways]
    with home.home.reading() as engine, engine.session() as session:
        for resource in resources:
            refined = [b.number for b in list_batches(session, resource) if b.is_refined]
            assert refined
            assert all(b.is_closed for b in balance_batches(session, resource, refined))
        if isinstance(kind, Files):
            return home.snapshot()
        for resource in resources:
            once = "" if resource.identity == "none" else "DISTINCT"
            mine = f"WHERE resource = '{resource.id}'"
            for what, sql in {
                "landed": f"{once} _digest, {fields} FROM lake.{stores.landing(resource)}",
                "stands": f"{fields}, _awaiting IS NULL AS w FROM lake.{stores.current(resource)}",
                "ended": f"{fields} FROM lake.{stores.history(resource)}",
                "refused": f"_digest, {fields} FROM lake.{stores.refused(resource)}",
                "found": f"DISTINCT _digest, rule, reason FROM lake.{stores.findings(resource)}",
                "held": f"_batch, _record FROM lake.{stores.held(resource)}",
                "numbers": f"mode, number, row_count FROM lake.{stores.BATCHES} {mine} "
                "AND (number IS NOT NULL OR mode = 'zero')",
                "source": f"DISTINCT code FROM lake.{stores.SOURCE_FINDINGS} {mine}",
                "decided": f"batch, step, note FROM lake.{stores.STEPS} {mine} "
                "AND step IN ('hold', 'confirm', 'discard')",
            }.items():
                rows = session.rows(f"SELECT {sql} ORDER BY ALL", step=what)
                found[f"{resource.name}: {what}"] = [tuple(row.values()) for row in rows]
    return found


@pytest.fixture(scope="module")
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    """Let a home live undisturbed through two deliveries of each way and what is decided."""
    with ExitStack() as servers:
        kind: Files | Tables = Files()
        if request.param == "postgres":
            one = servers.enter_context(postgres_server())
            kind = Tables("postgres", one.port, "postgres", "timestamp", one.execute)
        elif request.param == "mysql":
            other = servers.enter_context(mariadb_server())
            kind = Tables("mysql", other.port, DATABASE, "datetime", other.execute)
        yield live(kind, tmp_path_factory.mktemp(kind.name))


def live(kind: Files | Tables, folder: Path) -> Told:
    made = {f"resources/office/{way}.yaml": kind.declared(way) for way in kind.ways}
    home = make_test_home(folder / "home", {**PACK, **made})
    with home.home.open_secrets() as secrets:
        secrets.put("front", PASSWORD)
    before, after = {}, {}
    for part in CUTS:
        before[part] = shutil.copytree(home.root, folder / f"before {part}")
        kind.deliver(home, NTH[part])
        if part == "second":
            report_zero(home)
        done = home.call(*(DECIDE if part == "decided" else ("run",)))
        assert done.code == (part == "second"), done
        after[part] = stored(home, kind)
    return Told(kind, before, after)


# What a first run makes is the same whatever it pulls from.
@pytest.mark.parametrize(
    ("told", "part"),
    [("files", "first"), *product(("files", "postgres", "mysql"), ("second", "decided"))],
    indirect=["told"],
    scope="module",
)
def test_ways_of_delivery_that_are_killed_at_each_step_end_as_if_they_were_not(
    tmp_path: Path, told: Told, part: str
):
    home, kind = TestHome(shutil.copytree(told.before[part], tmp_path / "home")), told.kind
    kind.deliver(home, NTH[part])
    if part == "second":
        report_zero(home)

    for point, command in CUTS[part].values():
        threads = len(kind.ways) if point.threads == ALL else point.threads
        die(replace(point, threads=threads), "--home", home.root, *command)
    # The same things are delivered again.
    kind.deliver(home, NTH[part])
    home.run(code=int(part == "second"))

    same_stores(told.after[part], stored(home, kind))

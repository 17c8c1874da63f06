"""Each way of delivery, killed at each step and replayed: equal to the run that was not disturbed.

All ways of a home stand at a step when its process is killed; each home is killed at every step.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chengshu.libraries import stores
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
STEPS = {
    "at the first tables": Point("chengshu.libraries.stores", "ensure_tables", after=True),
    "asked for": Point("chengshu.flows.worker", "_worker"),
    "after waiting": Point(FLOW, "land_step", threads=ALL),
    "in the landing commit": Point("chengshu.exchange.pull", "land", after=True),
    "in all landing commits": Point(
        "chengshu.exchange.pull", "land", threads=ALL, after=True, turns=False
    ),
    "landed, not recorded": Point(FLOW, "land_incoming", threads=ALL, after=True),
    "after land": Point(FLOW, "refine_step", nth=2, threads=ALL),
    "in the refine commit": Point(REFINE, "_record_step", after=True),
    "in all refine commits": Point(REFINE, "_record_step", threads=ALL, after=True, turns=False),
    "refined, not recorded": Point(FLOW, "refine_pending", threads=ALL, after=True),
    "after refine": Point(FLOW, "deliver_step", threads=ALL),
}
DECISION = {
    "asked for": STEPS["asked for"],
    "in the decision's commit": STEPS["in the refine commit"],
    "decided, not recorded": Point(FLOW, "decide", after=True),
    "in the refine commit": STEPS["in the refine commit"],
    "refined, not recorded": replace(STEPS["refined, not recorded"], threads=1),
}
DECISIONS = {"kept": "confirm", "dropped": "discard"}


@dataclass(frozen=True)
class Told:
    """What a home was, and what its stores held, after each part of an undisturbed life."""

    kind: Files | Tables
    before: dict[str, Path]
    after: dict[str, dict[str, list[Any]]]


def decide(way: str) -> list[object]:
    return ["decide", f"office/{way}", 2, DECISIONS[way], "--reason", "asked them"]


def report_zero(home: TestHome) -> None:
    assert home.call("zero", "office/silent", "--reason", "asked them").code == 0


def stored(home: TestHome, kind: Files | Tables) -> dict[str, list[Any]]:
    """Return what the stores hold, less how often a table was pulled.

    A table is pulled once by each run that was cut off after it had pulled; a file, and a batch
    that has a number, lands once whatever happens.
    """
    if isinstance(kind, Files):
        return home.snapshot()
    found: dict[str, list[Any]] = {}
    fields = "id, name, changed"
    with home.home.reading() as engine, engine.session() as session:
        for resource in map(home.resource, kind.ways):
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


@pytest.fixture(scope="module", params=["files", "postgres", "mysql"])
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
    for nth, part in enumerate(("first", "second", "decided"), 1):
        before[part] = shutil.copytree(home.root, folder / f"before {part}")
        kind.deliver(home, nth)
        if part == "second":
            report_zero(home)
        if part == "decided":
            for way in DECISIONS:
                assert home.call(*decide(way)).code == 0
        home.run(code=1 if part == "second" else 0)
        after[part] = stored(home, kind)
        home.balances()
    return Told(kind, before, after)


@pytest.mark.parametrize("part", ["first", "second", "decided"])
def test_ways_of_delivery_that_are_killed_at_each_step_end_as_if_they_were_not(
    tmp_path: Path, told: Told, part: str
):
    home = TestHome(shutil.copytree(told.before[part], tmp_path / "home"))
    kind, nth = told.kind, list(told.before).index(part) + 1
    kind.deliver(home, nth)

    def cut(step: Point, *command: object) -> None:
        threads = len(kind.ways) if step.threads == ALL else step.threads
        die(replace(step, threads=threads), "--home", home.root, *command)

    if part == "decided":
        for way in DECISIONS:
            for name, step in DECISION.items():
                if way == "dropped" and "refine" in name:
                    continue
                cut(step, *(decide(way) if name == "asked for" else ["run", f"office/{way}"]))
    else:
        if part == "second":
            report_zero(home)
        for name, step in STEPS.items():
            # Later ones go on with what the first ones asked for.
            begins = name in ("at the first tables", "asked for")
            cut(step, *(["run"] if begins else ["run", "office/whole"]))

    home.run(code=1 if part == "second" else 0)
    kind.deliver(home, nth)
    home.run(code=1 if part == "second" else 0)

    same_stores(told.after[part], stored(home, kind))
    home.balances()

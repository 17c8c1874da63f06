"""Fifty sources of 10,000 rows in one go, as `run` takes them, beside one source of the same."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.measure import WORK, Cost, Costs, main_of, run_part, show, show_ratio, timed
from bench.ours import new_folder
from bench.people import make_pack, make_people

SOURCES, ROWS = 50, 10_000


def run() -> None:
    """Run both, each in a process of its own."""
    costs = run_part("sources", "one") | run_part("sources", "many")
    show(f"{SOURCES} sources × {ROWS} rows, pull to refined", costs)
    for name, cost in costs.items():
        print(f"{name}: {SOURCES * ROWS / cost.wall:,.0f} rows/s by the clock")
    one, many = costs.values()
    show_ratio("many to one, CPU", many.cpu, one.cpu, "none set")
    show_ratio("many to one, wall", many.wall, one.wall, "none set")


def one() -> Costs:
    """Run one source of all the rows."""
    return _run("one source", 1, SOURCES * ROWS)


def many() -> Costs:
    """Run all the sources."""
    return _run(f"{SOURCES} sources", SOURCES, ROWS)


def _run(what: str, sources: int, rows: int) -> dict[str, Cost]:
    from chengshu.main.home import make_home
    from chengshu.main.runs import How, run_home

    root = new_folder(WORK / "sources")
    file = make_people(WORK / f"people_{rows}.parquet", rows)
    pack = make_pack(root / "pack", f"{{kind: file, path: {file}}}").root
    _repeat(pack / "resources" / "office", sources)
    home = make_home(root / "home", pack)
    costs: Costs = {}
    with timed(costs, what):
        outcomes = run_home(home, [], How())
    assert [o.error for o in outcomes] == [None] * sources
    return costs


def _repeat(folder: Path, count: int) -> None:
    """Declare the one resource so many times."""
    declared = folder / "person.yaml"
    text = declared.read_text(encoding="utf-8")
    for number in range(1, count):
        name = f"person_{number}"
        (folder / f"{name}.yaml").write_text(
            text.replace("name: person\n", f"name: {name}\n"), encoding="utf-8"
        )


if __name__ == "__main__":
    main_of({"one": one, "many": many}, sys.argv)

"""Refine against the bare engine, and against two peers that judge the same rows by the same rules.

Ours reads the landed table, judges, and writes the department and the management store. The bare
engine reads the landed table and writes its rows into another lake table.
"""

from __future__ import annotations

import sys

from bench.measure import PEERS, WORK, Costs, main_of, run_part, show, show_ratio, timed
from bench.ours import PERSON, deliver, front_pack, new_folder, opened, show_counts
from bench.people import make_people
from chengshu.catalog import Pack
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.libraries import stores
from chengshu.standards.codes import load_divisions

ROWS, GX_ROWS, REPEATS = 5_000_000, 1_000_000, 2


def run() -> None:
    """Run the parts and print the ratios."""
    file = make_people(WORK / f"people_{ROWS}.parquet", ROWS)
    small = make_people(WORK / f"people_{GX_ROWS}.parquet", GX_ROWS)
    divisions = WORK / "divisions.txt"
    divisions.write_text("\n".join(sorted(load_divisions())), encoding="utf-8")
    found = run_part("refine", "ours", ROWS)
    found |= run_part("peers", "pandera", file, divisions, python=PEERS)
    found |= run_part("peers", "gx", small, divisions, python=PEERS)
    labels = {
        "refine": "ours: refine, all bad rows kept",
        "bare": "bare engine: landed table to lake table",
        "bare typed": "bare engine: the same, cast to the types",
        "pandera": "pandera 0.35.0 on polars 2.1.0",
        "gx": f"great_expectations 1.24.1, {GX_ROWS} rows",
    }
    show(f"refine, {ROWS} rows", {label: found[name] for name, label in labels.items()})
    ours, gx = found["refine"].cpu, found["gx"].cpu * ROWS / GX_ROWS
    show_ratio("ours to the bare engine, CPU", ours, found["bare"].cpu, "≤ 2.5")
    show_ratio("great_expectations to ours, CPU a row", gx, ours, "≥ 6")
    show_ratio("ours to pandera, CPU", ours, found["pandera"].cpu, "≤ 1")


def ours(rows: str) -> Costs:
    """Land, refine, then copy the landed table bare."""
    root = new_folder(WORK / "refine")
    pack = front_pack(root, make_people(WORK / f"people_{rows}.parquet", int(rows)))
    costs: Costs = {}
    with opened(root) as engine:
        deliver(engine, pack, "first", costs)
        show_counts(engine, pack)
    for _ in range(REPEATS):
        again: Costs = {}
        with opened(root) as engine:
            bare(engine, pack, again)
        costs |= {n: c for n, c in again.items() if n not in costs or c.cpu < costs[n].cpu}
    return costs


def bare(engine: DuckDBEngine, pack: Pack, costs: Costs) -> None:
    """Copy the landed rows as they are, and once more with the casts that a plain load does."""
    resource = pack.get(PERSON)
    place = ["_digest", "_batch", "_position"]
    typed = {f.name: pack.type_of(f).column for f in resource.fields}
    for name, kinds in (("bare", dict.fromkeys(typed, "VARCHAR")), ("bare typed", typed)):
        columns = ", ".join([*(f"TRY_CAST({n} AS {k}) AS {n}" for n, k in kinds.items()), *place])
        table = f"lake.department.{name.replace(' ', '_')}"
        source = f"SELECT {columns} FROM lake.{stores.landing(resource)}"
        with engine.session() as session:
            session.execute(f"CREATE OR REPLACE TABLE {table} AS {source} LIMIT 0", "make")
        with timed(costs, name), engine.session() as session:
            session.execute(f"INSERT INTO {table} {source}", "copy")


if __name__ == "__main__":
    main_of({"ours": ours}, sys.argv)

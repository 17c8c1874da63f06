"""Pull 2 million rows from MariaDB: ours, and the bare exact scan.

The bare scan is `mysql_query` with every column as text, into a DuckDB table. Ours lands: each row
has its digest and position, and stands in the lake.
"""

from __future__ import annotations

import sys

from bench.mariadb import SOURCE, load_people, running
from bench.measure import WORK, Costs, main_of, run_part, show, show_ratio, timed
from bench.ours import deliver, new_folder, opened
from bench.people import FIELDS, make_pack, make_people

ROWS, REPEATS = 2_000_000, 3


def run() -> None:
    """Run both in turn, several times; the median of CPU is shown."""
    file = make_people(WORK / f"people_{ROWS}.parquet", ROWS)
    with running(WORK / "mariadb") as port:
        load_people(WORK / "mariadb", file)
        rounds = [run_part("mysql", "bare", port) | run_part("mysql", "ours", port)
                  for _ in range(REPEATS)]  # fmt: skip
    costs = {name: sorted((r[name] for r in rounds), key=lambda c: c.cpu)[REPEATS // 2]
             for name in rounds[0]}  # fmt: skip
    show(f"pull {ROWS} × {len(FIELDS)}, median of {REPEATS}", costs)
    for name, goal in (("bare", "≤ 1.3"), ("bare to a lake table", "none")):
        show_ratio(f"ours to {name}, CPU", costs["ours"].cpu, costs[name].cpu, goal)
        show_ratio(f"ours to {name}, wall", costs["ours"].wall, costs[name].wall, goal)


def ours(port: str) -> Costs:
    """Pull and land."""
    root = new_folder(WORK / "mysql")
    pack = make_pack(root / "pack", SOURCE.format(port=port))
    costs: Costs = {}
    with opened(root) as engine:
        deliver(engine, pack, "first", costs)
    return {"ours": costs["pull and land"]}


def bare(port: str) -> Costs:
    """Scan into a DuckDB file, and into a lake table."""
    import duckdb

    from chengshu.engine.lake import load_extensions

    root = new_folder(WORK / "mysql_bare")
    texts = ", ".join(f"CAST({name} AS CHAR) AS {name}" for name in FIELDS)
    scan = (
        f"SELECT * FROM mysql_query('front', 'SELECT {texts} FROM people', stream_results = true)"
    )
    attach = f"ATTACH 'host=127.0.0.1 port={port} user=bench passwd=bench db=bench' AS front "
    attach += "(TYPE mysql, READ_ONLY)"
    costs: Costs = {}
    with duckdb.connect(str(root / "bare.duckdb")) as con:
        load_extensions(con, ("mysql_scanner",))
        con.execute(attach)
        with timed(costs, "bare"):
            con.execute(f"CREATE TABLE people AS {scan}")
    with opened(root) as engine, engine.session() as session:
        load_extensions(session.con, ("mysql_scanner",))
        session.execute(attach, "attach")
        session.execute("CREATE SCHEMA lake.bare", "make")
        with timed(costs, "bare to a lake table"):
            session.execute(f"CREATE TABLE lake.bare.people AS {scan}", "scan")
    return costs


if __name__ == "__main__":
    main_of({"ours": ours, "bare": bare}, sys.argv)

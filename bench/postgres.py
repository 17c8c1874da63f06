"""Pull 2 million rows from PostgreSQL: ours, the bare exact scan, and dlt's fastest backend.

The bare scan is `postgres_query` with every column as text, into a DuckDB table. Ours lands: each
row has its digest and position, and stands in the lake.
"""

from __future__ import annotations

import sys

from bench.measure import PEERS, WORK, Costs, main_of, run_part, show, show_ratio, timed
from bench.ours import deliver, new_folder, opened
from bench.people import FIELDS, make_pack, make_people
from bench.server import SOURCE, load_people, running

ROWS, REPEATS = 2_000_000, 3


def run() -> None:
    """Run the three in turn, several times; the median of CPU is shown."""
    file = make_people(WORK / f"people_{ROWS}.parquet", ROWS)
    with running(WORK / "server") as server:
        load_people(server, file)
        rounds = [_round(server.port, server.url) for _ in range(REPEATS)]
    costs = {name: sorted((r[name] for r in rounds), key=lambda c: c.cpu)[REPEATS // 2]
             for name in rounds[0]}  # fmt: skip
    show(f"pull {ROWS} × {len(FIELDS)}, median of {REPEATS}", costs)
    ours, bare = costs["ours"], costs["bare"]
    show_ratio("ours to the bare scan, CPU", ours.cpu, bare.cpu, "≤ 1.3")
    show_ratio("ours to the bare scan, wall", ours.wall, bare.wall, "≤ 1.3")
    for name in ("bare to a lake table", "dlt"):
        show_ratio(f"ours to {name}, CPU", ours.cpu, costs[name].cpu, "< 1 for dlt")
        show_ratio(f"ours to {name}, wall", ours.wall, costs[name].wall, "< 1 for dlt")


def _round(port: int, url: str) -> Costs:
    found = run_part("postgres", "bare", port) | run_part("postgres", "ours", port)
    return found | run_part("peers", "dlt", url, WORK / "dlt", python=PEERS)


def ours(port: str) -> Costs:
    """Pull and land."""
    root = new_folder(WORK / "postgres")
    pack = make_pack(root / "pack", SOURCE.format(port=port) + "}")
    costs: Costs = {}
    with opened(root) as engine:
        deliver(engine, pack, "first", costs)
    return {"ours": costs["pull and land"]}


def bare(port: str) -> Costs:
    """Scan into a DuckDB file, and into a lake table."""
    import duckdb

    from chengshu.engine.lake import load_extensions

    root = new_folder(WORK / "postgres_bare")
    texts = ", ".join(f"{name}::text AS {name}" for name in FIELDS)
    scan = f"SELECT * FROM postgres_query('front', 'SELECT {texts} FROM people')"
    dsn = f"host=127.0.0.1 port={port} user=postgres password=bench dbname=postgres"
    costs: Costs = {}
    with duckdb.connect(str(root / "bare.duckdb")) as con:
        load_extensions(con, ("postgres_scanner",))
        con.execute(f"ATTACH '{dsn}' AS front (TYPE postgres, READ_ONLY)")
        with timed(costs, "bare"):
            con.execute(f"CREATE TABLE people AS {scan}")
    with opened(root) as engine, engine.session() as session:
        load_extensions(session.con, ("postgres_scanner",))
        session.execute(f"ATTACH '{dsn}' AS front (TYPE postgres, READ_ONLY)", "attach")
        session.execute("CREATE SCHEMA lake.bare", "make")
        with timed(costs, "bare to a lake table"):
            session.execute(f"CREATE TABLE lake.bare.people AS {scan}", "scan")
    return costs


if __name__ == "__main__":
    main_of({"ours": ours, "bare": bare}, sys.argv)

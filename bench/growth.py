"""The first load of 1 and of 5 million rows: how cost grows, and the most memory it takes."""

from __future__ import annotations

import sys

from bench.measure import WORK, Costs, main_of, run_part, show, show_ratio
from bench.ours import deliver, front_pack, new_folder, opened, show_counts
from bench.people import make_people

SIZES = (1_000_000, 5_000_000)


def run() -> None:
    """Run each size in a process of its own."""
    totals = []
    for rows in SIZES:
        costs = run_part("growth", "load", rows)
        show(f"first load, {rows} rows", costs)
        total = costs["pull and land"] + costs["refine"]
        totals.append(total)
        print(f"peak memory: {total.rss_mb} MiB (goal < 4096)")
    small, large = totals
    show_ratio("5 M to 1 M rows, CPU", large.cpu, small.cpu, "≤ 5")


def load(rows: str) -> Costs:
    """Pull, land and refine a Parquet file."""
    root = new_folder(WORK / "growth")
    pack = front_pack(root, make_people(WORK / f"people_{rows}.parquet", int(rows)))
    costs: Costs = {}
    with opened(root) as engine:
        deliver(engine, pack, "first", costs)
        show_counts(engine, pack)
    return costs


if __name__ == "__main__":
    main_of({"load": load}, sys.argv)

"""A full redelivery with 2 % changed rows against the first load, and incremental pulls of 5 %."""

from __future__ import annotations

import sys

from bench.measure import WORK, Costs, main_of, run_part, show, show_ratio
from bench.ours import deliver, front_pack, new_folder, opened, show_counts
from bench.people import make_pack, make_people
from bench.server import SOURCE, load_people, running, update_people

SIZES = (1_000_000, 5_000_000)
CHANGED_FULL, CHANGED_PULL = 50, 20


def run() -> None:
    """Run each size in processes of its own and print the ratios."""
    for rows in SIZES:
        costs = run_part("redelivery", "full", rows)
        show(f"full redelivery, {rows} rows, 2 % changed", costs)
        first = costs["first: pull and land"] + costs["first: refine"]
        again = costs["again: pull and land"] + costs["again: refine"]
        show_ratio("redelivery to first load, CPU", again.cpu, first.cpu, "≤ 0.15")
    changes = {}
    for rows in SIZES:
        costs = run_part("redelivery", "incremental", rows)
        show(f"incremental pulls of 50 000 and of 5 % of {rows} rows", costs)
        changes[rows] = costs["50 000: pull and land"] + costs["50 000: refine"]
    small, large = (changes[rows].cpu for rows in SIZES)
    show_ratio("50 000 changed rows of 5 M to the same of 1 M, CPU", large, small, "1")


def full(rows: str) -> Costs:
    """Deliver all rows twice as Parquet files."""
    root, count = new_folder(WORK / "redelivery"), int(rows)
    first = make_people(WORK / f"people_{rows}.parquet", count)
    again = make_people(WORK / f"people_{rows}_again.parquet", count, changed=CHANGED_FULL)
    costs: Costs = {}
    for name, files in (("first: ", [first]), ("again: ", [first, again])):
        pack = front_pack(root, *files)
        with opened(root) as engine:
            deliver(engine, pack, name, costs, name)
    with opened(root) as engine:
        show_counts(engine, pack)
    return costs


def incremental(rows: str) -> Costs:
    """Pull a PostgreSQL table whole, then 50 000 changed rows, then 5 % of its rows."""
    root, count = new_folder(WORK / "incremental"), int(rows)
    costs: Costs = {}
    mode = ", mode: incremental, watermark: updated_at}"
    with running(WORK / "server") as server:
        load_people(server, make_people(WORK / f"people_{rows}.parquet", count))
        pack = make_pack(root / "pack", SOURCE.format(port=server.port) + mode)
        changes = [("50 000: ", count // 50_000), ("5 %: ", CHANGED_PULL)]
        with opened(root) as engine:
            deliver(engine, pack, "first", costs, "first: ")
        for day, (name, every) in enumerate(changes):
            update_people(server, every, f"2027-01-0{day + 1} 00:00:00")
            with opened(root) as engine:
                deliver(engine, pack, name, costs, name)
        with opened(root) as engine:
            show_counts(engine, pack)
    return costs


if __name__ == "__main__":
    main_of({"full": full, "incremental": incremental}, sys.argv)

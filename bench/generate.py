"""The demo city of 200,000 and of 1,000,000 residents with 31 deliveries: CPU and memory."""

from __future__ import annotations

import shutil
import sys

from bench.measure import WORK, Costs, main_of, run_part, show, show_ratio, timed

SIZES = (200_000, 1_000_000)


def run() -> None:
    """Run each size in a process of its own."""
    small, large = (run_part("generate", "make", size) for size in SIZES)
    for size, costs in zip(SIZES, (small, large), strict=True):
        show(f"a city of {size} residents, day 0 to 30", costs)
    total = large["generate"] + large["deliver"]
    print(f"CPU of 1 M residents: {total.cpu:.1f} s (goal < 120)")
    show_ratio("peak MiB, 1 M to 200,000", total.rss_mb, small["deliver"].rss_mb, "≤ 1.5")


def make(size: str) -> Costs:
    """Generate a city, and let its departments deliver every day."""
    from chengshu.demo import generate
    from chengshu.demo.fronts.deliver import deliver_rest

    folder = WORK / f"city_{size}"
    shutil.rmtree(folder, ignore_errors=True)
    costs: Costs = {}
    with timed(costs, "generate"):
        generate(folder, int(size), deliver_days=False)
    with timed(costs, "deliver"):
        deliver_rest(folder)
    shutil.rmtree(folder)
    return costs


if __name__ == "__main__":
    main_of({"make": make}, sys.argv)

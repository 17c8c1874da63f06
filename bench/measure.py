"""What a piece of work costs: CPU seconds, wall seconds, and the peak memory of its process."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import gettempdir

ROOT = Path(__file__).parent.parent
WORK = Path(os.environ.get("CHENGSHU_BENCH", Path(gettempdir()) / "chengshu-bench"))
PEERS = ROOT / ".venv-bench" / "bin" / "python"


@dataclass(frozen=True)
class Cost:
    """What a piece of work took.

    Attributes:
        cpu: CPU seconds, user and system, all threads.
        wall: Seconds by the clock.
        rss_mb: Most memory of the process so far; 0 where it was not asked.
    """

    cpu: float
    wall: float
    rss_mb: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.cpu + other.cpu, self.wall + other.wall, max(self.rss_mb, other.rss_mb))


Costs = dict[str, Cost]


@contextmanager
def timed(costs: Costs, name: str) -> Iterator[None]:
    """Put what the block takes in this process into ``costs`` under ``name``."""
    before, start = _cpu(), time.perf_counter()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    costs[name] = Cost(_cpu() - before, time.perf_counter() - start, peak)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run_part(module: str, part: str, *args: object, python: Path | None = None) -> Costs:
    """Run ``part`` of ``bench.<module>`` in a process of its own; return what it printed.

    With ``python`` it runs in the peers' environment, which does not have chengshu.
    """
    command = [str(python or sys.executable), "-m", f"bench.{module}", part, *map(str, args)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: Cost(**cost) for name, cost in found.items()}


def print_costs(costs: Costs) -> None:
    """End a part: say what it cost, for `run_part`."""
    print(json.dumps({name: asdict(cost) for name, cost in costs.items()}))


def show(title: str, costs: Mapping[str, Cost]) -> None:
    """Print a table of costs."""
    print(f"\n{title}")
    print(f"| {'what':<44} | CPU s | wall s | peak MiB |\n| --- | ---: | ---: | ---: |")
    for name, cost in costs.items():
        print(f"| {name:<44} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.rss_mb or ''} |")


def show_ratio(what: str, ours: float, theirs: float, goal: str) -> None:
    """Print a ratio beside its goal."""
    print(f"{what}: {ours:.2f} / {theirs:.2f} = {ours / theirs:.2f} (goal {goal})")


def machine() -> str:
    """Return one line about where this runs."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), "unknown",
    )  # fmt: skip
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} × {model}, {memory} GiB, load {load}"


def main_of(parts: Mapping[str, object], argv: Sequence[str]) -> None:
    """Run the part that the command line names, for `run_part`."""
    act = parts[argv[1]]
    assert callable(act)
    print_costs(act(*argv[2:]))

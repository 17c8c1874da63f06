"""List the benchmarks, or run those named: ``python -m bench refine growth``, ``… all``."""

from __future__ import annotations

import importlib
import sys
from datetime import date

from bench.measure import machine

NAMES = (
    "refine",
    "redelivery",
    "growth",
    "compaction",
    "postgres",
    "mysql",
    "mqtt",
    "sources",
    "merge",
    "values",
    "generate",
)


def main() -> None:
    """Run what the command line names."""
    asked = sys.argv[1:] or ["all"]
    names = NAMES if asked == ["all"] else asked
    modules = {name: importlib.import_module(f"bench.{name}") for name in NAMES}
    if unknown := [name for name in names if name not in NAMES]:
        print(f"no benchmark {', '.join(unknown)}; there are:")
        for name, module in modules.items():
            print(f"  {name:<12}{str(module.__doc__).splitlines()[0]}")
        raise SystemExit(2)
    print(f"{date.today()}, {machine()}")  # noqa: DTZ011 - the reader's own day
    for name in names:
        modules[name].run()


main()

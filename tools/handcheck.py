"""Draw the rows of the real data that a person looks at by hand; docs/realdata.md has the verdicts.

Usage: python tools/handcheck.py [data] prints the rows with what the platform made of them. It is
for the screen of who checks: real records stay out of files and out of the repository.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from chengshu.catalog import Resource  # noqa: E402
from chengshu.libraries import stores  # noqa: E402
from tests.realdata.real_city import RealCity  # noqa: E402

SEED, SIZE = 20260722, 50
Stratum = tuple[str, ...]
Row = dict[str, Any]


def spread(pools: dict[Stratum, list[Row]], size: int, seed: int) -> list[tuple[Stratum, Row]]:
    """Return ``size`` distinct rows: strata take turns, so that the small ones are seen at all."""
    draw = random.Random(seed)  # noqa: S311 - a sample, not a secret
    shuffled = {name: draw.sample(pool, len(pool)) for name, pool in sorted(pools.items())}
    chosen: dict[tuple[object, ...], tuple[Stratum, Row]] = {}
    while len(chosen) < size and any(shuffled.values()):
        for name, pool in shuffled.items():
            while pool and len(chosen) < size:
                row = pool.pop()
                place = (name[0], row.pop("_position"), *map(str, row.values()))
                if place not in chosen:
                    chosen[place] = (name, row)
                    break
    return list(chosen.values())


def find_faulty(city: RealCity, resource: Resource, effects: str) -> Iterator[tuple[Stratum, Row]]:
    """Yield raw rows with a finding of these effects."""
    found = city.rows(
        f"{stores.findings(resource)} AS f JOIN lake.{stores.landing(resource)} AS l "
        "ON f._batch = l._batch AND f._position = l._position",
        "f.effect, f.rule, f.field AS at, f.reason, l.*",
        f"f.effect IN ({effects}) ORDER BY l._position, f.rule",
    )
    for row in found:
        stratum = (resource.id, row["effect"], row["rule"], str(row["at"]), row["reason"])
        yield stratum, {name: row[name] for name in ("_position", *names_of(resource))}


def find_accepted(city: RealCity, resource: Resource) -> Iterator[tuple[Stratum, Row]]:
    """Yield raw and standard form of rows that made a record, whatever was noted of them.

    The divisions are one stratum, so that they do not crowd out the registers.
    """
    pairs = ", ".join(f'l."{f.name}" AS "r_{f.name}", c."{f.name}"' for f in resource.fields)
    found = city.rows(
        f"{stores.current(resource)} AS c JOIN lake.{stores.landing(resource)} AS l "
        "ON c._batch = l._batch AND c._position = l._position",
        f"c._position, {pairs}",
        "TRUE ORDER BY c._position",
    )
    stratum = resource.owner if resource.owner == "statistics" else resource.id
    for row in found:
        shown = {name: _both(row[f"r_{name}"], row[name]) for name in names_of(resource)}
        yield (stratum,), {"_position": row["_position"], **shown}


def names_of(resource: Resource) -> list[str]:
    """Return the names of the fields."""
    return [f.name for f in resource.fields]


def _both(raw: str | None, canonical: object) -> str:
    told = "" if canonical is None else str(canonical)
    return told if raw == told else f"{raw!r} -> {told or 'NULL'}"


def collect(data: Path, folder: Path) -> dict[str, dict[Stratum, list[Row]]]:
    """Return the three populations, by stratum."""
    pools: dict[str, dict[Stratum, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for pack in ("registers", "records"):
        (folder / pack).mkdir()
        city = RealCity(folder / pack, pack, data)
        for resource in city.order():
            city.run(resource)
            for name, effects in (("refused", "'block', 'withhold'"), ("warned", "'warn'")):
                for stratum, row in find_faulty(city, resource, effects):
                    pools[name][stratum].append(row)
            for stratum, row in find_accepted(city, resource):
                pools["accepted"][stratum].append(row)
        city.close()
    return pools


def show(name: str, drawn: Sequence[tuple[Stratum, Row]]) -> None:
    """Write the drawn rows to the screen."""
    for number, (stratum, row) in enumerate(drawn, 1):
        cells = "; ".join(f"{k}={str(v)[:90]}" for k, v in row.items() if v is not None)
        sys.stdout.write(f"{name} {number} {' '.join(stratum)}\n    {cells}\n")


def main() -> None:
    """Run the packs in a folder that is deleted again, and show the three samples."""
    given = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("CHENGSHU_DATA")
    data = Path(given) if given else ROOT.parent / "shared" / "data"
    with tempfile.TemporaryDirectory() as folder:
        pools = collect(data, Path(folder))
    for at, name in enumerate(("refused", "accepted", "warned")):
        show(name, spread(pools[name], SIZE, SEED + at))


if __name__ == "__main__":
    main()

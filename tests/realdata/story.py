"""The story of the real packs: each file delivered, delivered again, and changed."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from chengshu.catalog import Resource
from chengshu.libraries import stores
from chengshu.libraries.reconcile import Balance
from tests.realdata.real_city import RealCity

PACKS = {
    "registers": (
        "baoding_market/enterprise_baoding",
        "ningbo_market/enterprise_ningbo",
        "approval/permit",
        "statistics/province",
        "statistics/city",
        "statistics/county",
        "statistics/street",
        "statistics/village_baoding",
        "statistics/village_ningbo",
    ),
    "records": (
        "approval/qualification",
        "court/dishonesty",
        "court/lawsuit",
        "ecology/air_quality",
        "market/investment",
    ),
}
RESOURCES = [name for names in PACKS.values() for name in names]
# Delivered a third time with one row gone and one changed: column that changes, and to what.
CHANGED = {
    "ningbo_market/enterprise_ningbo": ("经营范围", "变更后的经营范围"),
    "court/lawsuit": ("LAWAMOUNT", "123457"),
    "ecology/air_quality": ("O3", "77.7"),
    "market/investment": ("BTBL", "0.4321"),
}
LATER = (datetime(2026, 2, 1), datetime(2026, 3, 1), datetime(2026, 4, 1))


@dataclass
class Seen:
    """What one resource went through: its first delivery, and the stores after each more."""

    balance: Balance
    findings: Counter[tuple[str, str, str, str]]
    landed: list[list[int]] = field(default_factory=list)
    balances: list[Balance] = field(default_factory=list)
    held: list[tuple[int, int, int]] = field(default_factory=list)
    ended: list[dict[str, Any]] = field(default_factory=list)


def first(city: RealCity, resource: Resource) -> Seen:
    city.run(resource)
    (balance,) = city.balances(resource)
    return Seen(balance, city.findings(resource), held=[held(city, resource)])


def repeat(city: RealCity, resource: Resource, seen: Seen) -> None:
    """Deliver the same file again, the same rows in another file, and a changed one."""
    (path,) = city.front(resource).glob(Path(str(getattr(resource.source, "path", ""))).name)
    again = path.with_name(f"{path.stem}_again{path.suffix}")
    seen.landed.append(city.run(resource, LATER[0]))
    seen.held.append(held(city, resource))
    # A blank line at the end makes other bytes of the same rows.
    again.write_bytes(path.read_bytes() + b"\n")
    seen.landed.append(city.run(resource, LATER[1]))
    seen.held.append(held(city, resource))
    if resource.id in CHANGED:
        change(path, path.with_name(f"{path.stem}_changed{path.suffix}"), *CHANGED[resource.id])
        seen.landed.append(city.run(resource, LATER[2]))
        seen.held.append(held(city, resource))
        names = ", ".join(f'"{f.name}"' for f in resource.fields)
        seen.ended = city.rows(stores.history(resource), names)
    seen.balances = city.balances(resource)


def held(city: RealCity, resource: Resource) -> tuple[int, int, int]:
    """Return how many records, ended versions and refused rows the stores hold."""
    tables = (stores.current(resource), stores.history(resource), stores.refused(resource))
    return tuple(city.rows(table, "COUNT(*) AS n")[0]["n"] for table in tables)  # type: ignore[return-value]


def change(path: Path, to: Path, column: str, value: str) -> None:
    """Write the file without its second-last row, and with another value in its last."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    rows[-1][header.index(column)] = value
    del rows[-2]
    with to.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])

"""Homes for the packs of real data: the data is linked into their fronts, never copied here."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from chengshu.catalog import Pack, Resource
from chengshu.catalog.pack import usable_pack
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.lake import Lake
from chengshu.exchange.port import Surroundings
from chengshu.exchange.pull import Pull, find_incoming, land_incoming
from chengshu.flows.asks import asks_of
from chengshu.libraries import stores
from chengshu.libraries.landing import list_batches
from chengshu.libraries.reconcile import Balance, balance_batches
from chengshu.libraries.refine import refine_pending

PACKS = Path(__file__).parent / "packs"
# The files say no day of their own; what is later than this is in the future.
AS_OF = datetime(2026, 1, 1)
FRONTS = {
    "baoding_market": ["companies/baoding_1978_2004_pseudonymised.csv"],
    "ningbo_market": ["companies/ningbo_1980_2004_pseudonymised.csv"],
    "approval": [
        "companies/licences_extracted_from_scope_hebei_zhejiang.csv",
        "companies/bdci2017/10qualification.csv",
    ],
    "statistics": [
        "codes/nbs2023/provinces.csv",
        "codes/nbs2023/cities.csv",
        "codes/nbs2023/areas.csv",
        "codes/nbs2023/streets.csv",
        "codes/nbs2023/villages_130600_baoding.csv",
        "codes/nbs2023/villages_330200_ningbo.csv",
    ],
    "court": ["companies/bdci2017/8breakfaith.csv", "companies/bdci2017/7lawsuit.csv"],
    "market": ["companies/bdci2017/4invest.csv"],
    "ecology": ["sensors/prsa/PRSA_Data_Aotizhongxin.csv"],
}


class RealCity:
    """One home with one pack, run by the functions that the durable flow calls."""

    def __init__(self, root: Path, pack: str, data: Path, threads: int = 2) -> None:
        self.root = root
        shutil.copytree(PACKS / pack, root / "packs" / pack)
        for owner, names in FRONTS.items():
            (root / "front" / owner).mkdir(parents=True)
            for name in names:
                (root / "front" / owner / Path(name).name).symlink_to(data / name)
        (root / "lake").mkdir()
        lake = Lake(
            root / "lake" / "catalog.sqlite", root / "lake" / "data", root / "tmp", memory_mb=1500
        )
        self.engine = DuckDBEngine(lake, threads=threads)
        self.pack: Pack = usable_pack(root / "packs" / pack)
        zone = self.pack.city.timezone if self.pack.city else "UTC"
        self._around = Surroundings(
            self.pack.root, zone, lambda name: "", root / "spool", root / "objects"
        )

    def close(self) -> None:
        self.engine.close()

    def front(self, resource: Resource) -> Path:
        """Return the folder that the department delivers into."""
        return self.root / "front" / resource.owner

    def order(self) -> list[Resource]:
        """Return the resources as a run takes them: references first."""
        return [self.pack.get(ask.resource) for ask in asks_of(self.pack, [], None, refine=True)]

    def run(self, resource: Resource, as_of: datetime = AS_OF) -> list[int]:
        """Land and refine whatever waits for the resource; return the new batches."""
        refine_pending(self.engine, self.pack, resource)
        landed = []
        for incoming in find_incoming(self.engine, resource, self._around, "run"):
            batch = land_incoming(self.engine, self.pack, resource, incoming, Pull("run", as_of))
            refine_pending(self.engine, self.pack, resource)
            landed.append(batch.number)
        return landed

    def balances(self, resource: Resource) -> list[Balance]:
        with self.engine.session() as session:
            numbers = [batch.number for batch in list_batches(session, resource)]
            return balance_batches(session, resource, numbers)

    def findings(self, resource: Resource) -> Counter[tuple[str, str, str, str]]:
        """Return effect, rule, field and reason → how many distinct raw rows."""
        found = self.rows(
            stores.findings(resource),
            "effect, rule, COALESCE(field, '') AS field, reason, COUNT(*) AS n",
            "TRUE GROUP BY ALL",
        )
        return Counter({(r["effect"], r["rule"], r["field"], r["reason"]): r["n"] for r in found})

    def rows(self, table: str, columns: str = "*", condition: str = "TRUE") -> list[dict[str, Any]]:
        with self.engine.session() as session:
            sql = f"SELECT {columns} FROM lake.{table} WHERE {condition}"
            return [dict(row) for row in session.rows(sql, step="look")]

    def corrected(self, resource: Resource, field: str) -> Counter[tuple[str, str]]:
        """Return verdict and reason of every distinct raw text of a field, weighed by its rows.

        Corrections are kept nowhere in the stores; this reads landing once more, in Python.
        """
        spec = resource.field(field)
        kind = self.pack.type_of(spec)
        found = self.rows(
            stores.landing(resource), f'"{field}" AS raw, COUNT(*) AS n', "TRUE GROUP BY 1"
        )
        counts: Counter[tuple[str, str]] = Counter()
        for row in found:
            raw = row["raw"] or ""
            if raw.strip() in spec.missing:
                raw = ""
            reading = kind.read(raw)
            verdict = "missing" if reading.canonical is None and not reading.reason else None
            counts[(verdict or reading.verdict.value, reading.reason or "")] += row["n"]
        return counts

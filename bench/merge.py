"""Merge of the person base from six resources, against one hand-written statement of the join."""

from __future__ import annotations

import random
import statistics
import sys
import time
from datetime import date, timedelta
from pathlib import Path

from bench.measure import WORK, Cost, Costs, main_of, run_part, show, show_ratio, timed
from bench.ours import new_folder, opened
from chengshu.catalog import Pack, Resource
from chengshu.catalog.city import City
from chengshu.catalog.entity import Entity
from chengshu.catalog.model import Departments
from chengshu.catalog.yaml import parse_model
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.sql import literal, quote
from chengshu.libraries import stores
from chengshu.libraries.base import record
from chengshu.libraries.base.merge import merge
from chengshu.libraries.base.merger import make_merger
from chengshu.libraries.upkeep import compact_lake

SIZES, DAYS, LOOKS = (1_000_000, 5_000_000), 30, 200
# Each resource: one row for so many persons in a thousand, and fields → SQL of their value.
ID = "CAST(110101190001010000 + i AS VARCHAR)"
NAME = "CASE WHEN i % 97 < {0} THEN '王' ELSE '李' END || CAST(i % 5000 AS VARCHAR)"
PHONE = "'13' || CAST(100000000 + (i * 7 + {0}) % 899999999 AS VARCHAR)"
RESOURCES = {
    "resident": (1000, {"name": NAME.format(0), "sex": "CAST(i % 2 + 1 AS VARCHAR)",
                        "born": "DATE '1930-01-01' + CAST(i % 33000 AS INTEGER)",
                        "address": "'滨江路' || CAST(i % 90000 AS VARCHAR) || '号'",
                        "phone": PHONE.format(1)}),
    "insured": (700, {"name": NAME.format(1), "phone": PHONE.format(1),
                      "level": "CAST(i % 5 AS VARCHAR)"}),
    "employed": (450, {"employer": "'9133' || CAST(10000000 + i % 30000 AS VARCHAR)",
                       "phone": PHONE.format("CASE WHEN i % 40 = 0 THEN 2 ELSE 1 END")}),
    "married": (400, {"spouse": "CAST(110101190001010001 + i AS VARCHAR)",
                      "on_day": "DATE '1960-01-01' + CAST(i % 22000 AS INTEGER)"}),
    "permit": (150, {"name": NAME.format(0), "address": "'江北街' || CAST(i % 9000 AS VARCHAR)"}),
    "benefit": (50, {"amount": "CAST(i % 900 AS VARCHAR)"}),
}  # fmt: skip
ATTRIBUTES = {
    "name": ("resident.name", "insured.name", "permit.name"), "sex": ("resident.sex",),
    "born": ("resident.born",), "address": ("resident.address", "permit.address"),
    "phone": ("resident.phone", "insured.phone", "employed.phone"), "level": ("insured.level",),
    "employer": ("employed.employer",), "spouse": ("married.spouse",),
    "on_day": ("married.on_day",), "amount": ("benefit.amount",),
}  # fmt: skip


def run() -> None:
    """Run each size in a process of its own."""
    for rows in SIZES:
        found = run_part("merge", "merges", rows)
        days, kept = (
            [found.pop(f"{what} {day}") for day in range(1, DAYS + 1)] for what in ("day", "upkeep")
        )
        looks = found.pop("one look, p95")
        show(f"person base, {rows} persons, six resources", found)
        whole = found["ours: first merge"].cpu
        show_ratio("first merge to the plain join, CPU", whole, found["plain join"].cpu, "–")
        show_ratio("1 % touched to the whole, CPU", days[0].cpu, whole, "≤ 0.05")
        last = statistics.median(day.cpu for day in days[-3:])
        show_ratio("day 30 to day 1, CPU", last, days[0].cpu, "≤ 2")
        print(f"upkeep of a day, mean CPU s: {statistics.mean(day.cpu for day in kept):.2f}")
        print(f"one record as of a day, p95: {looks.wall * 1000:.1f} ms (goal < 30 ms)")


def merges(rows: str) -> Costs:
    """Fill the department store, join plainly, merge whole; thirty days of 1 % and upkeep."""
    root, count, costs = new_folder(WORK / "merge"), int(rows), Costs()
    pack, entity = make_pack()
    with opened(root) as engine:
        fill(engine, pack, count)
        with timed(costs, "plain join"), engine.session() as session:
            session.execute(f"CREATE TABLE lake.base.plain AS {plain_sql()}", "join")
        with timed(costs, "ours: first merge"):
            print(merge(engine, pack, entity), file=sys.stderr)
        dice = random.Random(1)
        for day in range(1, DAYS + 1):
            touch(engine, pack, dice.randrange(100), day)
            with timed(costs, f"day {day}"):
                print(day, merge(engine, pack, entity), file=sys.stderr)
            with timed(costs, f"upkeep {day}"):
                compact_lake(engine)
        costs["ours: first day"] = costs["day 1"]
        costs["one look, p95"] = look(engine, pack, entity, count)
    return costs


def make_pack() -> tuple[Pack, Entity]:
    """Return a pack of the six resources and the entity."""
    resources: dict[str, Resource] = {}
    for name, (_, fields) in RESOURCES.items():
        kinds = {f: "date" if f in ("born", "on_day") else "text" for f in ("id", *fields)}
        lines = "".join(f"  - {{name: {f}, label: {f}, type: {k}}}\n" for f, k in kinds.items())
        text = (
            f"name: {name}\nlabel: {name}\nowner: office\nsharing: unconditional\nupdate: daily\n"
            f'source: {{kind: file, path: "*.csv"}}\nkey: [id]\nfields:\n{lines}'
        )
        resources[f"office/{name}"] = parse_model(Resource, text, name)
    sources = "".join(f"  {n}: {{resource: office/{n}, key: id}}\n" for n in RESOURCES)
    attributes = "".join(
        f"      - {{name: {name}, source: {first}, basis: law, also: [{', '.join(also)}]}}\n"
        for name, (first, *also) in ATTRIBUTES.items()
    )
    text = (
        "entity: person\nlabel: 人\nkey: {name: person_id, label: 证号, type: text}\n"
        f"sources:\n{sources}parts:\n  - label: 人\n    attributes:\n{attributes}"
    )
    entity = parse_model(Entity, text, "person")
    city = City(name="bench", label="bench", division="330200")
    none = Departments(departments={})
    return Pack(Path(), city, none, {}, {}, resources, {"person": entity}), entity


def fill(engine: DuckDBEngine, pack: Pack, count: int) -> None:
    """Write what departments hold of ``count`` persons straight into the department store."""
    for name, (share, fields) in RESOURCES.items():
        resource = pack.get(name)
        types = {f.name: pack.type_of(f) for f in resource.fields}
        stores.ensure_tables(engine, resource, types)
        # Departments keep their rows in no order that others know.
        order = f"(i * 7919 + {share}) % {count}"
        with engine.session() as session:
            session.append(
                stores.current(resource),
                f"{_rows(fields, 1, date(2026, 1, 1))} FROM range({count}) AS r(i) "
                f"WHERE (i * 31 + {share}) % 1000 < {share} ORDER BY {order}",
                step="fill",
            )
    engine.ensure_tables({"base.none": {"none": "BIGINT"}})


def _rows(fields: dict[str, str], batch: int, day: date) -> str:
    said = ", ".join(f"{sql} AS {quote(name)}" for name, sql in fields.items())
    return (
        f"SELECT {ID} AS _record, {ID} AS id, {said}, MD5(CAST(i AS VARCHAR)) AS _digest, "
        f"CAST({batch} AS BIGINT) AS _batch, i AS _position, 'rules' AS _rules, "
        f"TIMESTAMP '{day}' AS _since"
    )


def touch(engine: DuckDBEngine, pack: Pack, rest: int, day: int) -> None:
    """Change one hundredth of the residents, as refine does: new version, old one into history."""
    resource = pack.get("resident")
    when = date(2026, 1, 1) + timedelta(day)
    now = f"lake.{stores.current(resource)}"
    mine = f"SELECT * FROM {now} WHERE _position % 100 = {rest}"
    with engine.session() as session:
        session.stage("old", mine, step="touch")
        session.append(
            stores.history(resource),
            f"SELECT *, TIMESTAMP '{when}' AS _until, CAST({day + 1} AS BIGINT) AS _ended FROM old",
            step="touch",
        )
        session.remove(
            stores.current(resource), "SELECT _record FROM old", on=["_record"], step="t"
        )
        session.append(
            stores.current(resource),
            f"SELECT * REPLACE (address || {literal(str(day))} AS address, {day + 1} AS _batch, "
            f"TIMESTAMP '{when}' AS _since) FROM old",
            step="touch",
        )


def plain_sql() -> str:
    """Return the statement that someone would write who only wants the table."""
    values = ", ".join(
        f"COALESCE({', '.join(claims)}) AS {name}" for name, claims in ATTRIBUTES.items()
    )
    ids = " UNION ".join(f"SELECT id FROM lake.department.office__{n}" for n in RESOURCES)
    joins = " ".join(
        f"LEFT JOIN lake.department.office__{n} AS {n} ON {n}.id = k.id" for n in RESOURCES
    )
    return f"SELECT k.id AS person_id, {values} FROM ({ids}) AS k {joins}"


def look(engine: DuckDBEngine, pack: Pack, entity: Entity, count: int) -> Cost:
    """Return the 95th percentile of looking up one record as of a day."""
    merger, dice, taken = make_merger(pack, entity), random.Random(2), []
    shown = {name: quote(name) for name in merger.attributes}
    for _ in range(LOOKS):
        key = str(110101190001010000 + dice.randrange(count))
        when = record.When(date(2026, 1, 1) + timedelta(dice.randrange(DAYS)))
        start = time.perf_counter()
        with engine.session() as session:
            assert record.find_version(session, merger, key, shown, when)
        taken.append(time.perf_counter() - start)
    return Cost(0, sorted(taken)[int(LOOKS * 0.95)])


if __name__ == "__main__":
    main_of({"merges": merges}, sys.argv)

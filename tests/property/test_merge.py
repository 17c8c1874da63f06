"""The base store after any changes, merged at any times, is what a plain reading in Python says."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from chengshu.catalog.entity import SIGNS
from chengshu.engine.port import Engine
from chengshu.libraries import stores
from chengshu.libraries.base import tables
from chengshu.libraries.base.links import record_link, resolve
from chengshu.libraries.base.merge import merge
from chengshu.libraries.base.merger import make_merger
from tests.contract.test_merge import COUPLES, HEALTH, PERSON, POLICE
from tests.support.city import START, TestCity

DAYS, KEYS, NAMES = 6, ["p1", "p2", "p3", None], ["李", "王", None]
FIELDS = {
    "police": ("id", "name", "phone"),
    "health": ("card", "person", "name", "phone", "issued"),
    "couples": ("no", "one", "other", "married", "ended"),
}
Said = Mapping[str, Any]


@dataclass(frozen=True)
class Version:
    """What a department's record said from the end of a day until before another (None: still)."""

    record: str
    said: Said
    since: int
    until: int | None = None


@dataclass
class World:
    """The versions of every department's records, and the links of keys, as they come to be."""

    dice: random.Random
    versions: dict[str, list[Version]] = field(default_factory=dict)
    links: list[tuple[str, str | None]] = field(default_factory=list)

    def change(self) -> tuple[str, str]:
        """Let something happen to a record, now or as it should have been; return which."""
        name = self.dice.choice(list(FIELDS))
        record = f"{name[0]}{self.dice.randint(1, 3)}"
        days = sorted(self.dice.sample(range(1, DAYS + 1), self.dice.randint(1, 3)))
        kept = [v for v in self.versions.get(name, []) if v.record != record]
        made = [Version(record, self.say(name, record), day) for day in days]
        made = [replace(v, until=n.since) for v, n in pairwise(made)] + made[-1:]
        if self.dice.random() < 0.3:
            made[-1] = replace(made[-1], until=DAYS + 1)
        self.versions[name] = kept + (made if self.dice.random() < 0.9 else [])
        return name, record

    def say(self, name: str, record: str) -> Said:
        pick = self.dice.choice
        day = START.date() + timedelta(self.dice.randint(0, 2))
        return {
            "police": lambda: {"id": f"p{record[1]}", "name": pick(NAMES), "phone": pick(NAMES)},
            "health": lambda: {"card": record, "person": pick(KEYS), "name": pick(NAMES),
                               "phone": pick(NAMES), "issued": pick([day, None])},
            "couples": lambda: {"no": record, "one": pick(KEYS), "other": pick(KEYS),
                                "married": day, "ended": pick([None, None, day])},
        }[name]()  # fmt: skip


def store(city: TestCity, world: World, name: str, record: str) -> None:
    """Let the department's tables say what the world does of a record."""
    resource = city.resources[f"office/{name}"]
    types = city.types(resource)
    stores.ensure_tables(city.engine, resource, types)
    columns = {**stores.version_columns(resource, types), "_until": "TIMESTAMP", "_ended": "BIGINT"}
    rows = []
    for at, v in enumerate(world.versions.get(name, [])):
        if v.record == record:
            until = START + timedelta(v.until) if v.until else None
            own = {"_record": record, "_batch": v.since, "_position": at,
                   "_since": START + timedelta(v.since), "_until": until}  # fmt: skip
            rows.append(tuple({**v.said, **own}.get(c) for c in columns))
    with city.engine.session() as session:
        session.stage_rows("rows", columns, rows)
        for table, ended in ((stores.current(resource), False), (stores.history(resource), True)):
            gone = f"SELECT '{record}' AS _record"
            session.remove(table, gone, on=["_record"], step="change")
            names = [c for c in columns if ended or c not in ("_until", "_ended")]
            kept = f"_until IS {'NOT ' if ended else ''}NULL"
            session.append(table, f"SELECT {', '.join(names)} FROM rows WHERE {kept}", step="x")


def expected(world: World) -> list[tuple[Any, ...]]:
    """Return key, from, gone, values and signs of every version, as the declaration means it."""
    pairs: dict[str, str] = {}
    for old, new in world.links:
        pairs.pop(old, None)
        pairs |= {old: new} if new else {}
    now = resolve(pairs.items())
    claims = [
        (now.get(key, key), source, v, said, role)
        for source, name, key_of in (("police", "police", ["id"]), ("health", "health", ["person"]),
                                     ("couple", "couples", ["one", "other"]))
        for v in world.versions.get(name, [])
        for role, part in enumerate(key_of)
        for key in [v.said[part]]
        if key is not None and (source != "couple" or v.said["ended"] is None)
        for said in [_seen(source, v.said, role)]
    ]  # fmt: skip
    found = []
    for key in sorted({claim[0] for claim in claims}):
        mine = [claim for claim in claims if claim[0] == key]
        days = sorted({d for _, _, v, _, _ in mine for d in (v.since, v.until) if d is not None})
        before, agreed = None, None
        for day in days:
            spoken = {
                source: _spoken(mine, source, day) for source in ("police", "health", "couple")
            }
            state, agreed = _state(spoken, agreed)
            if state != before and not (before is None and state is None):
                found.append((key, START.date() + timedelta(day), state is None, *(state or ())))
            before = state
    return found


def _seen(source: str, said: Said, role: int) -> Said:
    if source == "couple":
        return {"partner": said["other" if role == 0 else "one"], "newest": said["married"]}
    return {**said, "newest": said.get("issued")}


def _spoken(mine: list[Any], source: str, day: int) -> Said | None:
    used = {"police": ("name", "phone"), "health": ("name", "phone"), "couple": ("partner",)}
    valid = [
        (said, v.record, role)
        for _, whose, v, said, role in mine
        if whose == source and v.since <= day and (v.until is None or v.until > day)
    ]
    filled = {id(x[0]): sum(x[0][f] is not None for f in used[source]) for x in valid}
    valid.sort(key=lambda x: (-(x[0]["newest"] or date.min).toordinal(), -filled[id(x[0])],
                              x[1], x[2]))  # fmt: skip
    return valid[0][0] if valid else None


def _state(spoken: Mapping[str, Said | None], agreed: Any) -> tuple[Any, Any]:
    """Return name, phone, spouse and signs (None when nobody speaks), and the last agreed name."""
    if not any(spoken.values()):
        return None, agreed
    said = {name: row or {} for name, row in spoken.items()}
    names = [said["police"].get("name"), said["health"].get("name")]
    phones = [said["health"].get("phone"), said["police"].get("phone")]
    name, sign = _first(names)
    if None not in names and names[0] != names[1]:
        name, sign = agreed, "h"
    else:
        agreed = name if name is not None else agreed
    phone, phone_sign = _first(phones)
    partner, partner_sign = _first([said["couple"].get("partner")])
    return (name, phone, partner, sign + phone_sign + partner_sign), agreed


def _first(claims: list[Any]) -> tuple[Any, str]:
    for n, claim in enumerate(claims):
        if claim is not None:
            return claim, SIGNS[n]
    return None, "-"


def found(city: TestCity) -> list[tuple[Any, ...]]:
    entity = city.entities["person"]
    columns = "person_id, _from, {} AS _gone, name, phone, spouse_id, _by"
    now = f"SELECT {columns.format('FALSE')} FROM lake.{tables.current(entity)}"
    then = f"SELECT {columns.format('_gone')} FROM lake.{tables.history(entity)}"
    with city.engine.session() as session:
        rows = session.rows(f"{now} UNION ALL {then} WHERE _known_until IS NULL", step="look")
    made = [tuple(row.values())[: 3 if row["_gone"] else None] for row in rows]
    return sorted(made, key=lambda row: row[:2])


def test_any_changes_merged_at_any_times(engine: Engine):
    check_world(engine, World(random.Random(0)), 8)


@pytest.mark.parametrize("seed", range(1, 6))
def test_many_changes_merged_at_any_times(duckdb_engine: Engine, seed: int):
    check_world(duckdb_engine, World(random.Random(seed)), 12)


def check_world(engine: Engine, world: World, changes: int) -> None:
    """Let things happen to a city, merge now and then, and hold what stands against the world."""
    city = TestCity(engine)
    for name, body in {"police": POLICE, "health": HEALTH, "couples": COUPLES}.items():
        city.declare(name, body)
    entity = city.declare_entity(PERSON)
    for _ in range(changes):
        if world.dice.random() < 0.2:
            old, new = world.dice.sample(["p1", "p2", "p3"], 2)
            _link(city, world, old, new)
        else:
            store(city, world, *world.change())
        if world.dice.random() < 0.5:
            merge(engine, city.pack, entity)
    merge(engine, city.pack, entity)

    assert found(city) == expected(world)


def _link(city: TestCity, world: World, old: str, new: str) -> None:
    """Link two keys, or undo the link that one has."""
    merger = make_merger(city.pack, city.entities["person"])
    pairs = {a: b for a, b in world.links if b}
    for a, b in world.links:
        pairs.pop(a, None) if b is None else pairs.update({a: b})
    step = (old, None) if old in pairs else (old, new)
    if step[1] is not None and old not in resolve([*pairs.items(), (old, new)]):
        return
    record_link(city.engine, merger, *step, "test")
    world.links.append(step)

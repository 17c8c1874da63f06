"""A city of one department for tests: declare resources, deliver rows, look at the stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from chengshu.catalog import Pack, Resource
from chengshu.catalog.city import City
from chengshu.catalog.entity import Entity
from chengshu.catalog.model import Departments
from chengshu.catalog.yaml import parse_model
from chengshu.engine.port import Engine
from chengshu.libraries import stores
from chengshu.libraries.landing import Batch, Delivery, digest_sql, land, list_batches
from chengshu.libraries.reconcile import Balance, balance_batches
from chengshu.libraries.refine import refine_pending

START = datetime(2026, 1, 1)
HEAD = """\
name: {name}
label: {name}
owner: office
sharing: unconditional
update: daily
source: {{kind: file, path: "*.csv"{more}}}
"""

OWN = ("_rest", "_problem", "_operation")
Row = Mapping[str, str | None]


class TestCity:
    """One engine, some resources of the department ``office``."""

    __test__ = False

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.resources: dict[str, Resource] = {}
        self.entities: dict[str, Entity] = {}

    @property
    def pack(self) -> Pack:
        city = City(name="test", label="测试市", division="330200")
        departments = Departments(departments={})
        return Pack(Path(), city, departments, {}, {}, self.resources, self.entities)

    def declare(self, name: str, body: str, source: str = "") -> Resource:
        """Declare a resource; ``source`` adds to what is said of its source."""
        text = HEAD.format(name=name, more=f", {source}" if source else "") + body
        resource = parse_model(Resource, text, f"{name}.yaml")
        self.resources[resource.id] = resource
        return resource

    def declare_entity(self, text: str) -> Entity:
        entity = parse_model(Entity, text, "base/entity.yaml")
        self.entities[entity.entity] = entity
        return entity

    def types(self, resource: Resource) -> dict[str, Any]:
        return {f.name: self.pack.type_of(f) for f in resource.fields}

    def land(
        self,
        resource: Resource,
        rows: Sequence[Row],
        *,
        mode: str = "full",
        day: int | None = None,
        key: str | None = None,
        number: int | None = None,
    ) -> Batch:
        """Land rows as one delivery of the given day (the next one when not given)."""
        stores.ensure_tables(self.engine, resource, self.types(resource))
        fields = [f.name for f in resource.fields]
        columns = {"_position": "BIGINT", "_source": "VARCHAR", **dict.fromkeys(fields, "VARCHAR")}
        columns |= dict.fromkeys(OWN, "VARCHAR")
        with self.engine.session() as session:
            nth = len(list_batches(session, resource)) + 1
            values = [
                (at, "test", *(row.get(f) for f in (*fields, *OWN)))
                for at, row in enumerate(rows, 1)
            ]
            session.stage_rows("incoming", columns, values)
            sql = f"SELECT *, {digest_sql(resource)} AS _digest FROM incoming"
            session.stage("pulled", sql, step="digest")
            as_of = START + timedelta(days=nth if day is None else day)
            delivery = Delivery(key or f"delivery {nth}", mode, as_of, "test", number=number)
            return land(session, resource, delivery)

    def refine(self, resource: Resource) -> None:
        refine_pending(self.engine, self.pack, resource)

    def deliver(self, resource: Resource, rows: Sequence[Row], **how: Any) -> Balance:
        """Land and refine rows; return where they went."""
        batch = self.land(resource, rows, **how)
        self.refine(resource)
        return next(b for b in self.balances(resource) if b.batch == batch.number)

    def balances(self, resource: Resource) -> list[Balance]:
        with self.engine.session() as session:
            refined = [b.number for b in list_batches(session, resource) if b.is_refined]
            return balance_batches(session, resource, refined)

    def rows(self, table: str, columns: str = "*", order: str = "1") -> list[tuple[Any, ...]]:
        with self.engine.session() as session:
            found = session.rows(
                f"SELECT {columns} FROM lake.{table} ORDER BY {order}", step="look"
            )
        return [tuple(row.values()) for row in found]

    def current(self, resource: Resource, *columns: str) -> list[tuple[Any, ...]]:
        names = ", ".join(columns)
        return self.rows(stores.current(resource), names, names)

    def history(self, resource: Resource, *columns: str) -> list[tuple[Any, ...]]:
        """Return ended versions: the columns, first day and end day."""
        names = ", ".join((*columns, "_since", "_until"))
        found = self.rows(stores.history(resource), names, "_since, _batch, _position")
        return [(*row[:-2], (row[-2] - START).days, (row[-1] - START).days) for row in found]


def counts(balance: Balance) -> tuple[int, int, int, int]:
    """Return accepted, unchanged, repeated, refused of a closed balance."""
    assert balance.is_closed, balance
    assert not balance.ended, balance
    return balance.accepted, balance.unchanged, balance.repeated, balance.refused

"""A resource and its source on disk, run step by step as the flow does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from chengshu.catalog import Pack, Resource, load_pack
from chengshu.engine import Engine
from chengshu.exchange.port import Surroundings
from chengshu.exchange.pull import find_incoming
from chengshu.flows.platform import Platform
from chengshu.flows.run import (
    deliver_step,
    land_step,
    refine_step,
    use_platform,
    waiting_step,
)
from chengshu.libraries import stores
from tests.support.home import write

PACK = {
    "city.yaml": "name: test\nlabel: 测试市\ndivision: 330200\n",
    "departments.yaml": "departments:\n  office: {label: 办公室}\n",
}
PERSON = """\
name: person
label: 人员
owner: office
sharing: unconditional
update: daily
key: [number]
fields:
  - {name: number, label: 编号, type: text}
  - {name: amount, label: 数量, type: count}
source: {kind: file, path: front/**/person.csv}
"""


class City:
    """A pack of one resource and its source, run step by step as the flow does."""

    def __init__(
        self,
        root: Path,
        engine: Engine,
        declaration: str = PERSON,
        secret: Callable[[str], str] = str,
    ) -> None:
        for path, text in PACK.items():
            write(root / path, text)
        self.root, self.engine, self.runs = root, engine, 0
        self.uses: list[tuple[str, ...]] = []
        self.declare(declaration)
        use_platform(
            Platform(
                engine,
                self.pack,
                root / "flows",
                secret,
                root / "spool",
                root / "objects",
                lambda *use: self.uses.append(use),
            )
        )

    def declare(self, text: str) -> None:
        write(self.root / "resources" / "office" / f"{text.split()[1]}.yaml", text)
        self.name = f"office/{text.split()[1]}"

    def pack(self) -> Pack:
        pack = load_pack(self.root)
        assert not pack.problems, pack.problems
        return pack

    @property
    def resource(self) -> Resource:
        return self.pack().get(self.name)

    def deliver(self, path: str, amount: object) -> None:
        write(self.root / "front" / path, f"number,amount\na,{amount}\n")

    def waiting(self) -> list[str]:
        stores.ensure_tables(self.engine, self.resource, self._types())
        around = Surroundings(self.root, "Asia/Shanghai", str, self.root, self.root)
        return [i.key for i in find_incoming(self.engine, self.resource, around, "look")]

    def _types(self) -> dict[str, object]:
        pack = self.pack()
        return {f.name: pack.type_of(f) for f in self.resource.fields}

    def land(self, key: str, run: str) -> int:
        told = land_step(self.name, self.pack().version_of(self.resource), run, key, None)
        assert told["error"] is None, told
        return int(told["value"])

    def run(self) -> list[int]:
        """Run once; return the batches."""
        batches, error = self.attempt()
        assert error is None, error
        return batches

    def attempt(self, *, refine: bool = True) -> tuple[list[int], dict[str, Any] | None]:
        """Run once as the flow does, or only pull; return what landed, and what is told."""
        self.runs += 1
        version, run, batches = self.pack().version_of(self.resource), f"run {self.runs}", []
        told = waiting_step(self.name, version, run)
        for key in told["value"] or ():
            told = land_step(self.name, version, run, key, None)
            if told["error"] is None:
                batches.append(int(told["value"]))
                told = refine_step(self.name, version) if refine else told
            if told["error"] is not None:
                break
        back = deliver_step(self.name, version, run) if refine else told
        return batches, told["error"] or back["error"]

    def rows(self, columns: str, table: Callable[[Resource], str] = stores.current) -> list[object]:
        sql = f"SELECT {columns} FROM lake.{table(self.resource)} ORDER BY ALL"
        with self.engine.session() as session:
            return [tuple(row.values()) for row in session.rows(sql, step="look")]

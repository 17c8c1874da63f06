"""What counts as a new delivery at a source, and what a pull takes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from chengshu.catalog import Pack, Resource, load_pack
from chengshu.catalog.source import FileSource
from chengshu.engine import Engine
from chengshu.exchange.connectors.file import find_files
from chengshu.exchange.port import Past, Surroundings
from chengshu.exchange.pull import find_incoming
from chengshu.flows.platform import Platform
from chengshu.flows.run import land_step, refine_step, use_platform, waiting_step
from chengshu.kernel.errors import InputError
from chengshu.libraries import stores
from chengshu.libraries.landing import list_batches
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

    def __init__(self, root: Path, engine: Engine, declaration: str = PERSON) -> None:
        for path, text in PACK.items():
            write(root / path, text)
        self.root, self.engine, self.runs = root, engine, 0
        self.declare(declaration)
        use_platform(Platform(engine, self.pack, root / "flows", str))

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
        around = Surroundings(self.root, "Asia/Shanghai", str)
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
        self.runs += 1
        version = self.pack().version_of(self.resource)
        told = waiting_step(self.name, version, f"run {self.runs}")
        assert told["error"] is None, told
        batches = []
        for key in told["value"]:
            batches.append(self.land(key, f"run {self.runs}"))
            told = refine_step(self.name, version)
            assert told["error"] is None, told
        return batches

    def rows(self, columns: str, table: Callable[[Resource], str] = stores.current) -> list[object]:
        sql = f"SELECT {columns} FROM lake.{table(self.resource)} ORDER BY ALL"
        with self.engine.session() as session:
            return [tuple(row.values()) for row in session.rows(sql, step="look")]


@pytest.fixture
def city(tmp_path: Path, duckdb_engine: Engine) -> Iterator[City]:
    yield City(tmp_path / "pack", duckdb_engine)
    use_platform(None)


@pytest.mark.parametrize(
    ("states", "batches"),
    [
        ([("person.csv", 1), ("person.csv", 2), ("person.csv", 1)], 3),
        ([("person.csv", 1), ("person.csv", 1)], 1),
        ([("1/person.csv", 1), ("2/person.csv", 2), ("3/person.csv", 1)], 3),
        ([("a/person.csv", n % 2) for n in range(6)], 6),
    ],
    ids=["A→B→A", "A→A", "folders", "to and fro"],
)
def test_what_differs_from_what_landed_last_is_a_delivery(
    city: City, states: list[tuple[str, int]], batches: int
):
    for path, amount in states:
        city.deliver(path, amount)
        city.run()

    assert city.rows("amount") == [(states[-1][1],)]
    with city.engine.session() as session:
        assert len(list_batches(session, city.resource)) == batches
    assert city.run() == []


def test_a_state_that_came_back_lands_once_though_its_step_is_cut_off(city: City):
    for amount in (1, 2):
        city.deliver("person.csv", amount)
        city.run()
    city.deliver("person.csv", 1)
    (key,) = city.waiting()

    # The second call is what a run does that was killed between landing and the step's end.
    batches = [city.land(key, "killed") for _ in range(2)]

    assert batches == [3, 3]
    assert city.waiting() == []


def test_a_record_in_the_place_of_the_header_is_not_told(city: City):
    write(city.root / "front" / "person.csv", "33020319800101001X,张三丰\na,1\n")
    version = city.pack().version_of(city.resource)
    (key,) = city.waiting()

    told = land_step(city.name, version, "run", key, None)

    message = told["error"]["message"]
    assert "lacks the columns number; of its 2 columns these are declared: none" in message
    assert "33020319800101001X" not in message
    assert "张三丰" not in message


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        (r"p(\d+)-(\d+)-(\d+)", "p2024-1-11.csv", datetime(2024, 1, 11)),
        (r"p(\d+)-(\d+)-(\d+)", "p2024-11-1.csv", datetime(2024, 11, 1)),
        (r"p(\d{4})年(\d+)月(\d+)日", "p2024年01月02日.csv", datetime(2024, 1, 2)),
        (r"p(\d+)", "p20240131.csv", datetime(2024, 1, 31)),
        (r"p(\d+)", "p2024111.csv", None),
        (r"p(\d+)-(\d+)-(\d+)", "p24-1-11.csv", None),
        (r"p(\d+)-(\d+)-(\d+)", "p2024-13-1.csv", None),
        (r"p(\d+)-(\d+)(-\d+)?", "p2024-1.csv", None),
        (r"p(\d+)-(\d+)-(\d+)", "person.csv", None),
    ],
)
def test_the_business_date_is_read_as_numbers(
    tmp_path: Path, pattern: str, name: str, expected: datetime | None
):
    write(tmp_path / name, "a\n1\n")
    source = FileSource(kind="file", path="*.csv", as_of=pattern)
    around = Surroundings(tmp_path, "UTC", str)

    if expected is None:
        with pytest.raises(InputError, match="has no date where as_of"):
            find_files(source, Past("run"), around)
    else:
        assert [i.as_of for i in find_files(source, Past("run"), around)] == [expected]

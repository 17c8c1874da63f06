"""What counts as a new delivery at a source, and what a pull takes of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from chengshu.catalog.source import FileSource
from chengshu.engine import Engine
from chengshu.exchange.connectors.file import find_files
from chengshu.exchange.port import Past, Surroundings
from chengshu.flows.run import land_step, use_platform
from chengshu.kernel.errors import InputError
from chengshu.libraries import stores
from chengshu.libraries.landing import list_batches
from tests.support.home import write
from tests.support.steps import City


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


EVENT = """\
name: event
label: 事件
owner: office
sharing: unconditional
update: daily
{identity}
fields:
  - {{name: number, label: 编号, type: text}}
  - {{name: mark, label: 时间, type: text}}
source:
  {{kind: sqlite, path: front/event.sqlite, table: event, mode: incremental, watermark: mark{more}}}
"""


class Table(City):
    """A city whose only resource is a table of an SQLite file."""

    def __init__(
        self, root: Path, engine: Engine, identity: str = "key: [number]", more: str = ""
    ) -> None:
        super().__init__(root, engine, EVENT.format(identity=identity, more=more))

    def put(self, *marks: object, kind: str = "", keep: bool = True) -> None:
        """Add a row for each mark; without ``keep`` in place of the rows that are there."""
        path = self.root / "front" / "event.sqlite"
        path.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(path)) as con, con:
            con.execute(f"CREATE TABLE IF NOT EXISTS event (number INTEGER, mark {kind})")
            if not keep:
                con.execute("DELETE FROM event")
            rows = [(mark,) for mark in marks]
            con.executemany("INSERT INTO event SELECT COUNT(*) + 1, ? FROM event", rows)

    def marks(self) -> list[str | None]:
        sql = "SELECT watermark FROM lake.landing.batches ORDER BY batch"
        with self.engine.session() as session:
            return [row["watermark"] for row in session.rows(sql, step="look")]

    def findings(self) -> list[tuple[int, str]]:
        sql = "SELECT batch, code FROM lake.management.source_findings ORDER BY ALL"
        with self.engine.session() as session:
            return [(row["batch"], row["code"]) for row in session.rows(sql, step="look")]


FAR = "9999-12-31 00:00:00"
UNLIKE, AHEAD = "watermark_unlike", "watermark_ahead"


@pytest.mark.parametrize("overlap", ["", ", overlap: 2 days"])
def test_runs_go_on_once_a_source_is_mended(tmp_path: Path, duckdb_engine: Engine, overlap: str):
    city = Table(tmp_path / "pack", duckdb_engine, more=overlap)
    city.put("2026-01-01 08:00:00", "zzz", FAR, kind="TEXT")
    city.run()
    # An earlier version of the platform kept such watermarks.
    with duckdb_engine.session() as session:
        session.stage("poisoned", "SELECT * FROM lake.landing.batches", step="poison")
        columns = "* REPLACE (2 AS batch, 'x' AS step_key, 'zzz' AS watermark)"
        session.append("landing.batches", f"SELECT {columns} FROM poisoned", step="poison")
    city.put("2026-01-02 08:00:00", "2026-01-03 08:00:00", keep=False)

    city.run()

    assert city.marks()[-1] == "2026-01-03 08:00:00"
    assert city.findings() == [(1, AHEAD), (1, UNLIKE)]


STREAMS: dict[str, list[list[object]]] = {
    "untouched": [[1, 2, 2], [], []],
    "equal watermark": [[1, 2], [2], [2, 3]],
    "no watermark": [[None, 1], [None], []],
    "numbers as text": [["9"], ["10"], ["11"]],
}


@pytest.mark.parametrize("overlap", ["", ", overlap: 1"])
@pytest.mark.parametrize("case", STREAMS)
def test_a_stream_takes_each_row_once(
    tmp_path: Path, duckdb_engine: Engine, case: str, overlap: str
):
    city = Table(tmp_path / "pack", duckdb_engine, "identity: none", overlap)

    for run in STREAMS[case]:
        city.put(*run)
        city.run()
    with closing(sqlite3.connect(city.root / "front" / "event.sqlite")) as con, con:
        con.execute("INSERT INTO event SELECT * FROM event WHERE number = 1 AND mark IS NULL")
    city.run()

    rows = sum(map(len, STREAMS[case])) + (case == "no watermark")
    assert len(city.rows("number")) == rows
    with city.engine.session() as session:
        assert sum(batch.rows for batch in list_batches(session, city.resource)) == rows


def test_a_stream_takes_each_row_once_on_every_engine(tmp_path: Path, engine: Engine):
    city = Table(tmp_path / "pack", engine, "identity: none")

    for run in STREAMS["equal watermark"]:
        city.put(*run)
        city.run()

    assert len(city.rows("number", stores.landing)) == sum(map(len, STREAMS["equal watermark"]))


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
    around = Surroundings(tmp_path, "UTC", str, tmp_path, tmp_path)

    if expected is None:
        with pytest.raises(InputError, match="has no date where as_of"):
            find_files(source, Past("run"), around)
    else:
        assert [i.as_of for i in find_files(source, Past("run"), around)] == [expected]

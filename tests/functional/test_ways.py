"""Ways of delivery from their sources to the stores, and what people decide of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chengshu.catalog import Resource
from chengshu.catalog.yaml import parse_model
from chengshu.engine import Engine
from chengshu.exchange.report import keep_report
from chengshu.flows.run import land_step, use_platform
from chengshu.kernel.errors import DeclarationError
from chengshu.libraries import stores
from chengshu.libraries.landing import list_batches
from tests.support.home import STREET, TestHome, make_test_home, write
from tests.support.steps import PERSON, City

FLAGGED = PERSON.replace(
    "path: front/**/person.csv",
    "path: front/*.csv, mode: incremental, operation: {column: 操作, delete: [删除]}, "
    "batch: '_(\\d+)', zero: '*零报告*'",
)
TABLE = PERSON.replace(
    "kind: file, path: front/**/person.csv",
    "kind: sqlite, path: front/people.sqlite, table: people, mode: incremental, "
    "operation: {column: op}, batch: batch_no",
)


@pytest.fixture
def engine(duckdb_engine: Engine) -> Iterator[Engine]:
    yield duckdb_engine
    use_platform(None)


def deliver(city: City, number: int, *rows: str) -> None:
    write(
        city.root / "front" / f"person_{number}.csv", "\n".join(["number,amount,操作", *rows, ""])
    )


def source_findings(city: City) -> list[object]:
    return city.rows("batch, code", lambda _: stores.SOURCE_FINDINGS)


def test_files_of_changes_apply_in_the_order_of_their_numbers(tmp_path: Path, engine: Engine):
    city = City(tmp_path / "pack", engine, FLAGGED)
    deliver(city, 2, "a,1,I", "b,2,I")
    deliver(city, 10, "a,,删除", "b,3,U")
    city.run()
    deliver(city, 9, "a,9,U", "c,1,I", "d,,删除")
    city.run()
    deliver(city, 11, "e,,I", "f,5,?")
    city.run()

    assert city.rows("number, amount") == [("b", 3), ("c", 1), ("e", None)]
    history = city.rows("number, amount", stores.history)
    assert history == [("a", 1), ("a", 9), ("b", 2)]
    assert city.rows("rule, reason", stores.findings) == [
        ("operation", "nothing_to_end"), ("operation", "unknown"),
    ]  # fmt: skip
    assert source_findings(city) == [(2, "number_missing"), (3, "number_late")]
    assert city.run() == []


def test_a_delivery_without_its_operation_column_is_refused(tmp_path: Path, engine: Engine):
    city = City(tmp_path / "pack", engine, FLAGGED)
    write(city.root / "front" / "person_1.csv", "number,amount\na,1\n")
    version = city.pack().version_of(city.resource)

    told = land_step(city.name, version, "run", city.waiting()[0], None)

    assert told["error"]["code"] == "quality-gate"
    assert "lacks the columns 操作" in told["error"]["message"]


def test_zero_reports_are_deliveries_without_rows(tmp_path: Path, engine: Engine):
    city = City(tmp_path / "pack", engine, FLAGGED)
    deliver(city, 1, "a,1,I")
    city.run()
    write(city.root / "front" / "零报告_2.csv", "本月无变化")
    keep_report(city.root / "spool", city.resource, "officer", "asked by telephone", None)

    city.run()

    with engine.session() as session:
        batches = list_batches(session, city.resource)
    assert [(b.mode, b.rows, b.source_number) for b in batches] == [
        ("incremental", 1, 1), ("zero", 0, 2), ("zero", 0, None),
    ]  # fmt: skip
    assert source_findings(city) == [(3, "zero_report")]
    assert city.rows("number, amount") == [("a", 1)]
    assert city.run() == []


def test_a_zero_report_stands_in_for_a_source_that_has_nothing(tmp_path: Path, engine: Engine):
    city = City(tmp_path / "pack", engine)
    keep_report(city.root / "spool", city.resource, "officer", "nothing yet", None)

    assert city.run() == [1]


def test_numbered_batches_of_a_table_land_once_and_again_when_they_grew(
    tmp_path: Path, engine: Engine
):
    city = City(tmp_path / "pack", engine, TABLE)
    (city.root / "front").mkdir()

    def change(*rows: tuple[object, ...]) -> None:
        with closing(sqlite3.connect(city.root / "front" / "people.sqlite")) as con, con:
            con.execute("CREATE TABLE IF NOT EXISTS people (number, amount, op, batch_no)")
            con.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", rows)

    change(("a", 1, "I", 1), ("b", 1, "I", 1), ("a", 2, "U", 3), ("z", 1, "I", None))
    assert city.run() == [1, 2, 3]
    change(("b", None, "D", 2), ("c", 1, "I", "03"))
    city.run()

    assert city.rows("number, amount") == [("a", 2), ("c", 1), ("z", 1)]
    with engine.session() as session:
        numbers = [b.source_number for b in list_batches(session, city.resource)]
    # Rows without a number come with every pull; they are known by then.
    assert numbers == [1, 3, None, 2, 3, None]
    codes = [code for _, code in source_findings(city)]
    assert codes.count("batch_unnumbered") == 2
    assert {"number_missing", "number_late", "number_again"} < set(codes)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mode: incremental, operation", "operation", "belongs to mode: incremental"),
        ("key: [number]", "identity: content", "give it a key"),
        ("delete: [删除]", "delete: [I]", "delete needs texts of its own"),
        ("'_(\\d+)'", "'_\\d+'", "needs one group, the number"),
        ("mode: incremental", "mode: reload", "belongs to mode: incremental"),
        ("key: [number]", "key: [number]\nrows: {most_ended: 5%}", "is for full deliveries"),
        ("key: [number]", "key: [number]\nrows: {most_ended: 120%}", "most_ended"),
    ],
)
def test_a_way_of_delivery_that_cannot_work_is_refused(old: str, new: str, message: str):
    assert old in FLAGGED
    with pytest.raises(DeclarationError, match=message):
        parse_model(Resource, FLAGGED.replace(old, new), "person.yaml")


def test_a_held_delivery_waits_for_a_decision(tmp_path: Path):
    home = make_test_home(tmp_path / "home")
    home.mend("resources/office/street.yaml", "key: [code]", "key: [code]\nrows: {most_ended: 50%}")
    home.deliver(
        "street_20260101", "code,name,opened", ["a,甲街,", "b,乙街,", "c,丙街,", "d,丁街,"]
    )
    home.run(STREET)
    home.deliver("street_20260201", "code,name,opened", ["a,甲街,"])
    home.deliver(
        "street_20260301", "code,name,opened", ["a,甲街,", "b,乙街,", "c,丙街,", "e,戊街,"]
    )

    lines = home.run(STREET, code=1)
    held = home.call("show", STREET, "--store", "held", "--json").lines
    status = [line for line in home.call("status", "--json").lines if line["about"] == "held"]
    unreasoned = home.call("decide", STREET, 2, "discard")
    wrong = home.call("decide", STREET, 3, "discard", "--reason", "a mistake")
    decided = home.call("decide", STREET, 2, "discard", "--reason", "a half-written file")

    error = lines[-1]["error"]
    assert error["code"] == "held"
    assert "batch 2 would end 3 of 4 records" in error["message"]
    assert [row["code"] for row in held] == ["b", "c", "d"]
    assert [(line["batch"], line["ends"], line["standing"]) for line in status] == [(2, 3, 4)]
    assert unreasoned.code == 1
    assert "needs a reason" in unreasoned.err
    assert (wrong.code, decided.code) == (1, 0), decided
    assert home.current(STREET, "code") == [("a",), ("b",), ("c",), ("e",)]
    notes = home.rows(f"SELECT note FROM lake.{stores.STEPS} WHERE step = 'discard'")
    assert str(notes[0][0]).endswith(": a half-written file")
    assert home.run(STREET) == [{"resource": STREET, "batch": None, "pulled": 0}]


def test_a_zero_report_is_made_by_a_command(home_of_streets: TestHome):
    home = home_of_streets
    unreasoned = home.call("zero", STREET)
    kept = home.call("zero", STREET, "--reason", "asked the office", "--as-of", "2026-03-01")
    (line,) = home.run(STREET)

    assert (unreasoned.code, kept.code) == (1, 0)
    assert (line["mode"], line["pulled"], line["closed"]) == ("zero", 0, True)


@pytest.fixture
def home_of_streets(tmp_path: Path) -> TestHome:
    home = make_test_home(tmp_path / "home")
    home.deliver("street_20260101", "code,name,opened", ["a,甲街,"])
    home.run(STREET)
    return home

"""Sources, disks and packs that fail: a clear message, nothing half taken, the next run works."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chengshu.catalog.source import FileSource
from chengshu.exchange.connectors.file import find_files
from chengshu.exchange.port import Past, Surroundings
from chengshu.kernel.errors import ExternalError, InputError
from tests.support.home import (
    CITY,
    RESIDENT,
    STREET,
    TestHome,
    make_test_home,
    without,
)

pytestmark = pytest.mark.fault

SQLITE = """\
name: {name}
label: {name}
owner: office
sharing: unconditional
update: daily
key: [number]
fields: [{{name: number, label: 编号, type: text}}]
source: {{kind: sqlite, path: ../../front/{file}, table: {table}{more}}}
"""


def break_sources(home: TestHome) -> dict[str, tuple[int, str]]:
    """Declare and deliver one broken source a resource; return exit code and message by name."""
    said: dict[str, tuple[int, str]] = {}

    def table(name: str, file: str, code: int, message: str, of: str = "t", more: str = "") -> None:
        text = SQLITE.format(name=name, file=file, table=of, more=more)
        home.declare(f"resources/office/{name}.yaml", text)
        said[f"office/{name}"] = (code, message)

    def files(name: str, path: str, code: int, message: str, more: str = "") -> None:
        text = CITY["resources/office/street.yaml"].replace("name: street", f"name: {name}")
        text = text.replace("street_*.csv", path).replace(r", as_of: 'street_(\d{8})'", more)
        home.declare(f"resources/office/{name}.yaml", text)
        said[f"office/{name}"] = (code, message)

    with closing(sqlite3.connect(home.front / "good.sqlite")) as con, con:
        con.execute("CREATE TABLE t (number TEXT PRIMARY KEY, padding TEXT)")
        con.executemany("INSERT INTO t VALUES (?, ?)", ((str(n), "x" * 400) for n in range(5000)))
    whole = (home.front / "good.sqlite").read_bytes()
    (home.front / "cut.sqlite").write_bytes(whole[: len(whole) // 2])
    (home.front / "torn.sqlite").write_bytes(
        whole[:100_000] + os.urandom(400_000) + whole[500_000:]
    )
    (home.front / "noise.sqlite").write_bytes(os.urandom(20_000))
    table("no_database", "none.sqlite", 3, "there is no such SQLite file")
    table("no_table", "good.sqlite", 1, "has no table 'u'. Known: t", of="u")
    mark = ", mode: incremental, watermark: changed"
    table("no_mark", "good.sqlite", 1, "no watermark column 'changed'. Known: number", more=mark)
    table("cut", "cut.sqlite", 3, "cannot be read to its end")
    table("torn", "torn.sqlite", 3, "cannot be read to its end")
    table("noise", "noise.sqlite", 3, "cannot be read to its end")
    home.deliver("lacking_1", "name,opened", ["甲街,2001-02-03"])
    (home.front / "void_1.csv").write_bytes(b"")
    (home.front / "paper_1.csv").write_bytes(b"%PDF-1.7 " + os.urandom(200))
    (home.front / "zip_1.xlsx").write_bytes(b"PK\x03\x04 xl/ " + os.urandom(200))
    (home.front / "pq_1.parquet").write_bytes(b"PAR1" + os.urandom(200))
    files("no_file", "nothing_*.csv", 3, "no file is there")
    files("no_folder", "gone/x_*.csv", 3, "no file is there")
    files(
        "lacking",
        "lacking_*.csv",
        1,
        "lacks the columns code; of its 2 columns these are declared: name, opened",
    )
    files("empty", "void_*.csv", 1, "the file is empty")
    files("paper", "paper_*.csv", 1, "the file is a PDF document")
    files("zipped", "zip_*.xlsx", 1, "zip_1.xlsx")
    files("parquet", "pq_*.parquet", 1, "pq_1.parquet")
    files("undated", "good_*.csv", 1, "has no date", more=r", as_of: 'x(\d{8})'")
    files("few", "good_*.csv", 1, "has 1 rows, expected 5 to any number")
    home.mend("resources/office/few.yaml", "key:", "rows: {min: 5}\nkey:")
    home.deliver("good_20260101", "code,name,opened", ["a,甲街,2001-02-03"])
    return said


def test_every_broken_source_is_told_and_harms_no_other(tmp_path: Path):
    home = make_test_home(tmp_path / "home", without(RESIDENT, "office/visit"))
    home.deliver_all()
    said = break_sources(home)

    lines = home.run(code=3)

    errors = {line["resource"]: line["error"] for line in lines if "error" in line}
    wrong = {
        name: errors.get(name)
        for name, (code, message) in said.items()
        if name not in errors
        or errors[name]["exit_code"] != code
        or message not in errors[name]["message"]
    }
    assert not wrong
    assert set(errors) == set(said)
    assert [b["accepted"] for b in home.balances()] == [2, 3]
    taken = [table for table, rows in home.snapshot().items() if rows and "street" not in table]
    assert taken == ["landing.batches", "management.source_findings", "management.steps"]


def test_a_broken_source_that_was_mended_is_taken(tmp_path: Path):
    home = make_test_home(tmp_path / "home", without("office/street", "office/visit"))
    home.mend("resources/office/resident.yaml", "reference: office/street", "unique: [number]")
    home.mend("resources/office/resident.yaml", "    fields: [street]\n    to: [code]\n", "")
    home.deliver_all()
    home.run()
    before = home.snapshot(times=True)
    path = home.front / "residents.sqlite"
    whole = path.read_bytes()
    path.write_bytes(whole[:2000])

    home.run(code=3)
    assert home.snapshot(times=True) == before
    path.write_bytes(whole)
    home.register([("9", "郑小东", None, 1, "2026-02-01 08:00:00")])
    (line,) = home.run()

    assert (line["accepted"], line["closed"]) == (1, True)


def change_by_appending(path: Path) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write("x,新街,2001-01-01\n")


def change_by_replacing(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8").replace("街0,", "路0,"), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [change_by_appending, change_by_replacing, lambda path: os.truncate(path, 3_000_000),
     lambda path: os.truncate(path, 0), lambda path: path.unlink()],
    ids=["appended", "replaced", "truncated", "emptied", "deleted"],
)  # fmt: skip
def test_a_file_that_changes_while_it_is_read_is_no_delivery(
    tmp_path: Path, change: Callable[[Path], object]
):
    path = tmp_path / "big.csv"
    rows = (f"{number},街{number},2001-02-03\n" for number in range(200_000))
    path.write_text("code,name,opened\n" + "".join(rows), encoding="utf-8")
    around = Surroundings(tmp_path, "UTC", str, tmp_path, tmp_path)
    source = FileSource(kind="file", path="*.csv")
    (incoming,) = find_files(source, Past("run"), around)

    batches = incoming.batches()
    next(batches)
    change(path)

    with pytest.raises((ExternalError, InputError)) as caught:
        list(batches)
    assert "big.csv" in str(caught.value)


def test_a_file_that_is_still_written_is_refused_until_it_is_done(tmp_path: Path):
    home = make_test_home(tmp_path / "home", without(RESIDENT, "office/visit"))
    path = home.deliver(
        "street_20260101", "code,name,opened", (f"{n},街{n},2001-02-03" for n in range(50_000))
    )
    done = threading.Event()

    def write() -> None:
        number = 50_000
        with path.open("a", encoding="utf-8") as stream:
            while not done.is_set():
                stream.write(f"{number},街{number},2001-02-03\n")
                stream.flush()
                number += 1
                time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        refused = home.call("run", STREET)
    finally:
        done.set()
        writer.join()

    assert refused.code in (1, 3), refused
    assert "it changed while it was read" in refused.text or "is gone from its source" in (
        refused.text
    )
    assert home.rows("SELECT COUNT(*) FROM lake.landing.office__street") == [(0,)]
    assert [line["closed"] for line in home.run()] == [True]
    rows = path.read_text(encoding="utf-8").count("\n") - 1
    assert home.rows("SELECT COUNT(*) FROM lake.department.office__street") == [(rows,)]

"""What every connector of tables does: one test each, on every one that has a description."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chengshu.exchange.port import Past
from chengshu.kernel.errors import ExternalError, InputError
from tests.connectors import mysql, postgres, sqlite
from tests.connectors.kit import Database, keep_secret
from tests.support.commands import finish
from tests.support.processes import PASSWORD

CONNECTORS = {"sqlite": sqlite.TESTED, "postgres": postgres.TESTED, "mysql": mysql.TESTED}
NAMES = ("a'b", '引"号', "C", "100%", "x;--", "_Line", "x\\' ? `")
ODD = "o'dd"
TEXTS = ("", None, 'it\'s "so"\n\t %s ?', "𠮷野家 👩‍👩‍👧 ﷽", "ab  ", "000123", " ", "NULL")


@pytest.fixture(scope="module", params=CONNECTORS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def db(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with CONNECTORS[name].opened(tmp_path_factory.mktemp(name)) as database:
        yield database


def test_every_awkward_value_comes_as_its_exact_text(db: Database, name: str):
    values = CONNECTORS[name].values
    db.make("awkward", {f"c{at}": f"{kind} NULL" for at, (kind, _, _) in enumerate(values)})
    db.execute(f"INSERT INTO awkward VALUES ({', '.join(given for _, given, _ in values)})")

    (row,), _ = db.pull("awkward")

    got = [(kind, row[f"c{at}"]) for at, (kind, _, _) in enumerate(values)]
    assert got == [(kind, expected) for kind, _, expected in values]


def test_every_text_comes_as_it_is_and_null_is_not_empty(db: Database):
    db.make("texts", {"id": db.integer, "name": db.text}, *enumerate(TEXTS))

    rows, incoming = db.pull("texts")

    assert [row["name"] for row in rows] == list(TEXTS)
    assert [row["id"] for row in rows] == [str(at) for at in range(len(TEXTS))]
    assert (list(incoming.header), incoming.mode) == (["id", "name"], "full")
    assert {(row["_rest"], row["_problem"]) for row in rows} == {(None, None)}


def test_a_table_without_rows_is_a_delivery_without_rows(db: Database):
    db.make("nothing", {"id": db.integer, "name": db.text})

    rows, incoming = db.pull("nothing")

    assert (rows, list(incoming.header)) == ([], ["id", "name"])


def test_names_are_never_read_as_sql(db: Database):
    table = "表 '; DROP \\ TABLE x; -- \" ` %s ?"
    if db.schemas:
        db.execute(f"CREATE SCHEMA {db.named(ODD)}")
        table = f"{ODD}.{table}"
    db.make(table, dict.fromkeys(NAMES, db.text), tuple(map(str, range(len(NAMES)))))

    (row,) = db.rows(*db.find(table, Past("run", key=[[NAMES[0]], [NAMES[-1]]])))

    assert [row[name] for name in NAMES] == [str(at) for at in range(len(NAMES))]


def test_rows_come_in_the_order_of_their_key_and_are_numbered_by_it(db: Database):
    db.make("unordered", {"id": db.integer, "name": db.text}, *((n, "x") for n in (10, 9, 30, 2)))

    rows, incoming = db.pull("unordered")

    assert [(row["_line"], row["id"]) for row in rows] == [(1, "2"), (2, "9"), (3, "10"), (4, "30")]
    assert db.rows(incoming) == rows


def test_a_pull_that_is_asked_for_again_has_the_same_key(db: Database):
    db.make("again", {"id": db.integer, "batch": db.integer}, (1, 1), (2, 2))
    numbered = {"mode": "incremental", "batch": "batch"}

    whole = [db.find("again", Past(run))[0].key for run in ("one", "one", "other")]
    parts = [[i.key for i in db.find("again", Past(run), **numbered)] for run in ("one", "other")]

    assert whole == ["one", "one", "other"]
    assert parts[0] == parts[1]
    assert len(set(parts[0])) == 2


def test_an_incremental_pull_takes_what_changed_and_reaches_back(db: Database):
    columns = {"id": db.integer, "note": db.text, "at": db.moment}
    db.make("changing", columns, (1, "old", "2026-01-01 08:00:00"),
            (2, "new", "2026-01-05 08:00:00"), (3, "unmarked", None))  # fmt: skip
    said = {"mode": "incremental", "watermark": "at", "overlap": "1 day"}

    first, before = db.pull("changing", **said)
    db.execute("UPDATE changing SET note = 'changed', at = '2026-01-06 08:00:00' WHERE id = 1")
    db.add("changing", (4, "committed late", "2026-01-04 20:00:00"),
           (5, "too late", "2026-01-03 08:00:00"),
           (6, "newest", "2026-01-07 08:00:00"))  # fmt: skip
    second, after = db.pull("changing", before.watermark, **said)
    db.execute("DELETE FROM changing")
    third, kept = db.pull("changing", after.watermark, **said)

    assert [row["id"] for row in first] == ["1", "2", "3"]
    assert str(before.watermark).startswith("2026-01-05 08:00:00")
    notes = ["changed", "new", "unmarked", "committed late", "newest"]
    assert [row["note"] for row in second] == notes
    assert str(after.watermark).startswith("2026-01-07 08:00:00")
    assert (third, kept.watermark) == ([], after.watermark)


def test_a_watermark_of_digits_in_text_keeps_its_zeros(db: Database):
    db.make("padded", {"id": db.integer, "serial": db.text}, (1, "a'000123"), (2, "a'000124"))
    said = {"mode": "incremental", "watermark": "serial"}

    _, before = db.pull("padded", **said)
    db.add("padded", (3, "a'000200"))
    rows, after = db.pull("padded", before.watermark, **said)

    assert [row["serial"] for row in rows] == ["a'000124", "a'000200"]
    assert after.watermark == "a'000200"


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name, tested in CONNECTORS.items() for case in tested.marks],
    indirect=["name"],
    scope="module",
)
def test_no_watermark_keeps_a_row_out(db: Database, name: str, case: str):
    kind, first, then, mark, after, told = CONNECTORS[name].marks[case]
    reaching = {"overlap": "1 day" if "-" in str(after) else "1"}
    # An overlap is of numbers and times.
    for more in ({}, reaching) if str(after)[0].isdigit() else ({},):
        said = {"mode": "incremental", "watermark": "mark", **more}
        db.make("marked", {"id": db.integer, "mark": f"{kind} NULL"}, *enumerate(first, 1))

        rows, before = db.pull("marked", **said)
        db.add("marked", *enumerate(then, len(first) + 1))
        again, last = db.pull("marked", before.watermark, **said)

        assert (len(rows), before.watermark, last.watermark) == (len(first), mark, after)
        ids = [int(str(row["id"])) for row in again]
        assert ids == sorted(ids)
        assert set(range(len(first) + 1, len(first) + len(then) + 1)) <= set(ids)
        assert {f.code for f in last.findings} == told


def test_numbered_batches_are_deliveries_in_their_order(db: Database):
    rows = ((1, "10"), (2, "9"), (3, "9"), (4, "a'b"), (5, None))
    db.make("numbered", {"id": db.integer, "batch": db.text}, *rows)
    said = {"mode": "incremental", "batch": "batch"}

    parts = db.find("numbered", **said)
    known = db.find("numbered", Past("run", numbers={9: 2, 10: 3}), **said)

    ids = [sorted(str(row["id"]) for row in db.rows(part)) for part in parts]
    assert [part.number for part in parts] == [9, 10, None]
    assert ids == [["2", "3"], ["1"], ["4", "5"]]
    assert [f.code for f in parts[-1].findings] == ["batch_unnumbered"]
    # One that has another number of rows than landed comes again, under a key of its own.
    assert [part.number for part in known] == [10, None]
    assert known[0].key != parts[1].key


@pytest.mark.parametrize(
    ("table", "more", "message"),
    [
        ("nowhere", {}, "has no table 'nowhere'"),
        ("there", {"mode": "incremental", "watermark": "att"}, "no watermark column 'att'"),
        ("there", {"mode": "incremental", "batch": "att"}, "no batch column 'att'"),
    ],
)
def test_what_the_database_lacks_is_named(
    db: Database, table: str, more: dict[str, str], message: str
):
    db.make("there", {"id": db.integer})

    with pytest.raises(InputError, match=message):
        db.find(table, **more)


def test_rows_are_pulled_landed_and_refined_and_no_secret_is_shown(tmp_path: Path, db: Database):
    home = db.make_home(tmp_path / "home", "shops", mode="incremental", watermark="changed")
    columns = {"id": db.integer, "name": db.text, "opened": db.text, "changed": db.moment}
    db.make("shops", columns, (1, "早餐店", "2020-01-02", "2026-01-01 08:00:00"),
            (2, "书店", "0000-00-00", "2026-01-02 08:00:00"))  # fmt: skip

    if db.has_secret:
        without = home.call("run", "shops")
        keep_secret(home, "not-the-word' \\")
        wrong = home.call("run", "shops")
        assert (without.code, wrong.code) == (1, 3)
        assert "no secret 'front'" in without.text
        assert "the server does not let us in" in wrong.text
        assert "the secret 'front'" in wrong.text
        assert "not-the-word" not in wrong.text
        assert all(not rows for rows in home.snapshot().values())
        keep_secret(home, PASSWORD)
    first = home.run("shops")
    db.execute("UPDATE shops SET name = '大书店', changed = '2026-01-03 08:00:00' WHERE id = 2")
    second = home.run("shops")

    assert [line["accepted"] for line in first + second] == [2, 1]
    assert ("书店", "0000-00-00") in home.rows(
        "SELECT name, opened FROM lake.landing.office__shops"
    )
    assert home.current("shops", "id", "name") == [("1", "早餐店"), ("2", "大书店")]
    kept = b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())
    assert b"not-the-word' \\" not in kept
    assert PASSWORD.encode() not in kept


def test_a_database_that_is_not_there_is_told(db: Database):
    with pytest.raises(ExternalError) as caught:
        db.find("there", **db.lost)

    assert caught.value.retryable
    assert PASSWORD not in str(caught.value)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("name", "way"),
    [(name, way) for name, tested in CONNECTORS.items() for way in tested.breaks],
    indirect=["name"],
    scope="module",
)
def test_a_database_that_breaks_mid_pull_leaves_nothing_landed(
    tmp_path: Path, db: Database, way: str
):
    home = db.make_home(tmp_path / way, "slow", PASSWORD)
    db.execute("DROP VIEW IF EXISTS slow", f"CREATE VIEW slow AS {db.slow}")
    run = home.start("run", "slow")
    until = time.monotonic() + 60
    while not (seen := db.reading()):
        assert run.poll() is None, finish(run)
        assert time.monotonic() < until, "the pull was never seen on the server"
        time.sleep(0.02)
    time.sleep(0.3)

    mend = db.breaks[way](seen)
    done = finish(run)

    mend()
    assert done.code == 3, done
    assert f"{db.kind} 127.0.0.1" in done.text
    assert PASSWORD not in done.text
    assert all(not rows for rows in home.snapshot().values())
    db.execute("DROP VIEW slow", "CREATE VIEW slow AS SELECT 1 AS id, 'whole' AS name")
    assert [line["accepted"] for line in home.run("slow")] == [1]

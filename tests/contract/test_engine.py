"""What every engine promises. A new engine is finished when this file passes."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chengshu.engine.port import Engine
from chengshu.kernel.errors import EngineError

COLUMNS = {
    "id": "BIGINT",
    "name": "VARCHAR",
    "born": "DATE",
    "at": "TIMESTAMP",
    "amount": "DECIMAL(18,2)",
    "share": "DOUBLE",
    "alive": "BOOLEAN",
}
ROW = (1, "王\\'二", date(1988, 7, 1), datetime(1988, 7, 1, 0, 30), Decimal("10.10"), 0.5, True)
NULLS = (2, None, None, None, None, None, None)


def table_with(engine: Engine, *rows: tuple[object, ...]) -> str:
    engine.ensure_tables({"department.t": COLUMNS})
    add(engine, *rows)
    return "department.t"


def add(engine: Engine, *rows: tuple[object, ...]) -> None:
    with engine.session() as session:
        session.stage_rows("incoming", COLUMNS, rows)
        session.append("department.t", "SELECT * FROM incoming", step="add")


def ids(engine: Engine) -> list[int]:
    with engine.session() as session:
        rows = session.rows("SELECT id FROM lake.department.t ORDER BY id", step="ids")
    return [row["id"] for row in rows]


def test_every_type_survives_the_round_trip(engine: Engine):
    table_with(engine, ROW, NULLS)

    with engine.session() as session:
        rows = session.rows("SELECT * FROM lake.department.t ORDER BY id", step="read")

    assert [tuple(row.values()) for row in rows] == [ROW, NULLS]


def test_removed_rows_are_gone_and_others_stay(engine: Engine):
    table = table_with(engine, *[(i, *ROW[1:]) for i in range(10)])

    for gone in (3, 7):  # the second delete replaces the first one's delete file
        with engine.session() as session:
            session.remove(table, f"SELECT CAST({gone} AS BIGINT) AS id", on=["id"], step="remove")

    assert ids(engine) == [0, 1, 2, 4, 5, 6, 8, 9]


def test_a_session_that_fails_leaves_nothing(engine: Engine):
    table = table_with(engine, ROW)

    with pytest.raises(EngineError), engine.session() as session:
        session.stage_rows("more", COLUMNS, [(5, *ROW[1:])])
        session.append(table, "SELECT * FROM more", step="add")
        session.remove(table, "SELECT CAST(1 AS BIGINT) AS id", on=["id"], step="remove")
        session.rows("SELECT nope FROM more", step="fail")

    assert ids(engine) == [1]


def test_a_session_reads_one_snapshot(engine: Engine):
    table_with(engine, ROW)

    with engine.session() as session:
        before = session.rows("SELECT COUNT(*) AS n FROM lake.department.t", step="count")
        add(engine, NULLS)
        after = session.rows("SELECT COUNT(*) AS n FROM lake.department.t AS t", step="count")

    assert [before[0]["n"], after[0]["n"]] == [1, 1]
    assert ids(engine) == [1, 2]


def test_a_table_that_was_empty_stays_so_for_a_session_that_looked(engine: Engine):
    engine.ensure_tables({"department.t": COLUMNS})

    with engine.session() as session:
        before = session.rows("SELECT COUNT(*) AS n FROM lake.department.t", step="count")
        add(engine, ROW)
        after = session.rows("SELECT COUNT(*) AS n FROM lake.department.t AS t", step="count")

    assert [before[0]["n"], after[0]["n"]] == [0, 0]
    assert ids(engine) == [1]


def test_a_table_without_rows_has_its_columns_and_a_text_may_name_it(engine: Engine):
    engine.ensure_tables({"department.t": COLUMNS, "department.u": COLUMNS})
    add(engine, ROW)

    with engine.session() as session:
        session.define("nobody", "SELECT * FROM lake.department.u", step="define")
        rows = session.rows(
            "SELECT t.id, u.amount, 'lake.department.u' AS said "
            "FROM lake.department.t AS t LEFT JOIN nobody AS u ON t.id = u.id",
            step="read",
        )

    assert [tuple(row.values()) for row in rows] == [(1, None, "lake.department.u")]


def test_a_column_added_later_is_null_in_old_rows(engine: Engine):
    table_with(engine, ROW)

    engine.ensure_tables({"department.t": {**COLUMNS, "extra": "VARCHAR"}})
    with engine.session() as session:
        session.append("department.t", "SELECT 'x' AS extra, CAST(9 AS BIGINT) AS id", step="add")

    with engine.session() as session:
        rows = session.rows("SELECT id, extra FROM lake.department.t ORDER BY id", step="read")
    assert [tuple(row.values()) for row in rows] == [(1, None), (9, "x")]


def test_a_column_of_another_type_moves_the_old_one_aside(engine: Engine):
    table_with(engine, ROW)

    engine.ensure_tables({"department.t": {**COLUMNS, "amount": "DECIMAL(18,4)"}})
    add(engine, (9, *ROW[1:]))

    with engine.session() as session:
        rows = session.rows(
            "SELECT id, amount, amount__1 FROM lake.department.t ORDER BY 1", step="q"
        )
    assert [tuple(row.values()) for row in rows] == [
        (1, None, Decimal("10.10")),
        (9, Decimal("10.1000"), None),
    ]


def test_the_number_of_changes_moves_with_the_rows_of_the_table_only(engine: Engine):
    assert engine.changes_of("department.t") == 0
    table_with(engine, ROW)
    first = engine.changes_of("department.t")

    engine.ensure_tables({"department.u": COLUMNS})
    assert engine.changes_of("department.t") == first

    add(engine, NULLS)
    second = engine.changes_of("department.t")
    with engine.session() as session:
        session.remove("department.t", "SELECT CAST(2 AS BIGINT) AS id", on=["id"], step="remove")
    assert first < second < engine.changes_of("department.t")


def test_arrow_batches_keep_their_order(engine: Engine):
    table = pa.table({"n": pa.array(range(1000), pa.int64()), "t": ["二"] * 1000})

    with engine.session() as session:
        session.stage_arrow("stream", table.to_reader(100), step="take")
        rows = session.rows("SELECT COUNT(*) AS c, SUM(n) AS s, MIN(t) AS t FROM stream", step="q")

    assert dict(rows[0]) == {"c": 1000, "s": 499500, "t": "二"}


def test_a_failure_names_the_step_and_hides_the_data(engine: Engine):
    with pytest.raises(EngineError) as caught, engine.session() as session:
        session.rows("SELECT CAST('11010119900101123X' AS BIGINT) AS id", step="probe")

    assert str(caught.value) == f"{engine.name} failed at step 'probe'"
    assert not caught.value.retryable


@pytest.mark.parametrize(("rule", "fine"), [("id < 1", True), ("nope < 1", False), ("((", False)])
def test_a_rule_is_tried_before_it_is_used(engine: Engine, rule: str, fine: bool):
    assert (engine.parses(rule, COLUMNS) is None) == fine


def test_a_table_is_read_as_it_was_in_a_snapshot(engine: Engine):
    table = table_with(engine, ROW, NULLS)
    with engine.session() as session:
        before = session.version
    engine.ensure_tables({table: {**COLUMNS, "amount": "DECIMAL(18,4)", "extra": "VARCHAR"}})
    with engine.session() as session:
        session.remove(table, "SELECT CAST(1 AS BIGINT) AS id", on=["id"], step="remove")
    add(engine, (9, *ROW[1:]))

    with engine.session() as session:
        session.define_at("before", table, before, step="before")
        then = session.rows("SELECT * FROM before ORDER BY id", step="then")
        now = session.rows(f"SELECT id, extra FROM lake.{table} ORDER BY id", step="now")

    assert [dict(row) for row in then] == [
        dict(zip(COLUMNS, row, strict=True)) for row in (ROW, NULLS)
    ]
    assert [tuple(row.values()) for row in now] == [(2, None), (9, None)]


def test_a_snapshot_that_is_not_there_is_an_error(engine: Engine):
    table = table_with(engine, ROW)

    with pytest.raises(EngineError), engine.session() as session:
        session.define_at("never", table, 10_000, step="never")
        session.rows("SELECT * FROM never", step="never")


@pytest.mark.parametrize("rows", [2, 0])
def test_rows_are_written_as_parquet_files(engine: Engine, tmp_path: Path, rows: int):
    table = table_with(engine, ROW, NULLS)

    with engine.session() as session:
        condition = "" if rows else " WHERE FALSE"
        session.write(f"SELECT * FROM lake.{table}{condition}", tmp_path / "out", step="write")

    files = sorted((tmp_path / "out").glob("*.parquet"))
    found = pq.read_table(files).sort_by("id").to_pylist()
    assert [tuple(row.values()) for row in found] == [ROW, NULLS][:rows]

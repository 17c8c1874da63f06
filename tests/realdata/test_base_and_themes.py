"""Every number of the base stores and themes of the real packs, against SQL over the raw files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.realdata.built import Built
from tests.realdata.by_hand import CELLS, ENTITIES, OURS, UNSAID, open_raw
from tests.realdata.test_registers import number, table_under

TABLES = {
    "registers": ("births", "capital", "permits"),
    "records": (
        "standing", "dishonesty_cases", "lawsuits", "qualifications", "investments", "ownership",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def by_hand(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a connection that has the raw files, and nothing of ours."""
    con = open_raw(real_data, tmp_path_factory.mktemp("raw"))
    yield con
    con.close()


def with_entities(con: duckdb.DuckDBPyConnection, built: Built) -> None:
    con.sql(f"CREATE OR REPLACE VIEW entities AS FROM read_parquet('{built.entities}/*')")


@pytest.mark.parametrize("pack", ENTITIES)
def test_entities_are_what_the_files_say(pack: str, built: Any, by_hand: Any) -> None:
    with_entities(by_hand, built[pack])

    missing = by_hand.sql(f"FROM ({ENTITIES[pack]}) EXCEPT ALL FROM ({OURS[pack]})").fetchall()
    more = by_hand.sql(f"FROM ({OURS[pack]}) EXCEPT ALL FROM ({ENTITIES[pack]})").fetchall()

    assert (missing[:3], more[:3]) == ([], [])
    assert pack != "records" or by_hand.sql(UNSAID).fetchall() == []


@pytest.mark.parametrize("table", [table for names in TABLES.values() for table in names])
def test_cells_are_what_the_files_say(table: str, built: Any, by_hand: Any) -> None:
    ours = next(one.cells[table] for one in built.values() if table in one.cells)

    counted = Counter(by_hand.sql(CELLS[table]).fetchall())

    assert Counter(tuple(cell.values()) for cell in ours) == counted


@pytest.mark.parametrize("pack", TABLES)
def test_a_theme_stands_and_can_be_made_again(pack: str, built: Any) -> None:
    one = built[pack].computation

    assert set(one.cells) == set(TABLES[pack]) == set(built[pack].cells)
    assert (one.problem, set(one.tests.values())) == (None, {None})
    assert built[pack].again


def test_the_entities_are_the_documented_ones(built: Any, by_hand: Any) -> None:
    documented = {row[0]: [number(cell) for cell in row[1:6]] for row in table_under("Base")}

    happened = {}
    for one in built.values():
        counts = one.counts
        names = ("entities", "disagreements", "waiting")
        merged = (one.changed.touched, one.changed.changed)
        happened[counts["entity"]] = [*(counts[name] for name in names), *merged]

    assert happened == documented

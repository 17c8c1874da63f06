"""Every number of the base stores and themes of the real packs, against SQL over the raw files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.realdata.built import Built
from tests.realdata.by_hand import CELLS, DIFFERING, ENTITIES, OURS, UNSAID, open_raw
from tests.realdata.test_registers import number, table_under

if TYPE_CHECKING:
    import duckdb

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


@pytest.mark.parametrize("pack", DIFFERING)
def test_disagreements_are_those_of_the_files(pack: str, built: Any, by_hand: Any) -> None:
    (differing,) = by_hand.sql(DIFFERING[pack]).fetchone()

    assert built[pack].counts["disagreements"] == differing


@pytest.mark.parametrize("pack", TABLES)
def test_a_changed_delivery_touches_whom_it_speaks_of(pack: str, built: Any, raw: Any) -> None:
    keys = {
        "registers": [("ningbo_1980_2004_pseudonymised", "统一社会信用代码")],
        "records": [("7lawsuit", "EID"), ("4invest", "EID"), ("4invest", "BTEID")],
    }

    # Its second-last row is gone and its last has changed; see `story.change`.
    spoken = {row[column] for file, column in keys[pack] for row in raw[file][-2:]}

    assert built[pack].changed.touched == len(spoken)


def test_the_entities_are_the_documented_ones(built: Any) -> None:
    documented = {row[0]: [number(cell) for cell in row[1:]] for row in table_under("Base")}

    happened = {
        one.counts["entity"]: [
            *(one.counts[name] for name in ("entities", "disagreements", "waiting")),
            one.changed.touched,
            one.changed.changed,
        ]
        for one in built.values()
    }

    assert happened == documented


def test_the_attributes_are_filled_as_documented(built: Any, by_hand: Any) -> None:
    documented = {
        (row[0], row[1]): [number(cell) for cell in row[3:]] for row in table_under("Attributes")
    }

    happened = {}
    for one in built.values():
        with_entities(by_hand, one)
        for at, attribute in enumerate(one.merger.attributes, 1):
            signs = Counter(
                sign for (sign,) in by_hand.sql(f"SELECT _by[{at}] FROM entities").fetchall()
            )
            claims = len(one.merger.entity.attributes[at - 1].claims)
            said = [signs[str(n)] for n in range(claims)]
            happened[one.counts["entity"], attribute] = [sum(said), *said, *[0] * (3 - claims)]

    assert happened == documented


def test_the_cells_are_the_documented_ones(built: Any) -> None:
    cells = {table: rows for one in built.values() for table, rows in one.cells.items()}

    for table, cell, measure, value in table_under("Themes"):
        wanted = dict(part.split("=") for part in cell.split())
        found = [
            row[measure]
            for row in cells[table.partition("/")[2]]
            if all(str(row[name]) == said for name, said in wanted.items())
        ]
        assert sum(found) == number(value), (table, cell)

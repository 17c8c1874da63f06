"""Every file that breaks readers is read right, read with findings, or refused with a reason."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from chengshu.exchange.files import TableFile, describe, open_table
from chengshu.kernel.errors import InputError

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CHENGSHU_DATA", ROOT.parent / "shared" / "data")) / "peers"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the files that break readers are not at {DATA} (CHENGSHU_DATA)"
)

# The clean form itself is wrong: line 20 of it holds "0.\", the file holds "0.0".
WRONG_CLEAN = {"O18_air.csv"}
# Several tables of different shapes in one file; the clean form keeps them as one, and mends text.
MANY_TABLES = {
    "permanent_secretary_and_director_general_expenses_and_hospitality_april_to_june_2012.csv"
}
# Its JSON form holds another telephone number, and text was lost before it was published.
WRONG_JSON = {"location_coordinates"}


def files_in(folder: str) -> list[Any]:
    found = sorted(path for path in (DATA / folder).rglob("*") if path.is_file())
    return [pytest.param(path, id=str(path.relative_to(DATA))) for path in found] or [
        pytest.param(DATA / folder, id=folder)
    ]


def read(path: Path) -> tuple[TableFile, list[dict[str, Any]]]:
    table = open_table(path)
    return table, [row for batch in table.batches() for row in batch.to_pylist()]


def trusted(table: TableFile, rows: list[dict[str, Any]]) -> list[list[str]]:
    """Return the cells of the records that nothing is wrong with."""
    return [[row[name] for name in table.header] for row in rows if row["_problem"] is None]


@pytest.mark.parametrize("path", files_in("pollock_survey/csv"))
def test_a_survey_file_gives_its_clean_form(path: Path) -> None:
    folder = path.parents[1]
    with (folder / "clean" / path.name).open(encoding="utf-8", newline="") as file:
        clean = [row for row in csv.reader(file) if row]
    told = json.loads((folder / "parameters" / f"{path.name}_parameters.json").read_text("utf-8"))
    if not clean:
        with pytest.raises(InputError, match="empty"):
            read(path)
        return

    table, rows = read(path)
    codes = {found.code for found in table.findings}

    if told["header_lines"] == "0":
        assert "header_missing" in codes
        body = clean[1:] if clean[0][0] == "col_0" else clean
    else:
        body = clean[1:]
        names = [name.strip() for name in clean[0]]
        assert list(table.header) == names or codes & {
            "header_lines",
            "header_short",
            "header_empty",
        }
    if path.name in MANY_TABLES:
        assert {"header_lines", "table_changes", "ragged_short"} <= codes
        return
    if path.name in WRONG_CLEAN:
        assert body[18][1] == "0.\\"
        body[18][1] = "0.0"
    assert trusted(table, rows) == body
    assert not told["delimiter"] or (table.delimiter or "").strip() == told["delimiter"]


@pytest.mark.parametrize("path", files_in("csv_spectrum/csvs"))
def test_a_spectrum_file_gives_its_json_form(path: Path) -> None:
    text = (path.parents[1] / "json" / f"{path.stem}.json").read_text("utf-8", errors="replace")

    table, rows = read(path)

    if path.stem in WRONG_JSON:
        assert [found.code for found in table.findings] == ["text_lost"]
        return
    assert [{name: row[name] for name in table.header} for row in rows] == json.loads(text)
    assert {found.code for found in table.findings} <= {"encoding_unsure"}


@pytest.mark.parametrize("path", files_in("frictionless"))
def test_a_frictionless_file_is_read_or_refused(path: Path) -> None:
    refused: InputError | None = None
    try:
        table, rows = read(path)
    except InputError as err:
        refused = err
    if refused:
        assert refused.where is not None
        assert refused.hint
        return

    told = describe(table)

    assert told["rows"] == len(rows)
    assert len(set(told["header"])) == len(told["header"])
    problems = {row["_line"] for row in rows if row["_problem"]}
    assert problems <= {found["line"] for found in told["findings"]}


SEEN = {
    "latin1.csv": (["encoding_fallback"], 2, ["2", "©"]),
    "table-infer-iso-8859-7.csv": (["encoding_fallback"], 4, ["4", "28", "Åõóôïñãéïò"]),
    "escaping.csv": (["backslash_escapes"], 3, ["3", 'Test " line 3']),
    "matrix-with-comment.csv": (["preamble"], 4, ["41", "42", "43", "44"]),
    "skip-rows.csv": (["preamble", "ragged_short"], 3, ["2", "中国人"]),
    "skip-rows-before-headers.csv": (["preamble"], 2, ["2", "中国人"]),
    "skip-rows.xlsx": (["preamble"], 2, [None, "TOTAL"]),
    "countries.csv": (
        ["preamble", "ragged_long", "ragged_short"],
        5,
        ["5", None, None, None],
    ),
    "multiline-headers.xlsx": (["header_lines"], 1, ["A", "B", "C", "D"]),
    "merged-cells.xlsx": (["no_rows"], 0, None),
    "merged-cells.xls": (["no_rows"], 0, None),
    "merged-cells-boolean.xls": (["no_rows"], 0, None),
    "preserve-formatting-percentage.xlsx": ([], 3, ["789", "0.06"]),
    "number-format-multicode.xlsx": ([], 3, ["15.7929464439101"]),
    "without-headers.csv": (["header_missing"], 3, ["3", "german"]),
    "chunk2.headless.csv": (["header_unsure", "no_rows"], 0, None),
    "without-rows.csv": (["no_rows"], 0, None),
    "leading-zeros.csv": ([], 3, ["00003"]),
    "table.tsv": ([], 3, ["3", "\\N"]),
    "table-limits.csv": ([], 3, ["9", "10", "11", "12"]),
    "dialect.csv": (["ragged_long"], 2, ["2", " -"]),
    "sheets.xlsx": (["other_sheets"], 1, ["1", "london"]),
    "table-with-ints-floats-dates.ods": (
        [],
        3,
        ["1969", "11.7", "2012-08-23", "2012-08-23 20:40:59"],
    ),
    "table.jsonl": ([], 2, ["2", "中国人"]),
    "transpose.csv": ([], 2, ["population", "83", "66", "47"]),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_frictionless_file_ends_as_it_was_seen_to(name: str) -> None:
    codes, count, last = SEEN[name]

    table, rows = read(DATA / "frictionless" / name)

    assert [found.code for found in table.findings] == codes
    assert len(rows) == count
    assert last is None or [rows[-1][column] for column in table.header] == last

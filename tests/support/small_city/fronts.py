"""Write rows the way each department keeps them: files of every kind, tables of SQLite."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from chengshu.engine.sql import quote
from tests.support.small_city.people import Row
from tests.support.small_city.spoil import AS_NUMBER, TORN

Header = Mapping[str, str]
"""Field → the department's name for it."""


def write_rows(path: Path, header: Header, rows: Sequence[Row], detail: str = "") -> None:
    """Write rows to a file whose suffix says what it is.

    Args:
        path: Its folder is made; a file that is there is written anew.
        header: The columns, in order.
        rows: What to write; an empty text is no value.
        detail: The encoding of a CSV file, the title of a workbook, the table of a database.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    _WRITERS[path.suffix](path, header, rows, detail)


def _write_csv(path: Path, header: Header, rows: Sequence[Row], detail: str) -> None:
    _write_lines(path, header, rows, ",", detail)


def _write_tsv(path: Path, header: Header, rows: Sequence[Row], detail: str) -> None:
    _write_lines(path, header, rows, "\t", detail)


def _write_lines(
    path: Path, header: Header, rows: Sequence[Row], delimiter: str, encoding: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header.values())
    for row in rows:
        cells = [row[field] for field in header]
        if TORN in row:
            text.write(delimiter.join(cells) + "\r\n")
        else:
            writer.writerow(cells)
    path.write_bytes(text.getvalue().encode(encoding or "utf-8"))


def _write_jsonl(path: Path, header: Header, rows: Sequence[Row], _: str) -> None:
    lines = []
    for row in rows:
        line = json.dumps(
            {name: row[field] or None for field, name in header.items()}, ensure_ascii=False
        )
        lines.append(line[: len(line) // 2] if TORN in row else line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_parquet(path: Path, header: Header, rows: Sequence[Row], _: str) -> None:
    columns = {name: pa.array([row[f] or None for row in rows]) for f, name in header.items()}
    if at := header.get("measured_at"):
        times = [datetime.fromisoformat(row["measured_at"]) for row in rows]
        columns[at] = pa.array(times, pa.timestamp("s"))
    if amount := header.get("concentration"):
        values = [Decimal(row["concentration"]) for row in rows]
        columns[amount] = pa.array(values, pa.decimal128(12, 3))
    pq.write_table(pa.table(columns), path)


def _write_sqlite(path: Path, header: Header, rows: Sequence[Row], table: str) -> None:
    columns = ", ".join(f"{quote(name)} TEXT" for name in header.values())
    marks = ", ".join("?" for _ in header)
    with closing(sqlite3.connect(path)) as con, con:
        con.execute(f"CREATE TABLE {quote(table)} ({columns})")
        con.executemany(
            f"INSERT INTO {quote(table)} VALUES ({marks})",
            ([row[field] or None for field in header] for row in rows),
        )


def _write_xlsx(path: Path, header: Header, rows: Sequence[Row], title: str) -> None:
    from xlsxwriter import Workbook

    with Workbook(path, {"constant_memory": True}) as book:
        # The date of making stands in the file; the same rows shall give the same bytes.
        book.set_properties({"title": title, "created": datetime(2026, 1, 1)})
        sheet, day = book.add_worksheet("台账"), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_string(0, 0, title)
        for column, name in enumerate(header.values()):
            sheet.write_string(1, column, name)
        for line, row in enumerate(rows, 2):
            for column, field in enumerate(header):
                text = row[field]
                if row.get(AS_NUMBER) == field:
                    sheet.write_number(line, column, float(text))
                elif re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) and text >= "1900-03":
                    sheet.write_datetime(line, column, datetime.fromisoformat(text), day)
                elif text:
                    sheet.write_string(line, column, text)


_WRITERS: Mapping[str, Callable[[Path, Header, Sequence[Row], str], None]] = {
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
    ".sqlite": _write_sqlite,
    ".xlsx": _write_xlsx,
}

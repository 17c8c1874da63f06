"""Write the table ``delivered`` as a file of the kind that its suffix says."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from chengshu.demo.fronts.resources import PLACES, Front
from chengshu.demo.fronts.workbook import write_workbook
from chengshu.engine.sql import listed, literal, quote

_BLOCK = 1 << 20


def write(con: Any, front: Front, path: Path) -> None:
    """Write ``delivered`` in the order of its ``_row``.

    Args:
        con: Has the table ``delivered``: ``_row``, ``_id``, and a VARCHAR for each column.
        front: How the department writes it.
        path: The file; for a table of SQLite the Parquet file of the rows that are to change,
            which `deliver` reads.
    """
    columns = columns_of(con)
    path.parent.mkdir(parents=True, exist_ok=True)
    if front.table:
        place = "row_number() OVER (PARTITION BY _id ORDER BY _row) - 1"
        rows = f"SELECT _id * {PLACES} + {place} AS rowid, {listed(columns)} FROM delivered"
        kept = f"SELECT * FROM ({rows} QUALIFY {place} < {PLACES}) ORDER BY rowid"
        con.execute(f"COPY ({kept}) TO {literal(str(path))} (FORMAT parquet)")
    else:
        _WRITERS[path.suffix](con, front, columns, path)


def columns_of(con: Any) -> list[str]:
    """Return the department's columns of ``delivered``."""
    found = con.execute("SELECT * FROM delivered LIMIT 0").description
    return [name for name, *_ in found if name not in ("_row", "_id")]


def _copy(con: Any, select: str, path: Path, options: str) -> None:
    rows = f"SELECT {select} FROM delivered ORDER BY _row"
    con.execute(f"COPY ({rows}) TO {literal(str(path))} ({options})")


def _write_text(con: Any, front: Front, columns: Sequence[str], path: Path) -> None:
    separator = literal(front.separator)
    _copy(con, listed(columns), path, f"FORMAT csv, HEADER true, DELIMITER {separator}")
    if front.encoding != "utf-8":
        _encode(path, front.encoding)


def _encode(path: Path, encoding: str) -> None:
    """Write a file of UTF-8 anew in another encoding, block by block."""
    plain = path.with_suffix(".utf8")
    path.rename(plain)
    encode = codecs.getincrementalencoder(encoding)().encode
    with plain.open("rb") as source, path.open("wb") as target:
        decode = codecs.getincrementaldecoder("utf-8")().decode
        while block := source.read(_BLOCK):
            target.write(encode(decode(block)))
    plain.unlink()


def _write_jsonl(con: Any, _: Front, columns: Sequence[str], path: Path) -> None:
    _copy(con, listed(columns), path, "FORMAT json")
    if not path.stat().st_size:
        # Without rows there is no header to deliver: who has no news sends no file.
        path.unlink()


def _write_parquet(con: Any, front: Front, columns: Sequence[str], path: Path) -> None:
    typed = (
        f"TRY_CAST({quote(name)} AS {front.types.get(name, 'VARCHAR')}) AS {quote(name)}"
        for name in columns
    )
    _copy(con, ", ".join(typed), path, "FORMAT parquet")


def _write_xlsx(con: Any, front: Front, columns: Sequence[str], path: Path) -> None:
    title = "临江市婚姻登记台账" if front.resource == "civil_affairs/marriage" else ""
    write_workbook(con, columns, path, title)


_WRITERS: Mapping[str, Callable[[Any, Front, Sequence[str], Path], None]] = {
    ".csv": _write_text,
    ".tsv": _write_text,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
    ".xlsx": _write_xlsx,
}

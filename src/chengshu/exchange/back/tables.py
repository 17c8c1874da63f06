"""SQL of the tables that we keep in a department's database, as each kind of database spells it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chengshu.engine.sql import quote
from chengshu.exchange.back.port import PLACE, RECEIPT_COLUMNS, Parcel, Receipt
from chengshu.kernel.clock import utc_now

KEY = ("resource", "batch", "kind")


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a kind of database spells what is the same in all of them.

    Attributes:
        sign: What stands for a value.
        quote: Makes a name an identifier.
        text: Type of a text of any length.
        key_text: Type of a text in a key.
        options: What ends the statement that makes a table.
    """

    sign: str
    quote: Callable[[str], str] = quote
    text: str = "TEXT"
    key_text: str = "TEXT"
    options: str = ""

    def listed(self, names: Sequence[str]) -> str:
        """Return names as a list of identifiers."""
        return ", ".join(map(self.quote, names))


def tables_of(parcel: Parcel, receipts: str, rows: str, spelling: Spelling) -> dict[str, str]:
    """Return quoted table name → statement that makes it."""
    columns = {receipts: (RECEIPT_COLUMNS, KEY), rows: (columns_of(parcel), tuple(PLACE))}
    return {table: _create_sql(table, *made, spelling) for table, made in columns.items()}


def columns_of(parcel: Parcel) -> dict[str, str]:
    """Return column → SQL type of the table of rows."""
    return {**PLACE, **parcel.columns}


def _create_sql(
    table: str, columns: Mapping[str, str], key: Sequence[str], spelling: Spelling
) -> str:
    def typed(name: str, kind: str) -> str:
        if kind == "TEXT":
            kind = spelling.key_text if name in key else spelling.text
        return f"{spelling.quote(name)} {kind}{' NOT NULL' if name in key else ''}"

    made = ", ".join(typed(name, kind) for name, kind in columns.items())
    ends = f"PRIMARY KEY ({spelling.listed(key)})){spelling.options}"
    return f"CREATE TABLE IF NOT EXISTS {table} ({made}, {ends}"


def receipt_sql(receipts: str, spelling: Spelling) -> str:
    """Return the query of a parcel's receipt; its arguments are the parcel's key."""
    wanted = " AND ".join(f"{name} = {spelling.sign}" for name in KEY)
    told = "row_count, digest, delivered_at, taken_at"
    return f"SELECT {told} FROM {_beside_signs(receipts, spelling)} WHERE {wanted}"


def insert_sql(table: str, names: Sequence[str], spelling: Spelling) -> str:
    """Return the statement that writes a row."""
    signs = ", ".join([spelling.sign] * len(names))
    table = _beside_signs(table, spelling)
    return f"INSERT INTO {table} ({spelling.listed(names)}) VALUES ({signs})"


def new_receipt(parcel: Parcel) -> tuple[Receipt, dict[str, Any]]:
    """Return the receipt of a parcel that is delivered now, and its columns but for taken_at."""
    receipt = Receipt(parcel.count, parcel.digest, utc_now().isoformat(timespec="seconds"))
    told = (*parcel.key, receipt.rows, receipt.digest, receipt.delivered_at)
    return receipt, dict(zip(RECEIPT_COLUMNS, told, strict=False))


def _beside_signs(name: str, spelling: Spelling) -> str:
    # In a statement with arguments a name's own percent sign is said twice.
    return name.replace("%", "%%") if spelling.sign == "%s" else name

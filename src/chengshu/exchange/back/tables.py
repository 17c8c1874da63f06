"""SQL of the tables that we keep in a department's database, for PostgreSQL and SQLite alike."""

from __future__ import annotations

from collections.abc import Mapping

from chengshu.engine.sql import listed, quote
from chengshu.exchange.back.port import PLACE, RECEIPT_COLUMNS, Parcel


def tables_of(parcel: Parcel, receipts: str, rows: str) -> dict[str, str]:
    """Return quoted table name → statement that makes it."""
    return {
        receipts: _create_sql(receipts, RECEIPT_COLUMNS, ("resource", "batch", "kind")),
        rows: _create_sql(rows, {**PLACE, **parcel.columns}, tuple(PLACE)),
    }


def _create_sql(table: str, columns: Mapping[str, str], key: tuple[str, ...]) -> str:
    made = ", ".join(
        f"{quote(name)} {kind}{' NOT NULL' if name in key else ''}"
        for name, kind in columns.items()
    )
    return f"CREATE TABLE IF NOT EXISTS {table} ({made}, PRIMARY KEY ({listed(key)}))"


def receipt_sql(receipts: str, sign: str) -> str:
    """Return the query of a parcel's receipt; ``sign`` stands for each part of its key."""
    wanted = " AND ".join(f"{name} = {sign}" for name in ("resource", "batch", "kind"))
    return f"SELECT row_count, digest, delivered_at, taken_at FROM {receipts} WHERE {wanted}"


def insert_receipt_sql(receipts: str, sign: str) -> str:
    """Return the statement that writes a receipt: all columns but the department's own."""
    names = [name for name in RECEIPT_COLUMNS if name != "taken_at"]
    return f"INSERT INTO {receipts} ({listed(names)}) VALUES ({', '.join([sign] * len(names))})"

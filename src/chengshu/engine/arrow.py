"""SQL types as Arrow's: how small relations get into an engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

SIMPLE = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
}


def arrow_of(columns: Mapping[str, str], rows: Iterable[Sequence[object]]) -> pa.Table:
    """Return rows as an Arrow table; ``columns`` maps names to SQL types."""
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = {
        name: pa.array(given, arrow_type(kind))
        for (name, kind), given in zip(columns.items(), values, strict=True)
    }
    return pa.table(arrays)


def arrow_type(kind: str) -> pa.DataType:
    """Return the Arrow type of an SQL type."""
    if kind.startswith("DECIMAL"):
        precision, scale = kind[8:-1].split(",")
        return pa.decimal128(int(precision), int(scale))
    return SIMPLE[kind]


def noted(batches: Iterable[pa.RecordBatch], failed: list[Exception]) -> Iterator[pa.RecordBatch]:
    """Pass batches on; keep the error of their source, which crosses the engine as text only."""
    try:
        yield from batches
    except Exception as err:
        failed.append(err)
        raise

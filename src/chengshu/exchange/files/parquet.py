"""Read a Parquet file, each value as the text that says exactly what it is."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from chengshu.exchange.files.layout import Layout, make_unique
from chengshu.exchange.files.model import TableFile, schema_of
from chengshu.kernel.errors import InputError, Where


def open_parquet(path: Path) -> TableFile:
    """Return a Parquet file, opened.

    Raises:
        InputError: The file is not Parquet, or is damaged.
    """
    layout = Layout()
    try:
        with pq.ParquetFile(path) as file:
            fields = list(file.schema_arrow)
    except (pa.ArrowException, OSError) as err:
        raise _damaged(path) from err
    layout.header = make_unique([field.name for field in fields], 0, layout)
    if not layout.header:
        raise InputError("the file has no columns", where=Where(str(path)))
    for field, name in zip(fields, layout.header, strict=True):
        if _is_binary(field.type):
            number = layout.header.index(name) + 1
            layout.note(0, "binary_column", f"column {number} holds bytes; rendered as Base64")
    return TableFile(
        path=path,
        format="parquet",
        encoding=None,
        delimiter=None,
        quote=None,
        header=layout.header,
        reader=_read,
        findings=layout.findings,
    )


def _read(table: TableFile, rows_per_batch: int) -> Iterator[pa.RecordBatch]:
    schema, line = schema_of(table.header), 1
    try:
        with pq.ParquetFile(table.path) as file:
            for batch in file.iter_batches(rows_per_batch):
                count = batch.num_rows
                if not count:
                    continue
                nulls = pa.nulls(count, pa.string())
                cells = [to_text(column) for column in batch.columns]
                arrays = [pa.arange(line, line + count), *cells, nulls, nulls]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
                line += count
    except (pa.ArrowException, OSError) as err:
        raise _damaged(table.path) from err


def to_text(column: pa.Array) -> pa.Array:
    """Return a column as strings: nested values as JSON, bytes as Base64, times in ISO 8601."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return to_text(column.dictionary_decode())
    if isinstance(kind, pa.BaseExtensionType):
        return to_text(column.storage)
    if pa.types.is_nested(kind) or _is_binary(kind):
        return pa.array([_render(value) for value in column.to_pylist()], pa.string())
    if pa.types.is_duration(kind):
        return to_text(column.cast(pa.int64()))
    return column.cast(pa.string())


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _render(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_scalar)


def _scalar(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, datetime.timedelta)):
        return str(value)
    raise TypeError(type(value).__name__)


def _damaged(path: Path) -> InputError:
    hint = "Ask the department for the file again."
    return InputError("the file is not Parquet or is damaged", where=Where(str(path)), hint=hint)

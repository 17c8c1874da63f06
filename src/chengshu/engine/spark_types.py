"""SQL types as Spark's, and what Spark remembers of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def struct_of(columns: Mapping[str, str], ids: Mapping[str, int] | None = None) -> Any:
    """Return the Spark schema of ``columns`` (name → SQL type), with field ids where given."""
    from pyspark.sql import types as t

    simple = {
        "VARCHAR": t.StringType(),
        "BIGINT": t.LongType(),
        "INTEGER": t.IntegerType(),
        "DOUBLE": t.DoubleType(),
        "BOOLEAN": t.BooleanType(),
        "DATE": t.DateType(),
        "TIMESTAMP": t.TimestampNTZType(),
    }

    def kind(text: str) -> Any:
        if text.startswith("DECIMAL"):
            precision, scale = text[8:-1].split(",")
            return t.DecimalType(int(precision), int(scale))
        return simple[text]

    return t.StructType(
        [
            t.StructField(
                name, kind(text), True, {"parquet.field.id": ids[name]} if ids is not None else None
            )
            for name, text in columns.items()
        ]
    )


def plain(frame: Any) -> Any:
    """Return the frame without field ids: a staged join would have those of both its sides."""
    return frame.select([frame[c].alias(c, metadata={"staged": True}) for c in frame.columns])

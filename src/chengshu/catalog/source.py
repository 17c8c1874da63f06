"""Where a resource's rows come from, and how they are pulled."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from chengshu.catalog.declared import Declared, Flag, Name
from chengshu.catalog.stream_source import MqttSource


class FileSource(Declared):
    """Files in a folder of the department's front store; each file is one delivery.

    Attributes:
        path: Glob, relative to the city pack's folder unless absolute; read in name order.
        delimiter: One character, or one and a space.
        quote: One character; empty for none.
        as_of: Regular expression over the file name whose groups give the business date: one
            group ``20240131`` or three, year, month, day.
    """

    brings_again: ClassVar[bool] = False

    kind: Literal["file"]
    path: str
    format: Literal["csv", "tsv", "excel", "jsonl", "parquet"] | None = None
    encoding: str | None = None
    delimiter: Annotated[str, Field(pattern=r"^[^\r\n] ?$")] | None = None
    quote: Annotated[str, Field(pattern=r"^[^\r\n]?$")] | None = None
    sheet: str | None = None
    header: Flag = True
    skip: Annotated[int, Field(ge=0)] = 0
    as_of: str | None = None

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                "x".encode(value)
        except LookupError as err:
            raise ValueError(f"unknown encoding {value!r}, expected utf-8 or gb18030 say") from err
        return value

    @field_validator("as_of")
    @classmethod
    def _is_pattern(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                groups = re.compile(value).groups
            except re.error as err:
                raise ValueError(f"not a regular expression: {err}") from err
            if groups not in (1, 3):
                raise ValueError("needs one group (20240131) or three (year, month, day)")
        return value


class TableSource(Declared):
    """A table of a database; ``mode`` says how much of it a pull takes.

    Attributes:
        brings_again: True where a pull may bring rows that an earlier one brought.
        table: The table or view, with its schema where there is one.
        watermark: Column that grows with each change; an incremental pull takes what is at or
            past the last pull's highest value less the overlap.
        overlap: How far an incremental pull reaches back, ``2 days``, ``30 minutes``, or a number
            for numeric watermarks.
    """

    brings_again: ClassVar[bool] = True

    table: str
    mode: Literal["full", "incremental"] = "full"
    watermark: str | None = None
    overlap: Annotated[str, Field(pattern=r"^\d+( (day|hour|minute)s?)?$")] | None = None

    @model_validator(mode="after")
    def _marked(self) -> TableSource:
        if self.mode == "incremental" and not self.watermark:
            raise ValueError("an incremental pull needs a watermark")
        if self.mode == "full" and (self.watermark or self.overlap):
            raise ValueError("watermark and overlap belong to mode: incremental")
        return self


class SqliteSource(TableSource):
    """A table of an SQLite file."""

    kind: Literal["sqlite"]
    path: str


class PostgresSource(TableSource):
    """A table of a PostgreSQL server; ``secret`` names the stored password, never holds it."""

    kind: Literal["postgres"]
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 5432
    database: str
    user: str
    secret: Name


Source = Annotated[
    FileSource | SqliteSource | PostgresSource | MqttSource, Field(discriminator="kind")
]

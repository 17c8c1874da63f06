"""Where a resource's rows come from, and how they are pulled."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from chengshu.catalog.declared import Declared, Flag, Name


class Operation(Declared):
    """The column that says what a row does to its record 操作标志.

    Attributes:
        column: Its name in the source.
        insert: Texts by which a row brings a record in.
        update: Texts by which it changes one.
        delete: Texts by which it ends one; of such a row only the key counts.
    """

    column: str
    insert: tuple[str, ...] = ("I",)
    update: tuple[str, ...] = ("U",)
    delete: tuple[str, ...] = ("D",)

    @model_validator(mode="after")
    def _told_apart(self) -> Operation:
        if not self.delete or set(self.delete) & {*self.insert, *self.update}:
            raise ValueError("delete needs texts of its own")
        return self


class Delivered(Declared):
    """How a source delivers.

    Attributes:
        mode: ``full`` (a record that a delivery lacks has ended), ``reload`` (the same, of a table
            that is emptied and filled anew, and is not to be read in between), ``incremental``
            (what is new or changed), ``append`` (what is new; a change is told as a finding).
        operation: Where an incremental delivery also says which records have ended.
    """

    mode: Literal["full", "reload", "incremental", "append"] = "full"
    operation: Operation | None = None

    @property
    def is_whole(self) -> bool:
        """Tell whether a delivery holds everything that stands."""
        return self.batch_mode == "full"

    @property
    def batch_mode(self) -> str:
        """Return what its deliveries are to the stores: ``full``, ``incremental``, ``append``."""
        return "full" if self.mode == "reload" else self.mode

    @model_validator(mode="after")
    def _flagged(self) -> Delivered:
        if self.operation and self.mode != "incremental":
            raise ValueError("an operation column belongs to mode: incremental")
        return self


class FileSource(Delivered):
    """Files in a folder of the department's front store; each file is one delivery.

    Attributes:
        path: Glob, relative to the city pack's folder unless absolute; read in name order.
        delimiter: One character, or one and a space.
        quote: One character; empty for none.
        as_of: Regular expression over the file name whose groups give the business date: one
            group ``20240131`` or three, year, month, day.
        batch: Regular expression over the file name whose group is the number that the source
            gives its deliveries; they apply in the order of their numbers.
        zero: Glob of files by which the department reports that nothing changed 零报告.
    """

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
    batch: str | None = None
    zero: str | None = None

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
    def _is_date(cls, value: str | None) -> str | None:
        if value is not None and _groups_of(value) not in (1, 3):
            raise ValueError("needs one group (20240131) or three (year, month, day)")
        return value

    @field_validator("batch")
    @classmethod
    def _is_number(cls, value: str | None) -> str | None:
        if value is not None and _groups_of(value) != 1:
            raise ValueError("needs one group, the number")
        return value

    @model_validator(mode="after")
    def _numbered(self) -> FileSource:
        if self.batch and (self.as_of or self.is_whole):
            raise ValueError("a batch number belongs to mode: incremental or append, without as_of")
        if self.mode == "reload":
            raise ValueError("reload is for tables; a file is written once: mode: full")
        return self


def _groups_of(pattern: str) -> int:
    try:
        return re.compile(pattern).groups
    except re.error as err:
        raise ValueError(f"not a regular expression: {err}") from err


class TableSource(Delivered):
    """A table of a database; ``mode`` says how much of it a pull takes.

    Attributes:
        table: The table or view, with its schema where there is one.
        watermark: Column that grows with each change; an incremental pull takes what is at or
            past the last pull's highest value less the overlap.
        overlap: How far an incremental pull reaches back, ``2 days``, ``30 minutes``, or a number
            for numeric watermarks.
        batch: Column of the number that the source gives its batches, instead of a watermark: each
            is a delivery, and they apply in the order of their numbers.
    """

    table: str
    watermark: str | None = None
    overlap: Annotated[str, Field(pattern=r"^\d+( (day|hour|minute)s?)?$")] | None = None
    batch: str | None = None

    @model_validator(mode="after")
    def _marked(self) -> TableSource:
        if self.is_whole and (self.watermark or self.overlap or self.batch):
            raise ValueError("watermark, overlap and batch belong to mode: incremental or append")
        if not self.is_whole and (self.watermark is None) == (self.batch is None):
            raise ValueError(f"mode: {self.mode} needs a watermark or a batch column, and not both")
        if self.batch and self.overlap:
            raise ValueError("overlap belongs to a watermark")
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


Source = Annotated[FileSource | SqliteSource | PostgresSource, Field(discriminator="kind")]

"""Where a resource's rows come from, and how they are pulled."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from chengshu.catalog.declared import Flag, Name
from chengshu.catalog.delivered import Delivered, PulledSource
from chengshu.catalog.stream_source import MqttSource
from chengshu.catalog.web_source import HttpSource


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


class TableSource(PulledSource):
    """A table of a database.

    Attributes:
        table: The table or view, with its schema where there is one.
        batch: Column of the number that the source gives its batches, instead of a watermark: each
            is a delivery, and they apply in the order of their numbers.
    """

    table: str
    batch: str | None = None

    @property
    def marks(self) -> list[str]:
        """Return the columns by which it knows what is new."""
        return [name for name in (self.watermark, self.batch) if name]


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


class MysqlSource(TableSource):
    """A table of a MySQL or MariaDB server.

    Attributes:
        secret: Names the stored password, never holds it.
        tls: True refuses a server without TLS; else it is used where the server has it.
        ca: File of the authority that signed the server's certificate, relative to the city
            pack's folder unless absolute; without it the certificate is not checked.
        silence_s: How many seconds the server may be silent, until its first row too.
    """

    kind: Literal["mysql"]
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 3306
    database: str
    user: str
    secret: Name
    tls: Flag = False
    ca: str | None = None
    silence_s: Annotated[int, Field(ge=1)] = 900

    @model_validator(mode="after")
    def _checked(self) -> MysqlSource:
        if self.ca and not self.tls:
            raise ValueError("ca belongs to tls: true")
        return self


Source = Annotated[
    FileSource | SqliteSource | PostgresSource | MysqlSource | HttpSource | MqttSource,
    Field(discriminator="kind"),
]

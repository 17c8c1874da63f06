"""Where a resource's rows come from, and how they are pulled."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chengshu.catalog.declared import Declared, Name
from chengshu.catalog.file_source import FileSource, ObjectsSource, SftpSource


class TableSource(Declared):
    """A table of a database; ``mode`` says how much of it a pull takes.

    Attributes:
        table: The table or view, with its schema where there is one.
        watermark: Column that grows with each change; an incremental pull takes what is at or
            past the last pull's highest value less the overlap.
        overlap: How far an incremental pull reaches back, ``2 days``, ``30 minutes``, or a number
            for numeric watermarks.
    """

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
    FileSource | SftpSource | ObjectsSource | SqliteSource | PostgresSource,
    Field(discriminator="kind"),
]

"""Where a resource's rows come from, and how they are pulled."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from chengshu.catalog.declared import Name
from chengshu.catalog.delivered import PulledSource
from chengshu.catalog.file_source import FileSource, ObjectsSource, SftpSource
from chengshu.catalog.mysql_server import MysqlServer
from chengshu.catalog.stream_source import MqttSource
from chengshu.catalog.web_source import HttpSource


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
    """A table of a PostgreSQL server.

    Attributes:
        secret: Names the stored password, never holds it.
        silence_s: How many seconds the server may be silent, until its first row too.
    """

    kind: Literal["postgres"]
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 5432
    database: str
    user: str
    secret: Name
    silence_s: Annotated[int, Field(ge=1)] = 900


class MysqlSource(MysqlServer, TableSource):
    """A table of a MySQL or MariaDB server; ``table`` may name its database."""

    kind: Literal["mysql"]


Source = Annotated[
    FileSource
    | SftpSource
    | ObjectsSource
    | SqliteSource
    | PostgresSource
    | MysqlSource
    | HttpSource
    | MqttSource,
    Field(discriminator="kind"),
]


def system_of(source: Source) -> str | None:
    """Return the host that is asked for a source's rows, or None for files that we have at hand."""
    if isinstance(source, HttpSource):
        return urlsplit(source.url).hostname
    return getattr(source, "host", None)

"""Where what belongs to a department is delivered back: its own front store."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from chengshu.catalog.declared import Declared, Name, Text
from chengshu.catalog.mysql_server import MysqlServer

LONGEST = 63 - len("_receipts")  # PostgreSQL cuts a longer name short, without a word.


def _is_prefix(value: str) -> str:
    """Return a text with which the names of tables and files can begin."""
    if any(sign in value for sign in "/\\") or not value.isprintable():
        raise ValueError(f"{value!r} cannot begin a name; expected letters and digits, say")
    parts = value.split(".")
    if not all(part.strip() for part in parts) or len(parts) > 2:
        raise ValueError(f"{value!r}: expected a prefix, or schema.prefix")
    if any(len(part.encode()) > LONGEST for part in parts):
        raise ValueError(f"is longer than {LONGEST} bytes")
    return value


class _Back(Declared):
    """What every way back has in common.

    Attributes:
        prefix: What the names of our tables and files there begin with.
    """

    prefix: Annotated[Text, AfterValidator(_is_prefix)] = "chengshu"


class FolderBack(_Back):
    """A folder of the front store, relative to the city pack's folder unless absolute."""

    kind: Literal["folder"]
    path: Text

    @property
    def place(self) -> str:
        """Return where it is, as people name it."""
        return self.path


class SqliteBack(_Back):
    """Tables of an SQLite file, which must be there."""

    kind: Literal["sqlite"]
    path: Text

    @property
    def place(self) -> str:
        """Return where it is, as people name it."""
        return self.path


class PostgresBack(_Back):
    """Tables of a PostgreSQL server; ``prefix`` may begin with their schema and a dot.

    Attributes:
        silence_s: How many seconds the server may be silent.
    """

    kind: Literal["postgres"]
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 5432
    database: str
    user: str
    secret: Name
    silence_s: Annotated[int, Field(ge=1)] = 900

    @property
    def place(self) -> str:
        """Return where it is, as people name it."""
        return f"postgres {self.host}:{self.port}/{self.database}"


class MysqlBack(MysqlServer, _Back):
    """Tables of a MySQL or MariaDB server; ``prefix`` may begin with their database and a dot."""

    kind: Literal["mysql"]


Back = Annotated[FolderBack | SqliteBack | PostgresBack | MysqlBack, Field(discriminator="kind")]

"""A MySQL or MariaDB server, as declared: the same to pull from and to deliver to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from chengshu.catalog.declared import Declared, Flag, Name


class MysqlServer(Declared):
    """A database of a MySQL or MariaDB server.

    Attributes:
        secret: Names the stored password, never holds it.
        tls: True refuses a server without TLS; else it is used where the server has it.
        ca: File of the authority that signed the server's certificate, relative to the city
            pack's folder unless absolute; without it the certificate is not checked.
        silence_s: How many seconds the server may be silent, until its first row too.
    """

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 3306
    database: str
    user: str
    secret: Name
    tls: Flag = False
    ca: str | None = None
    silence_s: Annotated[int, Field(ge=1)] = 900

    @property
    def place(self) -> str:
        """Return its database as people name it."""
        return f"mysql {self.host}:{self.port}/{self.database}"

    @property
    def address(self) -> str:
        """Return its host for clients: ``localhost`` is a socket file to them, whoever's it is."""
        return "127.0.0.1" if self.host == "localhost" else self.host

    def locate(self, table: str) -> tuple[str, str]:
        """Return the database and the name of a table, which may be given as ``database.name``."""
        first, dot, rest = table.partition(".")
        return (first, rest) if dot else (self.database, first)

    @model_validator(mode="after")
    def _reached(self) -> MysqlServer:
        if self.ca and not self.tls:
            raise ValueError("ca belongs to tls: true")
        return self

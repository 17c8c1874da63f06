"""The tables of this room: the usage record, and secrets as they are stored."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, LargeBinary, String, Table

from chengshu.state import METADATA

USAGE = Table(
    "usage_record",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", DateTime, nullable=False),
    Column("person", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("what", String, nullable=False),
    Column("reason", String, nullable=False),
)
SECRETS = Table(
    "secret",
    METADATA,
    Column("name", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

"""SQLite's clock in milliseconds, for SQLite before 3.42, which has none.

Under Python 3.12 dbos asks SQLite for ``unixepoch('subsec')`` whatever SQLite it is (Debian 12 has
3.40); an older one answers NULL, and no run can be asked for.
"""

from __future__ import annotations

import sqlite3
import time

from sqlalchemy import Engine, event


@event.listens_for(Engine, "connect")
def add_clock(connection: object, _record: object) -> None:
    """Give a connection the function that its SQLite lacks."""
    if isinstance(connection, sqlite3.Connection) and sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", 1, lambda _subsec: round(time.time(), 3))

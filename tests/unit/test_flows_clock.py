"""The clock that the flows' database asks SQLite for."""

from __future__ import annotations

import time

from sqlalchemy import NullPool, create_engine, text

import chengshu.flows.clock  # noqa: F401 - gives old SQLite its clock


def test_any_sqlite_tells_the_time_in_milliseconds():
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        now = connection.execute(text("SELECT unixepoch('subsec')")).scalar_one()

    assert abs(now - time.time()) < 5

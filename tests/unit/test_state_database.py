"""Which errors of a database are the operator's, and which are ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError, ProgrammingError

from chengshu.kernel.errors import ExternalError
from chengshu.state import told_database

CASES: list[tuple[Exception, bool | None]] = [
    (OperationalError("", {}, Exception("database is locked")), True),
    (DatabaseError("", {}, Exception("file is not a database")), False),
    (sqlite3.DatabaseError("database disk image is malformed"), False),
    (IntegrityError("", {}, Exception("UNIQUE constraint failed")), None),
    (ProgrammingError("", {}, Exception("no such column")), None),
]


@pytest.mark.parametrize(("error", "retryable"), CASES, ids=lambda v: type(v).__name__)
def test_only_what_an_operator_can_mend_is_told_as_theirs(error: Exception, retryable: bool | None):
    with (
        pytest.raises(type(error) if retryable is None else ExternalError) as told,
        told_database("state", Path("state.sqlite")),
    ):
        raise error

    assert getattr(told.value, "retryable", None) is retryable

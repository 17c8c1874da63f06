"""DuckDB's errors as ours: its own text may carry citizens' data and is never shown."""

from __future__ import annotations

from chengshu.kernel.errors import ChengshuError, ConflictError, EngineError

DISK_FULL = ("No space left", "max_temp_directory_size", "disk is full")


def duckdb_errors() -> type[Exception]:
    """Return what DuckDB raises; it is imported only where it is needed."""
    import duckdb

    return duckdb.Error


def translated(err: Exception, step: str, sql: str) -> ChengshuError:
    """Return our error for DuckDB's: see this module."""
    import duckdb

    text = str(err)
    if any(sign in text for sign in DISK_FULL):
        return EngineError("duckdb", step, sql, retryable=True, why="the disk is full")
    if isinstance(err, duckdb.OutOfMemoryException):
        return EngineError("duckdb", step, sql, retryable=True, why="not enough memory")
    if isinstance(err, duckdb.TransactionException) or "database is locked" in text:
        return ConflictError(f"duckdb at step {step!r}: another commit came first. Run it again.")
    return EngineError("duckdb", step, sql, retryable=isinstance(err, duckdb.IOException))

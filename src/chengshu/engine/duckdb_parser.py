"""DuckDB over nothing, to try rules on."""

from __future__ import annotations

from collections.abc import Mapping

from chengshu.engine.duckdb import DuckDBSession
from chengshu.engine.lake import bare_connection
from chengshu.engine.tables import parses


class DuckDBParser:
    """An instance of DuckDB that needs no lake."""

    name = "duckdb"

    def __init__(self) -> None:
        """Start it."""
        self._con = bare_connection()

    def close(self) -> None:
        """Close it."""
        self._con.close()

    def parses(self, expression: str, columns: Mapping[str, str]) -> str | None:
        """Return why the expression cannot run here, or None (see the port)."""
        return parses(DuckDBSession(self._con), expression, columns)

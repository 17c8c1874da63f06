"""SQL text that means the same on every engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def quote(name: str) -> str:
    """Return ``name`` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | int | None) -> str:
    """Return ``value`` as an SQL literal."""
    if value is None:
        return "CAST(NULL AS VARCHAR)"
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def listed(names: Iterable[str], prefix: str = "") -> str:
    """Return names as a comma-separated list of identifiers, each behind ``prefix``."""
    return ", ".join(prefix + quote(name) for name in names)


def same(left: str, right: str, columns: Sequence[str]) -> str:
    """Return a condition that all columns of two relations are equal, NULL equal to NULL."""
    pairs = [f"{left}.{quote(c)} IS NOT DISTINCT FROM {right}.{quote(c)}" for c in columns]
    return " AND ".join(pairs) if pairs else "TRUE"


def matches(column: str, pattern: str) -> str:
    r"""Return a condition that the whole of ``column`` matches ``pattern``.

    ``$`` matches before a final line feed on Spark and not on DuckDB, ``\z`` means the end on both.
    """
    anchored = literal(r"\A(?:" + pattern + r")\z")
    return f"regexp_matches({column}, {anchored})"

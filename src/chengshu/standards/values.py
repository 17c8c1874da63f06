"""Read values one by one, as the command ``chengshu value`` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chengshu.standards.model import ValueType


def read_values(kind: ValueType, lines: Iterable[str]) -> Iterator[dict[str, str | None]]:
    """Yield what each line means as a value of ``kind``.

    Args:
        kind: Made by `value_type`.
        lines: One value each; the line's end is no part of the value.

    Yields:
        ``verdict``, ``canonical`` (None when missing or invalid), ``reason`` (None when ok); in
        the order of the lines.
    """
    for line in lines:
        found = kind.read(line.rstrip("\r\n"))
        yield {
            "verdict": found.verdict.value,
            "canonical": found.canonical,
            "reason": found.reason,
        }

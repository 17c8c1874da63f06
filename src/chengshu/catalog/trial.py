"""What linting needs of an engine: whether SQL runs there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class RuleParser(Protocol):
    """An engine, as far as linting needs one."""

    name: str

    def parses(self, expression: str, columns: Mapping[str, str]) -> str | None:
        """Return why a boolean expression over ``columns`` cannot run there, or None."""
        ...

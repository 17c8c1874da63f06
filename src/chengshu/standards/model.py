"""What a value type is: the same meaning in Python and as set-based SQL.

Python's `ValueType.read` is the oracle; the property tests hold the SQL of `ValueType.stages`
against it on every engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """What reading a value found, from best to worst."""

    OK = "ok"
    CORRECTED = "corrected"
    WARNING = "warning"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a value is not plainly ok.

    Attributes:
        code: Stable name, the same in SQL, findings and documentation.
        verdict: How grave it is.
        text: What is wrong and what was expected, in English; holds no value.
        label: The same in Chinese, for departments.
    """

    code: str
    verdict: Verdict
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One value read.

    Attributes:
        verdict: The grade of ``reason``, or ok.
        canonical: Standard form as text (what the typed column prints as); None when the value
            is missing or invalid.
        reason: Code of the gravest reason, or None.
    """

    verdict: Verdict
    canonical: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A relation of facts that a stage joins.

    Attributes:
        table: Name of the facts (`standards.facts`): ``division``, ``code_gb2261_1`` …
        alias: Its columns are reached as ``alias.column`` in the stage's expressions.
        on: SQL over earlier columns, compared with the relation's unique column ``key``.
    """

    table: str
    alias: str
    on: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Columns computed side by side from the raw column and the columns of earlier stages."""

    columns: Mapping[str, str]
    lookups: Sequence[Lookup] = field(default=())


@dataclass(frozen=True, slots=True)
class Plain:
    """How values that stand as they must are told from all others at a fraction of the cost.

    Attributes:
        stages: The last makes the typed value; what it makes of other values does not count.
        holds: SQL over the raw column and the stages'; true only where `ValueType.read` is ok, or
            has only corrected a spelling, with that value; and (for the price of a slower reading)
            NULL or false anywhere else.
    """

    stages: Sequence[Stage]
    holds: str


class ValueType(Protocol):
    """One kind of value."""

    @property
    def name(self) -> str:
        """Return what a declaration writes, with its parameters filled in by `value_type`."""
        ...

    @property
    def label(self) -> str:
        """Return the Chinese name."""
        ...

    @property
    def column(self) -> str:
        """Return the SQL type of the canonical value, in DuckDB's dialect."""
        ...

    @property
    def source(self) -> str:
        """Return the standard it comes from."""
        ...

    @property
    def reasons(self) -> Mapping[str, Reason]:
        """Return every reason it can give, by code."""
        ...

    def read(self, raw: str) -> Reading:
        """Return what ``raw`` means; blank text is a missing value: ok, canonical None."""
        ...

    def stages(self, raw: str, to: str) -> Sequence[Stage]:
        """Return the SQL of `read`.

        Args:
            raw: SQL of the raw text column; NULL means missing.
            to: Name of the column to make. The last stage makes ``to`` (typed, NULL when missing
                or invalid) and ``to__why`` (reason code or NULL); helpers are ``to__…``.
        """
        ...

    def plain(self, raw: str, to: str) -> Plain:
        """Return the SQL that knows plainly written values; arguments as in `stages`."""
        ...

    def mask(self, column: str) -> str:
        """Return SQL that shows a canonical value (``column``, as text) to who may not see it."""
        ...

    def caption(self, canonical: str) -> str:
        """Return the canonical value as a person reads it."""
        ...

"""What a theme declares: tables counted over base and department stores, and their tests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from chengshu.catalog.declared import Declared, Label, Name, Text

Refresh = Literal[
    "on_change", "daily", "weekly", "monthly", "quarterly", "half_yearly", "yearly", "by_hand"
]
Sql = Annotated[Text, Field(max_length=20_000)]
COLUMNS = {"text": "VARCHAR", "integer": "BIGINT", "date": "DATE", "boolean": "BOOLEAN"}
MOVING = ("today", "latest")


class Parameter(Declared):
    """A value that SQL may use as ``$name``; each computation records what it was.

    Attributes:
        default: The value; a date may be ``today`` (the city's), or ``latest``: the newest
            business day of any delivery.
    """

    type: Literal["date", "integer", "text"]
    default: Text

    @model_validator(mode="after")
    def _fits(self) -> Parameter:
        if self.type == "integer":
            int(self.default)
        elif self.type == "date" and self.default not in MOVING:
            date.fromisoformat(self.default)
        return self


class Dimension(Declared):
    """What cells are told apart by: a column of the rows that are counted.

    Attributes:
        codes: The code set, or ``division``, whose names people are shown.
    """

    label: Label
    type: Literal["text", "integer", "date", "boolean"] = "text"
    codes: str | None = None

    @property
    def column(self) -> str:
        """Return its SQL type."""
        return COLUMNS[self.type]


class Measure(Declared):
    """A number of each cell: an aggregate over its rows."""

    label: Label
    sql: Sql
    unit: str | None = None
    decimals: Annotated[int, Field(ge=0, le=6)] = 0

    @property
    def column(self) -> str:
        """Return its SQL type: no floating point, whose sums depend on their order."""
        return f"DECIMAL(28,{self.decimals})" if self.decimals else "BIGINT"


class ThemeTable(Declared):
    """One table: rows grouped by dimensions.

    Attributes:
        rows: Input → SQL of one row for each thing that is counted, which is a row of that input
            and has its key; what is counted of several inputs is one table.
    """

    label: Label
    rows: Annotated[dict[Name, Sql], Field(min_length=1)]
    dimensions: Annotated[dict[Name, Dimension], Field(min_length=1)]
    measures: Annotated[dict[Name, Measure], Field(min_length=1)]

    @property
    def columns(self) -> dict[str, str]:
        """Return column → SQL type of its cells, dimensions first."""
        dimensions = {name: one.column for name, one in self.dimensions.items()}
        return {**dimensions, **{name: one.column for name, one in self.measures.items()}}

    @model_validator(mode="after")
    def _apart(self) -> ThemeTable:
        if both := sorted(self.dimensions.keys() & self.measures.keys()):
            raise ValueError(f"both a dimension and a measure: {', '.join(both)}")
        return self


class Cells(Declared):
    """How many cells a table may have."""

    min: Annotated[int, Field(ge=0)] = 1
    max: Annotated[int, Field(ge=0)] | None = None


class ThemeTest(Declared):
    """What must be true of tables before they take the place of those that stand.

    Attributes:
        cells: How many ``table`` has.
        equal: Two queries that each give one number, the same.
        holds: A query that gives one value, true.
    """

    label: Label
    table: Name | None = None
    cells: Cells | None = None
    equal: Annotated[tuple[Sql, ...], Field(min_length=2, max_length=2)] | None = None
    holds: Sql | None = None

    @property
    def queries(self) -> tuple[str, ...]:
        """Return what has to be asked."""
        return self.equal or ((self.holds,) if self.holds else ())

    @model_validator(mode="after")
    def _one_kind(self) -> ThemeTest:
        if sum(kind is not None for kind in (self.cells, self.equal, self.holds)) != 1:
            raise ValueError("give one of cells (with table), equal, holds")
        if (self.table is None) == (self.cells is not None):
            raise ValueError("table and cells go together")
        return self


class Theme(Declared):
    """``themes/<theme>.yaml``: what a purpose needs, computed from stored rows.

    Attributes:
        owner: The department that answers for it.
        refresh: ``on_change``: after each run that changed an input; a cycle: that, but once in it;
            ``by_hand``: when asked only.
        keep: How many of its last computations can be made again exactly.
        inputs: What SQL calls them → ``base/entity`` or ``department/resource``, as they are now.
    """

    theme: Name
    label: Label
    owner: Name
    description: Text | None = None
    refresh: Refresh = "on_change"
    keep: Annotated[int, Field(ge=1, le=1000)] = 24
    inputs: Annotated[dict[Name, str], Field(min_length=1)]
    parameters: dict[Name, Parameter] = Field(default={})
    tables: Annotated[dict[Name, ThemeTable], Field(min_length=1)]
    tests: dict[Name, ThemeTest] = Field(default={})

    @property
    def path(self) -> str:
        """Return its file within the pack."""
        return f"themes/{self.theme}.yaml"

    @property
    def version(self) -> str:
        """Return a digest of everything that decides its numbers and whether they stand."""
        said = self.model_dump(
            mode="json",
            include={"inputs", "parameters", "tables", "tests"},
            exclude={
                "tables": {
                    "__all__": {
                        "label": True,
                        "dimensions": {"__all__": {"label", "codes"}},
                        "measures": {"__all__": {"label", "unit"}},
                    }
                },
                "tests": {"__all__": {"label"}},
            },
        )
        text = json.dumps(said, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def store(self, table: str) -> str:
        """Return the theme store's name of one of its tables."""
        return f"theme.{self.theme}__{table}"

    @model_validator(mode="after")
    def _consistent(self) -> Theme:
        if both := sorted(self.inputs.keys() & self.tables.keys()):
            raise ValueError(f"both an input and a table: {', '.join(both)}")
        for name, table in self.tables.items():
            if unknown := sorted(table.rows.keys() - self.inputs.keys()):
                raise ValueError(f"table {name!r} counts what is no input: {', '.join(unknown)}")
        for name, test in self.tests.items():
            if test.table is not None and test.table not in self.tables:
                raise ValueError(f"test {name!r} names the unknown table {test.table!r}")
        return self


def declared_theme(text: str) -> Theme:
    """Return the theme that a computation recorded."""
    return Theme.model_validate_json(text)


def recorded(theme: Theme) -> str:
    """Return a theme as computations record it."""
    said: Mapping[str, object] = theme.model_dump(mode="json", exclude_none=True)
    return json.dumps(said, ensure_ascii=False)

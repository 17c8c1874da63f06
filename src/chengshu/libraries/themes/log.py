"""The log of computations: what a theme was computed from, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chengshu.catalog.theme import Theme, declared_theme
from chengshu.engine import Engine, Row, Session
from chengshu.engine.sql import listed, literal, quote
from chengshu.kernel.errors import InputError, NotFoundError

COMPUTATIONS = "theme.computations"
COLUMNS = {
    "number": "BIGINT",
    "theme": "VARCHAR",
    "digest": "VARCHAR",  # of what decides its numbers
    "declaration": "VARCHAR",  # the theme as it was, as JSON
    "parameters": "VARCHAR",  # JSON: name → value
    "inputs": "VARCHAR",  # JSON: name → table, columns that were read, state of the table
    "version": "BIGINT",  # the lake's snapshot that was read
    "keep": "BIGINT",  # how many of its last computations can be made again
    "computed_at": "TIMESTAMP",  # UTC
    "problem": "VARCHAR",  # why it does not stand; NULL when it does
    "cells": "VARCHAR",  # JSON: table → number of cells
    "tests": "VARCHAR",  # JSON: name → NULL, or what was wrong
    "result": "VARCHAR",  # digest of all cells
}


@dataclass(frozen=True, slots=True)
class Computation:
    """One computation of a theme.

    Attributes:
        inputs: Input → ``table``, ``columns`` and ``state``: a number that moves with its rows.
        version: The lake's snapshot that was read.
        problem: Why its cells do not stand; None when they do.
        cells: Table → number of cells.
        tests: Test → None, or what was wrong.
        result: Digest of all cells.
    """

    number: int
    theme: str
    digest: str
    declaration: str
    parameters: Mapping[str, str]
    inputs: Mapping[str, Mapping[str, Any]]
    version: int
    keep: int
    computed_at: datetime
    problem: str | None
    cells: Mapping[str, int]
    tests: Mapping[str, str | None]
    result: str | None

    @property
    def declared(self) -> Theme:
        """Return the theme as it was declared then."""
        return declared_theme(self.declaration)

    def was_of(
        self, theme: Theme, parameters: Mapping[str, str], states: Mapping[str, int]
    ) -> bool:
        """Tell whether computing now would give the same."""
        then = {name: one["state"] for name, one in self.inputs.items()}
        return (self.digest, dict(self.parameters), then) == (
            theme.version, dict(parameters), dict(states),
        )  # fmt: skip


def list_computations(session: Session, theme: str | None = None) -> list[Computation]:
    """Return the computations of a theme (of all), oldest first; the table must stand."""
    only = f" WHERE theme = {literal(theme)}" if theme is not None else ""
    rows = session.rows(
        f"SELECT {listed(COLUMNS)} FROM lake.{COMPUTATIONS}{only} ORDER BY number",
        step="computations of themes",
    )
    return [_computation(row) for row in rows]


def get_computation(found: Sequence[Computation], theme: str, number: int) -> Computation:
    """Return a theme's computation of that number.

    Raises:
        NotFoundError: It has none.
    """
    for one in found:
        if (one.theme, one.number) == (theme, number):
            return one
    known = [str(one.number) for one in found if one.theme == theme]
    raise NotFoundError(f"computation of {theme}", str(number), known)


def newest(found: Sequence[Computation], theme: str, *, standing: bool) -> Computation | None:
    """Return a theme's newest computation; where ``standing``, of those that passed its tests."""
    fit = [o for o in found if o.theme == theme and not (standing and o.problem is not None)]
    return fit[-1] if fit else None


def record_computation(session: Session, one: Computation) -> None:
    """Write a computation to the log."""
    row = (
        one.number, one.theme, one.digest, one.declaration, _json(one.parameters),
        _json(one.inputs), one.version, one.keep, one.computed_at, one.problem, _json(one.cells),
        _json(one.tests), one.result,
    )  # fmt: skip
    session.stage_rows("computation", COLUMNS, [row])
    session.append(
        COMPUTATIONS, f"SELECT {listed(COLUMNS)} FROM computation", step="record a computation"
    )


def is_known(engine: Engine) -> bool:
    """Tell whether any theme has ever been computed."""
    return bool(engine.columns_of(COMPUTATIONS))


def last_of(engine: Engine, theme: Theme, *, standing: bool) -> Computation | None:
    """Return the newest computation of a theme; where ``standing``, of those that passed tests."""
    if not is_known(engine):
        return None
    with engine.session() as session:
        return newest(list_computations(session, theme.theme), theme.theme, standing=standing)


def standing_of(engine: Engine, theme: Theme) -> Computation:
    """Return the computation of a theme whose cells stand.

    Raises:
        InputError: There is none.
    """
    one = last_of(engine, theme, standing=True)
    if one is None:
        raise InputError(
            f"theme {theme.theme} has no computation that stands",
            hint="It is computed after a run: chengshu run",
        )
    return one


def cells_of(engine: Engine, one: Computation, table: str, where: str = "TRUE") -> list[Row]:
    """Return the cells of a computation that stands, in order of their dimensions."""
    declared = one.declared
    cells = declared.tables[table]
    order = ", ".join(f"{quote(name)} NULLS LAST" for name in cells.dimensions)
    with engine.session() as session:
        return list(
            session.rows(
                f"SELECT {listed(cells.columns)} FROM lake.{declared.store(table)} "
                f"WHERE _computation = {one.number} AND {where} ORDER BY {order}",
                step=f"cells of {one.theme}",
            )
        )


def needed_snapshots(engine: Engine) -> set[int]:
    """Return the lake's snapshots that computations which are to be kept have read."""
    if not engine.columns_of(COMPUTATIONS):
        return set()
    with engine.session() as session:
        rows = session.rows(
            "SELECT DISTINCT version FROM (SELECT version, ROW_NUMBER() OVER (PARTITION BY theme "
            "ORDER BY number DESC) AS nth, FIRST_VALUE(keep) OVER (PARTITION BY theme "
            f"ORDER BY number DESC) AS most FROM lake.{COMPUTATIONS} WHERE problem IS NULL) AS c "
            "WHERE nth <= most",
            step="snapshots that themes need",
        )
    return {int(row["version"]) for row in rows}


def _computation(row: Row) -> Computation:
    told = {"parameters", "inputs", "cells", "tests"}
    return Computation(**{n: json.loads(v) if n in told else v for n, v in row.items()})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)

"""Compute a theme from stored rows, when what it rests on has changed; make it again exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from chengshu.catalog import Pack
from chengshu.catalog.theme import Theme, recorded
from chengshu.catalog.theme_sql import compile_theme, rows_view
from chengshu.engine import Engine, Session
from chengshu.engine.apart import Answer, Limits, Work, apart_folder, run_apart
from chengshu.engine.sql import listed
from chengshu.kernel.clock import utc_now
from chengshu.kernel.errors import DeclarationError, EngineError, InputError, Where
from chengshu.libraries.themes.log import (
    COLUMNS,
    COMPUTATIONS,
    Computation,
    list_computations,
    newest,
    record_computation,
)
from chengshu.libraries.themes.plan import Meant, find_meant, is_due
from chengshu.libraries.themes.tests import judge_tests, queries_of

LIMITS = Limits()


def refresh_theme(
    engine: Engine, pack: Pack, theme: Theme, *, by_hand: bool = False, limits: Limits = LIMITS
) -> Computation | None:
    """Compute a theme if what it rests on has changed and it is due; return what came of it.

    A computation that fails its tests, or whose SQL fails, is recorded with its problem, and the
    cells of the one before stand.

    Args:
        engine: Where its inputs are.
        pack: The city pack.
        theme: One of its themes.
        by_hand: Compute it whether it is due or not.
        limits: What its SQL may take.

    Returns:
        The computation; None when there was nothing to do, or an input has never been delivered.
    """
    meant = find_meant(engine, pack, theme)
    if meant is None:
        return None
    engine.ensure_tables({COMPUTATIONS: COLUMNS})
    with engine.session() as session:
        found = list_computations(session, theme.theme)
    last = newest(found, theme.theme, standing=False)
    if last and not by_hand and last.was_of(theme, meant.parameters, meant.states):
        return None
    if not by_hand and not is_due(theme, last, utc_now(), pack.zone):
        return None
    return _compute(engine, meant, limits)


def recompute(
    engine: Engine, one: Computation, limits: Limits = LIMITS
) -> tuple[Mapping[str, pa.Table], bool]:
    """Make a computation again from the rows it was made of; return its tables and if all is equal.

    Raises:
        InputError: Its snapshot is no longer kept.
        DeclarationError: Its SQL fails now.
    """
    meant = Meant(one.declared, one.parameters, one.inputs)
    answer = _work_out(engine, meant, one.version, limits)
    return answer.tables, digest_of(answer.tables) == one.result


def export_inputs(
    session: Session, inputs: Mapping[str, Mapping[str, Any]], version: int, folder: Path
) -> dict[str, Path]:
    """Write the columns of inputs that are used, as of a snapshot; return input → its folder."""
    places = {}
    for name, one in inputs.items():
        places[name] = folder / "inputs" / name
        relation, step = f"input__{name}", f"copy {one['table']}"
        try:
            session.define_at(relation, one["table"], version, step=step)
            session.write(
                f"SELECT {listed(one['columns'])} FROM {relation}", places[name], step=step
            )
        except EngineError as err:
            if err.retryable:
                raise
            raise InputError(
                f"the lake's snapshot {version} of {one['table']} cannot be read",
                hint="A theme's last computations are kept; see `keep` in its declaration.",
            ) from err
    return places


def digest_of(tables: Mapping[str, pa.Table]) -> str:
    """Return a digest of cells, which come in order."""
    digest = hashlib.sha256()
    for name in sorted(tables):
        digest.update(f"{name}\n".encode())
        for row in zip(*(column.to_pylist() for column in tables[name].columns), strict=True):
            digest.update(f"{row!r}\n".encode())
    return digest.hexdigest()[:32]


def _compute(engine: Engine, meant: Meant, limits: Limits) -> Computation:
    with engine.session() as session:
        version = session.version
    theme = meant.theme
    made = Computation(
        0, theme.theme, theme.version, recorded(theme), meant.parameters, meant.inputs, version,
        theme.keep, utc_now(), None, {}, {}, None,
    )  # fmt: skip
    try:
        answer = _work_out(engine, meant, version, limits)
    except DeclarationError as err:
        return _keep(engine, theme, replace(made, problem=str(err)), {})
    tests = judge_tests(theme, answer)
    failed = "; ".join(f"test {name}: {why}" for name, why in tests.items() if why)
    cells = {name: table.num_rows for name, table in answer.tables.items()}
    done = replace(made, problem=failed or None, cells=cells, tests=tests)
    if failed:
        return _keep(engine, theme, done, {})
    return _keep(engine, theme, replace(done, result=digest_of(answer.tables)), answer.tables)


def _work_out(engine: Engine, meant: Meant, version: int, limits: Limits) -> Answer:
    theme = meant.theme
    sql = compile_theme(theme, meant.parameters)
    with apart_folder(engine.scratch) as folder:
        with engine.session() as session:
            places = export_inputs(session, meant.inputs, version, folder)
        views = {rows_view(name): rows for name, rows in sql.rows.items()}
        try:
            return run_apart(Work(places, views, sql.tables, queries_of(sql)), folder, limits)
        except EngineError as err:
            if err.retryable:
                raise
            at = err.step.partition("__")[2] or err.step
            raise DeclarationError(
                Where(theme.path), f"theme {theme.theme}: {at}: {err.why}"
            ) from err


def _keep(
    engine: Engine, theme: Theme, one: Computation, tables: Mapping[str, pa.Table]
) -> Computation:
    """Put cells in the place of those that stand, and the computation on record, together."""
    columns = {
        theme.store(name): {"_computation": "BIGINT", **theme.tables[name].columns}
        for name in tables
    }
    engine.ensure_tables(columns)
    with engine.session() as session:
        numbers = session.rows(
            f"SELECT COALESCE(MAX(number), 0) + 1 AS n FROM lake.{COMPUTATIONS}",
            step="number a computation",
        )
        one = replace(one, number=int(numbers[0]["n"]))
        for name, cells in tables.items():
            store, step = theme.store(name), f"keep {theme.store(name)}"
            session.stage_arrow(f"cells__{name}", cells.to_reader(), step=step)
            session.remove(
                store, f"SELECT DISTINCT _computation FROM lake.{store}", on=["_computation"],
                step=step,
            )  # fmt: skip
            numbered = f"SELECT CAST({one.number} AS BIGINT) AS _computation, * FROM cells__{name}"
            session.append(store, numbered, step=step)
        record_computation(session, one)
    return one

"""The commands of themes: `theme`, what they hold, and `explain`, the rows behind a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import typer

from chengshu.catalog import Pack, usable_pack
from chengshu.catalog.theme import Theme, ThemeTable
from chengshu.catalog.theme_input import ThemeInput, input_of
from chengshu.engine import Engine
from chengshu.engine.sql import quote
from chengshu.flows.asks import themes_ask
from chengshu.flows.themes import THEMES
from chengshu.flows.worker import run_asks
from chengshu.kernel.errors import InputError, IntegrityError
from chengshu.libraries.themes.compute import recompute as make_again
from chengshu.libraries.themes.explain import Question, explain, table_of
from chengshu.libraries.themes.log import (
    Computation,
    cells_of,
    get_computation,
    is_known,
    list_computations,
    newest,
    standing_of,
)
from chengshu.main.home import Home, open_home
from chengshu.main.render import MASKED, caption_of, progress_of_runs, say, show_json, show_table
from chengshu.main.uses import record_explanation
from chengshu.security.mask import MASKED_FROM, mask_columns
from chengshu.standards.codes import CodeSet, load_code_set, load_divisions

LISTED = (
    "theme", "label", "owner", "computation", "computed_at", "snapshot", "cells", "tests", "state",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Meant:
    """What someone wants to see of a theme; see the command's options."""

    name: str | None
    limit: int
    compute: bool
    recompute: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """The number that someone wants explained: ``theme`` or ``theme/table``, and the cell."""

    name: str
    cell: Sequence[str]
    limit: int
    unmasked: bool
    reason: str


def theme(root: Path, meant: Meant, json: bool) -> None:
    """List the themes of a home, or show, compute or make again the one that is named."""
    home = open_home(root)
    pack = usable_pack(home.pack)
    if meant.name is None:
        if meant.compute or meant.recompute is not None:
            raise typer.BadParameter("name the theme")
        _list(home, pack, json)
        return
    chosen = pack.get_theme(meant.name)
    if meant.compute:
        _compute(home, chosen)
    if meant.recompute is not None:
        _recompute(home, chosen, meant.recompute)
    else:
        _show(home, pack, chosen, meant.limit, json)


def _list(home: Home, pack: Pack, json: bool) -> None:
    with home.reading() as engine:
        found = _computations(engine)
    lines = [_line_of(one, found) for one in pack.themes.values()]
    if json:
        show_json(lines)
    elif not lines:
        say("no theme is declared: see docs/rules/theme.md")
    else:
        show_table("themes (time in UTC)", LISTED, [[line[n] for n in LISTED] for line in lines])
        for line in lines:
            if line["problem"]:
                say(f"{line['theme']}: {line['problem']}")


def _computations(engine: Engine) -> list[Computation]:
    if not is_known(engine):
        return []
    with engine.session() as session:
        return list_computations(session)


def _line_of(theme: Theme, found: Sequence[Computation]) -> dict[str, Any]:
    stands = newest(found, theme.theme, standing=True)
    last = newest(found, theme.theme, standing=False)
    passed = [why is None for why in last.tests.values()] if last else []
    problem = last.problem if last else None
    state = "never computed" if last is None else "stands" if not problem else "failed"
    return {
        "theme": theme.theme,
        "label": theme.label,
        "owner": theme.owner,
        "refresh": theme.refresh,
        "computation": stands.number if stands else None,
        "computed_at": stands.computed_at if stands else None,
        "snapshot": stands.version if stands else None,
        "parameters": dict(stands.parameters) if stands else None,
        "inputs": {n: f"{theme.inputs.get(n)}@{one['state']}" for n, one in stands.inputs.items()}
        if stands
        else None,
        "cells": sum(stands.cells.values()) if stands else None,
        "tests": f"{sum(passed)} of {len(passed)}" if last else None,
        "state": state if stands or last is None else "failed, none stands",
        "problem": problem,
    }


def _compute(home: Home, theme: Theme) -> None:
    with progress_of_runs() as tell:
        waves = [[themes_ask([theme.theme])]]
        outcomes = list(run_asks(lambda: home.writing(tell), home.flows, home.lock, waves))
    for outcome in outcomes:
        if outcome.resource == THEMES and outcome.error:
            say(str(outcome.error["message"]))
            raise typer.Exit(int(outcome.error["exit_code"]))


def _recompute(home: Home, theme: Theme, number: int) -> None:
    with home.reading() as engine:
        one = get_computation(_computations(engine), theme.theme, number)
        if one.problem is not None:
            raise InputError(f"computation {number} of {theme.theme} failed: {one.problem}")
        tables, equal = make_again(engine, one)
    cells = sum(table.num_rows for table in tables.values())
    if not equal:
        raise IntegrityError(
            f"theme {theme.theme}: computation {number}, made again from snapshot {one.version}, "
            "gives other numbers than it gave"
        )
    say(f"computation {number} of {theme.theme}, made again: all {cells:,} cells are equal")


def _show(home: Home, pack: Pack, theme: Theme, limit: int, json: bool) -> None:
    with home.reading() as engine:
        one = standing_of(engine, theme)
        declared = one.declared
        tables = {name: cells_of(engine, one, name) for name in declared.tables}
    if json:
        for name, rows in tables.items():
            show_json({"table": name, **row} for row in rows)
        return
    given = "".join(f"; {name} {value}" for name, value in one.parameters.items())
    say(f"{theme.label} {theme.theme}, of {pack.department_label(theme.owner)}", style="bold")
    say(f"computation {one.number} of {one.computed_at:%Y-%m-%d %H:%M} UTC, from snapshot "
        f"{one.version} of {', '.join(declared.inputs.values())}{given}")  # fmt: skip
    say("")
    for name, rows in tables.items():
        _show_table(pack, name, declared.tables[name], rows, limit)
    first = next(iter(theme.tables))
    place = theme.theme if len(theme.tables) == 1 else f"{theme.theme}/{first}"
    say(f"the rows behind a number: chengshu explain {place} "
        f"{next(iter(theme.tables[first].dimensions))}=…")  # fmt: skip


def _show_table(
    pack: Pack, name: str, table: ThemeTable, rows: Sequence[Mapping[str, Any]], limit: int
) -> None:
    units = {n: f"（{one.unit}）" if one.unit else "" for n, one in table.measures.items()}
    heads = [f"{one.label} {n}" for n, one in table.dimensions.items()]
    heads += [f"{one.label}{units[n]}" for n, one in table.measures.items()]
    names = {n: _names(pack, one.codes) for n, one in table.dimensions.items()}
    body = [
        [_shown(row[n], names[n]) for n in table.dimensions] + [row[n] for n in table.measures]
        for row in rows[:limit]
    ]
    show_table(f"{table.label} {name}", heads, body)
    if len(rows) > limit:
        say(f"{len(rows) - limit:,} more of {len(rows):,}: --limit {len(rows)}")
        say("")


def _shown(value: object, names: Mapping[str, str]) -> str | None:
    """Return a dimension's value as it is read: with its name, a year without thousands."""
    if value is None:
        return None
    return f"{value} {names[str(value)]}" if str(value) in names else str(value)


def _names(pack: Pack, codes: str | None) -> Mapping[str, str]:
    """Return code → name."""
    if codes is None:
        return {}
    if codes == "division":
        return {code: one.name for code, one in load_divisions().items()}
    return {code: one.name for code, one in _code_set(pack, codes).codes.items()}


def _code_set(pack: Pack, codes: str) -> CodeSet:
    return pack.code_sets[codes] if codes in pack.code_sets else load_code_set(codes)


def explain_cell(root: Path, asked: Asked, json: bool) -> None:
    """Print the rows behind a number, masked unless a look in the clear was asked for."""
    home = open_home(root)
    pack = usable_pack(home.pack)
    name, _, table = asked.name.partition("/")
    with home.reading() as engine:
        # As it was when it was computed: what is declared now may be another theme.
        theme = standing_of(engine, pack.get_theme(name)).declared
        chosen = table_of(theme, table or None)
        cell = _cell(pack, theme.tables[chosen], asked.cell)
        shown = {of: _fields(pack, theme.inputs[of], asked) for of in theme.tables[chosen].rows}
        if asked.unmasked:
            told = " ".join(f"{n}={value}" for n, value in cell.items())
            record_explanation(home, f"theme {name}/{chosen} {told}", asked.limit, asked.reason)
        found = explain(engine, pack, Question(theme, chosen, cell, shown, asked.limit))
    if json:
        show_json({"about": "cell", **row} for row in found.cells)
        for of, rows in found.rows.items():
            show_json({"about": "row", "input": theme.inputs[of], **row} for row in rows)
        return
    _show_table(pack, chosen, theme.tables[chosen], found.cells, len(found.cells))
    for of, rows in found.rows.items():
        if rows:
            one = input_of(pack, theme.inputs[of])
            title = f"{one.of.label} {one.of.id}, by {', '.join(one.place[-2:])}"
            body = [[_read(one, name, value) for name, value in row.items()] for row in rows]
            show_table(title, list(rows[0]), body)
    count = sum(len(rows) for rows in found.rows.values())
    say(f"{count:,} of the {found.counted:,} rows that are counted, as they were in snapshot "
        f"{found.computation.version}")  # fmt: skip
    if not asked.unmasked and any(_is_masked(pack, theme.inputs[of]) for of in shown):
        say(MASKED)


def _read(one: ThemeInput, name: str, value: object) -> object:
    """Return a field's value as people read it: codes by name; masked ones and numbers as is."""
    plain = isinstance(value, str | date) and name in one.types
    if not plain or one.grades[name] >= MASKED_FROM:
        return value
    return caption_of(one.types[name], value)


def _fields(pack: Pack, given: str, asked: Asked) -> Mapping[str, str]:
    one = input_of(pack, given)
    if asked.unmasked:
        return {name: quote(name) for name in one.types}
    return mask_columns(one.types, one.grades)


def _is_masked(pack: Pack, given: str) -> bool:
    return any(grade >= MASKED_FROM for grade in input_of(pack, given).grades.values())


def _cell(pack: Pack, table: ThemeTable, given: Sequence[str]) -> dict[str, str]:
    """Read ``dimension=value`` pairs; a value may be a code's name."""
    cell: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(
                f"{text!r} is no part of a cell",
                hint=f"Give dimension=value; known: {', '.join(table.dimensions)}.",
            )
        codes = table.dimensions[name].codes if name in table.dimensions else None
        cell[name] = _code(pack, codes, value)
    return cell


def _code(pack: Pack, codes: str | None, text: str) -> str:
    """Return the code that a text names, if there is one."""
    if codes == "division":
        named = [code for code, one in load_divisions().items() if one.name == text]
        return named[0] if len(named) == 1 else text
    found = _code_set(pack, codes).find_code(text) if codes else None
    return found.code if found else text

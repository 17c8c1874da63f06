"""What computing a theme now would be made of, and whether that is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from chengshu.catalog import Pack
from chengshu.catalog.entity import Entity
from chengshu.catalog.theme import MOVING, Theme
from chengshu.catalog.theme_input import ThemeInput, input_of
from chengshu.catalog.theme_sql import compile_theme, sample_parameters
from chengshu.engine import Engine
from chengshu.kernel.clock import utc_now, wall_of
from chengshu.libraries import stores
from chengshu.libraries.base import tables as base_tables
from chengshu.libraries.themes.log import Computation


@dataclass(frozen=True, slots=True)
class Meant:
    """What a computation is to be made of."""

    theme: Theme
    parameters: Mapping[str, str]
    inputs: Mapping[str, Mapping[str, Any]]

    @property
    def states(self) -> dict[str, int]:
        """Return input → the state of its table."""
        return {name: one["state"] for name, one in self.inputs.items()}


def table_of(one: ThemeInput) -> str:
    """Return the table of an input as it is now."""
    of = one.of
    return base_tables.current(of) if isinstance(of, Entity) else stores.current(of)


def inputs_of(pack: Pack, theme: Theme) -> list[str]:
    """Return the tables of a theme's inputs."""
    return [table_of(input_of(pack, given)) for given in theme.inputs.values()]


def find_meant(engine: Engine, pack: Pack, theme: Theme) -> Meant | None:
    """Return what computing a theme now would be made of; None where an input has no table yet."""
    sql = compile_theme(theme, sample_parameters(theme))
    inputs = {}
    for name, given in theme.inputs.items():
        one = input_of(pack, given)
        table = table_of(one)
        used, have = sql.columns[name], engine.columns_of(table)
        if not have:
            return None
        columns = [c for c in one.columns if c in have and (used is None or c in used)]
        state = engine.changes_of(table)
        inputs[name] = {"table": table, "columns": columns or [one.key[0]], "state": state}
    return Meant(theme, _parameters(engine, pack, theme), inputs)


def is_due(theme: Theme, last: Computation | None, now: datetime, zone: str) -> bool:
    """Tell whether a theme whose inputs have changed is to be computed at ``now`` (UTC)."""
    if theme.refresh == "by_hand":
        return False
    if theme.refresh == "on_change" or last is None or last.digest != theme.version:
        return True
    before, today = (wall_of(moment, zone).date() for moment in (last.computed_at, now))
    return _period(theme.refresh, before) != _period(theme.refresh, today)


def _fixed(theme: Theme) -> dict[str, str]:
    """Return the parameters whose value does not move."""
    return {
        name: p.default
        for name, p in theme.parameters.items()
        if p.type != "date" or p.default not in MOVING
    }


def _parameters(engine: Engine, pack: Pack, theme: Theme) -> dict[str, str]:
    """Return the parameters' values now."""
    values = _fixed(theme)
    moving = {n: p.default for n, p in theme.parameters.items() if n not in values}
    today = wall_of(utc_now(), pack.zone).date()
    days = {"today": today.isoformat()}
    if "latest" in moving.values():
        days["latest"] = _latest(engine, today).isoformat()
    return {n: values[n] if n in values else days[moving[n]] for n in theme.parameters}


def _latest(engine: Engine, otherwise: date) -> date:
    with engine.session() as session:
        (row,) = session.rows(
            f"SELECT CAST(MAX(as_of) AS DATE) AS day FROM lake.{stores.BATCHES}",
            step="the newest business day",
        )
    day: date | None = row["day"]
    return day or otherwise


def _period(cycle: str, day: date) -> tuple[int, ...]:
    """Return what names the cycle that a day lies in."""
    parts = {"monthly": 1, "quarterly": 3, "half_yearly": 6, "yearly": 12}
    if cycle == "daily":
        return (day.toordinal(),)
    if cycle == "weekly":
        return day.isocalendar()[:2]
    return day.year, (day.month - 1) // parts[cycle]

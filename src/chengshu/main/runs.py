"""Commands that bring data in: pull and run."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from chengshu.catalog import Pack, usable_pack
from chengshu.catalog.entity import Entity
from chengshu.catalog.lint import lint_used
from chengshu.engine.duckdb_parser import DuckDBParser
from chengshu.exchange.report import keep_report
from chengshu.flows.asks import (
    Ask,
    Outcome,
    asks_of,
    list_last_runs,
    merges_of,
    themes_ask,
)
from chengshu.flows.merge import MERGE
from chengshu.flows.pauses import list_pauses, pause_of
from chengshu.flows.themes import THEMES
from chengshu.flows.worker import run_asks
from chengshu.kernel.errors import InputError
from chengshu.libraries.landing import list_batches
from chengshu.libraries.reconcile import balance_batches
from chengshu.main.home import Home, open_home
from chengshu.main.render import progress_of_runs, say, show_json, show_table, warn
from chengshu.main.shows import BALANCE, BALANCED, line_of, say_empty
from chengshu.main.uses import person, reasoned

MERGED, MERGES = "entities merged in the base store", ("resource", "touched", "changed")


@dataclass(frozen=True, slots=True)
class How:
    """How resources are to be run.

    Attributes:
        as_of: Business time of what is pulled, as people write it.
        refine: False to pull and land only.
        engine: Which engine does the work; None leaves it to the tables' size.
        failed: Only those whose last run failed.
        decision: What was decided of a held batch.
    """

    as_of: str | None = None
    refine: bool = True
    engine: str | None = None
    failed: bool = False
    decision: list[Any] | None = None


def run(root: Path, names: list[str], how: How, json: bool) -> None:
    """Run resources of a home (all if none is named) and report; the worst error ends it."""
    home = open_home(root)
    chosen = _chosen(home, names, failed=how.failed)
    if not chosen:
        warn("there is nothing to run")
        return
    report(home, run_home(home, chosen, how), json)


def _chosen(home: Home, names: list[str], *, failed: bool) -> list[str]:
    """Return the resources that are to run: none that is paused, and where it is said only failed.

    Raises:
        InputError: One that was named is paused.
    """
    pack = usable_pack(home.pack)
    with closing(home.open_state()) as state:
        pauses = list_pauses(state)
    chosen = [pack.get(name) for name in names] or list(pack.resources.values())
    for resource in list(chosen):
        if pause := pause_of(pauses, resource):
            told = f"{resource.id} is paused by {pause.person}: {pause.reason}"
            if names:
                raise InputError(told, hint=f"End that with: chengshu resume {pause.name}")
            warn(told)
            chosen.remove(resource)
    ids = [resource.id for resource in chosen]
    if failed:
        last = list_last_runs(home.flows, ids)
        ids = [name for name in ids if name in last and last[name].error]
    return ids


def decide(root: Path, name: str, batch: int, step: str, reason: str, json: bool) -> None:
    """Record what a person decided of a held delivery, and go on with what waited for it."""
    decision = [batch, step, reasoned(reason, "a decision")]
    home = open_home(root)
    report(home, run_home(home, [name], How(decision=decision)), json)


def report_zero(root: Path, name: str, reason: str, as_of: str | None) -> None:
    """Keep a zero report until the resource's next run."""
    if not reason.strip():
        raise InputError("a zero report needs a reason", hint='Give one: --reason "…"')
    home = open_home(root)
    resource = usable_pack(home.pack).get(name)
    keep_report(home.spool, resource, person(), reason, business_time(as_of))
    say(f"{name}: kept; it lands with the next run. next: chengshu run {name}")


def report(home: Home, outcomes: list[Outcome], json: bool) -> None:
    """Print what runs came to; the worst error ends the command."""
    lines = [line for outcome in outcomes for line in lines_of(home, outcome)]
    if json:
        show_json(lines)
    else:
        _show(lines, outcomes)
        if any(line.get("refused") for line in lines):
            say("next: chengshu status, or chengshu show RESOURCE --store management")
    if any(not line["closed"] for line in lines if line.get("closed") is not None):
        raise typer.Exit(4)
    worst = max((o.error["exit_code"] for o in outcomes if o.error), default=0)
    if worst:
        raise typer.Exit(worst)


def run_home(home: Home, names: list[str], how: How) -> list[Outcome]:
    """Run resources of a home to their end, as the worker or through the one that is."""
    pack = sound_pack(home, names)
    time = business_time(how.as_of)
    moment = time.isoformat(sep=" ") if time else None
    asks = asks_of(pack, names, moment, refine=how.refine)
    asks = [replace(ask, decision=how.decision) for ask in asks]
    first = [a for a in asks if not _rests_on_others(pack.get(a.resource))]
    later = [a for a in asks if a not in first]
    merges = merges_of(pack, {ask.resource for ask in asks}) if how.refine else []
    themes = [themes_ask()] if pack.themes and how.refine else []
    waves = [
        [replace(ask, engine=how.engine) for ask in wave]
        for wave in (first, *([a] for a in later), merges, themes)
        if wave
    ]
    with progress_of_runs() as tell:
        return _merged(run_asks(lambda: home.writing(tell), home.flows, home.lock, waves))


def link_home(home: Home, entity: Entity, link: list[Any]) -> list[Outcome]:
    """Record a link of keys and merge, as the worker or through the one that is."""
    ask = Ask(entity.id, "", decision=link, workflow=MERGE)
    with progress_of_runs() as tell:
        return list(run_asks(lambda: home.writing(tell), home.flows, home.lock, [[ask]]))


def business_time(as_of: str | None) -> datetime | None:
    """Read a business time from the command line.

    Raises:
        InputError: It is no ISO date or time, or has a zone.
    """
    try:
        moment = datetime.fromisoformat(as_of) if as_of else None
    except ValueError as err:
        raise InputError(f"--as-of {as_of!r} is not an ISO date or time") from err
    if moment and moment.tzinfo:
        raise InputError(
            f"--as-of {as_of!r} has a zone", hint="Business time is the city's wall time."
        )
    return moment


def _merged(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return one outcome a resource: a run that was cut off before may have ended beside ours."""
    found: dict[str, Outcome] = {}
    for one in outcomes:
        other = found.get(one.resource, Outcome(one.resource, [], None))
        batches = sorted({*other.batches, *one.batches})
        error, merged = other.error or one.error, other.merged or one.merged
        themes = [*other.themes, *one.themes]
        found[one.resource] = Outcome(one.resource, batches, error, merged, themes)
    return list(found.values())


def sound_pack(home: Home, names: list[str]) -> Pack:
    """Return the pack, or raise the first thing that is wrong with what the runs use of it."""
    pack = usable_pack(home.pack)
    used = [pack.get(name) for name in names] or list(pack.resources.values())
    with closing(DuckDBParser()) as parser:
        for problem in lint_used(pack, used, [parser]):
            raise problem
    return pack


def show_outcomes(home: Home, outcomes: list[Outcome]) -> None:
    """Print what runs came to."""
    _show([line for outcome in outcomes for line in lines_of(home, outcome)], outcomes)


def _rests_on_others(resource: Any) -> bool:
    return any(rule.other for rule in resource.rules)


def lines_of(home: Home, outcome: Outcome) -> list[dict[str, Any]]:
    """Return what happened to one resource: a line a batch (balanced if refined), and an error.

    Where themes were computed, a line each.
    """
    lines: list[dict[str, Any]] = [dict(line) for line in outcome.themes]
    if outcome.batches:
        resource = usable_pack(home.pack).get(outcome.resource)
        with home.reading() as engine, engine.session() as session:
            landed = {b.number: b for b in list_batches(session, resource)}
            refined = [n for n in outcome.batches if landed[n].is_refined]
            lines = [
                {
                    "resource": outcome.resource,
                    "batch": n,
                    "mode": landed[n].mode,
                    "pulled": landed[n].rows,
                }
                for n in outcome.batches
                if n not in refined
            ]
            balances = balance_batches(session, resource, refined)
            lines += [line_of(landed[balance.batch], balance) for balance in balances]
    if outcome.merged is not None:
        touched, changed = outcome.merged
        lines.append({"resource": outcome.resource, "touched": touched, "changed": changed})
    if outcome.error:
        lines.append({"resource": outcome.resource, "error": dict(outcome.error)})
    if not lines and outcome.resource != THEMES:
        lines.append({"resource": outcome.resource, "batch": None, "pulled": 0})
    return lines


def _show(report: list[dict[str, Any]], outcomes: list[Outcome]) -> None:
    moved = [line for line in report if not {"error", "touched", "theme"} & line.keys()]
    for title, names, lines in (
        (BALANCED, BALANCE, moved),
        (MERGED, MERGES, [line for line in report if "touched" in line]),
    ):
        if lines:
            show_table(title, names, [[line.get(name) for name in names] for line in lines])
    say_empty(report)
    for line in report:
        if "theme" in line:
            say(
                f"theme {line['theme']}: computation {line['computation']}, {line['cells']:,} cells"
            )
    for outcome in outcomes:
        if outcome.error:
            say(f"{outcome.resource} failed: {outcome.error['message']}")

"""Commands that show what the stores hold: status and show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from chengshu.catalog import Pack, Resource, usable_pack
from chengshu.engine import Engine, Session
from chengshu.kernel.clock import wall_time
from chengshu.kernel.errors import InputError
from chengshu.libraries import report, stores
from chengshu.libraries.base.merger import Merger, make_merger
from chengshu.libraries.base.record import count_entities, is_merged
from chengshu.libraries.control import compare_totals, list_missing
from chengshu.libraries.heartbeat import find_silence
from chengshu.libraries.landing import Batch, list_batches
from chengshu.libraries.reconcile import Balance, balance_batches
from chengshu.libraries.upkeep import list_worn
from chengshu.main.home import Home, open_home
from chengshu.main.render import MASKED, say, show_json, show_table
from chengshu.security.mask import is_masked, shown_columns

BALANCE = (
    "resource", "batch", "mode", "pulled", "accepted", "ended", "unchanged", "repeated", "refused",
)  # fmt: skip
BALANCED = "pulled = accepted + ended + unchanged + repeated + refused"
TITLES = {
    "store": "rows by store",
    "batch": BALANCED,
    "waiting": "landed, not refined yet",
    "silent": "silent past their update cycle",
    "held": "held until a person decides: chengshu decide",
    "control": "control totals: declared = accepted + refused + missing - surplus",
    "back": "refined, findings not delivered back to the owner yet",
    "number": "batch numbers that have not come",
    "entity": "base store",
    "rule": "findings by rule",
    "source": "findings about the sources",
    "files": "tables that the next upkeep compacts, or at once: chengshu compact",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What someone wants to see of a resource: at most ``limit`` rows, or a record's history."""

    resource: str
    store: str | None
    batch: int | None
    record: str | None
    limit: int
    unmasked: bool
    reason: str


def status(root: Path, resources: list[str], every: bool, json: bool) -> None:
    """Print the status of resources of a home, all if none is named."""
    home = open_home(root)
    pack = usable_pack(home.pack)
    chosen = [pack.get(n) for n in resources] or list(pack.resources.values())
    parts = _status_of(home, pack, chosen, every)
    if json:
        show_json({"about": about, **line} for about, lines in parts.items() for line in lines)
    else:
        _show_status(parts)
    if any(not line["closed"] for line in parts["batch"]):
        raise typer.Exit(4)


def show_status_of(home: Home, pack: Pack) -> None:
    """Print the status of a whole home."""
    _show_status(_status_of(home, pack, list(pack.resources.values()), every=False))


def _status_of(
    home: Home, pack: Pack, chosen: list[Resource], every: bool
) -> dict[str, list[dict[str, Any]]]:
    now = wall_time(pack.zone)
    with home.reading() as engine:
        # What is known is looked up before the session, whose snapshot has at least that.
        known = [r for r in chosen if report.is_known(engine, r)]
        told = [r for r in _tellers(pack, known) if report.is_known(engine, r)]
        merged = [m for m in _mergers(pack, chosen) if is_merged(engine, m)]
        with engine.session() as session:
            tell: dict[str, Callable[[Session, Resource], list[dict[str, Any]]]] = {
                "store": lambda s, r: [report.count_stores(s, r)],
                "batch": lambda s, r: _balances(s, r, every),
                "waiting": report.list_waiting,
                "silent": lambda s, r: find_silence(s, r, pack.calendar, now, pack.zone),
                "held": report.list_held,
                "control": lambda s, r: _totals(s, r, told),
                "back": report.list_undelivered,
                "number": report.list_missing_numbers,
                "rule": report.count_findings,
                "source": report.count_source_findings,
            }
            found = {
                about: [line for resource in known for line in lines(session, resource)]
                for about, lines in tell.items()
            }
            found["entity"] = [count_entities(session, merger) for merger in merged]
        return {**found, "files": list_worn(engine)}


def _mergers(pack: Pack, resources: list[Resource]) -> list[Merger]:
    """Return those of the entities that are merged from any of ``resources``."""
    ids = {resource.id for resource in resources}
    entities = [e for e in pack.entities.values() if not ids.isdisjoint(e.resources)]
    return [make_merger(pack, entity) for entity in entities]


def _tellers(pack: Pack, resources: list[Resource]) -> list[Resource]:
    """Return the resources that hold the control totals of ``resources``."""
    return [pack.get(r.control.resource) for r in resources if r.control]


def _totals(session: Session, resource: Resource, told: list[Resource]) -> list[dict[str, Any]]:
    control = resource.control
    return [
        line
        for teller in told
        if control and teller.id == control.resource
        for line in compare_totals(session, resource, control, teller)
    ]


def _balances(session: Session, resource: Resource, every: bool) -> list[dict[str, Any]]:
    batches = {b.number: b for b in list_batches(session, resource) if b.is_refined}
    chosen = list(batches) if every else list(batches)[-1:]
    balances = balance_batches(session, resource, chosen)
    return [line_of(batches[b.batch], b) for b in balances]


def line_of(batch: Batch, balance: Balance) -> dict[str, Any]:
    """Return a batch with its balance as one flat object."""
    counts = {name: getattr(balance, name) for name in Balance.__slots__ if name != "batch"}
    told = {"resource": batch.resource, "batch": batch.number, "mode": batch.mode}
    return {**told, **counts, "closed": balance.is_closed}


def _show_status(parts: Mapping[str, list[dict[str, Any]]]) -> None:
    for about, lines in parts.items():
        if lines:
            names = list(BALANCE) if about == "batch" else list(lines[0])
            show_table(TITLES[about], names, [[line[name] for name in names] for line in lines])
    if not parts["store"]:
        say("nothing has been pulled yet. next: chengshu run")
    say_empty(parts["batch"])
    for line in parts["batch"]:
        if not line["closed"]:
            say(
                f"{line['resource']} batch {line['batch']} does not balance: "
                f"{line['lost']} rows lost"
            )


def say_empty(lines: Iterable[Mapping[str, Any]]) -> None:
    """Say which batches came without a single row: in a full delivery, that ends every record."""
    for line in lines:
        if line.get("batch") is not None and line["pulled"] == 0 and line["mode"] == "full":
            say(
                f"{line['resource']} batch {line['batch']} came without any row, and a full "
                "delivery without rows ends every record. To refuse it, declare rows: {min: 1}."
            )


def show(home: Home, look: Look, json: bool) -> None:
    """Print rows, masked unless a look in the clear was asked for with a reason."""
    if look.record is not None and (look.store or look.batch is not None):
        raise typer.BadParameter(
            "--record shows a record's whole history; --store and --batch do not go with it."
        )
    pack = usable_pack(home.pack)
    declared = pack.get(look.resource)
    store = look.store or "department"
    columns = _columns(home, pack, declared, look)
    with home.reading() as engine:
        _check_known(engine, declared)
        with engine.session() as session:
            if look.record is not None:
                rows = report.list_versions(session, declared, look.record, columns)
            elif store == "missing":
                rows = _missing(session, pack, declared, engine, look, columns)
            else:
                rows = report.list_rows(session, declared, store, look.batch, look.limit, columns)
    if json:
        show_json(rows)
        return
    if not rows:
        say("no rows")
        return
    part = "history" if look.record is not None else store
    show_table(
        f"{declared.label} {declared.id}: {part}",
        list(rows[0]),
        [list(row.values()) for row in rows],
    )
    if not look.unmasked and is_masked(declared):
        say(MASKED)


def _missing(
    session: Session,
    pack: Pack,
    resource: Resource,
    engine: Engine,
    look: Look,
    columns: Mapping[str, str],
) -> list[Mapping[str, Any]]:
    if resource.control is None:
        raise InputError(f"{resource.id} declares no control total", hint="See rules/declaration.")
    told = pack.get(resource.control.resource)
    _check_known(engine, told)
    return list(list_missing(session, resource, resource.control, told, look.limit, columns))


def _columns(home: Home, pack: Pack, resource: Resource, look: Look) -> Mapping[str, str]:
    """Return field → SQL that shows it; a look in the clear is recorded before it is given."""
    types = {f.name: pack.type_of(f) for f in resource.fields}
    typed = look.record is not None or look.store in (
        None, "department", "history", "held", "missing",
    )  # fmt: skip
    columns = shown_columns(resource, types, typed=typed, masked=not look.unmasked)
    if not look.unmasked:
        return columns
    from chengshu.main.uses import record_look

    record_look(home, resource.id, look)
    return columns


def _check_known(engine: Engine, resource: Resource) -> None:
    if not report.is_known(engine, resource):
        raise InputError(f"{resource.id} has never been pulled", hint="Bring it in: chengshu run")
    have = engine.columns_of(stores.current(resource))
    if new := [f.name for f in resource.fields if f.name not in have]:
        raise InputError(
            f"{resource.id}: {', '.join(new)} declared since the last run", hint="Do: chengshu run"
        )

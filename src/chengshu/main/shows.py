"""Commands that show what the stores hold: status and show."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import typer

from chengshu.catalog import Pack, Resource, usable_pack
from chengshu.engine import Engine, Session
from chengshu.kernel.errors import InputError
from chengshu.libraries import report, stores
from chengshu.libraries.landing import list_batches
from chengshu.libraries.reconcile import balance_batches
from chengshu.main.home import Home, open_home
from chengshu.main.render import say, show_json, show_table
from chengshu.main.runs import BALANCE, line_of
from chengshu.security.mask import is_masked, shown_columns
from chengshu.security.usage import record_use

Json = Annotated[bool, typer.Option("--json", help="One object a line.")]
Store = Literal["landing", "department", "history", "management", "findings"]


def status(
    context: typer.Context,
    resources: Annotated[list[str] | None, typer.Argument(help="Resources; all if none.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every batch, not only the newest.")] = False,
    json: Json = False,
) -> None:
    """Show the stores, the balance of each batch, and what failed by rule."""
    home = open_home(context.obj)
    pack = usable_pack(home.pack)
    chosen = [pack.get(n) for n in resources or ()] or list(pack.resources.values())
    parts = _status_of(home, chosen, every)
    if json:
        show_json({"about": about, **line} for about, lines in parts.items() for line in lines)
    else:
        _show_status(parts)
    if any(not line["closed"] for line in parts["batch"]):
        raise typer.Exit(4)


def show_status_of(home: Home, pack: Pack) -> None:
    """Print the status of a whole home."""
    _show_status(_status_of(home, list(pack.resources.values()), every=False))


def _status_of(home: Home, chosen: list[Resource], every: bool) -> dict[str, list[dict[str, Any]]]:
    with home.reading() as engine:
        known = [r for r in chosen if report.is_known(engine, r)]
        with engine.session() as session:
            tell: dict[str, Callable[[Session, Resource], list[dict[str, Any]]]] = {
                "store": lambda s, r: [report.count_stores(s, r)],
                "batch": lambda s, r: _balances(s, r, every),
                "waiting": report.list_waiting,
                "rule": report.count_findings,
                "source": report.count_source_findings,
            }
            return {
                about: [line for resource in known for line in lines(session, resource)]
                for about, lines in tell.items()
            }


def _balances(session: Session, resource: Resource, every: bool) -> list[dict[str, Any]]:
    batches = [b.number for b in list_batches(session, resource) if b.is_refined]
    chosen = batches if every else batches[-1:]
    return [line_of(resource.id, b) for b in balance_batches(session, resource, chosen)]


TITLES = {
    "store": "rows by store",
    "batch": "pulled = accepted + unchanged + repeated + refused",
    "waiting": "landed, not refined yet",
    "rule": "findings by rule",
    "source": "findings about the sources",
}


def _show_status(parts: Mapping[str, list[dict[str, Any]]]) -> None:
    for about, lines in parts.items():
        if lines:
            names = list(BALANCE) if about == "batch" else list(lines[0])
            show_table(TITLES[about], names, [[line[name] for name in names] for line in lines])
    if not parts["store"]:
        say("nothing has been pulled yet. next: chengshu run")
    for line in parts["batch"]:
        if not line["closed"]:
            say(
                f"{line['resource']} batch {line['batch']} does not balance: "
                f"{line['lost']} rows lost"
            )


def show(
    context: typer.Context,
    resource: Annotated[str, typer.Argument(help="department/resource")],
    store: Annotated[Store, typer.Option(help="Which store to look into.")] = "department",
    batch: Annotated[int | None, typer.Option(help="Only this batch.")] = None,
    record: Annotated[
        str | None, typer.Option(help="One record's whole history, by its key.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1)] = 20,
    unmasked: Annotated[bool, typer.Option(help="In the clear; needs a reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why; it is recorded with your name.")] = "",
    json: Json = False,
) -> None:
    """Show rows of a store, a batch, or one record's history; masked by grade."""
    home = open_home(context.obj)
    pack = usable_pack(home.pack)
    declared = pack.get(resource)
    columns = _columns(home, pack, declared, store, record, unmasked, reason)
    with home.reading() as engine:
        _check_known(engine, declared)
        with engine.session() as session:
            if record is not None:
                rows = report.list_versions(session, declared, record, columns)
            else:
                rows = report.list_rows(session, declared, store, batch, limit, columns)
    if json:
        show_json(rows)
        return
    if not rows:
        say("no rows")
        return
    title = f"{declared.label} {declared.id}: {'history' if record is not None else store}"
    show_table(title, list(rows[0]), [list(row.values()) for row in rows])
    if not unmasked and is_masked(declared):
        say('masked by grade; in the clear with --unmasked --reason "…", which is recorded')


def _columns(
    home: Home,
    pack: Pack,
    resource: Resource,
    store: str,
    record: str | None,
    unmasked: bool,
    reason: str,
) -> Mapping[str, str]:
    """Return field → SQL that shows it; a look in the clear is recorded before it is given."""
    types = {f.name: pack.type_of(f) for f in resource.fields}
    typed = record is not None or store in ("department", "history")
    columns = shown_columns(resource, types, typed=typed, masked=not unmasked)
    if not unmasked:
        return columns
    state = home.open_state()
    what = f"{resource.id} {'record' if record is not None else store}"
    record_use(
        state, person=getpass.getuser(), purpose="break-glass view", what=what, reason=reason
    )
    state.close()
    return columns


def _check_known(engine: Engine, resource: Resource) -> None:
    if not report.is_known(engine, resource):
        raise InputError(f"{resource.id} has never been pulled", hint="Bring it in: chengshu run")
    have = engine.columns_of(stores.current(resource))
    if new := [f.name for f in resource.fields if f.name not in have]:
        raise InputError(
            f"{resource.id}: {', '.join(new)} declared since the last run", hint="Do: chengshu run"
        )

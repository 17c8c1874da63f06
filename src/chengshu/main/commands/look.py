"""Commands that show what there is, give it back, and small tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chengshu.main.app import Json, Store, app


@app.command("status")
def status(
    context: typer.Context,
    resources: Annotated[list[str] | None, typer.Argument(help="Resources; all if none.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every batch, not only the newest.")] = False,
    json: Json = False,
) -> None:
    """Show the stores, each batch's balance, and what failed by rule."""
    from chengshu.main import shows

    shows.status(context.obj, resources or [], every, json)


@app.command("show")
def show(
    context: typer.Context,
    resource: Annotated[str, typer.Argument(help="department/resource, or an entity: person")],
    key: Annotated[
        str | None, typer.Argument(help="Of an entity, its key; if none, whose attributes are.")
    ] = None,
    store: Annotated[
        Store | None, typer.Option(help="Which store to look into; department if none.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Only this batch.")] = None,
    record: Annotated[
        str | None, typer.Option(help="One record's whole history, by its key.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1)] = 20,
    as_of: Annotated[str | None, typer.Option(help="An entity as it was on this day.")] = None,
    known: Annotated[str | None, typer.Option(help="And as it was known on this day.")] = None,
    unmasked: Annotated[bool, typer.Option(help="In the clear; needs a reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why; it is recorded with your name.")] = "",
    json: Json = False,
) -> None:
    """Show rows, a record's history, or one entity; masked by grade."""
    from chengshu.main import card, entities, shows
    from chengshu.main.home import open_home

    home = open_home(context.obj)
    if entities.is_entity(home, resource):
        _refuse(f"{resource} is an entity", store=store, batch=batch, record=record)
        look = card.EntityLook(resource, key, as_of, known, unmasked, reason)
        entities.show_entity(home, look, json)
    else:
        _refuse(f"{resource} is a resource", key=key, as_of=as_of, known=known)
        asked = shows.Look(resource, store, batch, record, limit, unmasked, reason)
        shows.show(home, asked, json)


def _refuse(why: str, **given: object) -> None:
    if wrong := [f"--{name}".replace("_", "-") for name, value in given.items() if value]:
        raise typer.BadParameter(f"{why}: {', '.join(wrong)} does not go with it.")


@app.command("link")
def link(
    context: typer.Context,
    entity: Annotated[str, typer.Argument(help="person, legal_entity …")],
    old: Annotated[str, typer.Argument(help="The key that is no longer used.")],
    new: Annotated[str | None, typer.Argument(help="The key in its place.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="It has not changed after all.")] = False,
    reason: Annotated[str, typer.Option(help="Why; it is recorded with your name.")] = "",
    json: Json = False,
) -> None:
    """Say that an entity's key has changed, or take that back.

    What departments say under either key is then one record; nothing of it is lost.
    """
    from chengshu.main import entities
    from chengshu.main.home import open_home

    if undo == (new is not None):
        raise typer.BadParameter("give the new key, or --undo.")
    entities.link(open_home(context.obj), entity, old, new, reason, json)


@app.command("usage")
def usage(
    context: typer.Context,
    record: Annotated[
        str | None, typer.Option(help="Only looks at one record, by its key.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the usage record: who saw or was given what, and why."""
    from chengshu.main import uses

    uses.usage(context.obj, record, json)


@app.command("value")
def value(
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="A value type: citizen_id, uscc …")],
    file: Annotated[
        Path | None, typer.Argument(help="One value a line; standard input if none.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(help="A parameter of the type, as name=value: codes=gb2261_1."),
    ] = None,
    json: Json = False,
) -> None:
    """Read values: verdict, canonical form, reason.

    Verdicts are ok, corrected, warning and invalid.
    """
    from chengshu.main import values

    values.value(kind, file, param or [], json)


@app.command("read")
def read(
    file: Annotated[Path, typer.Argument(help="A CSV, TSV, Excel, JSON lines or Parquet file.")],
    to: Annotated[Path | None, typer.Option(help="Write it as clean .csv or .parquet.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding, when it is known.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Delimiter, when it is known.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One object.")] = False,
) -> None:
    """Say what a table file holds, and what is wrong with it."""
    from chengshu.exchange.files import open_table
    from chengshu.main import files

    files.read(open_table(file, encoding=encoding, delimiter=delimiter, sheet=sheet), to, json)


@app.command("template")
def template(
    context: typer.Context,
    resource: Annotated[str, typer.Argument(help="department/resource")],
    to: Annotated[Path | None, typer.Option(help="The .xlsx file to write.")] = None,
) -> None:
    """Write the Excel workbook that a department fills in."""
    from chengshu.main import fillin

    fillin.template(context.obj, resource, to)


@app.command("marked")
def marked(
    context: typer.Context,
    resource: Annotated[str, typer.Argument(help="department/resource")],
    batch: Annotated[int, typer.Argument(help="The batch that is given back.")],
    to: Annotated[Path | None, typer.Option(help="The .xlsx file to write.")] = None,
    reason: Annotated[str, typer.Option(help="Why; it is recorded with your name.")] = "",
) -> None:
    """Give a batch back as a workbook with its faulty cells marked.

    It is in the clear, for its owner only.
    """
    from chengshu.main import fillin

    fillin.marked(context.obj, resource, batch, to, reason)


@app.command("theme")
def theme(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The theme; a list of all if none.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many cells of a table.", min=1)] = 50,
    compute: Annotated[
        bool, typer.Option("--compute", help="Compute it now, whether it is due or not.")
    ] = False,
    recompute: Annotated[
        int | None, typer.Option(help="Make that computation again, and compare.")
    ] = None,
    json: Json = False,
) -> None:
    """Show themes, or the numbers of one; make a number again."""
    from chengshu.main import themes

    themes.theme(context.obj, themes.Meant(name, limit, compute, recompute), json)


@app.command("explain")
def explain(
    context: typer.Context,
    theme: Annotated[str, typer.Argument(help="theme, or theme/table where it has several")],
    cell: Annotated[
        list[str] | None, typer.Argument(help="dimension=value …; nothing after = is no value")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows of an input.", min=1)] = 20,
    unmasked: Annotated[bool, typer.Option(help="In the clear; needs a reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why; it is recorded with your name.")] = "",
    json: Json = False,
) -> None:
    """Show the rows behind a theme's number, and their sources.

    They are masked by grade, and as they were when it was computed.
    """
    from chengshu.main import themes

    themes.explain_cell(context.obj, themes.Asked(theme, cell or [], limit, unmasked, reason), json)

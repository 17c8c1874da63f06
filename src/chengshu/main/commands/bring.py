"""Commands that make a home, and bring data in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from chengshu.main.app import AsOf, Json, Names, app


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="The home folder to make.")],
    pack: Annotated[
        Path | None, typer.Option(help="The city pack; FOLDER/packs/city if not given.")
    ] = None,
) -> None:
    """Make a home folder: it keeps stores, flows and settings."""
    from chengshu.main import homes

    homes.init(folder, pack)


@app.command("check")
def check(
    context: typer.Context,
    pack: Annotated[
        Path | None, typer.Argument(help="A city pack; the home's if not given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One object a problem.")] = False,
) -> None:
    """Check a city pack: files, rules on every engine, meanings."""
    from chengshu.main import packs

    packs.check(context.obj, pack, json)


@app.command("secret")
def secret(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name that the city pack uses.")],
) -> None:
    """Store a secret, as a front store's password.

    It is asked for, or read from a pipe.
    """
    from chengshu.main import homes

    homes.secret(context.obj, name)


@app.command("pull")
def pull(
    context: typer.Context, resources: Names = None, as_of: AsOf = None, json: Json = False
) -> None:
    """Pull what waits at the sources and land it as it came."""
    from chengshu.main import runs

    runs.run(context.obj, resources or [], runs.How(as_of, refine=False), json)


@app.command("run")
def run(
    context: typer.Context,
    resources: Names = None,
    as_of: AsOf = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only those whose last run failed.")
    ] = False,
    engine: Annotated[
        Literal["duckdb", "spark"] | None,
        typer.Option(help="What refines, merges and computes; the tables' size decides if none."),
    ] = None,
    json: Json = False,
) -> None:
    """Pull, land, refine and check what changed.

    It goes on where an earlier run was cut off.
    """
    from chengshu.main import runs

    how = runs.How(as_of, engine=engine, failed=failed)
    runs.run(context.obj, resources or [], how, json)


@app.command("serve")
def serve(context: typer.Context, json: Json = False) -> None:
    """Pull by schedule, and do what other commands ask for.

    It goes on until it is stopped (Ctrl-C, SIGTERM).
    """
    from chengshu.main import schedules

    schedules.serve_home(context.obj, json)


@app.command("schedule")
def schedule(context: typer.Context, json: Json = False) -> None:
    """Show what is due when, how it went last, what is paused."""
    from chengshu.main import schedules

    schedules.show_schedule(context.obj, json)


@app.command("pause")
def pause(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="department/resource, or a whole department")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded with your name.")] = "",
) -> None:
    """Pull no more from a resource, or a department, until resumed."""
    from chengshu.main import schedules

    schedules.pause_one(context.obj, name, reason)


@app.command("resume")
def resume(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What was paused.")],
) -> None:
    """End a pause; what fell due meanwhile is pulled once."""
    from chengshu.main import schedules

    schedules.resume_one(context.obj, name)


@app.command("decide")
def decide(
    context: typer.Context,
    resource: Annotated[str, typer.Argument(help="department/resource")],
    batch: Annotated[int, typer.Argument(help="The batch that is held.")],
    decision: Annotated[
        Literal["confirm", "discard"], typer.Argument(help="Take it as it is, or never.")
    ],
    reason: Annotated[str, typer.Option(help="Why; it is recorded with your name.")] = "",
    json: Json = False,
) -> None:
    """Decide on a delivery that is held.

    It is one that would end more records than its declaration lets it.
    """
    from chengshu.main import runs

    runs.decide(context.obj, resource, batch, decision, reason, json)


@app.command("zero")
def zero(
    context: typer.Context,
    resource: Annotated[str, typer.Argument(help="department/resource")],
    reason: Annotated[str, typer.Option(help="What it rests on; recorded with your name.")] = "",
    as_of: AsOf = None,
) -> None:
    """Report that nothing has changed, which is not silence."""
    from chengshu.main import runs

    runs.report_zero(context.obj, resource, reason, as_of)


@app.command("compact")
def compact(context: typer.Context, json: Json = False) -> None:
    """Compact the stores' files, and let go of what is old.

    The worker does so by itself; by hand also what killed processes left is removed.
    """
    from chengshu.main import upkeep

    upkeep.compact(context.obj, json)


@app.command("backup")
def backup(
    context: typer.Context,
    to: Annotated[Path, typer.Argument(help="Folder of backups; each gets a folder in it.")],
) -> None:
    """Copy the home as it is now; it may be in use."""
    from chengshu.main import backup

    backup.backup(context.obj, to)


@app.command("restore")
def restore(
    made: Annotated[Path, typer.Argument(help="The backup.")],
    folder: Annotated[Path, typer.Argument(help="A new folder, which becomes the home.")],
) -> None:
    """Put a backup into a new folder, and compare every byte."""
    from chengshu.main import backup

    backup.restore(made, folder)


cluster = typer.Typer(help="A Spark cluster that a city has.", no_args_is_help=True)
app.add_typer(cluster, name="cluster")


@cluster.command("check")
def cluster_check(
    context: typer.Context,
    master: Annotated[
        str | None, typer.Argument(help="spark://host:port; the home's own if not given.")
    ] = None,
) -> None:
    """Try it from end to end: versions, paths, clocks, a round trip."""
    from chengshu.main import clusters

    clusters.check_cluster(context.obj, master)

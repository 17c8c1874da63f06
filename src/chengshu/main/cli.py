"""The command line: what people type, and what comes back.

Exit codes: 0 done; 1 refused input or data; 2 a wrong declaration or usage; 3 an engine, a disk
or another system failed; 4 the stores contradict each other; 130 interrupted (`door`).

Each command imports what it needs when it is called, so that help and small tools start at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer._click.exceptions import ClickException

from chengshu.kernel.errors import InputError

app = typer.Typer(
    name="chengshu",
    help="城枢 Chengshu: a city's data, declared, refined, shared and traced.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="One object a line.")]
Names = Annotated[
    list[str] | None, typer.Argument(help="Resources, as department/resource; all if none.")
]
AsOf = Annotated[
    str | None, typer.Option(help="Business time of what is pulled, ISO, where no source says it.")
]
Store = Literal["landing", "department", "history", "management", "findings", "held", "missing"]


@app.callback()
def choose_home(
    context: typer.Context,
    home: Annotated[
        Path,
        typer.Option(envvar="CHENGSHU_HOME", help="The home folder; this folder if not given."),
    ] = Path(),
) -> None:
    """Set what all commands share."""
    context.obj = home


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

    runs.run(context.obj, resources or [], as_of, json, refine=False)


@app.command("run")
def run(
    context: typer.Context, resources: Names = None, as_of: AsOf = None, json: Json = False
) -> None:
    """Pull, land, refine and check what changed.

    It goes on where an earlier run was cut off.
    """
    from chengshu.main import runs

    runs.run(context.obj, resources or [], as_of, json, refine=True)


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
    resource: Annotated[str, typer.Argument(help="department/resource")],
    store: Annotated[
        Store | None, typer.Option(help="Which store to look into; department if none.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Only this batch.")] = None,
    record: Annotated[
        str | None, typer.Option(help="One record's whole history, by its key.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many rows.", min=1)] = 20,
    unmasked: Annotated[bool, typer.Option(help="In the clear; needs a reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why; it is recorded with your name.")] = "",
    json: Json = False,
) -> None:
    """Show rows, or one record's history, masked by grade."""
    from chengshu.main.shows import Look, show

    show(context.obj, Look(resource, store, batch, record, limit, unmasked, reason), json)


@app.command("usage")
def usage(
    context: typer.Context,
    record: Annotated[
        str | None, typer.Option(help="Only looks at one record, by its key.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the usage record: who saw what in the clear, when and why."""
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


@app.command("demo")
def demo(
    folder: Annotated[
        Path, typer.Argument(help="The home folder to make; it may not hold anything.")
    ] = Path("demo-home"),
) -> None:
    """Make a small made-up city, take two deliveries, and report."""
    from chengshu.main import demonstrate

    demonstrate.demo(folder)


def run_command(args: list[str]) -> int:
    """Run the command that ``args`` say; return its exit code, having told of wrong usage."""
    command = typer.main.get_command(app)
    # Not by calling the app: it takes a closed pipe for a failure.
    try:
        with command.make_context("chengshu", args) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        raise InputError("nothing was typed") from None
    except ClickException as err:
        err.show()
        return int(err.exit_code)
    return 0

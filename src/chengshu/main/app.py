"""The command line as a whole: its name, and what its commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

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

"""The command line: what people type, and what comes back.

Exit codes: 0 done; 1 refused input or data; 2 a wrong declaration or usage; 3 an engine, a disk
or another system failed; 4 the stores contradict each other.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from traceback import extract_tb
from typing import Annotated

import typer

from chengshu.kernel.errors import ChengshuError
from chengshu.main import demonstrate, packs, runs, shows, tools
from chengshu.main.render import ERR

app = typer.Typer(
    name="chengshu",
    help="城枢 Chengshu: a city's data, declared, refined, shared and traced.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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


app.command("init")(packs.init)
app.command("check")(packs.check)
app.command("secret")(packs.secret)
app.command("pull")(runs.pull)
app.command("run")(runs.run)
app.command("status")(shows.status)
app.command("show")(shows.show)
app.command("value")(tools.value)
app.command("read")(tools.read)
app.command("demo")(demonstrate.demo)


def main() -> None:
    """Run the command; an error of ours is one message and an exit code, never a traceback."""
    try:
        app()
    except ChengshuError as err:
        ERR.print(f"chengshu: {err}", markup=False)
        sys.exit(err.exit_code)
    except KeyboardInterrupt:
        ERR.print("chengshu: interrupted; what is finished stays, run it again to go on.")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as err:
        ERR.print(f"chengshu: {err.filename or 'the system'}: {err.strerror}", markup=False)
        sys.exit(3)
    except Exception as err:  # noqa: BLE001 - the last door; what others say may be citizens' data
        place = [f for f in extract_tb(err.__traceback__) if "chengshu" in f.filename][-1]
        at = f"{Path(place.filename).name}:{place.lineno}"
        ERR.print(f"chengshu: a fault of the platform: {type(err).__name__} at {at}.", markup=False)
        sys.exit(3)

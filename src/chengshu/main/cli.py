"""The command line: what people type, and what comes back.

Exit codes: 0 done; 1 refused input or data; 2 a wrong declaration or usage; 3 an engine, a disk
or another system failed; 4 the stores contradict each other; 130 interrupted (`door`).
"""

from __future__ import annotations

import typer
from typer._click.exceptions import ClickException

from chengshu.kernel.errors import InputError
from chengshu.main.app import app
from chengshu.main.commands import bring, city, look  # noqa: F401 - they put themselves into the app


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

"""The command `compact`: what upkeep did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from chengshu.flows.worker import keep
from chengshu.main.home import open_home
from chengshu.main.render import progress_of_runs, say, show_json, show_table, warn

COLUMNS = ("table", "files_before", "files_after", "bytes_before", "bytes_after")


def compact(root: Path, json: bool) -> None:
    """Do all upkeep of a home, and print what was done."""
    home = open_home(root)
    with progress_of_runs() as tell:
        told = keep(lambda: home.writing(tell), home.flows, home.lock)
    if error := told["error"]:
        warn(error["message"])
        raise typer.Exit(error["exit_code"])
    done: dict[str, Any] = told["value"]
    lines = [_line(table) for table in done["tables"]]
    counts = {
        "snapshots_expired": done["expired"],
        "files_deleted": done["cleaned"],
        "runs_forgotten": done["runs"],
    }
    if json:
        show_json([*lines, counts])
        return
    if lines:
        show_table("compacted", COLUMNS, [[line[name] for name in COLUMNS] for line in lines])
    else:
        say("no table has files that are worth compacting")
    say(", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items()))


def _line(table: dict[str, Any]) -> dict[str, Any]:
    return dict(zip(COLUMNS, [table["table"], *table["files"], *table["bytes"]], strict=True))

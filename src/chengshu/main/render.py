"""How the command line shows things: aligned tables, progress, or one JSON object a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave a closed pipe to the door; rich would end with an error."""
        raise BrokenPipeError


OUT = _Console(highlight=False, width=None if sys.stdout.isatty() else 160)
ERR = _Console(stderr=True, highlight=False, soft_wrap=True)


def show_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON object a line."""
    for row in rows:
        sys.stdout.write(json.dumps(row, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers stand right, with thousands apart."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    body = [list(row) for row in rows]
    for at, name in enumerate(columns):
        values = [row[at] for row in body if row[at] is not None]
        numeric = bool(values) and all(
            isinstance(v, int) and not isinstance(v, bool) for v in values
        )
        table.add_column(
            name, justify="right" if numeric else "left", header_style="dim", overflow="fold"
        )
    for row in body:
        table.add_row(*(_cell(value) for value in row))
    OUT.print(table)
    OUT.print()


def _cell(value: object) -> Text:
    if value is None:
        return Text("·", style="dim")
    if isinstance(value, int) and not isinstance(value, bool):
        return Text(f"{value:,}")
    if isinstance(value, datetime):
        midnight = value.hour == value.minute == value.second == 0
        return Text(str(value.date()) if midnight else value.isoformat(sep=" ", timespec="seconds"))
    return Text(str(value))


def say(text: str) -> None:
    """Print a line for a person."""
    OUT.print(text, markup=False, soft_wrap=True)


@contextmanager
def progress_of_runs() -> Iterator[Callable[[str, str, int], None]]:
    """Show how far runs are; give the function that they tell it to."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<44}"),
        TextColumn("{task.fields[stage]:<8}"),
        TextColumn("{task.fields[count]:>14}"),
        BarColumn(bar_width=16),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def tell(resource: str, stage: str, rows: int) -> None:
            if resource not in tasks:
                tasks[resource] = bar.add_task(resource, total=None, stage="", count="")
            if stage == "done":
                bar.update(tasks[resource], stage="done", total=1, completed=1)
            else:
                bar.update(tasks[resource], stage=stage, count=f"{rows:,} rows" if rows else "")

        yield tell


@contextmanager
def progress_of_rows(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how many rows have been read; give the function that is told."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} rows"),
    )
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda rows: bar.update(task, completed=rows)

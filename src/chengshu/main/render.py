"""How the command line shows things: aligned tables, progress, or one JSON object a line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from chengshu.standards.model import ValueType


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave a closed pipe to the door; rich would end with an error."""
        raise BrokenPipeError


ANY_WIDTH = 100_000
# What a column that may be folded keeps at least.
LEAST_WIDTH = 24
_GROUPING = str.maketrans("", "", " -")
MASKED = 'masked by grade; in the clear with --unmasked --reason "…", which is recorded'
FITS_A_SCREEN = sys.stdout.isatty() or "COLUMNS" in os.environ
OUT = _Console(highlight=False, width=None if FITS_A_SCREEN else ANY_WIDTH)
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


def show_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], folds: str | None = None
) -> None:
    """Print a table; numbers stand right, with thousands apart.

    A table that is wider than the screen is printed record by record, so that ids stay whole;
    but where it fits when the column that ``folds`` names is broken into lines, that is done.
    """
    body = [list(row) for row in rows]
    saved = 0
    table = Table(box=None, pad_edge=False)
    for at, name in enumerate(columns):
        values = [row[at] for row in body if row[at] is not None]
        numeric = bool(values) and all(_is_number(value) for value in values)
        table.add_column(
            name, justify="right" if numeric else "left", header_style="dim",
            no_wrap=name != folds, overflow="fold",
        )  # fmt: skip
        if name == folds:
            widest = max((_cell(value).cell_len for value in values), default=0)
            saved = max(0, widest - LEAST_WIDTH)
    for row in body:
        table.add_row(*(_cell(value) for value in row))
    say(title, style="bold")
    whole = table.__rich_measure__(OUT, OUT.options.update(width=ANY_WIDTH)).maximum
    if whole - saved <= OUT.width:
        OUT.print(table)
        OUT.print()
    else:
        _show_records(columns, body)


def render_markdown(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as Markdown under its title; numbers stand right, with thousands apart."""
    body = [list(row) for row in rows]
    numeric = [any(map(_is_number, column)) for column in zip(*body, strict=True)]
    lines = [columns, ["---:" if right else "---" for right in numeric or [False] * len(columns)]]
    lines += [[_cell(value).plain.replace("|", "\\|") for value in row] for row in body]
    return "\n".join([f"**{title}**", "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def _show_records(columns: Sequence[str], body: Iterable[Sequence[object]]) -> None:
    widest = max(cell_len(name) for name in columns)
    for row in body:
        for name, value in zip(columns, row, strict=True):
            label = (f"{set_cell_size(name, widest)}  ", "dim")
            OUT.print(Text.assemble(label, _cell(value)), soft_wrap=True)
        OUT.print()


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _cell(value: object) -> Text:
    if value is None:
        return Text("·", style="dim")
    if _is_number(value):
        return Text(f"{value:,}")
    if isinstance(value, datetime):
        midnight = value.hour == value.minute == value.second == 0
        return Text(str(value.date()) if midnight else value.isoformat(sep=" ", timespec="seconds"))
    return Text(str(value))


def caption_of(kind: ValueType, value: object) -> str:
    """Return a value as people read it: a code's name, a day in words; ids as they are typed in."""
    text = str(value)
    caption = kind.caption(text)
    return text if caption.translate(_GROUPING) == text.translate(_GROUPING) else caption


def say(text: str, style: str | None = None) -> None:
    """Print a line for a person."""
    OUT.print(text, markup=False, soft_wrap=True, style=style)


def warn(text: str) -> None:
    """Print a line for a person beside the output."""
    ERR.print(text, markup=False)


@contextmanager
def progress_of_runs() -> Iterator[Callable[[str, str, int], None]]:
    """Show how far runs are; give the function that they tell it to."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<38}"),
        TextColumn("{task.fields[stage]:<8}"),
        TextColumn("{task.fields[count]:>14}"),
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


@contextmanager
def progress_of_steps() -> Iterator[Callable[[str], None]]:
    """Show which step is being done; give the function that is told its name."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda name: bar.update(task, description=name)


class Days:
    """How far the days of a city are: which one it is, and what is done of it."""

    def __init__(self, bar: Progress, total: int) -> None:
        """Show it on ``bar``."""
        self._bar, self._task = bar, bar.add_task("", total=total, what="")

    def __call__(self, done: int, what: str) -> None:
        """Tell how many days are done, and what is next."""
        self._bar.update(self._task, completed=done, description=what, what="")

    def run(self, resource: str, stage: str, rows: int) -> None:
        """Tell what a run is at."""
        count = f" {rows:,} rows" if rows else ""
        self._bar.update(self._task, what=f"{resource} {stage}{count}")


@contextmanager
def progress_of_days(total: int) -> Iterator[Days]:
    """Show how far a city is that is lived through day by day; give what is told."""
    columns = (
        BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
        TextColumn("{task.description}"), TextColumn("{task.fields[what]}", style="dim"),
    )  # fmt: skip
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        yield Days(bar, total)

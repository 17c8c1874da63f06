"""Commands of the made-up city: generate, demo and score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chengshu.main.app import Json, app

Size = Annotated[int, typer.Option(help="Residents, 2,000 to 10,000,000.")]
Seed = Annotated[int, typer.Option(help="Another seed is another city.")]
Days = Annotated[int, typer.Option(help="Daily deliveries after the first.")]
Defects = Annotated[
    Path | None, typer.Option(help="A YAML file of what goes wrong; the shipped one if none.")
]


@app.command("generate")
def generate(
    folder: Annotated[Path, typer.Argument(help="The folder to fill.")],
    size: Size = 200_000,
    seed: Seed = 7,
    days: Days = 30,
    defects: Defects = None,
    clean: Annotated[bool, typer.Option("--clean", help="Nothing goes wrong.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Deliver day 0 only; the others wait below days.")
    ] = False,
) -> None:
    """Generate a made-up city: its front stores and an answer key."""
    from chengshu.main import generate

    made = generate.City(size, seed, days, defects, clean=clean)
    generate.generate_city(folder, made, wait=wait)


@app.command("demo")
def demo(
    folder: Annotated[
        Path, typer.Argument(help="The home folder to make; it may not hold anything.")
    ] = Path("demo-home"),
    size: Size = 200_000,
    seed: Seed = 7,
    days: Days = 30,
    defects: Defects = None,
) -> None:
    """Make a made-up city, live through its days, and report."""
    from chengshu.main import demonstrate, generate

    demonstrate.demo(folder, generate.City(size, seed, days, defects))


@app.command("score")
def score(
    context: typer.Context,
    key: Annotated[Path, typer.Option(help="The answer key, a Parquet file.")],
    defects: Defects = None,
    json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables for a page.")] = False,
) -> None:
    """Score a home's findings against errors whose truth is known."""
    from chengshu.main import scores

    scores.score(context.obj, key, defects, json, markdown)

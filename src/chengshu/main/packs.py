"""Commands about homes and city packs: init, check, secret."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from chengshu.catalog import load_pack
from chengshu.catalog.lint import lint_pack
from chengshu.engine.duckdb import DuckDBEngine
from chengshu.engine.lake import Lake
from chengshu.kernel.errors import InputError
from chengshu.main.home import make_home, open_home
from chengshu.main.render import say, show_json


def init(
    folder: Annotated[Path, typer.Argument(help="The home folder to make.")],
    pack: Annotated[
        Path, typer.Option(help="The city pack; FOLDER/packs/city if not given.")
    ] = Path(),
) -> None:
    """Make a home folder: where the stores, the flows and the settings live."""
    chosen = pack if pack != Path() else folder / "packs" / "city"
    home = make_home(folder, chosen)
    say(f"home      {home.root}")
    say(f"city pack {home.pack}{'' if home.pack.exists() else '  (not there yet)'}")
    say("")
    say(f"next: chengshu --home {folder} check, then chengshu --home {folder} run")


def check(
    context: typer.Context,
    pack: Annotated[
        Path | None, typer.Argument(help="A city pack; the home's if not given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One object a problem.")] = False,
) -> None:
    """Check a city pack: every file, every rule on every engine, one meaning for one name."""
    root = pack if pack is not None else open_home(context.obj).pack
    declared = load_pack(root)
    with TemporaryDirectory() as scratch:
        engines = _engines(Path(scratch))
        problems = lint_pack(declared, engines)
        for engine in engines:
            engine.close()
    if json:
        show_json(
            {"path": p.where.path, "line": p.where.line, "problem": p.problem, "known": p.known}
            for p in problems
        )
    else:
        for problem in problems:
            say(str(problem))
        rules = sum(len(r.rules) for r in declared.resources.values())
        say(
            f"{len(problems)} problems in {len(declared.resources)} resources, {rules} rules; "
            f"rules were tried on {' and '.join(e.name for e in engines)}"
        )
    if problems:
        raise typer.Exit(2)


def _lake(scratch: Path) -> Lake:
    return Lake(scratch / "catalog.sqlite", scratch / "data", scratch / "tmp", memory_mb=500)


def parsing_engine(scratch: Path) -> DuckDBEngine:
    """Return the engine that every installation has, over nothing, to try rules on."""
    return DuckDBEngine(_lake(scratch))


def _engines(scratch: Path) -> list[Any]:
    """Return the engines that this installation has."""
    engines: list[Any] = [parsing_engine(scratch)]
    if importlib.util.find_spec("pyspark"):
        from chengshu.engine.spark import SparkEngine, start

        engines.append(SparkEngine(_lake(scratch), start("local[1]")))
    return engines


def secret(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name that the city pack uses.")],
) -> None:
    """Store a secret, a front store's password say; it is asked for, or read from a pipe."""
    piped = not sys.stdin.isatty()
    value = sys.stdin.readline().rstrip("\r\n") if piped else _asked(name)
    if not value:
        raise InputError("a secret is not empty", hint="Type it when asked, or pipe it in.")
    open_home(context.obj).open_secrets().put(name, value)
    say(f"stored {name}")


def _asked(name: str) -> str:
    return str(typer.prompt(f"value of {name}", hide_input=True))

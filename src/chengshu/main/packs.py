"""The command `check`: what is wrong with a city pack."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from chengshu.catalog import load_pack
from chengshu.catalog.lint import lint_pack
from chengshu.engine.duckdb_parser import DuckDBParser
from chengshu.engine.lake import Lake
from chengshu.main.home import open_home
from chengshu.main.render import say, show_json


def check(home: Path, pack: Path | None, json: bool) -> None:
    """Print the problems of a city pack, the home's if none is given."""
    root = pack if pack is not None else open_home(home).pack
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


def _engines(scratch: Path) -> list[Any]:
    """Return the engines that this installation has, over nothing."""
    engines: list[Any] = [DuckDBParser()]
    if importlib.util.find_spec("pyspark"):
        from chengshu.engine.cluster import start
        from chengshu.engine.spark import SparkEngine

        lake = Lake(scratch / "catalog.sqlite", scratch / "data", scratch / "tmp", memory_mb=500)
        engines.append(SparkEngine(lake, start("local[1]")))
    return engines

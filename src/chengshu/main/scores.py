"""The command `score`: what the platform has found of the errors of an answer key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from chengshu.catalog import usable_pack
from chengshu.demo.defects import load_kinds
from chengshu.demo.score import Score, make_score
from chengshu.kernel.errors import InputError
from chengshu.libraries import report
from chengshu.libraries.base.merger import make_merger
from chengshu.libraries.base.record import is_merged
from chengshu.main.home import open_home
from chengshu.main.render import render_markdown, say, show_json, show_table

TITLES = {
    "total": "errors and findings",
    "kinds": "by kind, the most missed first; no rule was tuned on those with †",
    "departments": "by department",
    "stores": "by the step that finds",
    "rules": "rules with false alarms",
    "habits": "habits: what became of values that were only written otherwise",
}


def score(root: Path, key: Path, kinds: Path | None, json: bool, markdown: bool) -> None:
    """Print how the findings of a home stand against an answer key."""
    if not key.is_file():
        raise InputError(f"{key}: there is no such file", hint="chengshu generate writes one.")
    home = open_home(root)
    pack = usable_pack(home.pack)
    declared = load_kinds(kinds)
    with home.reading() as engine:
        known = [r for r in pack.resources.values() if report.is_known(engine, r)]
        mergers = [make_merger(pack, entity) for entity in pack.entities.values()]
        merged = [merger for merger in mergers if is_merged(engine, merger)]
        with engine.session() as session:
            found = make_score(session, pack, known, merged, declared, key)
    if json:
        show_json(
            {"about": about, **_numbers(line)}
            for about, lines in _parts(found).items()
            for line in lines
        )
        return
    for about, lines in _parts(found).items():
        if not lines:
            continue
        columns, rows = list(lines[0]), [list(line.values()) for line in lines]
        if markdown:
            say(render_markdown(TITLES[about], columns, rows))
        else:
            show_table(TITLES[about], columns, rows)


def _parts(found: Score) -> dict[str, Any]:
    return {part.name: getattr(found, part.name) for part in fields(found)}


def _numbers(line: Mapping[str, Any]) -> dict[str, Any]:
    return {n: float(v) if isinstance(v, Decimal) else v for n, v in line.items()}

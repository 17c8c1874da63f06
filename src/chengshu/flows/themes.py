"""Themes after runs: those whose inputs have changed are computed, each in one step."""

from __future__ import annotations

from typing import Any

from dbos import DBOS

from chengshu.flows.run import opened_pack, telling
from chengshu.flows.turns import Turn
from chengshu.kernel.errors import QualityGateError
from chengshu.libraries.themes.compute import refresh_theme
from chengshu.libraries.themes.log import last_of
from chengshu.libraries.themes.plan import inputs_of

# Stands where the name of a resource stands in other runs; resources have a slash in theirs.
THEMES = "themes"
THEMES_WORKFLOW = "refresh_themes"


@DBOS.workflow(name=THEMES_WORKFLOW)
def refresh_themes(
    _name: str, chosen: list[str] | None = None, engine: str | None = None
) -> dict[str, Any]:
    """Bring themes up to date; those that are ``chosen``, and only they, whether due or not.

    Returns ``themes``, what was computed, and ``batches`` and ``error`` as the run of a resource
    does; one that fails keeps no other back.
    """
    lines, errors = [], []
    for name in chosen or names_step():
        told = theme_step(name, bool(chosen), engine)
        lines += [told["value"]] if told["value"] else []
        errors += [told["error"]] if told["error"] else []
    return {"batches": [], "error": errors[0] if errors else None, "themes": lines}


@DBOS.step(name="themes")
def names_step() -> list[str]:
    """Return the names of the themes that are declared."""
    _, pack = opened_pack()
    return list(pack.themes)


@DBOS.step(name="theme")
@telling
def theme_step(name: str, by_hand: bool, engine: str | None = None) -> dict[str, Any] | None:
    """Compute one theme if need be; return its line, None if there was nothing to do.

    Raises:
        QualityGateError: Its newest computation does not stand, whenever that was.
    """
    platform, pack = opened_pack()
    theme = pack.get_theme(name)
    with platform.turns.taken(Turn("refine", "low")):
        chosen = platform.choose(f"theme {name}", "compute", inputs_of(pack, theme), engine)
        made = refresh_theme(chosen, pack, theme, by_hand=by_hand)
    last = made or last_of(platform.engine, theme, standing=False)
    if last and last.problem is not None:
        stands = last_of(platform.engine, theme, standing=True)
        numbers = f"computation {stands.number} stand" if stands else "no computation stand"
        raise QualityGateError(
            f"theme {name}: {last.problem.rstrip('.')}. The numbers of {numbers}. "
            f"See: chengshu theme"
        )
    if made is None:
        return None
    return {"theme": name, "computation": made.number, "cells": sum(made.cells.values())}

"""The command `generate`: the front stores of a made-up city."""

from __future__ import annotations

import time
from pathlib import Path

from chengshu.demo import deliver
from chengshu.demo import generate as make_city
from chengshu.demo.defects import load_plan
from chengshu.demo.defects import spoil as spoil_delivered
from chengshu.demo.generate import Spoil
from chengshu.main.render import progress_of_steps, say


def spoil_by(defects: Path | None, seed: int) -> Spoil:
    """Return what makes the departments' mistakes, by a file of kinds or those that ship."""
    plan = load_plan(defects, seed)
    return lambda con, resource, day: spoil_delivered(con, plan, resource, day)


def generate_city(
    folder: Path, size: int, seed: int, days: int, spoil: Spoil | None, wait: bool
) -> None:
    """Generate a city in a folder and let its departments deliver; say what is there."""
    started = time.monotonic()
    with progress_of_steps() as tell:
        make_city(folder, size, seed, days, spoil, tell, deliver_days=not wait)
    if wait:
        deliver(folder, 0)
    say(f"{size:,} residents, {days + 1} days, in {time.monotonic() - started:.0f} s.")
    say(f"What the departments have: {folder}/front")
    if wait and days:
        say(f"What they will deliver: {folder}/days, one day after the other.")

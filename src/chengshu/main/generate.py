"""The command `generate`: a made-up city's front stores, and the key to what is wrong in them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chengshu.demo import KEY, deliver
from chengshu.demo import generate as make_city
from chengshu.demo.defects import load_plan, spoil
from chengshu.demo.fronts.deliver import deliver_rest
from chengshu.demo.generate import Spoil
from chengshu.main.render import progress_of_steps, say


@dataclass(frozen=True, slots=True)
class City:
    """A made-up city.

    Attributes:
        size: Residents.
        seed: Another one is another city.
        days: Daily deliveries after the first.
        defects: A file of what goes wrong; the shipped one if None.
        clean: Nothing goes wrong.
    """

    size: int
    seed: int
    days: int
    defects: Path | None = None
    clean: bool = False

    def make(self, folder: Path, tell: Callable[[str], None]) -> None:
        """Write what its departments will deliver into a folder."""
        spoiling = None if self.clean else spoil_by(self.defects, self.seed)
        make_city(folder, self.size, self.seed, self.days, spoiling, tell, deliver_days=False)


def spoil_by(defects: Path | None, seed: int) -> Spoil:
    """Return what makes the departments' mistakes."""
    plan = load_plan(defects, seed)
    return lambda con, resource, day: spoil(con, plan, resource, day)


def generate_city(folder: Path, city: City, *, wait: bool) -> None:
    """Generate a city in a folder and let its departments deliver; say what is there."""
    started = time.monotonic()
    with progress_of_steps() as tell:
        city.make(folder, tell)
        tell("deliver")
        if wait:
            deliver(folder, 0)
        else:
            deliver_rest(folder)
    say(f"{city.size:,} residents, {city.days + 1} days, in {time.monotonic() - started:.0f} s.")
    say(f"what the departments have  {folder}/front")
    if wait and city.days:
        say(f"what they will deliver     {folder}/days, one day after the other")
    if not city.clean:
        say(f"what is wrong in it        {folder}/{KEY}")

"""Make the small city in a home folder, and let its departments deliver again."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.small_city.generate import PACK, generate


def make_demo_city(home: Path) -> Path:
    """Copy the city pack to ``home/packs/city``, generate the first delivery; return the pack."""
    pack = home / "packs" / "city"
    shutil.copytree(PACK, pack, dirs_exist_ok=True)
    generate(home / "front", 1)
    return pack


def deliver_again(home: Path) -> None:
    """Let the departments of the small city deliver a second time, a month later."""
    generate(home / "front", 2)

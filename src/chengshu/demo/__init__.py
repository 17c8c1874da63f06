"""临江市, a made-up city: its truth, what departments deliver of it, what goes wrong, the score."""

from pathlib import Path

from chengshu.demo.fronts import deliver
from chengshu.demo.generate import KEY, generate

PACK = Path(__file__).with_name("pack")

__all__ = ["KEY", "PACK", "deliver", "generate"]

"""临江市, a made-up city: its truth, what departments deliver of it, what goes wrong, the score."""

from chengshu.demo.fronts import deliver
from chengshu.demo.generate import generate

__all__ = ["deliver", "generate"]

"""What each department's system exports, and how: files of every kind, tables, an API."""

from chengshu.demo.fronts.deliver import deliver
from chengshu.demo.fronts.resources import FRONTS, Front

__all__ = ["FRONTS", "Front", "deliver"]

"""What goes wrong in departments' data: kinds as data, injected by SQL, every place in a key."""

from chengshu.demo.defects.model import Kind, Plan, list_operators, load_kinds, load_plan
from chengshu.demo.defects.spoil import make_key, mended_sql, spoil

__all__ = [
    "Kind",
    "Plan",
    "list_operators",
    "load_kinds",
    "load_plan",
    "make_key",
    "mended_sql",
    "spoil",
]

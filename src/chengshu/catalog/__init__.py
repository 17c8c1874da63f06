"""What departments declare: city packs, resources, and their rules as SQL."""

from chengshu.catalog.checks import Check, Types, checks_of
from chengshu.catalog.model import FieldSpec, Resource
from chengshu.catalog.pack import Pack, load_pack, usable_pack
from chengshu.catalog.rule import Effect, Rule

__all__ = [
    "Check",
    "Effect",
    "FieldSpec",
    "Pack",
    "Resource",
    "Rule",
    "Types",
    "checks_of",
    "load_pack",
    "usable_pack",
]

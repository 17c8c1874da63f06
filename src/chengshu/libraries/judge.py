"""Everything that decides what a raw row of a resource becomes."""

from __future__ import annotations

from dataclasses import dataclass

from chengshu.catalog import Check, Resource, Rule, Types

OWN = ("unique", "sequence")  # kinds of rule that hold a resource's rows against each other


@dataclass(frozen=True, slots=True)
class Judge:
    """Everything that decides what a raw row of a resource becomes.

    Attributes:
        others: The resources that its rules look into, by id.
        rules: Version of the declaration; rows judged under another one are judged again.
        references: Version of the rows that its rules look into.
    """

    resource: Resource
    types: Types
    checks: tuple[Check, ...]
    others: dict[str, Resource]
    rules: str
    references: str

    @property
    def fields(self) -> list[str]:
        """Return the names of the fields."""
        return [f.name for f in self.resource.fields]

    def resting(self) -> list[Check]:
        """Return the checks whose outcome also rests on other rows."""
        return [c for c in self.checks if c.rests_on is not None]

    def joined(self) -> list[Rule]:
        """Return the rules about other rows; those about the resource's own rest on the others."""
        return [*self.foreign(), *self.own()]

    def foreign(self) -> list[Rule]:
        """Return the rules that look into other resources."""
        return [rule for rule in self.resource.rules if rule.kind not in ("row", *OWN)]

    def own(self) -> list[Rule]:
        """Return the rules that hold the resource's rows against each other."""
        return [rule for rule in self.resource.rules if rule.kind in OWN]


def base_sql(resource: Resource, record: str = "_record") -> str:
    """Return SQL of what copies of a record share: without key, its content's digest."""
    return f"SUBSTR({record}, 1, 32)" if resource.identity == "content" else record

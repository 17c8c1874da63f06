"""A rule beyond the value types, and what it does to a row that fails it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, field_validator, model_validator

from chengshu.catalog.declared import Declared, Label, Name
from chengshu.standards.registry import list_value_types

BUILT_IN = ("intact", "required", "identity")


class Effect(StrEnum):
    """What a failed rule does: refuse the row, empty the field, or only note it."""

    BLOCK = "block"
    WITHHOLD = "withhold"
    WARN = "warn"


class Rule(Declared):
    """A rule beyond the value types.

    Exactly one of ``where_bad`` alone, ``unique``, ``reference``, ``sequence``, ``agrees`` says
    what it is. A rule that is NULL for a row does not fail it: only a certain breach is a breach.

    Attributes:
        where_bad: Boolean expression over the fields that is true for a bad row; in a sequence
            also over ``previous_<field>``.
        unique: Fields that no two records share.
        reference: A resource; the ``fields`` must stand in its ``to`` fields.
        sequence: Fields that group rows; ``order_by`` puts a group in order.
        agrees: A resource; where its ``to`` fields equal our ``fields``, ``value`` must agree.
        field: The field that ``withhold`` empties; findings name it.
    """

    name: Name
    label: Label | None = None
    effect: Effect = Effect.BLOCK
    field: Name | None = None
    where_bad: str | None = None
    unique: tuple[Name, ...] = ()
    reference: str | None = None
    agrees: str | None = None
    fields: tuple[Name, ...] = ()
    to: tuple[Name, ...] = ()
    value: dict[Name, Name] = Field(default={})
    sequence: tuple[Name, ...] = ()
    order_by: tuple[Name, ...] = ()

    @field_validator("name")
    @classmethod
    def _is_its_own(cls, value: str) -> str:
        if value in BUILT_IN or value in list_value_types():
            raise ValueError(f"{value!r} is the name of a check that is always made")
        return value

    @property
    def kind(self) -> Literal["row", "unique", "reference", "sequence", "agrees"]:
        """Return what the rule is."""
        if self.unique:
            return "unique"
        if self.reference:
            return "reference"
        if self.sequence:
            return "sequence"
        return "agrees" if self.agrees else "row"

    @property
    def keeps_out(self) -> bool:
        """Tell whether a value that must be unique is kept out of the store where it is not."""
        return self.effect is Effect.BLOCK or (
            self.effect is Effect.WITHHOLD and self.field in self.unique
        )

    @property
    def other(self) -> str | None:
        """Return the other resource that it looks into, if one."""
        return self.reference or self.agrees

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        given = [bool(self.unique), bool(self.reference), bool(self.sequence), bool(self.agrees)]
        if sum(given) > 1:
            raise ValueError("give only one of unique, reference, sequence, agrees")
        if self.kind in ("row", "sequence") and not self.where_bad:
            raise ValueError("a rule needs where_bad, unique, reference or agrees")
        if self.kind not in ("row", "sequence") and self.where_bad:
            raise ValueError(f"a {self.kind} rule has no where_bad")
        if self.kind == "sequence" and not self.order_by:
            raise ValueError("a sequence needs order_by")
        if self.kind in ("reference", "agrees") and (
            not self.fields or len(self.fields) != len(self.to)
        ):
            raise ValueError(f"{self.kind} needs as many fields as to")
        if self.kind == "agrees" and not self.value:
            raise ValueError("agrees needs value: {our field: their field}")
        if self.effect is Effect.WITHHOLD and not self.field:
            raise ValueError("effect 'withhold' needs the field that it empties")
        return self

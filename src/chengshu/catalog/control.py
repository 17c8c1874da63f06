"""What a source says it has sent."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from chengshu.catalog.declared import Declared, Name


class Control(Declared):
    """A control total 对账单: what the source says it has sent, as records of another resource.

    A statement is a count (and perhaps a digest) of a period, or, with ``keys``, one key that was
    sent.

    Attributes:
        resource: ``department/resource`` of the statements.
        period: Our date or time by which a row belongs to a period; None for one period in all.
        by: How long a period is.
        told: The statements' field that names the period, as a date or as ISO text.
        count: The statements' field with the number of keys.
        digest: The statements' field with the MD5 of the keys, in order, joined by line feeds.
        keys: The statements' fields that hold a key, in the order of ours.
    """

    resource: str
    period: Name | None = None
    by: Literal["day", "month", "year"] = "day"
    told: Name | None = None
    count: Name | None = None
    digest: Name | None = None
    keys: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Control:
        if (self.count is None) == (not self.keys):
            raise ValueError("a control total has a count, or keys")
        if (self.period is None) != (self.told is None):
            raise ValueError("period and told belong together")
        if self.digest and self.keys:
            raise ValueError("digest belongs to count")
        return self

    @property
    def fields(self) -> list[str]:
        """Return the fields of the statements that it names."""
        return [name for name in (self.told, self.count, self.digest, *self.keys) if name]

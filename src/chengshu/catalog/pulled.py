"""How much of a source a pull takes: all of it, or what changed since a watermark."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from chengshu.catalog.declared import Declared


class PulledSource(Declared):
    """A source whose ``mode`` says how much of it a pull takes.

    Attributes:
        watermark: Column that grows with each change; an incremental pull takes what is at or
            past the last pull's highest value less the overlap.
        overlap: How far an incremental pull reaches back, ``2 days``, ``30 minutes``, or a number
            for numeric watermarks.
    """

    mode: Literal["full", "incremental"] = "full"
    watermark: str | None = None
    overlap: Annotated[str, Field(pattern=r"^\d+( (day|hour|minute)s?)?$")] | None = None

    @model_validator(mode="after")
    def _marked(self) -> PulledSource:
        if self.mode == "incremental" and not self.watermark:
            raise ValueError("an incremental pull needs a watermark")
        if self.mode == "full" and (self.watermark or self.overlap):
            raise ValueError("watermark and overlap belong to mode: incremental")
        return self

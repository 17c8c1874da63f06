"""How a source delivers: all that stands, or what is new, changed or ended."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from chengshu.catalog.declared import Declared


class Operation(Declared):
    """The column that says what a row does to its record 操作标志.

    Attributes:
        column: Its name in the source.
        insert: Texts by which a row brings a record in.
        update: Texts by which it changes one.
        delete: Texts by which it ends one; of such a row only the key counts.
    """

    column: str
    insert: tuple[str, ...] = ("I",)
    update: tuple[str, ...] = ("U",)
    delete: tuple[str, ...] = ("D",)

    @model_validator(mode="after")
    def _told_apart(self) -> Operation:
        if not self.delete or set(self.delete) & {*self.insert, *self.update}:
            raise ValueError("delete needs texts of its own")
        return self


class Delivered(Declared):
    """How a source delivers.

    Attributes:
        mode: ``full`` (a record that a delivery lacks has ended), ``reload`` (the same, of a table
            that is emptied and filled anew, and is not to be read in between), ``incremental``
            (what is new or changed), ``append`` (what is new; a change is told as a finding).
        operation: Where an incremental delivery also says which records have ended.
        brings_again: True where a pull may bring rows that an earlier one brought.
    """

    brings_again: ClassVar[bool] = False

    mode: Literal["full", "reload", "incremental", "append"] = "full"
    operation: Operation | None = None

    @property
    def is_whole(self) -> bool:
        """Tell whether a delivery holds everything that stands."""
        return self.batch_mode == "full"

    @property
    def batch_mode(self) -> str:
        """Return what its deliveries are to the stores: ``full``, ``incremental``, ``append``."""
        return "full" if self.mode == "reload" else self.mode

    @model_validator(mode="after")
    def _flagged(self) -> Delivered:
        if self.operation and self.mode != "incremental":
            raise ValueError("an operation column belongs to mode: incremental")
        return self


class PulledSource(Delivered):
    """A source of which a pull takes all, or what changed since a watermark.

    Attributes:
        watermark: Column that grows with each change; an incremental pull takes what is at or
            past the last pull's highest value less the overlap.
        overlap: How far an incremental pull reaches back, ``2 days``, ``30 minutes``, or a number
            for numeric watermarks.
    """

    brings_again: ClassVar[bool] = True

    watermark: str | None = None
    overlap: Annotated[str, Field(pattern=r"^\d+( (day|hour|minute)s?)?$")] | None = None

    @property
    def marks(self) -> list[str]:
        """Return the columns by which it knows what is new."""
        return [self.watermark] if self.watermark else []

    @model_validator(mode="after")
    def _marked(self) -> PulledSource:
        if self.is_whole and (self.marks or self.overlap):
            raise ValueError("watermark, overlap and batch belong to mode: incremental or append")
        if not self.is_whole and len(self.marks) != 1:
            raise ValueError(f"mode: {self.mode} needs a watermark (or a table's batch column)")
        if self.overlap and not self.watermark:
            raise ValueError("overlap belongs to a watermark")
        return self

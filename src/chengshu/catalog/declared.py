"""What every declaration has in common: closed, frozen, and text that means what it says."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# No double underscore: it joins names to those of tables and helper columns.
Name = Annotated[str, Field(pattern=r"^[a-z](_?[a-z0-9])*$", max_length=63)]


def _said(value: str) -> str:
    """Return a text that says something; a blank one is refused."""
    if not value.strip():
        raise ValueError("is blank")
    return value


Text = Annotated[str, AfterValidator(_said)]
Label = Annotated[Text, Field(min_length=1, max_length=200)]


def _boolean(value: object) -> object:
    """Return the boolean that ``true`` or ``false`` says; the model refuses any other text."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


Flag = Annotated[bool, BeforeValidator(_boolean), Field(strict=True)]


class Declared(BaseModel):
    """A closed, frozen declaration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

"""What a city pack declares: departments, elements, code sets and resources."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from chengshu.catalog.back import Back
from chengshu.catalog.control import Control
from chengshu.catalog.declared import Declared, Flag, Label, Name, Text
from chengshu.catalog.rule import Effect, Rule
from chengshu.catalog.schedule import Priority, Schedule
from chengshu.catalog.source import Source, TableSource


class Sharing(StrEnum):
    """Sharing type 共享类型: who may have the resource."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NONE = "none"


class UpdateCycle(StrEnum):
    """Update cycle 更新周期."""

    REALTIME = "realtime"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"
    IRREGULAR = "irregular"
    NEVER = "never"


class Department(Declared):
    """One department of the city."""

    label: Label
    uscc: Annotated[str, Field(pattern=r"^[0-9A-Z]{18}$")] | None = None
    contact: str | None = None


class Departments(Declared):
    """``departments.yaml``: every department, by its code."""

    departments: dict[Name, Department]


class Typed(Declared):
    """What an element and a field share: a value type, its parameters, and a grade.

    The parameters are those of `chengshu.standards.registry`; each type takes its own few.
    """

    type: str | None = None
    codes: str | None = None
    unit: str | None = None
    currency: str | None = None
    sign: str | None = None
    precision: str | None = None
    order: str | None = None
    serial: str | None = None
    end: str | None = None
    epoch: str | None = None
    scale: str | None = None
    max_length: str | None = None
    area: str | None = None
    crs: str | None = None
    grade: Annotated[int, Field(ge=1, le=4)] = 2

    def parameters(self) -> dict[str, str]:
        """Return the parameters that are given, for the value type."""
        names = Typed.model_fields.keys() - {"type", "grade"}
        given = {name: getattr(self, name) for name in sorted(names)}
        return {name: value for name, value in given.items() if value is not None}


class Element(Typed):
    """An element 数据元: a field's meaning, declared once for many resources."""

    type: str
    label: Label


class Elements(Declared):
    """``elements.yaml``: every element, by its name."""

    elements: dict[Name, Element]


class FieldSpec(Typed):
    """One field of a resource.

    Attributes:
        element: The element it takes label, type and grade from, instead of its own.
        column: The source's name for it; the field's name when not given.
        required: An empty or invalid value refuses the row.
        missing: Texts by which the source says that there is no value.
        compared: False for what changes without the record changing: serial ids, load times.
    """

    name: Name
    label: Label | None = None
    element: Name | None = None
    column: str | None = None
    required: Flag = False
    missing: tuple[str, ...] = ()
    compared: Flag = True

    @property
    def source_names(self) -> list[str]:
        """Return the names that its column may have in a source, the likeliest first."""
        return [self.column] if self.column else [self.name, str(self.label)]

    @model_validator(mode="after")
    def _one_meaning(self) -> FieldSpec:
        if (self.element is None) == (self.type is None):
            raise ValueError("give either a type or an element")
        if self.type is not None and self.label is None:
            raise ValueError("a field without an element needs a label")
        return self


class RowRange(Declared):
    """How many rows a full delivery is expected to have.

    Attributes:
        min: The fewest; with less, nothing of it is taken.
        max: The most.
        most_ended: Share of the records that stand (``20%``) that it may end; with more it is held
            until a person confirms it.
    """

    min: Annotated[int, Field(ge=0)] = 0
    max: Annotated[int, Field(ge=0)] | None = None
    most_ended: Annotated[str, Field(pattern=r"^\d{1,2}(\.\d+)?%$|^100%$")] | None = None

    @property
    def ended_share(self) -> float:
        """Return ``most_ended`` as a share, 1 where none is declared."""
        return float(self.most_ended[:-1]) / 100 if self.most_ended else 1.0

    @model_validator(mode="after")
    def _in_order(self) -> RowRange:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"no number of rows is at least {self.min} and at most {self.max}")
        return self


class Resource(Declared):
    """An information resource 信息资源 that a department holds, as its declaration says.

    Attributes:
        identity: ``key`` (the fields of ``key`` name a record), ``content`` (rows without any
            key, compared as a multiset), or ``none`` (an append-only stream).
        control: Where the source says what it has sent.
        condition: On what condition a conditional resource is shared.
        secret: True marks a state secret 涉密; such a resource is refused.
        back: Where its findings are delivered back to its owner, if anywhere.
        schedule: When it is pulled by itself; without one it is pulled by hand.
    """

    name: Name
    label: Label
    owner: Name
    description: str | None = None
    sharing: Sharing
    condition: Text | None = None
    legal_basis: Text | None = None
    secret: Flag = False
    update: UpdateCycle
    identity: Literal["key", "content", "none"] = "key"
    key: tuple[Name, ...] = ()
    fields: Annotated[tuple[FieldSpec, ...], Field(min_length=1)]
    rules: tuple[Rule, ...] = ()
    source: Source
    back: Back | None = None
    rows: RowRange = RowRange()
    control: Control | None = None
    schedule: Schedule | None = None

    @property
    def id(self) -> str:
        """Return ``department/resource``, how people name it."""
        return f"{self.owner}/{self.name}"

    @property
    def table(self) -> str:
        """Return the name of its tables in every store."""
        return f"{self.owner}__{self.name}"

    @property
    def priority(self) -> Priority:
        """Return how soon its runs go where several wait."""
        return self.schedule.priority if self.schedule else "normal"

    def has_field(self, name: str) -> bool:
        """Tell whether a field of that name is declared."""
        return any(f.name == name for f in self.fields)

    def field(self, name: str) -> FieldSpec:
        """Return the field of that name."""
        return next(f for f in self.fields if f.name == name)

    @model_validator(mode="after")
    def _consistent(self) -> Resource:
        names = [f.name for f in self.fields]
        _refuse(_repeated(names), "two fields share the name")
        _refuse(_repeated([r.name for r in self.rules]), "two rules share the name")
        _refuse([k for k in self.key if k not in names], "key names undeclared fields")
        own = {"as_of", *(f"previous_{name}" for name in names)}
        _refuse(sorted(own.intersection(names)), "rules use these names for something else")
        if (self.identity == "key") != bool(self.key):
            raise ValueError("identity 'key' has a key, 'content' and 'none' have none")
        if self.sharing is Sharing.NONE and not self.legal_basis:
            raise ValueError("sharing 'none' must name its legal_basis")
        if self.sharing is Sharing.CONDITIONAL and not self.condition:
            raise ValueError("sharing 'conditional' must state its condition")
        for rule in self.rules:
            used = [*rule.unique, *rule.fields, *rule.sequence, *rule.order_by, *rule.value]
            used += [rule.field] if rule.field else []
            _refuse(
                [n for n in used if n not in names], f"rule {rule.name!r} names undeclared fields"
            )
            if rule.effect is Effect.WITHHOLD and (
                rule.field in self.key or self.field(str(rule.field)).required
            ):
                raise ValueError(f"rule {rule.name!r} withholds a key or required field; block it")
        self._delivered()
        return self

    def _delivered(self) -> None:
        source, control = self.source, self.control
        if control and (self.identity != "key" or len(control.keys or self.key) != len(self.key)):
            raise ValueError("a control total counts keys: the resource needs one, and all of it")
        if control and control.period and not self.has_field(control.period):
            raise ValueError(f"control names the undeclared field {control.period}")
        if self.identity == "none" and source.is_whole and isinstance(source, TableSource):
            raise ValueError("a table with identity 'none' is pulled by mode: incremental")
        if source.operation and self.identity != "key":
            raise ValueError("an operation column says what happens to a record: give it a key")
        if source.mode == "reload" and not self.rows.most_ended:
            raise ValueError("mode: reload needs rows.most_ended: a half-filled table ends records")
        if self.rows.most_ended and not source.is_whole:
            raise ValueError("rows.most_ended is for full deliveries; others end no absent records")


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _refuse(names: list[str], problem: str) -> None:
    if names:
        raise ValueError(f"{problem}: {', '.join(names)}")

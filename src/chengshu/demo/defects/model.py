"""What a file of kinds of defects declares, and the plan that is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)  # fmt: skip

from chengshu.catalog.declared import Declared, Flag, Label, Name, Text
from chengshu.catalog.expression import compile_expression
from chengshu.catalog.yaml import find_line, load_model
from chengshu.demo.defects.rows import FIELDS, NEEDS, ROWS
from chengshu.demo.defects.values import VALUES
from chengshu.kernel.errors import DeclarationError, InputError, Where

OPERATORS = {**VALUES, **FIELDS, **ROWS}
WHOLE = "*"
PerThousand = Annotated[float, Field(gt=0, le=1000)]
Places = Annotated[dict[str, PerThousand], Field(min_length=1)]
View = Literal["row", "table", "departments", "time", "never"]
VIEWS: Mapping[str, str] = {
    "row": "单行",
    "table": "同表",
    "departments": "跨部门",
    "time": "历次",
    "never": "看不出",
}


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


Words = Annotated[tuple[Name, ...], BeforeValidator(_words)]


class Kind(Declared):
    """One kind of thing that goes wrong.

    Attributes:
        kind: Its name in the answer key.
        label: For people.
        what: What it is, and how it comes about.
        visible: The least view that can tell it: the row alone, the table, several departments,
            several deliveries (``time``), or none.
        operator: What is done; ``with`` gives what it needs to know.
        at: Resource → place → in how many of a thousand rows. A place is one or more fields,
            parted by spaces, or ``*`` for the row as a whole.
        where: Only rows for which this holds: an expression over the fields as they are written.
        together: Rows with the same values in these fields are hit together, or not at all.
        days: Only the deliveries of these days.
        transport: It comes about on the way, so it falls on each delivery anew; others stay with
            the row from day to day.
        mended: Share of the rows in which the department finds and mends it on a later day.
        held_out: No rule may be tuned on it.
        harmless: A habit, not an error: a good reader loses nothing by it.
    """

    kind: Name
    label: Label
    what: Text
    visible: View
    operator: Literal[tuple(OPERATORS)]  # type: ignore[valid-type]
    given: dict[str, Any] = Field(default={}, alias="with")
    at: Annotated[dict[str, Places], Field(min_length=1)]
    where: str | None = None
    together: Words = ()
    days: tuple[Annotated[int, Field(ge=0)], ...] = ()
    transport: Flag = False
    mended: Annotated[float, Field(ge=0, le=1)] = 0
    held_out: Flag = False
    harmless: Flag = False

    @property
    def places(self) -> Iterator[tuple[str, tuple[str, ...], float]]:
        """Yield resource, fields (none for the whole row) and how many of a thousand rows."""
        for resource, places in self.at.items():
            for place, rate in places.items():
                yield resource, () if place == WHOLE else tuple(place.split()), rate

    @property
    def parameters(self) -> dict[str, Any]:
        """Return what the operator is given, typed."""
        return dict(_parameters_of(self.operator).model_validate(self.given))

    @property
    def recalls(self) -> bool:
        """Tell whether it needs what earlier deliveries should have been."""
        return self.operator in ("previous", "keep_ended")

    @model_validator(mode="after")
    def _fits(self) -> Kind:
        try:
            parameters = self.parameters
        except ValidationError as err:
            first = err.errors()[0]
            name = ".".join(map(str, first["loc"]))
            known = ", ".join(_parameters_of(self.operator).model_fields) or "nothing"
            raise ValueError(f"with {name}: {first['msg']}; {self.operator} takes {known}") from err
        if (vary := parameters.get("vary")) and vary not in VALUES:
            raise ValueError(f"vary {vary!r} is no operator on a value")
        for _, fields, _ in self.places:
            needs = NEEDS.get(self.operator)
            if self.operator == "twice":
                needs = None if vary else 0
            if len(fields) != needs if needs is not None else not fields:
                wanted = {None: "one or more fields", 0: f"{WHOLE!r}"}.get(needs, f"{needs} fields")
                raise ValueError(f"{self.operator} needs {wanted} as its place")
        if self.transport and self.mended:
            raise ValueError("what comes about on the way is not mended")
        return self


class Kinds(Declared):
    """``kinds.yaml``: every kind, in the order in which they fall; the first on a field stays."""

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _told_apart(self) -> Kinds:
        names = [kind.kind for kind in self.kinds]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two kinds share the name: {', '.join(twice)}")
        return self


class Layout(Declared):
    """What a department's delivery looks like: its key, and field → column in their order."""

    key: Words = ()
    columns: Annotated[dict[Name, str], Field(min_length=1)]


class Layouts(Declared):
    """``columns.yaml``: every resource that is delivered."""

    resources: dict[str, Layout]


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes wrong where.

    Attributes:
        kinds: In the order in which they fall.
        layouts: Of each resource.
        seed: The same seed spoils the same rows.
    """

    kinds: tuple[Kind, ...]
    layouts: Mapping[str, Layout]
    seed: int

    def at(self, resource: str) -> list[tuple[Kind, tuple[str, ...], float]]:
        """Return what falls on a resource: kind, fields and rate per thousand, in order."""
        return [
            (kind, fields, rate)
            for kind in self.kinds
            for named, fields, rate in kind.places
            if named == resource
        ]


@cache
def _parameters_of(operator: str) -> type[BaseModel]:
    """Return the model of an operator's parameters, by its signature."""
    make = OPERATORS[operator]
    hints = get_type_hints(make)
    fields: dict[str, Any] = {
        name: (hints[name], ... if given.default is given.empty else given.default)
        for name, given in signature(make).parameters.items()
        if given.kind is given.KEYWORD_ONLY
    }
    return create_model(operator, __config__=ConfigDict(extra="forbid"), **fields)


def list_operators() -> Iterator[tuple[str, str, str]]:
    """Yield every operator with the names of its parameters and the sentence of what it does."""
    for name, make in OPERATORS.items():
        does = (make.__doc__ or "").split("\n\n")[0]
        yield name, ", ".join(_parameters_of(name).model_fields), " ".join(does.split())


def shipped(name: str) -> Path:
    """Return the path of a file that ships with this package."""
    return Path(str(files("chengshu.demo.defects") / name))


def load_kinds(path: Path | None = None) -> tuple[Kind, ...]:
    """Return the kinds of a file, or those that ship with the package."""
    path = path or shipped("kinds.yaml")
    return load_model(Kinds, path, str(path)).kinds


def load_plan(path: Path | None, seed: int, layouts: Path | None = None) -> Plan:
    """Return what goes wrong, by the kinds in ``path`` or those that ship with the package.

    Args:
        path: A file of kinds.
        seed: The same seed spoils the same rows.
        layouts: A file of resources; those of the demo city if None.

    Raises:
        DeclarationError: A file is wrong; names the line and what is known.
    """
    path = path or shipped("kinds.yaml")
    columns = layouts or shipped("columns.yaml")
    plan = Plan(
        load_kinds(path), load_model(Layouts, columns, str(columns)).resources, seed
    )  # fmt: skip
    for number, kind in enumerate(plan.kinds):
        for resource, fields, _ in kind.places:
            if wrong := _problem(plan, kind, resource, fields):
                line = find_line(path, ("kinds", number, "at", resource))
                raise DeclarationError(Where(str(path), line), *wrong)
    return plan


def _problem(
    plan: Plan, kind: Kind, resource: str, fields: tuple[str, ...]
) -> tuple[str, Iterable[str]] | None:
    """Return what is wrong with a place, and what is known."""
    if resource not in plan.layouts:
        return f"unknown resource {resource!r}", plan.layouts
    known, given = plan.layouts[resource].columns, kind.parameters
    named = [*fields, *kind.together, *given.get("match", ()), *given.get("newest", ())]
    named += [given["by"]] if given.get("by") else []
    if unknown := [name for name in named if name not in known]:
        return f"unknown field {unknown[0]!r}", known
    if kind.where:
        try:
            compile_expression(kind.where, {name: name for name in known})
        except InputError as err:
            return f"where: {err}", ()
    return None

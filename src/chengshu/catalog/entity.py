"""What a base library declares: one record per entity, each attribute from one source 一数一源."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from chengshu.catalog.declared import Declared, Label, Name, Text
from chengshu.catalog.model import FieldSpec

# One sign for each claimant of an attribute, in a record's ``_by``.
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
Claim = Annotated[str, Field(pattern=r"^[a-z](_?[a-z0-9])*\.[a-z](_?[a-z0-9])*$")]


class Role(Declared):
    """One of several entities that a row speaks of.

    Attributes:
        key: The resource's field that names it.
        fields: What we call some of the resource's fields, seen from this entity → the field.
    """

    key: Name
    fields: dict[Name, Name] = Field(default={})


class EntitySource(Declared):
    """A resource that speaks of entities.

    Attributes:
        key: Its field that names the entity; or ``roles``, where a row speaks of several.
        newest: Its date that says which of several rows is the newest.
        only: Condition over its fields; other rows say nothing here.
    """

    resource: str
    key: Name | None = None
    roles: tuple[Role, ...] = ()
    newest: Name | None = None
    only: str | None = None

    @property
    def speaks(self) -> tuple[Role, ...]:
        """Return its roles, also where there is one."""
        return self.roles or (Role(key=str(self.key)),)

    def field_of(self, name: str) -> str:
        """Return the resource's own name of a field, as the first role has it."""
        return self.speaks[0].fields.get(name, name)

    @model_validator(mode="after")
    def _one_way(self) -> EntitySource:
        if (self.key is None) == (not self.roles):
            raise ValueError("give either key or roles")
        if len({tuple(sorted(role.fields)) for role in self.roles}) > 1:
            raise ValueError("every role needs the same names under fields")
        return self


class Attribute(Declared):
    """What is known of an entity.

    Attributes:
        label: Of its source's field, if not given; so is its grade.
        source: ``<source>.<field>``: the one that answers for it 数源.
        basis: The legal basis on which it does.
        also: Others that collect it 重复采集: their values fill gaps only, the first that has one.
        disagree: ``authority`` takes the source's value though others differ; ``hold`` 暂挂 keeps
            the last value on which all agreed.
    """

    name: Name
    label: Label | None = None
    grade: Annotated[int, Field(ge=1, le=4)] | None = None
    source: Claim
    basis: Text
    also: Annotated[tuple[Claim, ...], Field(max_length=len(SIGNS) - 1)] = ()
    disagree: Literal["authority", "hold"] = "authority"

    @property
    def claims(self) -> list[tuple[str, str]]:
        """Return who may say it: source and field, the one that answers for it first."""
        pairs = [claim.split(".") for claim in (self.source, *self.also)]
        return [(source, field) for source, field in pairs]


class Part(Declared):
    """Attributes that are shown together."""

    label: Label
    attributes: Annotated[tuple[Attribute, ...], Field(min_length=1)]


class Child(Declared):
    """Records of a department that belong to an entity, as they stand there.

    Attributes:
        source: One of the entity's sources.
        show: Its fields that are shown; all when not given.
    """

    name: Name
    label: Label
    source: Name
    show: tuple[Name, ...] = ()


class LinkSource(Declared):
    """A resource that says that an entity's key has changed."""

    resource: str
    old: Name
    new: Name


class Entity(Declared):
    """``base/<entity>.yaml``: what the base library holds of one kind of entity.

    Attributes:
        key: What names it: a person's citizen id, an enterprise's USCC.
        sources: Who speaks of it, by a short name.
        links: Where changed keys are told; people link keys too (`chengshu link`).
    """

    entity: Name
    label: Label
    description: str | None = None
    key: FieldSpec
    sources: Annotated[dict[Name, EntitySource], Field(min_length=1)]
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    children: tuple[Child, ...] = ()
    links: tuple[LinkSource, ...] = ()

    @property
    def id(self) -> str:
        """Return ``base/entity``, how people name it."""
        return f"base/{self.entity}"

    @property
    def attributes(self) -> list[Attribute]:
        """Return the attributes of all parts."""
        return [attribute for part in self.parts for attribute in part.attributes]

    @property
    def claimants(self) -> dict[str, list[str]]:
        """Return the sources that attributes come from, each with its fields that are used."""
        found: dict[str, list[str]] = {}
        for name, field in (claim for a in self.attributes for claim in a.claims):
            fields = found.setdefault(name, [])
            fields += [] if field in fields else [field]
        return found

    @property
    def resources(self) -> list[str]:
        """Return the ids of the resources that it is merged from."""
        named = [self.sources[name].resource for name in self.claimants]
        return list(dict.fromkeys([*named, *(link.resource for link in self.links)]))

    @model_validator(mode="after")
    def _consistent(self) -> Entity:
        names = [self.key.name, *(a.name for a in self.attributes)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two attributes share the name: {', '.join(twice)}")
        used = [*self.claimants, *(child.source for child in self.children)]
        if unknown := sorted(set(used) - set(self.sources)):
            raise ValueError(f"unknown source: {', '.join(unknown)}")
        for attribute in self.attributes:
            if len(set(attribute.claims)) < len(attribute.claims):
                raise ValueError(f"{attribute.name!r} names one source twice")
        return self

    def fields_named(self) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Yield every field that is named: where, the resource, the field."""
        for name, source in self.sources.items():
            at = ("sources", name)
            fields = [f for role in source.speaks for f in (role.key, *role.fields.values())]
            fields += [source.newest] if source.newest else []
            yield from ((at, source.resource, field) for field in fields)
        for n, part in enumerate(self.parts):
            for m, attribute in enumerate(part.attributes):
                for name, field in attribute.claims:
                    source = self.sources[name]
                    where = ("parts", n, "attributes", m)
                    yield where, source.resource, source.field_of(field)
        for n, child in enumerate(self.children):
            source = self.sources[child.source]
            yield from ((("children", n), source.resource, field) for field in child.show)
        for n, link in enumerate(self.links):
            yield from ((("links", n), link.resource, field) for field in (link.old, link.new))

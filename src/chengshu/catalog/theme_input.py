"""What a theme may read: the rows of a resource or the entities of the base store, as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chengshu.catalog.checks import Types
from chengshu.catalog.entity import Entity
from chengshu.catalog.model import Resource
from chengshu.catalog.pack import Pack
from chengshu.kernel.errors import NotFoundError

# What the store itself says of a row: its record, since when it is so, and where it came from.
OWN = {"_record": "VARCHAR", "_since": "TIMESTAMP", "_batch": "BIGINT", "_position": "BIGINT"}
OWN_OF_ENTITY = {"_from": "DATE"}


@dataclass(frozen=True, slots=True)
class ThemeInput:
    """One input.

    Attributes:
        of: The resource or entity.
        key: The columns that name one of its rows.
        types: Value type of each field or attribute.
        grades: Grade of each.
        own: What the store itself says of a row → SQL type.
        place: What of it people are shown: not its record, which is the key in the clear.
    """

    of: Resource | Entity
    key: tuple[str, ...]
    types: Types
    grades: Mapping[str, int]
    own: Mapping[str, str]
    place: tuple[str, ...]

    @property
    def columns(self) -> dict[str, str]:
        """Return what SQL may use of it → SQL type."""
        return {**{name: kind.column for name, kind in self.types.items()}, **self.own}


def input_of(pack: Pack, name: str) -> ThemeInput:
    """Return the input that a theme names.

    Raises:
        NotFoundError: No such resource or entity is declared.
    """
    for entity in pack.entities.values():
        if entity.id == name:
            return _entity_input(pack, entity)
    if name not in pack.resources:
        known = [*pack.resources, *(entity.id for entity in pack.entities.values())]
        raise NotFoundError("resource or entity", name, known)
    resource = pack.resources[name]
    types = {f.name: pack.type_of(f) for f in resource.fields}
    grades = {f.name: f.grade for f in resource.fields}
    key = resource.key if resource.identity == "key" else ("_record",)
    return ThemeInput(resource, key, types, grades, OWN, ("_since", "_batch", "_position"))


def _entity_input(pack: Pack, entity: Entity) -> ThemeInput:
    types, grades = {entity.key.name: pack.type_of(entity.key)}, {entity.key.name: entity.key.grade}
    for attribute in entity.attributes:
        sources = [(entity.sources[name], field) for name, field in attribute.claims]
        specs = [pack.get(one.resource).field(one.field_of(field)) for one, field in sources]
        types[attribute.name] = pack.type_of(specs[0])
        grades[attribute.name] = attribute.grade or max(spec.grade for spec in specs)
    return ThemeInput(entity, (entity.key.name,), types, grades, OWN_OF_ENTITY, ("_from",))

"""Everything that decides what departments' records become in the base store."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from chengshu.catalog import FieldSpec, Pack, Resource
from chengshu.catalog.entity import SIGNS, Attribute, Entity
from chengshu.standards.model import ValueType

# Grows when merging comes to mean something else: all entities are merged again.
VERSION = 1
NOBODY, HELD = "-", "h"


@dataclass(frozen=True, slots=True)
class Merger:
    """Everything that decides what departments' records become in the base store.

    Attributes:
        resources: Of each source, its resource.
        links: The resources that tell of changed keys, by id.
        types: Value type of the key and of each attribute.
        version: Of the declaration; under another one all entities are merged again.
    """

    entity: Entity
    resources: Mapping[str, Resource]
    links: Mapping[str, Resource]
    types: Mapping[str, ValueType]
    version: str

    @property
    def attributes(self) -> list[str]:
        """Return the names of the attributes."""
        return [attribute.name for attribute in self.entity.attributes]

    def is_single(self, source: str) -> bool:
        """Tell whether a source has at most one record of an entity at a time."""
        roles = self.entity.sources[source].speaks
        return len(roles) == 1 and self.resources[source].key == (roles[0].key,)

    def label_of(self, name: str) -> str:
        """Return an attribute's label: its own, or its source's field's."""
        attribute = self._attribute(name)
        return str(attribute.label or self._specs(attribute)[0].label)

    def grade_of(self, name: str) -> int:
        """Return the grade of the key or an attribute: its own, or the highest of its fields."""
        if name == self.entity.key.name:
            return self.entity.key.grade
        attribute = self._attribute(name)
        return attribute.grade or max(spec.grade for spec in self._specs(attribute))

    def _attribute(self, name: str) -> Attribute:
        return next(a for a in self.entity.attributes if a.name == name)

    def _specs(self, attribute: Attribute) -> list[FieldSpec]:
        sources = self.entity.sources
        return [self.resources[s].field(sources[s].field_of(f)) for s, f in attribute.claims]

    def source_of(self, attribute: str, sign: str) -> str | None:
        """Return the source that a sign in ``_by`` names, if it names one."""
        claims = self._attribute(attribute).claims
        return claims[SIGNS.index(sign)][0] if sign in SIGNS else None


def make_merger(pack: Pack, entity: Entity) -> Merger:
    """Return the merger of an entity as the pack declares it now."""
    resources = {name: pack.get(source.resource) for name, source in entity.sources.items()}
    types = {entity.key.name: pack.type_of(entity.key)}
    for attribute in entity.attributes:
        name, field = attribute.claims[0]
        spec = resources[name].field(entity.sources[name].field_of(field))
        types[attribute.name] = pack.type_of(spec)
    declared = entity.model_dump(mode="json", exclude={"label", "description", "children"})
    columns = {name: kind.column for name, kind in types.items()}
    text = json.dumps([VERSION, declared, columns], ensure_ascii=False, sort_keys=True)
    version = hashlib.sha256(text.encode()).hexdigest()[:16]
    links = {link.resource: pack.get(link.resource) for link in entity.links}
    return Merger(entity, resources, links, types, version)

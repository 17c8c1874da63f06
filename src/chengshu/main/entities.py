"""The base store for people: one entity on a screen, and who answers for which attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chengshu.catalog import Pack, usable_pack
from chengshu.catalog.entity import Entity
from chengshu.kernel.errors import InputError, NotFoundError
from chengshu.libraries.base import record
from chengshu.libraries.base.merger import Merger, make_merger
from chengshu.main.card import EntityLook, department_of, make_card
from chengshu.main.card_screen import show_card
from chengshu.main.home import Home
from chengshu.main.render import show_json, show_table
from chengshu.main.runs import link_home, report
from chengshu.main.uses import reasoned, record_entity_look


def show_entity(home: Home, look: EntityLook, json: bool) -> None:
    """Print an entity: attributes with their sources, disagreements, records, history."""
    pack = usable_pack(home.pack)
    entity = entity_of(pack, look.entity)
    merger = make_merger(pack, entity)
    if look.unmasked and look.key is not None:
        record_entity_look(home, entity.id, look.key, look.reason)
    with home.reading() as engine:
        if not record.is_merged(engine, merger):
            raise InputError(f"{entity.id} has never been merged", hint="Bring it in: chengshu run")
        with engine.session() as session:
            if look.key is None:
                lines = _authorities(pack, merger)
                counts = record.count_entities(session, merger)
            else:
                card = make_card(session, pack, merger, look)
    if look.key is None:
        _show_authorities(entity, lines, counts, json)
        return
    if json:
        show_json(card.lines())
    else:
        show_card(pack, merger, card)


def is_entity(home: Home, name: str) -> bool:
    """Tell whether a name is that of an entity."""
    return name.removeprefix("base/") in usable_pack(home.pack).entities


def entity_of(pack: Pack, name: str) -> Entity:
    """Return the entity of that name, with or without ``base/``.

    Raises:
        NotFoundError: There is none.
    """
    found = pack.entities.get(name.removeprefix("base/"))
    if found is None:
        raise NotFoundError("entity", name, pack.entities)
    return found


def _authorities(pack: Pack, merger: Merger) -> list[dict[str, Any]]:
    """Return who answers for which attribute, by which law, and who collects it again."""
    entity = merger.entity

    def said(claim: tuple[str, str]) -> str:
        source = entity.sources[claim[0]]
        return f"{source.resource}.{source.field_of(claim[1])}"

    return [
        {
            "part": part.label,
            "attribute": a.name,
            "label": merger.label_of(a.name),
            "source": department_of(pack, merger, a.claims[0][0]),
            "basis": a.basis,
            "from": said(a.claims[0]),
            "again": {source: said((source, field)) for source, field in a.claims[1:]},
            "disagree": a.disagree if a.also else "",
        }
        for part in entity.parts
        for a in part.attributes
    ]


def _show_authorities(
    entity: Entity, lines: list[dict[str, Any]], counts: Mapping[str, Any], json: bool
) -> None:
    if json:
        show_json([{"about": "count", **counts}, *({"about": "authority", **x} for x in lines)])
        return
    names = ("label", "source", "basis", "collected again", "disagree")
    rows = [
        [x["label"], x["source"], x["basis"], ", ".join(x["again"]), x["disagree"]] for x in lines
    ]
    show_table(f"{entity.label} {entity.id}: 一数一源", names, rows)
    show_table("in the base store", list(counts), [list(counts.values())])


def link(home: Home, name: str, old: str, new: str | None, reason: str, json: bool) -> None:
    """Say that a key of an entity has changed, or with no new one that it has not after all."""
    pack = usable_pack(home.pack)
    entity = entity_of(pack, name)
    kind = make_merger(pack, entity).types[entity.key.name]
    keys = [None if key is None else kind.read(key).canonical or key for key in (old, new)]
    report(home, link_home(home, entity, [*keys, reasoned(reason, "a link")]), json)

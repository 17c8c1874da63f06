"""The base store for people: one entity on a screen, and who answers for which attribute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from chengshu.catalog import Pack, usable_pack
from chengshu.catalog.entity import SIGNS, Child, Entity
from chengshu.engine import Row, Session
from chengshu.engine.sql import quote
from chengshu.kernel.clock import utc_of, wall_of
from chengshu.kernel.errors import InputError, NotFoundError
from chengshu.libraries.base import record
from chengshu.libraries.base.merger import HELD, Merger, make_merger
from chengshu.main.home import Home
from chengshu.main.render import say, show_json, show_table
from chengshu.main.runs import link_home, report
from chengshu.main.uses import person, record_entity_look
from chengshu.security.mask import MASKED_FROM, shown_columns

CHILDREN = 20


@dataclass(frozen=True, slots=True)
class EntityLook:
    """What someone wants to see of an entity.

    Attributes:
        key: Its key; without one, who answers for which attribute.
        day: As it was at the end of this day.
        known: As it was known at the end of this day.
    """

    entity: str
    key: str | None
    day: str | None
    known: str | None
    unmasked: bool
    reason: str


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
                card = _card(session, pack, merger, look)
    if look.key is None:
        _show_authorities(entity, lines, counts, json)
        return
    if json:
        show_json(card.lines())
    else:
        _show_card(merger, card)


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
            "source": _department(pack, merger, a.claims[0][0]),
            "basis": a.basis,
            "from": said(a.claims[0]),
            "collected_again": "、".join(map(said, a.claims[1:])),
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
    show_table(
        f"{entity.label} {entity.id}: 一数一源", list(lines[0]), [list(x.values()) for x in lines]
    )
    show_table("in the base store", list(counts), [list(counts.values())])


def _department(pack: Pack, merger: Merger, source: str) -> str:
    owner = merger.resources[source].owner
    known = pack.departments.departments.get(owner)
    return known.label if known else owner


@dataclass(frozen=True, slots=True)
class Card:
    """All that is shown of one entity, ready to print."""

    title: str
    attributes: list[dict[str, Any]]
    disagreements: list[dict[str, Any]]
    children: Mapping[str, list[dict[str, Any]]]
    history: list[dict[str, Any]]
    is_masked: bool

    def lines(self) -> Iterable[dict[str, Any]]:
        """Return it as flat objects, each saying what it is about."""
        yield from ({"about": "attribute", **line} for line in self.attributes)
        yield from ({"about": "disagreement", **line} for line in self.disagreements)
        for name, rows in self.children.items():
            yield from ({"about": name, **line} for line in rows)
        yield from ({"about": "history", **line} for line in self.history)


def _card(session: Session, pack: Pack, merger: Merger, look: EntityLook) -> Card:
    name = merger.entity.key.name
    read = merger.types[name].read(str(look.key)).canonical
    key = record.find_now(session, merger, read or str(look.key))
    shown = _shown(merger, masked=not look.unmasked)
    when = record.When(_day(look.day, "--as-of"), _known(look.known, pack.zone))
    version = record.find_version(session, merger, key, shown, when)
    if version is None:
        raise InputError(
            f"{merger.entity.id}: no such entity, or not on that day",
            hint="Look at the key, and at --as-of and --known; new ones come with chengshu run.",
        )
    versions = record.list_versions(session, merger, key, shown, when)
    return Card(
        f"{merger.entity.label} {merger.entity.key.label} {version[name]}",
        _attribute_lines(session, pack, merger, version),
        _disagreement_lines(session, pack, merger, key, masked=not look.unmasked),
        {
            child.name: _child_lines(session, pack, merger, child, key, masked=not look.unmasked)
            for child in merger.entity.children
        },
        _history_lines(merger, versions, pack.zone),
        is_masked=not look.unmasked and any(_is_graded(merger, name) for name in shown),
    )


def _is_graded(merger: Merger, name: str) -> bool:
    return merger.grade_of(name) >= MASKED_FROM


def _shown(merger: Merger, *, masked: bool) -> dict[str, str]:
    """Return the key and each attribute → SQL that shows it."""
    return {
        name: kind.mask(f"CAST({quote(name)} AS VARCHAR)")
        if masked and _is_graded(merger, name)
        else quote(name)
        for name, kind in merger.types.items()
    }


def _attribute_lines(
    session: Session, pack: Pack, merger: Merger, version: Row
) -> list[dict[str, Any]]:
    signs = dict(zip(merger.attributes, version["_by"], strict=True))
    sources = {name: merger.source_of(name, sign) for name, sign in signs.items()}
    deliveries = record.list_deliveries(
        session,
        {
            (merger.resources[source].id, version[f"_batch__{source}"])
            for source in sources.values()
            if source
        },
    )
    lines = []
    for part in merger.entity.parts:
        for attribute in part.attributes:
            source = sources[attribute.name]
            resource = merger.resources[source].id if source else None
            batch = version[f"_batch__{source}"] if source else None
            came = deliveries.get((str(resource), batch or 0))
            lines.append({
                "part": part.label,
                "attribute": attribute.name,
                "label": merger.label_of(attribute.name),
                "value": version[attribute.name],
                "department": _department(pack, merger, source) if source else None,
                "resource": resource,
                "batch": batch,
                "row": version[f"_position__{source}"] if source else None,
                "as_of": came["as_of"] if came else None,
                "note": _note(signs[attribute.name]),
            })  # fmt: skip
    return lines


def _note(sign: str) -> str:
    if sign == HELD:
        return "held"
    return "not authoritative" if sign in SIGNS[1:] else ""


def _disagreement_lines(
    session: Session, pack: Pack, merger: Merger, key: str, *, masked: bool
) -> list[dict[str, Any]]:
    masks = {
        name: merger.types[name].mask("_value") if masked and _is_graded(merger, name) else "_value"
        for name in merger.attributes
    }
    return [
        {
            "attribute": row["_attribute"],
            "label": merger.label_of(row["_attribute"]),
            "value": row["_value"],
            "department": _department(pack, merger, row["_source"]),
            "resource": merger.resources[row["_source"]].id,
            "batch": row["_batch"],
            "row": row["_position"],
            "rule": row["_rule"],
        }
        for row in record.list_disagreements(session, merger, key, masks)
    ]


def _child_lines(
    session: Session, pack: Pack, merger: Merger, child: Child, key: str, *, masked: bool
) -> list[dict[str, Any]]:
    resource = merger.resources[child.source]
    types = {field.name: pack.type_of(field) for field in resource.fields}
    columns = shown_columns(resource, types, typed=True, masked=masked)
    shown = {name: columns[name] for name in child.show or columns}
    rows = record.list_children(session, merger, child, key, shown, CHILDREN)
    return [{name: row[name] for name in (*shown, "_batch", "_position")} for row in rows]


def _history_lines(merger: Merger, versions: Sequence[Row], zone: str) -> list[dict[str, Any]]:
    """Return what changed from version to version, newest first; no values."""
    lines, before = [], None
    for row in versions:
        changed = [
            merger.label_of(name)
            for name in merger.attributes
            if before is not None and row[name] != before[name]
        ]
        what = "gone" if row["_gone"] else "、".join(changed) or ("first known" if before is None
                                                                 else "sources")  # fmt: skip
        known = wall_of(row["_known_from"], zone)
        lines.append({"from": row["_from"], "known": known, "changed": what})
        before = row
    return lines[::-1]


def _show_card(merger: Merger, card: Card) -> None:
    say(card.title, style="bold")
    part = ""
    rows = []
    for line in card.attributes:
        value = line["value"]
        graded = _is_graded(merger, line["attribute"])
        if value is not None and not graded:
            value = merger.types[line["attribute"]].caption(str(value))
        where = f"{line['resource']} {line['batch']}:{line['row']}" if line["resource"] else None
        rows.append([
            "" if line["part"] == part else line["part"], line["label"], value, line["department"],
            line["as_of"], where, line["note"],
        ])  # fmt: skip
        part = line["part"]
    show_table("", ["", "attribute", "value", "source", "as of", "batch:row", "note"], rows)
    tables = {
        "disagreements": card.disagreements,
        **{child.label: card.children[child.name] for child in merger.entity.children},
        "history": card.history,
    }
    for title, lines in tables.items():
        if lines:
            show_table(title, list(lines[0]), [list(line.values()) for line in lines])
    if card.is_masked:
        say('masked by grade; in the clear with --unmasked --reason "…", which is recorded')


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as err:
        raise InputError(f"{option} {text!r} is not an ISO date") from err


def _known(text: str | None, zone: str) -> datetime | None:
    """Return the end of a day of the city, in UTC."""
    day = _day(text, "--known")
    return utc_of(datetime.combine(day, time.max), zone) if day else None


def link(home: Home, name: str, old: str, new: str | None, reason: str, json: bool) -> None:
    """Say that a key of an entity has changed, or with no new one that it has not after all."""
    pack = usable_pack(home.pack)
    entity = entity_of(pack, name)
    kind = make_merger(pack, entity).types[entity.key.name]
    keys = [None if key is None else kind.read(key).canonical or key for key in (old, new)]
    if not reason.strip():
        raise InputError("a link needs a reason", hint='Give one: --reason "…"')
    report(home, link_home(home, entity, [*keys, f"{person()}: {reason}"]), json)

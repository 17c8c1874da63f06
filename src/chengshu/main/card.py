"""All that is shown of one entity: attributes with sources, disagreements, records, history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from chengshu.catalog import Pack
from chengshu.catalog.entity import SIGNS, Child
from chengshu.engine import Row, Session
from chengshu.engine.sql import quote
from chengshu.kernel.clock import utc_of, wall_of
from chengshu.kernel.errors import InputError
from chengshu.libraries.base import record
from chengshu.libraries.base.merger import HELD, Merger
from chengshu.security.mask import MASKED_FROM, mask_columns, shown_columns

CHILDREN, MOST_LABELS = 20, 6


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
    day: str | None = None
    known: str | None = None
    unmasked: bool = False
    reason: str = ""


def department_of(pack: Pack, merger: Merger, source: str) -> str:
    """Return the label of the department that a source belongs to."""
    return pack.department_label(merger.resources[source].owner)


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


def make_card(session: Session, pack: Pack, merger: Merger, look: EntityLook) -> Card:
    """Return what is shown of the entity that someone wants to see.

    Raises:
        InputError: There is none, or not on that day.
    """
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
        _disagreement_lines(session, pack, merger, key, masked=not look.unmasked)
        if when == record.When()
        else [],
        {
            child.name: _child_lines(session, pack, merger, child, key, look)
            for child in merger.entity.children
        },
        _history_lines(merger, versions, pack.zone),
        is_masked=not look.unmasked and _has_graded(merger, shown),
    )


def is_graded(merger: Merger, name: str) -> bool:
    """Tell whether the key or an attribute is masked when it is shown."""
    return merger.grade_of(name) >= MASKED_FROM


def _has_graded(merger: Merger, shown: Iterable[str]) -> bool:
    """Tell whether anything that is shown is masked, of the entity or of its children."""
    children = (
        field.grade
        for child in merger.entity.children
        for field in merger.resources[child.source].fields
        if not child.show or field.name in child.show
    )
    return any(is_graded(merger, name) for name in shown) or max(children, default=0) >= MASKED_FROM


def _shown(merger: Merger, *, masked: bool) -> Mapping[str, str]:
    """Return the key and each attribute → SQL that shows it."""
    if not masked:
        return {name: quote(name) for name in merger.types}
    return mask_columns(merger.types, {name: merger.grade_of(name) for name in merger.types})


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
                "source": source,
                "department": department_of(pack, merger, source) if source else None,
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
        name: merger.types[name].mask("_value") if masked and is_graded(merger, name) else "_value"
        for name in merger.attributes
    }
    return [
        {
            "attribute": row["_attribute"],
            "label": merger.label_of(row["_attribute"]),
            "value": row["_value"],
            "department": department_of(pack, merger, row["_source"]),
            "resource": merger.resources[row["_source"]].id,
            "batch": row["_batch"],
            "row": row["_position"],
            "rule": row["_rule"],
        }
        for row in record.list_disagreements(session, merger, key, masks)
    ]


def _child_lines(
    session: Session, pack: Pack, merger: Merger, child: Child, key: str, look: EntityLook
) -> list[dict[str, Any]]:
    resource, day = merger.resources[child.source], _day(look.day, "--as-of")
    types = {field.name: pack.type_of(field) for field in resource.fields}
    columns = shown_columns(resource, types, typed=True, masked=not look.unmasked)
    shown = {name: columns[name] for name in child.show or columns}
    rows = record.list_children(session, merger, child, key, shown, day, CHILDREN)
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
        what = "、".join(changed[:MOST_LABELS])
        what += f" … {len(changed)}" if len(changed) > MOST_LABELS else ""
        if row["_gone"] or before is None:
            what = "gone" if row["_gone"] else "first known"
        known = wall_of(row["_known_from"], zone)
        lines.append({"from": row["_from"], "known": known, "changed": what or "whose value it is"})
        before = row
    return lines[::-1]


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as err:
        raise InputError(f"{option} {text!r} is not an ISO date") from err


def _known(text: str | None, zone: str) -> datetime | None:
    """Return the end of a day of the city, in UTC."""
    day = _day(text, "--known")
    return utc_of(datetime.combine(day, time.max), zone) if day else None

"""One entity on a screen: its attributes, who says so, what belongs to it, what it was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chengshu.catalog import Pack
from chengshu.catalog.entity import Child
from chengshu.libraries.base.merger import Merger
from chengshu.main.card import CHILDREN, Card, is_graded
from chengshu.main.render import MASKED, caption_of, say, show_table
from chengshu.security.mask import MASKED_FROM
from chengshu.standards.model import ValueType


def show_card(pack: Pack, merger: Merger, card: Card) -> None:
    """Print an entity."""
    say(card.title, style="bold")
    rows, part = [], ""
    for line in card.attributes:
        kind, graded = merger.types[line["attribute"]], is_graded(merger, line["attribute"])
        shown = _captioned(kind, line["value"], raw=graded)
        part, before = line["part"], part
        said = (line["label"], shown, line["source"], line["note"])
        rows.append(["" if part == before else part, *said])
    show_table("", ["", "attribute", "value", "by", "note"], rows, folds="value")
    said_by = {line["source"]: line for line in card.attributes if line["source"]}
    show_table(
        "who says so",
        ["by", "department", "resource", "as of", "batch:row"],
        [
            [name, line["department"], line["resource"], line["as_of"], _place(line)]
            for name, line in said_by.items()
        ],
    )
    _show_disagreements(card.disagreements)
    for child in merger.entity.children:
        if lines := card.children[child.name]:
            _show_child(pack, merger, child, lines)
    if card.history:
        names = list(card.history[0])
        show_table("history", names, [list(line.values()) for line in card.history])
    if card.is_masked:
        say(MASKED)


def _show_disagreements(lines: Sequence[Mapping[str, Any]]) -> None:
    if lines:
        names = ("label", "value", "department", "resource")
        rows = [[*(line[name] for name in names), _place(line), line["rule"]] for line in lines]
        heads = ["attribute", *names[1:], "batch:row", "rule"]
        show_table("disagreements", heads, rows, folds="value")


def _show_child(
    pack: Pack, merger: Merger, child: Child, lines: Sequence[Mapping[str, Any]]
) -> None:
    resource = merger.resources[child.source]
    fields = [resource.field(name) for name in lines[0] if not name.startswith("_")]
    kinds = {field.name: pack.type_of(field) for field in fields}
    graded = {field.name for field in fields if field.grade >= MASKED_FROM}
    rows = [
        [_captioned(kind, line[name], raw=name in graded) for name, kind in kinds.items()]
        + [f"{line['_batch']}:{line['_position']}"]
        for line in lines
    ]
    most = f", the first {CHILDREN}" if len(lines) == CHILDREN else ""
    heads = [str(field.label) for field in fields]
    show_table(f"{child.label} {resource.id}{most}", [*heads, "batch:row"], rows)


def _place(line: Mapping[str, Any]) -> str:
    return f"{line['batch']}:{line['row']}"


def _captioned(kind: ValueType, value: object, *, raw: bool) -> str | None:
    """Return a value as people read it; what is masked elsewhere stays as it is kept."""
    if value is None:
        return None
    return str(value) if raw else caption_of(kind, value)

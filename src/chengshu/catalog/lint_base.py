"""What is wrong with the declaration of an entity, held against the resources it is merged from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chengshu.catalog.entity import Entity
from chengshu.catalog.expression import compile_expression, is_condition
from chengshu.catalog.pack import Pack
from chengshu.catalog.yaml import find_line
from chengshu.kernel.errors import ChengshuError, DeclarationError, NotFoundError, Where

At = tuple[str | int, ...]
Told = Iterator[tuple[At, str, Iterable[str]]]


def lint_entity(pack: Pack, entity: Entity) -> Iterator[DeclarationError]:
    """Yield everything that is wrong with an entity's declaration, with its line."""
    shown = f"base/{entity.entity}.yaml"
    problems = list(_lint_fields(pack, entity))
    if not problems:
        problems = [*_lint_kinds(pack, entity), *_lint_conditions(pack, entity)]
    for at, problem, known in problems:
        yield DeclarationError(Where(shown, find_line(pack.root / shown, at)), problem, known)


def _lint_fields(pack: Pack, entity: Entity) -> Told:
    """Yield resources and fields that are not declared."""
    unknown = set(pack.unread)
    for at, name, field in dict.fromkeys(entity.fields_named()):
        if name in unknown:
            continue
        try:
            resource = pack.get(name)
        except NotFoundError:
            unknown.add(name)
            yield at, f"unknown resource {name!r}", pack.resources
            continue
        if not resource.has_field(field):
            known = [spec.name for spec in resource.fields]
            yield at, f"{resource.id} has no field {field!r}", known


def _lint_kinds(pack: Pack, entity: Entity) -> Told:
    """Yield fields whose values cannot stand in the same column."""

    def column(resource: str, field: str) -> str:
        return pack.type_of(pack.get(resource).field(field)).column

    try:
        key = pack.type_of(entity.key).column
    except ChengshuError as err:
        yield ("key",), f"key: {err}", ()
        return
    if key != "VARCHAR":
        yield ("key",), f"a key is a text, and {entity.key.type} is kept as {key}", ()
    for name, source in entity.sources.items():
        for role in source.speaks:
            if (kind := column(source.resource, role.key)) != "VARCHAR":
                yield ("sources", name), f"its key {role.key!r} is kept as {kind}, not a text", ()
            for ours, theirs in role.fields.items():
                kind, first = column(source.resource, theirs), source.field_of(ours)
                if kind != column(source.resource, first):
                    yield ("sources", name), f"{ours!r}: {first} and {theirs} differ in kind", ()
        if source.newest:
            kind = column(source.resource, source.newest)
            if kind not in ("DATE", "TIMESTAMP"):
                yield ("sources", name), f"newest: {source.newest!r} is kept as {kind}, no date", ()
    for n, part in enumerate(entity.parts):
        for m, attribute in enumerate(part.attributes):
            kinds = {
                f"{name}.{field}": column(
                    entity.sources[name].resource, entity.sources[name].field_of(field)
                )
                for name, field in attribute.claims
            }
            if len(set(kinds.values())) > 1:
                said = ", ".join(f"{claim} is {kind}" for claim, kind in kinds.items())
                yield (
                    ("parts", n, "attributes", m),
                    f"{attribute.name!r} cannot be compared: {said}",
                    (),
                )


def _lint_conditions(pack: Pack, entity: Entity) -> Told:
    """Yield conditions that do not parse."""
    for name, source in entity.sources.items():
        if not source.only:
            continue
        at, fields = ("sources", name), pack.get(source.resource).fields
        try:
            compile_expression(source.only, {spec.name: spec.name for spec in fields})
        except ChengshuError as err:
            yield at, f"only: {err}", ()
            continue
        if not is_condition(source.only):
            yield at, "only: is a value; expected what is true or false", ()

"""What is wrong with a pack as a whole, beyond what each of its files says by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from chengshu.catalog.checks import row_expression
from chengshu.catalog.expression import is_condition
from chengshu.catalog.lint_back import lint_back
from chengshu.catalog.lint_base import lint_entity
from chengshu.catalog.lint_theme import lint_theme
from chengshu.catalog.model import FieldSpec, Resource
from chengshu.catalog.pack import Pack
from chengshu.catalog.rule import Rule
from chengshu.catalog.trial import RuleParser
from chengshu.catalog.yaml import find_line
from chengshu.kernel.errors import ChengshuError, DeclarationError, Where
from chengshu.standards.codes import load_divisions
from chengshu.standards.model import ValueType


def lint_pack(pack: Pack, engines: Sequence[RuleParser]) -> list[DeclarationError]:
    """Return everything that is wrong with the pack, file by file."""
    problems = list(pack.problems)
    if pack.city is not None and pack.city.division not in load_divisions():
        problems.append(_problem("city.yaml", f"division {pack.city.division!r} is unknown"))
    for resource in pack.resources.values():
        problems += _lint_resource(pack, resource, engines)
    for entity in pack.entities.values():
        problems += lint_entity(pack, entity)
    for theme in pack.themes.values():
        problems += lint_theme(pack, theme, engines)
    problems += _lint_meanings(pack.resources.values())
    problems += _lint_files(pack)
    return problems


def lint_used(
    pack: Pack, resources: Iterable[Resource], engines: Sequence[RuleParser]
) -> Iterator[DeclarationError]:
    """Yield what is wrong with resources and those that their rules look into."""
    used = {resource.id: resource for resource in resources}
    others = {rule.other for r in used.values() for rule in r.rules}
    used |= {name: other for name, other in pack.resources.items() if name in others}
    for resource in used.values():
        yield from _lint_resource(pack, resource, engines)


def _lint_resource(
    pack: Pack, resource: Resource, engines: Sequence[RuleParser]
) -> Iterator[DeclarationError]:
    shown = shown_path(resource)
    if resource.owner not in pack.departments.departments:
        departments = pack.departments.departments
        yield _problem(shown, f"owner {resource.owner!r} is not in departments.yaml", departments)
    types: dict[str, ValueType] = {}
    for at, spec in enumerate(resource.fields):
        try:
            types[spec.name] = pack.type_of(spec)
        except ChengshuError as err:
            where = Where(shown, find_line(pack.root / shown, ("fields", at)))
            yield DeclarationError(where, f"field {spec.name!r}: {err}")
    for at, problem in _shared_names(resource):
        where = Where(shown, find_line(pack.root / shown, ("fields", at)))
        yield DeclarationError(where, problem)
    for problem, known in _lint_control(pack, resource):
        where = Where(shown, find_line(pack.root / shown, ("control",)))
        yield DeclarationError(where, f"control: {problem}", known)
    for problem in lint_back(pack, resource):
        yield DeclarationError(Where(shown, find_line(pack.root / shown, ("back",))), problem)
    if len(types) == len(resource.fields):
        for at, rule in enumerate(resource.rules):
            for problem, known in _lint_rule(pack, resource, rule, types, engines):
                where = Where(shown, find_line(pack.root / shown, ("rules", at)))
                yield DeclarationError(where, f"rule {rule.name!r}: {problem}", known)


def _lint_control(pack: Pack, resource: Resource) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield what is wrong with where the control totals come from."""
    if (control := resource.control) is None or control.resource in pack.unread:
        return
    told = pack.resources.get(control.resource)
    if told is None:
        yield f"unknown resource {control.resource!r}", pack.resources
        return
    for name in control.fields:
        if not told.has_field(name):
            yield f"{told.id} has no field {name!r}", [f.name for f in told.fields]


def _lint_rule(
    pack: Pack,
    resource: Resource,
    rule: Rule,
    types: Mapping[str, ValueType],
    engines: Sequence[RuleParser],
) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield what is wrong with a rule, and what is known instead."""
    other = pack.resources.get(str(rule.other))
    if other is not None:
        yield from _lint_pairs(pack, rule, other, types)
    elif rule.other is not None and rule.other not in pack.unread:
        yield f"unknown resource {rule.other!r}", pack.resources
    if rule.where_bad is None:
        return
    try:
        expression = row_expression(resource, rule)
    except ChengshuError as err:
        yield str(err), ()
        return
    if not is_condition(rule.where_bad):
        yield "where_bad is a value; expected what is true or false, a comparison say", ()
        return
    columns = {f"v__{name}": kind.column for name, kind in types.items()} | {"_as_of": "TIMESTAMP"}
    columns |= {f"previous__{name}": kind.column for name, kind in types.items()}
    for engine in engines:
        why = engine.parses(expression, columns)
        if why is not None:
            yield f"does not run on {engine.name}: {why}", ()


def _lint_pairs(
    pack: Pack, rule: Rule, other: Resource, types: Mapping[str, ValueType]
) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield what keeps fields from being compared with those of the other resource."""
    for ours, theirs in [*zip(rule.fields, rule.to, strict=False), *rule.value.items()]:
        if not other.has_field(theirs):
            yield f"{other.id} has no field {theirs!r}", [f.name for f in other.fields]
            return
        try:
            kind = pack.type_of(other.field(theirs))
        except ChengshuError:
            return  # The other resource's own problem, told with it.
        if kind.column != types[ours].column:
            kept = f"they are kept as {types[ours].column} and {kind.column}"
            one, two = f"{ours!r} ({types[ours].name})", f"{theirs!r} of {other.id} ({kind.name})"
            yield f"{one} cannot be compared with {two}: {kept}", ()


def _shared_names(resource: Resource) -> Iterator[tuple[int, str]]:
    """Yield fields that would take the column of another one."""
    first: dict[str, str] = {}
    for at, spec in enumerate(resource.fields):
        for name in dict.fromkeys(spec.source_names):
            other = first.setdefault(name, spec.name)
            if other != spec.name:
                yield (
                    at,
                    f"fields {other!r} and {spec.name!r} would both take the column {name!r}; "
                    "give each its column",
                )


def _lint_files(pack: Pack) -> Iterator[DeclarationError]:
    """Yield files that are never read, though they lie where files are."""
    root = pack.root
    known = {"city.yaml", "departments.yaml", "elements.yaml"}
    found = [
        path
        for folder in ("codes", "resources", "base", "themes")
        for path in (root / folder).rglob("*")
    ]
    for path in sorted([*root.glob("*.y*ml"), *found]):
        shown = path.relative_to(root)
        read = (
            str(shown) in known
            or (shown.match("codes/*.csv") and len(shown.parts) == 2)
            or (shown.match("resources/*/*.yaml") and len(shown.parts) == 3)
            or (
                len(shown.parts) == 2
                and (shown.match("base/*.yaml") or shown.match("themes/*.yaml"))
            )
        )
        if path.is_file() and not read and not path.name.startswith("."):
            yield _problem(
                str(shown),
                "this file is never read; a pack has city.yaml, departments.yaml, elements.yaml, "
                "codes/<set>.csv, resources/<department>/<resource>.yaml, base/<entity>.yaml and "
                "themes/<theme>.yaml",
            )


def _lint_meanings(resources: Iterable[Resource]) -> Iterator[DeclarationError]:
    """Yield fields of one name that do not mean the same everywhere."""
    first: dict[str, tuple[Resource, FieldSpec]] = {}
    for resource in resources:
        for spec in resource.fields:
            other, known = first.setdefault(spec.name, (resource, spec))
            if (spec.type, spec.parameters()) != (known.type, known.parameters()):
                yield _problem(
                    shown_path(resource),
                    f"field {spec.name!r} is {_said(spec)} here and {_said(known)} in {other.id}; "
                    "one name has one meaning: rename one, or declare an element",
                )


def _said(spec: FieldSpec) -> str:
    given = ", ".join(f"{k} {v}" for k, v in spec.parameters().items())
    return f"{spec.type} ({given})" if given else str(spec.type)


def shown_path(resource: Resource) -> str:
    """Return the path of a resource's file within its pack."""
    return f"resources/{resource.owner}/{resource.name}.yaml"


def _problem(path: str, problem: str, known: Iterable[str] = ()) -> DeclarationError:
    return DeclarationError(Where(path), problem, known)

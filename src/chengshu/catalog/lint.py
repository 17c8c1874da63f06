"""What is wrong with a pack as a whole, beyond what each of its files says by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from chengshu.catalog.checks import row_expression
from chengshu.catalog.model import FieldSpec, Resource, Rule
from chengshu.catalog.pack import Pack
from chengshu.catalog.yaml import find_line
from chengshu.kernel.errors import ChengshuError, DeclarationError, Where
from chengshu.standards.codes import load_divisions
from chengshu.standards.model import ValueType


class RuleParser(Protocol):
    """An engine, as far as linting needs one."""

    name: str

    def parses(self, expression: str, columns: Mapping[str, str]) -> str | None:
        """Return why a boolean expression over ``columns`` cannot run there, or None."""
        ...


def lint_pack(pack: Pack, engines: Sequence[RuleParser]) -> list[DeclarationError]:
    """Return everything that is wrong with the pack, file by file."""
    problems = list(pack.problems)
    if pack.city is not None and pack.city.division not in load_divisions():
        problems.append(_problem("city.yaml", f"division {pack.city.division!r} is unknown"))
    for resource in pack.resources.values():
        problems += _lint_resource(pack, resource, engines)
    problems += _lint_meanings(pack.resources.values())
    return problems


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
    if len(types) == len(resource.fields):
        for at, rule in enumerate(resource.rules):
            for problem, known in _lint_rule(pack, resource, rule, types, engines):
                where = Where(shown, find_line(pack.root / shown, ("rules", at)))
                yield DeclarationError(where, f"rule {rule.name!r}: {problem}", known)


def _lint_rule(
    pack: Pack,
    resource: Resource,
    rule: Rule,
    types: Mapping[str, ValueType],
    engines: Sequence[RuleParser],
) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield what is wrong with a rule, and what is known instead."""
    other_name = rule.reference or rule.agrees
    if other_name is not None:
        other = pack.resources.get(other_name)
        if other is None:
            yield f"unknown resource {other_name!r}", pack.resources
        else:
            theirs = [*rule.to, *rule.value.values()]
            lacking = [name for name in theirs if not other.has_field(name)]
            if lacking:
                known = [f.name for f in other.fields]
                yield f"{other_name} has no field {lacking[0]!r}", known
    if rule.where_bad is None:
        return
    try:
        expression = row_expression(resource, rule)
    except ChengshuError as err:
        yield str(err), ()
        return
    columns = {f"v__{name}": kind.column for name, kind in types.items()} | {"_as_of": "TIMESTAMP"}
    columns |= {f"previous__{name}": kind.column for name, kind in types.items()}
    for engine in engines:
        why = engine.parses(expression, columns)
        if why is not None:
            yield f"does not run on {engine.name}: {why}", ()


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

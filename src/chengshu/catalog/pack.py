"""A city pack: a folder that says everything the platform knows of a city."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from chengshu.catalog.city import KEPT, City
from chengshu.catalog.entity import Entity
from chengshu.catalog.model import Departments, Element, Elements, FieldSpec, Resource
from chengshu.catalog.theme import Theme
from chengshu.catalog.yaml import find_line, load_model
from chengshu.kernel.errors import ChengshuError, DeclarationError, NotFoundError, Where
from chengshu.standards.calendar import Calendar
from chengshu.standards.codes import CodeSet, read_code_set
from chengshu.standards.model import ValueType
from chengshu.standards.registry import value_type
from chengshu.standards.types.coded import Coded

Loaded = TypeVar("Loaded")
Default = TypeVar("Default")
# What a pack is read from.
FILES = ("*.yaml", "codes/*.csv", "resources/*/*.yaml", "base/*.yaml", "themes/*.yaml")
# Grows when a value type or a check comes to mean something else: all rows are judged again.
VERSION = 1


@dataclass(frozen=True)
class Pack:
    """A city pack, read and resolved.

    Attributes:
        root: Its folder; sources' relative paths start here.
        resources: By ``department/resource``; elements are already filled into the fields.
        entities: What the base library holds, by name; the key's element is already filled in.
        problems: Everything found wrong while reading; empty for a usable pack.
        unread: The ids of resources whose files could not be read.
        themes: By name.
    """

    root: Path
    city: City | None
    departments: Departments
    elements: Mapping[str, Element]
    code_sets: Mapping[str, CodeSet]
    resources: Mapping[str, Resource]
    entities: Mapping[str, Entity] = field(default_factory=dict)
    problems: tuple[DeclarationError, ...] = field(default=())
    unread: frozenset[str] = frozenset()
    themes: Mapping[str, Theme] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        """Return the city's time zone."""
        return self.city.timezone if self.city else "UTC"

    @property
    def kept(self) -> tuple[str, str]:
        """Return how long snapshots and runs are kept."""
        return (self.city.keep_snapshots, self.city.keep_runs) if self.city else (KEPT, KEPT)

    @property
    def calendar(self) -> Calendar:
        """Return the city's working days."""
        return self.city.calendar if self.city else Calendar()

    def department_label(self, name: str) -> str:
        """Return the label of a department, or its name where it is not declared."""
        found = self.departments.departments.get(name)
        return found.label if found else name

    def get(self, name: str) -> Resource:
        """Return the resource of that id, or of that bare name when only one has it.

        Raises:
            NotFoundError: No resource, or more than one, answers to the name.
        """
        found = [r for r in self.resources.values() if name in (r.id, r.name)]
        if len(found) != 1:
            raise NotFoundError("resource", name, self.resources)
        return found[0]

    def get_theme(self, name: str) -> Theme:
        """Return the theme of that name.

        Raises:
            NotFoundError: None is declared.
        """
        if name not in self.themes:
            raise NotFoundError("theme", name, self.themes)
        return self.themes[name]

    def type_of(self, spec: FieldSpec) -> ValueType:
        """Return the value type of a resolved field."""
        if spec.type == "code" and spec.codes in self.code_sets:
            return Coded(self.code_sets[str(spec.codes)])
        return value_type(str(spec.type), **spec.parameters())

    def version_of(self, resource: Resource) -> str:
        """Return a digest of everything that decides what a row of the resource becomes."""
        rules = resource.model_dump(
            mode="json",
            include={"identity", "key", "fields", "rules"},
            exclude={
                "fields": {"__all__": {"label", "column", "element", "grade"}},
                "rules": {"__all__": {"label"}},
            },
            exclude_none=True,
        )
        sets = {
            str(f.codes): [(c.code, c.name) for c in self.code_sets[str(f.codes)].codes.values()]
            for f in resource.fields
            if f.codes in self.code_sets
        }
        if operation := resource.source.operation:
            rules["operation"] = operation.model_dump(mode="json", exclude={"column"})
        text = json.dumps([VERSION, rules, sets], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_pack(root: Path) -> Pack:
    """Return the pack in the folder ``root``; problems are collected, not raised one by one."""
    problems: list[DeclarationError] = []

    def attempt(make: Callable[[], Loaded], otherwise: Default) -> Loaded | Default:
        try:
            return make()
        except DeclarationError as err:
            problems.append(err)
            return otherwise

    city = attempt(lambda: load_model(City, root / "city.yaml", "city.yaml"), None)
    departments = attempt(
        lambda: load_model(Departments, root / "departments.yaml", "departments.yaml"),
        Departments(departments={}),
    )
    elements: Mapping[str, Element] = {}
    if (root / "elements.yaml").exists():
        elements = attempt(
            lambda: load_model(Elements, root / "elements.yaml", "elements.yaml").elements, {}
        )
    sets: dict[str, CodeSet] = {}
    for path in sorted((root / "codes").glob("*.csv")):
        attempt(lambda p=path: sets.update({p.stem: _load_codes(p, root)}), None)  # type: ignore[misc]
    resources: dict[str, Resource] = {}
    unread: set[str] = set()
    for path in sorted((root / "resources").glob("*/*.yaml")):
        resource = attempt(lambda p=path: _load_resource(p, root, elements), None)  # type: ignore[misc]
        resources |= {resource.id: resource} if resource else {}
        unread |= set() if resource else {f"{path.parent.name}/{path.stem}"}
    if not resources and not problems:
        problems.append(DeclarationError(Where(str(root / "resources")), "no resource is declared"))
    entities: dict[str, Entity] = {}
    for path in sorted((root / "base").glob("*.yaml")):
        attempt(lambda p=path: entities.update({p.stem: _load_entity(p, root, elements)}), None)  # type: ignore[misc]
    themes: dict[str, Theme] = {}
    for path in sorted((root / "themes").glob("*.yaml")):
        attempt(lambda p=path: themes.update({p.stem: _load_theme(p, root)}), None)  # type: ignore[misc]
    read = (root, city, departments, elements, sets, resources, entities)
    return Pack(*read, tuple(problems), frozenset(unread), themes)


def usable_pack(root: Path) -> Pack:
    """Return the pack in ``root``, or raise the first thing that is wrong with it."""
    pack = load_pack(root)
    if pack.problems:
        raise pack.problems[0]
    return pack


class PackReader:
    """Returns the usable pack of a folder, read anew when one of its files has changed."""

    def __init__(self, root: Path) -> None:
        """Read nothing yet."""
        self._root = root
        self._read: tuple[object, Pack] | None = None

    def __call__(self) -> Pack:
        """Return the pack (see `usable_pack`)."""
        state = [
            (path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            for pattern in FILES
            for path in sorted(self._root.glob(pattern))
            for found in [path.stat()]
        ]
        if self._read is None or self._read[0] != state:
            self._read = (state, usable_pack(self._root))
        return self._read[1]


def _load_codes(path: Path, root: Path) -> CodeSet:
    shown = str(path.relative_to(root))
    try:
        return read_code_set(path)
    except ChengshuError as err:
        raise DeclarationError(Where(shown), str(err)) from err


def _load_theme(path: Path, root: Path) -> Theme:
    shown = str(path.relative_to(root))
    theme = load_model(Theme, path, shown)
    if theme.theme != path.stem:
        raise DeclarationError(Where(shown), f"theme {theme.theme!r} is not the file name")
    return theme


def _load_resource(path: Path, root: Path, elements: Mapping[str, Element]) -> Resource:
    shown = str(path.relative_to(root))
    resource = load_model(Resource, path, shown)
    if resource.name != path.stem:
        raise DeclarationError(Where(shown), f"name {resource.name!r} is not the file name")
    if resource.owner != path.parent.name:
        raise DeclarationError(Where(shown), f"owner {resource.owner!r} is not the folder name")
    if resource.secret:
        raise DeclarationError(
            Where(shown, find_line(path, ("secret",))),
            "a state secret 涉密 may not be declared here: it is handled outside this platform, "
            "by the rules for classified information",
        )
    fields = [
        _known(path, shown, ("fields", at), spec, elements)
        for at, spec in enumerate(resource.fields)
    ]
    return resource.model_copy(update={"fields": tuple(fields)})


def _load_entity(path: Path, root: Path, elements: Mapping[str, Element]) -> Entity:
    shown = str(path.relative_to(root))
    entity = load_model(Entity, path, shown)
    if entity.entity != path.stem:
        raise DeclarationError(Where(shown), f"entity {entity.entity!r} is not the file name")
    key = _known(path, shown, ("key",), entity.key, elements)
    return entity.model_copy(update={"key": key})


def _known(
    path: Path,
    shown: str,
    at: tuple[int | str, ...],
    spec: FieldSpec,
    elements: Mapping[str, Element],
) -> FieldSpec:
    """Return the field with what its element says, which must be known."""
    if spec.element is not None and spec.element not in elements:
        where = Where(shown, find_line(path, (*at, "element")))
        raise DeclarationError(
            where, f"field {spec.name!r} has unknown element {spec.element!r}", elements
        )
    return _filled(spec, elements)


def _filled(spec: FieldSpec, elements: Mapping[str, Element]) -> FieldSpec:
    """Return the field with its element's meaning; what the field says itself wins."""
    if spec.element is None:
        return spec
    meaning = elements[spec.element].model_dump(exclude_none=True)
    own = spec.model_dump(exclude_unset=True, exclude={"element"})
    return FieldSpec.model_validate({**meaning, **own})

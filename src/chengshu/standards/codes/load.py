"""Read the code sets that ship with the package."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import yaml

from chengshu.kernel.errors import InputError, NotFoundError, Where
from chengshu.standards.codes.model import Code, CodeSet, Division, Source

DATA = files("chengshu.standards.codes").joinpath("data")
DIVISIONS = "gb2260"
SOURCES = "sources.yaml"


@cache
def list_code_sets() -> tuple[str, ...]:
    """Return the names of all code sets, sorted."""
    return tuple(sorted(describe_sources()))


@cache
def load_code_set(name: str) -> CodeSet:
    """Return one code set.

    Raises:
        NotFoundError: No set has this name; the known ones are listed.
    """
    sources = describe_sources()
    if name not in sources:
        raise NotFoundError("code set", name, known=sources)
    codes = map(_division_code if name == DIVISIONS else _code, _rows(name))
    source = sources[name]
    return CodeSet(name, source.title, source, MappingProxyType({c.code: c for c in codes}))


def read_code_set(path: Path) -> CodeSet:
    """Return a city's own code set from a CSV file: ``code,name``, and ``aliases`` by spaces.

    Raises:
        InputError: The file is not UTF-8, lacks a column, or gives a code twice or without a name.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as err:
        raise InputError("a code set is UTF-8 text", where=Where(path.name)) from err
    reader = csv.DictReader(text.splitlines(), strict=True)
    if not {"code", "name"} <= set(reader.fieldnames or ()):
        raise InputError(
            "a code set has the columns code,name[,aliases]", where=Where(path.name, 1)
        )
    codes: dict[str, Code] = {}
    for line, row in enumerate(reader, 2):
        code, name = row.get("code"), row.get("name")
        if not code or not name or None in row or code in codes:
            problem = "a code has no name, stands twice, or the line has another number of cells"
            raise InputError(problem, where=Where(path.name, line))
        codes[code] = _code({key: value or "" for key, value in row.items()})
    source = Source(path.stem, "", "the city pack", "", "the city's own", "", derived=False)
    return CodeSet(path.stem, path.stem, source, MappingProxyType(codes))


@cache
def load_divisions() -> Mapping[str, Division]:
    """Return every code of GB/T 2260 that ever was, by code, sorted."""
    return MappingProxyType({row["code"]: _division(row) for row in _rows(DIVISIONS)})


@cache
def describe_sources() -> Mapping[str, Source]:
    """Return where each code set comes from, by the name of the set."""
    root = yaml.compose(DATA.joinpath(SOURCES).read_text("utf-8"), Loader=yaml.SafeLoader)
    described = {}
    for file_name, node in _entries(dict(_entries(root))["files"]):
        fact = {key: str(value.value) for key, value in _entries(node)}
        described[file_name.removesuffix(".csv")] = Source(
            title=fact["title"],
            standard=fact["standard"],
            source=fact["source"],
            date=fact["date"],
            licence=fact["licence"],
            notes=fact["notes"],
            derived=fact.get("derived") == "true",
        )
    return MappingProxyType(described)


def _entries(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Yield key and value of a mapping with every scalar kept as text."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), value


def _rows(name: str) -> list[dict[str, str]]:
    text = DATA.joinpath(f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def _code(row: dict[str, str]) -> Code:
    aliases = tuple(row.pop("aliases", "").split())
    code, name = row.pop("code"), row.pop("name")
    return Code(code, name, aliases, MappingProxyType(row))


def _division_code(row: dict[str, str]) -> Code:
    """Return a division as a code: only current ones answer to their names."""
    retired = row["status"] != "current"
    aliases = (row["full_name"],)
    code, name = row.pop("code"), row.pop("name")
    return Code(code, name, aliases, MappingProxyType(row), retired)


def _division(row: Mapping[str, str]) -> Division:
    return Division(
        code=row["code"],
        name=row["name"],
        full_name=row["full_name"],
        level=row["level"],
        status=row["status"],
        valid_from=_year(row["valid_from"]),
        valid_to=_year(row["valid_to"]),
        successors=tuple(row["successors"].split()),
        former_names=tuple(row["former_names"].split()),
    )


def _year(text: str) -> int | None:
    return int(text) if text else None

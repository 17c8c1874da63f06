"""What is wrong with a theme: who it names, and SQL that may not run, or does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chengshu.catalog.pack import Pack
from chengshu.catalog.theme import Theme
from chengshu.catalog.theme_input import ThemeInput, input_of
from chengshu.catalog.theme_sql import (
    Loc,
    ThemeSql,
    compile_theme,
    rows_view,
    sample_parameters,
)
from chengshu.catalog.trial import RuleParser
from chengshu.catalog.yaml import find_line
from chengshu.engine.sql import listed, quote
from chengshu.kernel.errors import ChengshuError, DeclarationError, Where
from chengshu.standards.codes import list_code_sets

# Themes run there, whatever else there is.
TRIED_ON = "duckdb"
# Fields of this grade and above are masked when shown (see `chengshu.security.mask`).
MASKED_FROM = 3


def lint_theme(
    pack: Pack, theme: Theme, engines: Sequence[RuleParser]
) -> Iterator[DeclarationError]:
    """Yield everything that is wrong with a theme."""

    def where(loc: Loc) -> Where:
        return Where(theme.path, find_line(pack.root / theme.path, loc))

    if theme.owner not in pack.departments.departments:
        departments = pack.departments.departments
        yield DeclarationError(
            where(("owner",)), f"owner {theme.owner!r} is not in departments.yaml", departments
        )
    yield from _lint_codes(pack, theme)
    inputs: dict[str, ThemeInput] = {}
    for name, given in theme.inputs.items():
        try:
            inputs[name] = input_of(pack, given)
        except ChengshuError as err:
            if given not in pack.unread:
                yield DeclarationError(where(("inputs", name)), f"input {name!r}: {err}")
    for loc, why in _lint_grades(theme, inputs):
        yield DeclarationError(where(loc), why)
    try:
        compiled = compile_theme(theme, sample_parameters(theme), where)
    except DeclarationError as err:
        yield err
        return
    if len(inputs) == len(theme.inputs):
        for engine in engines:
            if engine.name == TRIED_ON:
                for loc, why in _try(theme, compiled, inputs, engine):
                    yield DeclarationError(where(loc), f"{'.'.join(map(str, loc))}: {why}")


def _lint_codes(pack: Pack, theme: Theme) -> Iterator[DeclarationError]:
    known = {*list_code_sets(), *pack.code_sets, "division"}
    for name, table in theme.tables.items():
        for column, dimension in table.dimensions.items():
            if dimension.codes is not None and dimension.codes not in known:
                loc = ("tables", name, "dimensions", column)
                place = Where(theme.path, find_line(pack.root / theme.path, loc))
                yield DeclarationError(place, f"unknown code set {dimension.codes!r}", known)


def _lint_grades(theme: Theme, inputs: Mapping[str, ThemeInput]) -> Iterator[tuple[Loc, str]]:
    """Yield dimensions that would show in cells, to everybody, what is masked elsewhere."""
    for name, table in theme.tables.items():
        for of in table.rows.keys() & inputs.keys():
            for field, grade in inputs[of].grades.items():
                if field in table.dimensions and grade >= MASKED_FROM:
                    yield (
                        ("tables", name, "dimensions", field),
                        f"dimension {field!r} is graded {grade} in {inputs[of].of.id}, and cells "
                        "are not masked; use what many share: a band, a year",
                    )


def _try(
    theme: Theme, compiled: ThemeSql, inputs: Mapping[str, ThemeInput], engine: RuleParser
) -> Iterator[tuple[Loc, str]]:
    """Yield what does not run, over inputs without rows; what rests on it is not tried."""
    relations = {name: _nothing(one.columns) for name, one in inputs.items()}
    for name, table in theme.tables.items():
        for of in table.rows:
            key = listed([*inputs[of].key, *table.dimensions])
            rows = f"SELECT {key} FROM ({compiled.rows[name]}) AS tried"
            if why := _why(engine, relations, rows):
                yield ("tables", name, "rows", of), why
                return
        relations[rows_view(name)] = compiled.rows[name]
        if why := _why(engine, relations, compiled.tables[name]):
            yield ("tables", name, "measures"), why
            return
        relations[name] = compiled.tables[name]
    for name, queries in compiled.tests.items():
        for query in queries:
            if why := _why(engine, relations, query):
                yield ("tests", name), why


def _why(engine: RuleParser, relations: Mapping[str, str], query: str) -> str | None:
    given = ", ".join(f"{quote(name)} AS ({sql})" for name, sql in relations.items())
    return engine.parses(f"EXISTS (WITH {given} {_nested(query)})", {"one": "INTEGER"})


def _nested(query: str) -> str:
    """Return a query as a part of another: it may have a WITH of its own."""
    return f"SELECT * FROM ({query}) AS tried"


def _nothing(columns: Mapping[str, str]) -> str:
    body = ", ".join(f"CAST(NULL AS {kind}) AS {quote(name)}" for name, kind in columns.items())
    return f"SELECT {body} WHERE FALSE"

"""Write the files that are derived from the code; with --check, fail when one is stale.

Derived: ``docs/schema/*.json`` (city packs' files, for editors), ``docs/map.md`` (what each module
is for, from its docstring), ``docs/values.md`` (every value type with its reasons) and
``docs/kinds.md`` (what goes wrong in the made-up city).
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from chengshu.catalog.schema import render_schemas
from chengshu.demo.defects import Kind, list_operators, load_kinds
from chengshu.standards.registry import list_parameters, list_value_types, value_type

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "chengshu"
HEAD = """\
# The map

Made by `make derive` from the first sentence of each module; do not edit. Dependencies point
down; siblings do not import each other (import-linter holds it). Rooms that are not here yet
come with the issues that fill them.

"""
VALUES = """\
# Value types

Made by `make derive` from the registry; do not edit. Try one: `chengshu value citizen_id FILE`.
A value is `ok`, `corrected` (to its canonical form), a `warning` (kept, and noted) or `invalid`
(refuses the row in a key or required field, else it is withheld). Blank text is a missing value.
Code sets and their sources: `src/chengshu/standards/codes/data/sources.yaml`.

"""
KINDS = """\
# Kinds of defects

Made by `make derive` from `src/chengshu/demo/defects/kinds.yaml`; do not edit. What they are for:
[rules/defects.md](rules/defects.md). No rule is tuned on those with †. Rates are of a thousand
rows.

| kind | 名称 | what it is | seen by | operator | where, and how often |
|---|---|---|---|---|---|
"""
OPERATORS = """
## Operators

| operator | with | does |
|---|---|---|
"""
ROOMS = (
    "main", "demo", "flows", "exchange", "libraries", "security", "catalog", "standards", "engine",
    "state", "kernel",
)  # fmt: skip


def derived() -> Iterator[tuple[Path, str]]:
    """Yield each derived file with its text."""
    for name, schema in render_schemas().items():
        text = json.dumps(schema, ensure_ascii=False, indent=2) + "\n"
        yield ROOT / "docs" / "schema" / name, text
    yield ROOT / "docs" / "map.md", HEAD + "".join(room(SOURCE / name) for name in ROOMS)
    yield ROOT / "docs" / "values.md", VALUES + "".join(map(value_type_text, list_value_types()))
    kinds = "".join(map(kind_text, load_kinds()))
    operators = "".join(
        f"| {name} | {given} | {does} |\n" for name, given, does in list_operators()
    )
    yield ROOT / "docs" / "kinds.md", KINDS + kinds + OPERATORS + operators


def kind_text(kind: Kind) -> str:
    """Return a kind's line of the page."""
    places = "; ".join(
        f"{resource} {', '.join(f'{place} {rate:g}' for place, rate in rates.items())}"
        for resource, rates in kind.at.items()
    ).replace("*", "row")
    seen = "habit" if kind.harmless else kind.visible
    label = kind.label + ("†" if kind.held_out else "")
    return f"| {kind.kind} | {label} | {kind.what} | {seen} | {kind.operator} | {places} |\n"


def value_type_text(name: str) -> str:
    """Return a value type's part of the page."""
    parameters = list_parameters(name)
    kind = value_type(name, **({"codes": "gb2261_1"} if name == "code" else {}))
    given = ", ".join(
        f"`{p}`{' (must be given)' if must else ''}" for p, must in parameters.items()
    )
    lines = [f"## {name} {kind.label}\n\n", f"{kind.source} · column `{kind.column}`"]
    lines.append(f" · parameters {given}\n\n" if given else "\n\n")
    lines.append("| reason | verdict | means | 含义 |\n|---|---|---|---|\n")
    for reason in sorted(kind.reasons.values(), key=lambda r: (r.verdict.value, r.code)):
        lines.append(f"| `{reason.code}` | {reason.verdict} | {reason.text} | {reason.label} |\n")
    return "".join(lines).replace(kind.name, name) + "\n"


def room(folder: Path) -> str:
    """Return a room's part of the map."""
    lines = [f"## {folder.name}\n\n{sentence(folder / '__init__.py')}\n\n"]
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and path.name != "__init__.py":
            lines.append(f"- `{path.stem}`: {sentence(path)}\n")
        elif (path / "__init__.py").exists():
            lines.append(f"- `{path.name}/`: {sentence(path / '__init__.py')}\n")
    return "".join(lines) + "\n"


def sentence(path: Path) -> str:
    """Return the first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def main() -> None:
    """Write or check every derived file."""
    check = "--check" in sys.argv
    stale = [
        (path, text)
        for path, text in derived()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        sys.stdout.write(f"{'stale' if check else 'wrote'} {path.relative_to(ROOT)}\n")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()

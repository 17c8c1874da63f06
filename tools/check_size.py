"""Fail when a Python file of the package has more than 300 lines or a function more than 40."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FILE, FUNCTION = 300, 40


def long_parts(path: Path) -> Iterator[str]:
    """Yield what is too long in a file of the package."""
    text = path.read_text(encoding="utf-8")
    if (lines := text.count("\n")) > FILE:
        yield f"{path}: {lines} lines, at most {FILE}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION}"


def main() -> None:
    """Print what is too long; exit 1 if anything is."""
    listed = subprocess.run(["git", "ls-files", "src/*.py"], capture_output=True, text=True)  # noqa: S607
    found = [part for name in listed.stdout.split() for part in long_parts(Path(name))]
    sys.stdout.write("".join(f"{part}\n" for part in found))
    sys.exit(1 if found or listed.returncode else 0)


if __name__ == "__main__":
    main()

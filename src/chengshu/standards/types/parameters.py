"""Parameters of value types: refused when wrong, shown in the type's name."""

from __future__ import annotations

from collections.abc import Iterable

from chengshu.kernel.errors import InputError


def check_choice(kind: str, parameter: str, value: str, known: Iterable[str]) -> None:
    """Refuse a value that is not one of ``known``.

    Raises:
        InputError: It is none of them.
    """
    names = sorted(known)
    if value not in names:
        problem = f"type {kind}: {parameter} is {value!r}"
        raise InputError(problem, hint=f"Known: {', '.join(names)}.")


def parse_whole(kind: str, parameter: str, value: str, least: int, most: int) -> int:
    """Return a whole number written in digits.

    Raises:
        InputError: It is none, or out of range.
    """
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        problem = f"type {kind}: {parameter} is {value!r}"
        raise InputError(problem, hint=f"Write a whole number from {least} to {most}.")
    return int(value)


def name_with(kind: str, **parameters: tuple[object, object]) -> str:
    """Return ``kind`` with the parameters that differ from their default.

    Args:
        kind: Name of the type.
        parameters: Value and default of each.
    """
    given = (f"{name}={value}" for name, (value, usual) in parameters.items() if value != usual)
    written = ", ".join(given)
    return f"{kind}({written})" if written else kind

"""Which columns of a resource are masked, and how: grade decides, the value type masks."""

from __future__ import annotations

from collections.abc import Mapping

from chengshu.catalog import Resource, Types
from chengshu.engine.sql import literal, quote

# Grades 1 and 2 of GB/T 43697's reference table harm nobody or slightly; 3 and 4 are masked.
MASKED_FROM = 3
HIDDEN = "＊＊＊"


def shown_columns(
    resource: Resource, types: Types, *, typed: bool, masked: bool
) -> Mapping[str, str]:
    """Return column → SQL that shows it.

    Args:
        resource: The declaration.
        types: Field → value type.
        typed: False for raw rows, whose fields may hold anything in any place: when one field is
            to be masked, all of them are hidden, and so is ``_rest``, what no field took.
        masked: False to show everything in the clear.
    """
    clear = {f.name: quote(f.name) for f in resource.fields}
    if not typed:
        clear["_rest"] = "_rest"
    if not masked or not is_masked(resource):
        return clear
    if not typed:
        hidden = literal(HIDDEN)
        return {
            name: f"CASE WHEN {sql} IS NOT NULL THEN {hidden} END" for name, sql in clear.items()
        }
    return mask_columns(types, {f.name: f.grade for f in resource.fields})


def mask_columns(types: Types, grades: Mapping[str, int]) -> Mapping[str, str]:
    """Return typed column → SQL that shows it, masked where its grade says so."""
    return {
        name: types[name].mask(f"CAST({quote(name)} AS VARCHAR)")
        if grade >= MASKED_FROM
        else quote(name)
        for name, grade in grades.items()
    }


def is_masked(resource: Resource) -> bool:
    """Tell whether any field of the resource is masked."""
    return any(f.grade >= MASKED_FROM for f in resource.fields)

"""What the platform itself writes into workbooks for departments, and never takes for data."""

from __future__ import annotations

NOTES, CODES, PROBLEMS = "填写说明", "填报代码", "问题清单"
# The first cell of each of these sheets starts so; another's sheet of the same name does not.
SIGN = "城枢"
# Column of a marked workbook that says what is wrong with each row; no field takes it.
PROBLEM_COLUMN = "问题（平台反馈）"


def is_own(sheet: str, first_cell: object) -> bool:
    """Tell whether the platform wrote this sheet of a workbook."""
    signed = isinstance(first_cell, str) and first_cell.startswith(SIGN)
    return signed and sheet in (NOTES, CODES, PROBLEMS)

"""Official code sets, shipped as data: what a code means, and which code a label means."""

from chengshu.standards.codes.load import (
    describe_sources,
    list_code_sets,
    load_code_set,
    load_divisions,
    read_code_set,
)
from chengshu.standards.codes.model import (
    Code,
    CodeSet,
    Division,
    Source,
    division_rows,
    rows_of,
)

__all__ = [
    "Code",
    "CodeSet",
    "Division",
    "Source",
    "describe_sources",
    "division_rows",
    "list_code_sets",
    "load_code_set",
    "load_divisions",
    "read_code_set",
    "rows_of",
]

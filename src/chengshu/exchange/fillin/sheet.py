"""The columns of a sheet to fill: what stands above each, what it takes, what may be chosen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from chengshu.catalog import FieldSpec, Pack, Resource
from chengshu.catalog.checks import is_needed
from chengshu.exchange.files.layout import is_datum
from chengshu.exchange.files.own import PROBLEM_COLUMN
from chengshu.exchange.fillin.forms import Form, choices, form_of
from chengshu.standards.types.coded import Coded

# What a reader may tidy away, or take for a remark above the table.
_UNSAFE = re.compile(r"^\s|\s$|[\x00-\x1f\x7f:：]|^#")
OPERATION = Form("从下拉清单中选择", "")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the sheet.

    Attributes:
        name: What stands above it, by which it is found again when the sheet is read.
        field: The field it is for; None for the operation flag.
        label: What it means.
        kind: What its values are, in words.
        needed: Whether a row without it is refused.
        form: How a value is written.
        choices: What may be chosen; empty where anything may be written.
        missing: Texts that say that there is no value.
    """

    name: str
    field: str | None
    label: str
    kind: str
    needed: bool
    form: Form
    choices: Sequence[str] = ()
    missing: Sequence[str] = ()


def columns_of(pack: Pack, resource: Resource) -> list[Column]:
    """Return the columns to fill, in the order of the declaration."""
    used = Counter(name for spec in resource.fields for name in set(spec.source_names))
    made = [_column_of(pack, resource, spec, used) for spec in resource.fields]
    if operation := resource.source.operation:
        texts = [*operation.insert, *operation.update, *operation.delete]
        form = Form(OPERATION.words, texts[0])
        made.insert(0, Column(operation.column, None, "操作标志", "操作标志", True, form, texts))
    return made


def _column_of(pack: Pack, resource: Resource, spec: FieldSpec, used: Counter[str]) -> Column:
    kind = pack.type_of(spec)
    return Column(
        name=_name_of(spec, used),
        field=spec.name,
        label=str(spec.label),
        kind=kind.label,
        needed=is_needed(resource, spec),
        form=form_of(str(spec.type), kind),
        choices=choices(kind) if isinstance(kind, Coded) else (),
        missing=spec.missing,
    )


def _name_of(spec: FieldSpec, used: Counter[str]) -> str:
    """Return the label, which people read, where it is sure to be found again; else the name."""
    for name in reversed(spec.source_names):
        safe = not is_datum(name) and not _UNSAFE.search(name) and name != PROBLEM_COLUMN
        if used[name] == 1 and safe:
            return name
    return spec.source_names[0]

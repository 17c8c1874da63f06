"""The findings of a batch for the department that delivered it: every row that failed, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chengshu.catalog import Resource, Types
from chengshu.engine import Session
from chengshu.engine.sql import literal, quote
from chengshu.libraries import stores
from chengshu.libraries.report import failing_sql

ROWS_PER_PAGE = 20_000
COLUMNS = {
    "source": "TEXT",
    "position": "BIGINT",
    "record_key": "TEXT",
    "rule": "TEXT",
    "field": "TEXT",
    "reason": "TEXT",
    "effect": "TEXT",
    "sentence": "TEXT",
}
EFFECTS = {"block": "该行未采用", "withhold": "该项未采用", "warn": "仅提示，已采用"}
BUILT_IN = {
    "intact": "该行不完整或无法读取",
    "operation nothing_to_end": "要终止的记录不存在",
    "operation": "操作标志不明",
    "identity": "同一批次中同一记录有不同的内容",
    "append": "只增不改的来源改动了已有的记录",
    "required missing": "必填项缺失",
}


def list_findings(
    session: Session, resource: Resource, types: Types, batch: int
) -> Iterator[tuple[str | None, ...]]:
    """Yield every row of a batch that failed a rule, page by page.

    Rows are as department people know them: in the clear, for the department that owns them only.

    Args:
        session: Reads the stores, until the last row.
        resource: The declaration.
        types: Field → value type.
        batch: The batch's number.

    Yields:
        The values of `COLUMNS` as text, in the order of position, rule and field: what the batch
        came from; the row's place in it; its key as JSON, each field as the department wrote it
        (``{}`` without a key); what it failed; and the same as a sentence in Chinese.
    """
    step = f"findings of {resource.id} batch {batch}"
    key = ", ".join(f"f.{quote(name)}" for name in resource.key)
    session.stage(
        "told",
        "SELECT ROW_NUMBER() OVER (ORDER BY f._position, f._rule, f._field, f._reason) AS _nth, "
        f"b.source AS _came_from, f._position, f._rule, f._field, f._reason, f._effect"
        f"{', ' + key if key else ''} FROM ({failing_sql(resource, resource.key, 'findings')}) "
        f"AS f JOIN lake.{stores.BATCHES} AS b ON b.batch = f._batch "
        f"AND b.resource = {literal(resource.id)} WHERE f._batch = {batch}",
        step=step,
    )
    after = 0
    while rows := session.rows(
        f"SELECT * FROM told WHERE _nth > {after} AND _nth <= {after + ROWS_PER_PAGE} "
        "ORDER BY _nth",
        step=step,
    ):
        yield from (_told(resource, types, row) for row in rows)
        after += ROWS_PER_PAGE
    session.drop("told")


def _told(resource: Resource, types: Types, row: Mapping[str, Any]) -> tuple[str | None, ...]:
    key = {name: row[name] for name in resource.key}
    failed = [row[name] for name in ("_rule", "_field", "_reason", "_effect")]
    return (
        row["_came_from"],
        str(row["_position"]),
        json.dumps(key, ensure_ascii=False).replace("\x7f", "\\u007f"),
        *failed,
        render_sentence(resource, types, *failed),
    )


def render_sentence(
    resource: Resource, types: Types, rule: str, field: str | None, reason: str, effect: str
) -> str:
    """Return a finding as a sentence in Chinese; it holds no value of the row."""
    known = field is not None and resource.has_field(field)
    about = f"{resource.field(str(field)).label}：" if known else ""
    declared = {r.name: r.label or r.name for r in resource.rules}
    reasons = types[str(field)].reasons if known else {}
    if rule in declared:
        why = f"不符合规则“{declared[rule]}”"
    elif reason in reasons:
        why = reasons[reason].label
    else:
        why = BUILT_IN.get(f"{rule} {reason}") or BUILT_IN.get(rule) or reason
    return f"{about}{why}（{EFFECTS[effect]}）。"

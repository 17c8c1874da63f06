"""What is wrong with a row, in words for the department that filled it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chengshu.catalog import Pack, Resource
from chengshu.catalog.expression import names_in
from chengshu.catalog.rule import Effect, Rule
from chengshu.exchange.fillin.forms import form_of
from chengshu.kernel.errors import NotFoundError

EFFECTS: Mapping[str, str] = {
    Effect.BLOCK: "整行未收",
    Effect.WITHHOLD: "该值未收",
    Effect.WARN: "已收，请核实",
}
INTACT: Mapping[str, str] = {
    "header_repeated": "数据中间又出现一次列名",
    "table_changes": "空行之后只有一个单元格有内容，像标题或另一张表",
    "ragged_short": "单元格比列名少",
    "ragged_long": "列名右边还有内容，没有列名可对应",
}
COMPARED: Mapping[tuple[str, str], str] = {
    ("operation", "unknown"): "操作标志无法识别",
    ("operation", "nothing_to_end"): "要删除的记录不存在",
    ("identity", "contradicted"): "同一批中，同一记录的几行内容不一致",
    ("append", "changed"): "只报新增，却改动了已报过的记录",
}
SOURCE: Mapping[str, str] = {
    "column_missing": "缺少一列，对应内容为空",
    "empty_record": "有空行，已跳过",
    "error_cell": "公式出错，单元格按空处理",
    "header_empty": "有一列没有列名",
    "header_lines": "列名占了多行，已合并读取",
    "header_missing": "第一行不是列名",
    "header_renamed": "有两列同名",
    "header_short": "列名比内容少",
    "header_unsure": "第一行像数据，不像列名",
    "hidden_sheet": "读取的是隐藏的工作表",
    "merged_cells": "有合并单元格，只有第一格有值",
    "more_findings": "还有更多问题未列出",
    "no_rows": "只有列名，没有数据",
    "number_again": "批次号重复",
    "number_late": "批次号小于已收的批次",
    "number_missing": "前面还有批次没有收到",
    "number_precision": "数字超过15位，末尾几位已丢失，应以文本填写",
    "other_sheets": "只读取了一张工作表，其他工作表也有内容",
    "preamble": "列名之上的文字未作数据读取",
    "suffix_wrong": "文件扩展名与内容不符",
    "total_row": "像合计行，不像一条记录",
    **INTACT,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one row.

    Attributes:
        position: The row's line in the file.
        fields: The fields whose cells are to be marked; empty for the row as a whole.
        effect: What it does to the row.
        text: What is wrong and what was expected, in Chinese; holds no value.
    """

    position: int
    fields: tuple[str, ...]
    effect: str
    text: str


def explain(pack: Pack, resource: Resource, found: Mapping[str, str | None], at: int) -> Fault:
    """Return a finding (``rule, field, reason, effect``) about line ``at`` in words."""
    rule, field, reason = str(found["rule"]), found["field"], str(found["reason"])
    declared = next((one for one in resource.rules if one.name == rule), None)
    effect = str(found["effect"])
    if declared is not None:
        return Fault(at, _fields_of(resource, declared), effect, _of_rule(pack, resource, declared))
    if field is not None and resource.has_field(field):
        return Fault(at, (field,), effect, _of_value(pack, resource, field, reason))
    if rule == "intact":
        return Fault(at, (), effect, INTACT.get(reason, "整行无法可靠读取"))
    fields = resource.key if rule in ("identity", "append") else ()
    return Fault(at, fields, effect, COMPARED.get((rule, reason), f"未通过检查 {rule}"))


def explain_source(code: str) -> str:
    """Return a finding about the file itself in words."""
    return SOURCE.get(code, f"文件有异常（{code}）")


def _of_value(pack: Pack, resource: Resource, field: str, reason: str) -> str:
    spec = resource.field(field)
    kind = pack.type_of(spec)
    form = form_of(str(spec.type), kind)
    known = kind.reasons.get(reason)
    text = known.label if known else "必填，不能为空" if reason == "missing" else "不符合要求"
    example = f"，例如 {form.example}" if form.example else ""
    return f"{spec.label}：{text}。应填：{form.words}{example}"


def _fields_of(resource: Resource, rule: Rule) -> tuple[str, ...]:
    if rule.field:
        return (rule.field,)
    names = [*rule.unique, *rule.fields, *rule.value]
    if rule.where_bad:
        used = {name.removeprefix("previous_") for name in names_in(rule.where_bad)}
        names += [f.name for f in resource.fields if f.name in used]
    return tuple(dict.fromkeys(names))


def _of_rule(pack: Pack, resource: Resource, rule: Rule) -> str:
    labels = "、".join(str(resource.field(name).label) for name in _fields_of(resource, rule))
    if rule.label:
        return f"{labels}：{rule.label}" if labels else rule.label
    other = _label_of(pack, rule.other) if rule.other else ""
    texts = {
        "unique": f"{labels}：与其他记录重复",
        "reference": f"{labels}：在“{other}”中找不到",
        "agrees": f"{labels}：与“{other}”不一致",
        "sequence": f"{labels}：与前一条记录不衔接（规则 {rule.name}）",
        "row": f"{labels}：不符合规则 {rule.name}",
    }
    return texts[rule.kind]


def _label_of(pack: Pack, resource: str) -> str:
    try:
        return pack.get(resource).label
    except NotFoundError:
        return resource

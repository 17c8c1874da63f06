"""The notes of a template: what each column takes, when it is due, what happens to the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xlsxwriter import Workbook

from chengshu.catalog import Pack, Resource
from chengshu.catalog.model import UpdateCycle
from chengshu.exchange.files.own import NOTES, PROBLEM_COLUMN, PROBLEMS, SIGN
from chengshu.exchange.fillin.sheet import Column

CYCLES: Mapping[UpdateCycle, str] = {
    UpdateCycle.REALTIME: "实时",
    UpdateCycle.DAILY: "每日",
    UpdateCycle.WEEKLY: "每周",
    UpdateCycle.MONTHLY: "每月",
    UpdateCycle.QUARTERLY: "每季度",
    UpdateCycle.HALF_YEARLY: "每半年",
    UpdateCycle.YEARLY: "每年",
    UpdateCycle.IRREGULAR: "不定期",
    UpdateCycle.NEVER: "不更新",
}
MODES: Mapping[str, str] = {
    "full": "每次填报全部现有记录；上次有而这次没有的记录，视为已终止。",
    "incremental": "每次只填新增和有变化的记录；没有填的记录保持不变。",
    "append": "每次只填新增的记录；已报过的记录不要改动。",
}
HEADS = {"列名": 24, "含义": 28, "类型": 24, "必填": 8, "写法": 40, "示例（不作数据）": 30}


def write_notes(book: Workbook, pack: Pack, resource: Resource, columns: Sequence[Column]) -> None:
    """Write the notes sheet."""
    sheet = book.add_worksheet(NOTES)
    bold = book.add_format({"bold": True, "font_size": 14})
    head = book.add_format({"bold": True, "bg_color": "#D9E1F2", "border": 1})
    cell = book.add_format({"text_wrap": True, "valign": "top", "border": 1, "num_format": "@"})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    for at, width in enumerate(HEADS.values()):
        sheet.set_column(at, at, width)
    sheet.write_string(0, 0, f"{SIGN}{NOTES}：{resource.label}", bold)
    line = 1
    for line, text in enumerate(_texts(pack, resource), 1):
        # Cells that are merged do not grow with their text.
        sheet.set_row(line, 16 * (1 + sum(2 if ord(c) > 255 else 1 for c in text) // 150))
        sheet.merge_range(line, 0, line, len(HEADS) - 1, "", wrapped)
        sheet.write_string(line, 0, text, wrapped)
    for at, name in enumerate(HEADS):
        sheet.write_string(line + 2, at, name, head)
    for row, column in enumerate(columns, line + 3):
        form = column.form.words
        if column.missing:
            form += f"；无值时可填：{'、'.join(column.missing)}"
        facts = (
            column.name, column.label, column.kind, "是" if column.needed else "否", form,
            column.form.example,
        )  # fmt: skip
        for at, text in enumerate(facts):
            sheet.write_string(row, at, text, cell)


def _texts(pack: Pack, resource: Resource) -> list[str]:
    owner = pack.departments.departments.get(resource.owner)
    contact = f"，联系方式：{owner.contact}" if owner and owner.contact else ""
    key = "、".join(str(resource.field(name).label) for name in resource.key)
    texts = [
        resource.description or "",
        f"责任部门：{owner.label if owner else resource.owner}{contact}",
        f"更新周期：{CYCLES[resource.update]}",
        f"填报范围：{MODES[resource.source.batch_mode]}",
        f"同一记录以此识别，不得为空、不得重复：{key}" if key else "",
        "红底列名为必填。第一行列名不要改动、移动或删除，不要合并单元格，不要加标题行和合计行。",
        "所有单元格均为文本格式，证件号码、代码、日期按原样填写；粘贴时请选择“只粘贴值”。",
        "下拉清单只作提示；弹出“请核对”时确认无误可以保留，是否收下以平台检查为准。",
        "填好后按约定的文件名存入前置机目录，平台自动读取、检查。没有变化时不要交空表，请报零报告。",
        "有问题时，平台退回同一工作簿：有问题的单元格填色并附批注，红色为整行未收，橙色为该值未收，"
        f"黄色为已收但请核实；最右列“{PROBLEM_COLUMN}”和“{PROBLEMS}”表写明每处问题。改正后存回原处即可，"
        "批注、填色和该列不必删除。",
        "本表的示例只供参考，不会被当作数据读取。",
    ]
    return [text for text in texts if text]

"""How a value of each type is written: in words, as an example, as a spreadsheet's own check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chengshu.standards.model import ValueType, Verdict
from chengshu.standards.types.coded import Coded


@dataclass(frozen=True, slots=True)
class Form:
    """How a value is written.

    Attributes:
        words: In Chinese, for a person.
        example: A value that the type reads without complaint.
        check: Spreadsheet formula over the cell ``{0}``, true for a likely value; empty for none.
    """

    words: str
    example: str
    check: str = ""


_NUMBER = "NOT(ISERROR(VALUE({0})))"
FORMS: Mapping[str, Form] = {
    "address": Form("从区县、街道写到门牌号", "宁波市海曙区中山西路1号"),
    "citizen_id": Form(
        "18位公民身份号码，末位可为X", "11010519491231002X", "OR(LEN({0})=18,LEN({0})=15)"
    ),
    "code": Form("从下拉清单中选择，也可填代码", ""),
    "count": Form("不带小数的数字", "12", _NUMBER),
    "date": Form("年-月-日", "2024-01-31", "AND(LEN({0})>=6,LEN({0})<=11)"),
    "datetime": Form("年-月-日 时:分:秒", "2024-01-31 08:30:00", "LEN({0})>=8"),
    "division": Form("6位行政区划代码", "330203", "LEN({0})=6"),
    "enterprise_name": Form("营业执照上的全称", "宁波示例贸易有限公司"),
    "foreigner_permit": Form(
        "18位，以9开头；旧证为3个字母加12位数字",
        "911124198108030024",
        "OR(LEN({0})=18,LEN({0})=15)",
    ),
    "hk_macao_permit": Form("字母H或M加8位数字", "H12345678", "LEN({0})>=9"),
    "latitude": Form("以度为单位的小数", "29.8746"),
    "longitude": Form("以度为单位的小数", "121.5506"),
    "money": Form("以元为单位的数字，最多两位小数", "1234.50", _NUMBER),
    "number": Form("数字", "3.5", _NUMBER),
    "organisation_code": Form("8位加1位校验码", "D2143569-X", "OR(LEN({0})=9,LEN({0})=10)"),
    "person_id": Form("身份证、永久居留证、通行证等证件的号码", "11010519491231002X"),
    "person_name": Form("证件上的姓名", "张三"),
    "phone": Form("手机号，或区号-号码", "0574-87654321", "LEN({0})>=7"),
    "street_division": Form("9位乡镇街道代码", "330203001", "LEN({0})=9"),
    "taiwan_permit": Form("8位数字", "12345678", "LEN({0})>=8"),
    "text": Form("文字", "示例"),
    "uscc": Form("18位统一社会信用代码，不含I、O、S、V、Z", "91350100M000100Y43", "LEN({0})=18"),
    "village_division": Form("12位村级统计区划代码", "330203001001", "LEN({0})=12"),
}


def form_of(name: str, kind: ValueType) -> Form:
    """Return how values of a field are written; its parameters may rule out the usual example.

    Args:
        name: The value type as the declaration writes it.
        kind: The type with its parameters.
    """
    form = FORMS[name]
    if isinstance(kind, Coded):
        return Form(form.words, next(iter(choices(kind)), ""))
    usual = kind.read(form.example).verdict in (Verdict.OK, Verdict.CORRECTED)
    # A unit or a precision of its own may make other lengths right.
    plain = kind.name == name
    return Form(form.words, form.example if usual else "", form.check if plain else "")


def choices(kind: Coded) -> list[str]:
    """Return what a person may choose: names, or the code where the name does not mean it alone."""
    return [
        code.name if kind.read(code.name).canonical == code.code else code.code
        for code in kind.codes.codes.values()
        if not code.retired
    ]

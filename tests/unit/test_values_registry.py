"""How value types are named and described, the facts they join, and how text is cleaned."""

from __future__ import annotations

import pytest

from chengshu.kernel.errors import InputError, NotFoundError
from chengshu.standards import clean
from chengshu.standards.facts import load_facts
from chengshu.standards.registry import list_parameters, list_value_types, value_type
from chengshu.standards.values import read_values

OURS = (
    "citizen_id", "code", "division", "foreigner_permit", "hk_macao_permit", "organisation_code",
    "person_id", "phone", "street_division", "taiwan_permit", "uscc", "village_division",
)  # fmt: skip


def test_values_are_read_line_by_line():
    lines = ["11010519491231002x\r\n", "\n", "无"]

    assert list(read_values(value_type("citizen_id"), lines)) == [
        {"verdict": "corrected", "canonical": "11010519491231002X", "reason": "spelling"},
        {"verdict": "ok", "canonical": None, "reason": None},
        {"verdict": "invalid", "canonical": None, "reason": "characters"},
    ]


def test_a_type_is_found_by_its_name():
    assert set(OURS) <= set(list_value_types())
    assert value_type("code", codes="gb3304").name == "code(codes=gb3304)"
    assert value_type("phone", area="010").name == "phone(area=010)"
    assert list_parameters("code") == {"codes": True}


@pytest.mark.parametrize(
    ("name", "params", "error", "message"),
    [
        (
            "citizen-id",
            {},
            NotFoundError,
            "no value type 'citizen-id'. Known: address, cit",
        ),
        (
            "citizen_id",
            {"x": "1"},
            InputError,
            "type citizen_id: unknown parameter 'x'. Known: none",
        ),
        ("code", {}, InputError, "type code: parameter 'codes' is missing. Known: codes."),
        ("code", {"codes": "gb0"}, NotFoundError, "no code set 'gb0'. Known: currency,"),
        ("phone", {"area": "574"}, InputError, "phone: area is no area code"),
    ],
)
def test_a_wrong_type_is_refused_with_what_is_known(
    name: str, params: dict[str, str], error: type[Exception], message: str
):
    with pytest.raises(error, match=message.replace(".", r"\.")[:60]):
        value_type(name, **params)


@pytest.mark.parametrize("name", OURS)
def test_a_type_describes_itself_and_keeps_its_helpers_apart(name: str):
    kind = value_type(name, **({"codes": "gb3304"} if name == "code" else {}))
    stages = kind.stages('"raw__f"', "f")

    assert kind.label
    assert kind.source
    assert kind.column == "VARCHAR"
    assert all(code == reason.code for code, reason in kind.reasons.items())
    assert all(reason.text and reason.label for reason in kind.reasons.values())
    assert {"f", "f__why"} <= set(stages[-1].columns)
    names = [n for s in stages for n in (*s.columns, *(look.alias for look in s.lookups))]
    assert len(names) == len(set(names))
    assert all(n == "f" or n.startswith("f__") for n in names)


def test_captions_are_what_a_person_reads():
    pairs = {
        "citizen_id": ("11010519491231002X", "110105 19491231 002X"),
        "uscc": ("91350100M000100Y43", "91 350100 M000100Y4 3"),
        "organisation_code": ("D2143569X", "D2143569-X"),
        "division": ("330281", "浙江省宁波市余姚市"),
        "street_division": ("330281001", "浙江省宁波市余姚市 001"),
        "phone": ("13812345678", "138 1234 5678"),
        "hk_macao_permit": ("H12345678", "H12345678"),
        "person_id": ("H12345678", "H12345678"),
    }
    assert {n: value_type(n).caption(c) for n, (c, _) in pairs.items()} == {
        n: shown for n, (_, shown) in pairs.items()
    }
    assert value_type("code", codes="gb2261_1").caption("1") == "男性"


@pytest.mark.parametrize("table", ["division", "uscc_pair", "code_gb3304", "code_gb2260"])
def test_facts_have_unique_sorted_keys_and_rows_as_wide_as_their_columns(table: str):
    facts = load_facts(table)
    keys = [row[0] for row in facts.rows]

    assert next(iter(facts.columns)) == "key"
    assert keys == sorted(set(keys))
    assert all(len(row) == len(facts.columns) for row in facts.rows)


def test_unknown_facts_are_refused():
    with pytest.raises(NotFoundError, match=r"no facts 'nope'\. Known: code_"):
        load_facts("nope")


@pytest.mark.parametrize(
    ("raw", "folded", "compacted", "tidied"),
    [
        ("Ａ１　ｂ", "A1 b", "A1b", "Ａ１ ｂ"),
        (" a \t\r\n b\u00a0\u3000c ", " a \t\r\n b\u00a0 c ", "abc", "a b c"),
        ("\ufeffa\u200bb\x07", "\ufeffa\u200bb\x07", "ab", "ab"),
        ("甲—乙\u2013丙", "甲—乙\u2013丙", "甲-乙-丙", "甲—乙\u2013丙"),
        ("\u200f \u3000", "\u200f  ", "", ""),
    ],
)
def test_text_is_cleaned(raw: str, folded: str, compacted: str, tidied: str):
    assert (clean.fold(raw), clean.compact(raw), clean.tidy(raw)) == (folded, compacted, tidied)
    assert clean.is_blank(raw) == (compacted == "")

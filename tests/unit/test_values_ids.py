"""Identifiers, value by value: what the standards say, and what really stands in files."""

from __future__ import annotations

import csv
from calendar import monthrange
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from chengshu.standards.model import Reading, Verdict
from chengshu.standards.registry import value_type
from chengshu.standards.types import citizen_id, organisation_code, uscc
from chengshu.standards.types.division import successor_of
from tests.support.id_cases import CASES


@pytest.mark.parametrize(
    ("name", "raw", "canonical", "reason"),
    [(name, *case) for name, cases in CASES.items() for case in cases],
)
def test_a_value_is_read(name: str, raw: str, canonical: str | None, reason: str | None):
    kind = value_type(name)

    verdict = kind.reasons[reason].verdict if reason else Verdict.OK
    assert kind.read(raw) == Reading(verdict, canonical, reason)


@pytest.mark.parametrize(
    ("codes", "raw", "canonical", "reason"),
    [
        ("gb2261_1", "1", "1", None),
        ("gb2261_1", "男", "1", "label_to_code"),
        ("gb2261_1", "女 性", "2", "label_to_code"),
        ("gb2261_1", "１", "1", "spelling"),
        ("gb2261_1", "1.0", "1", "from_number"),
        ("gb2261_1", "3", None, "not_in_code_set"),
        ("gb2261_1", "f", "2", "label_to_code"),
        ("gb3304", "HA", "01", "label_to_code"),
        ("gb3304", "zhuang", "08", "label_to_code"),
        ("gb2659", "chn", "156", "label_to_code"),
        ("gb2261_1", "", None, None),
        ("gb3304", "01", "01", None),
        ("gb3304", "1", "01", "zero_padded"),
        ("gb3304", "汉　族", "01", "label_to_code"),
        ("gb2261_3", "1", "10", "label_to_code"),
        ("gb2260", "330204", "330204", None),
        ("gb2260", "浙江省宁波市余姚市", "330281", "label_to_code"),
        ("gb2260", "市辖区", None, "not_in_code_set"),  # there are hundreds
        ("uscc_registrars", "a1", "A1", "spelling"),
        ("uscc_registrars", "其他(民政)", "59", "label_to_code"),
        ("uscc_registrars", "其他（民政）", "59", "label_to_code"),
    ],
)
def test_a_coded_value_is_read(codes: str, raw: str, canonical: str | None, reason: str | None):
    kind = value_type("code", codes=codes)
    verdict = kind.reasons[reason].verdict if reason else Verdict.OK
    assert kind.read(raw) == Reading(verdict, canonical, reason)


def test_a_local_number_gets_the_area_of_the_place():
    kind = value_type("phone", area="0574")

    assert kind.read("8765-4321 转8") == Reading(Verdict.CORRECTED, "0574-87654321-8", "area_added")
    assert kind.read("010-87654321").canonical == "010-87654321"


def test_birth_dates_are_those_of_the_calendar():
    kind = value_type("citizen_id")
    wrong = []
    for year in (1849, 1850, 1899, 1900, 1904, 1996, 2000, 2001, 2099, 2100):
        for month, day in product(range(14), range(33)):
            real = 1850 <= year <= 2099 and 1 <= month <= 12 and day >= 1
            real = real and day <= monthrange(year, month)[1]
            body = f"330281{year:04}{month:02}{day:02}001"
            found = kind.read(body + citizen_id.check_character(body)).reason
            if found != (None if real else "birth_date"):
                wrong.append(body)

    assert wrong == []


def test_wrong_recipes_from_the_web_are_not_ours():
    """Letters as ord - 55, no 31 minus the remainder, or a remainder by 11: all seen on the web."""
    body = "91350100M000100Y4"
    by_ord = sum(
        (ord(c) - 55 if c.isalpha() else int(c)) * weight
        for c, weight in zip(body, uscc.WEIGHTS, strict=True)
    )
    total = sum(uscc.ALPHABET.index(c) * w for c, w in zip(body, uscc.WEIGHTS, strict=True))

    wrong = {(31 - by_ord % 31) % 31, by_ord % 31, total % 31, (11 - total % 11) % 11}

    assert total == 1640
    assert uscc.check_character(body) == "3"
    assert 3 not in wrong
    assert {value_type("uscc").read(body + uscc.ALPHABET[w]).reason for w in wrong} == {"checksum"}


def test_one_wrong_character_and_swapped_neighbours_are_found():
    right = "91350100M000100Y43"
    others = [right[:i] + c + right[i + 1 :] for i in range(18) for c in uscc.ALPHABET]
    swaps = [right[:i] + right[i + 1] + right[i] + right[i + 2 :] for i in range(17)]

    kind = value_type("uscc")
    assert {v for v in (*others, *swaps) if kind.read(v).canonical} == {right}


def test_the_inner_check_is_asked_where_the_market_regulator_registers():
    inner = "12345678" + "0"
    assert organisation_code.check_character("12345678") != "0"
    codes = [kind + "330281" + inner for kind in ("91", "12")]

    readings = [value_type("uscc").read(code + uscc.check_character(code)) for code in codes]

    assert [r.reason for r in readings] == ["organisation_check", None]


def test_an_unknown_registrar_only_warns():
    code = "37330281" + "12345678" + organisation_code.check_character("12345678")
    code += uscc.check_character(code)

    found = value_type("uscc").read(code)

    assert found == Reading(Verdict.WARNING, code, "registrar_unknown")


def test_an_abolished_division_leads_to_its_successor():
    assert successor_of("330204") == "330212"
    assert successor_of("330281") is None
    assert successor_of("999999") is None


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (
            "baoding_1978_2004_pseudonymised.csv",
            {None: 5542, "division_abolished": 352, "division_unknown": 43},
        ),
        (
            "ningbo_1980_2004_pseudonymised.csv",
            {None: 19780, "division_abolished": 1654, "spelling": 11},
        ),
    ],
)
def test_no_code_of_the_real_company_registers_is_refused(
    real_data: Path, file: str, expected: dict[str | None, int]
):
    with (real_data / "companies" / file).open(encoding="utf-8", newline="") as lines:
        codes = [row["统一社会信用代码"] for row in csv.DictReader(lines)]

    kind = value_type("uscc")
    found = Counter(kind.read(code).reason for code in codes)

    # Unknown are function zones such as 130611 白沟新城, which GB/T 2260 does not have.
    assert found == expected


@pytest.mark.parametrize(
    ("file", "name", "refused"),
    [
        ("areas.csv", "division", set()),
        ("streets.csv", "street_division", {"350527000"}),  # 金门 as a whole, no street
        ("villages_330200_ningbo.csv", "village_division", set()),
        ("villages_130600_baoding.csv", "village_division", set()),
    ],
)
def test_the_codes_of_the_statistics_bureau_are_accepted(
    real_data: Path, file: str, name: str, refused: set[str]
):
    path = real_data / "codes" / "nbs2023" / file
    with path.open(encoding="utf-8-sig", newline="") as lines:
        codes = [row["code"] for row in csv.DictReader(lines)]

    kind = value_type(name)
    assert {code for code in codes if kind.read(code).verdict is Verdict.INVALID} == refused

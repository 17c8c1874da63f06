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

FULL = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})

# Type, raw text, canonical value, reason (verdict follows from the reason).
CASES: dict[str, list[tuple[str, str | None, str | None]]] = {
    "citizen_id": [
        ("11010519491231002X", "11010519491231002X", None),  # GB 11643-1999, example
        ("440524188001010014", "440524188001010014", "division_abolished"),  # and its second
        ("11010519491231002x", "11010519491231002X", "spelling"),
        ("11010519491231002×", "11010519491231002X", "spelling"),
        ("11010519491231002X".translate(FULL), "11010519491231002X", "spelling"),
        ("\ufeff110105 1949-1231 002X\t", "11010519491231002X", "spelling"),
        ("110105\u00a019491231\u3000002X\n", "11010519491231002X", "spelling"),
        ("\u200f11010519491231002X", "11010519491231002X", "spelling"),
        ("'11010519491231002X", "11010519491231002X", "spelling"),
        ('="11010519491231002X"', "11010519491231002X", "spelling"),
        ("110105491231002", "11010519491231002X", "from_15_digits"),
        ("110105 491231 002", "11010519491231002X", "from_15_digits"),
        ("440524800101001", "440524198001010013", "division_abolished"),
        ("810000199408230021", "810000199408230021", None),  # 港澳台居民居住证
        ("830000199201300022", "830000199201300022", None),
        ("99000019940823002X", "99000019940823002X", "division_unknown"),
        ("110105000229001", None, "birth_date"),  # 1900 was no leap year
        ("11010519491231002", None, "length"),
        ("11010519491231002X1", None, "characters"),
        ("1101051949123100X", None, "length"),
        ("11010519491231X", None, "characters"),
        ("110105194912310021", None, "checksum"),
        ("11010519491232002X", None, "birth_date"),
        ("110105184912310025", None, "birth_date"),
        ("11010519490229002X", None, "birth_date"),
        ("1.10105E+17", None, "as_number"),
        ("1.10105194912310E+17", None, "as_number"),
        ("110105194912310020.0", None, "as_number"),
        ("110105194912310000", None, "as_number"),  # 15 digits kept, three zeros filled in
        ("110***********002X", None, "masked"),
        ("110105XXXXXXXX002X", None, "masked"),
        ("无", None, "characters"),
        ("N/A", None, "characters"),
        ("-", None, "length"),
        ("1" * 10_000, None, "length"),
        ("1101051949123100\U00020bb7X", None, "characters"),
        *((blank, None, None) for blank in ("", " ", "\u3000", "\u00a0", "\u200b\ufeff", "\t\r\n")),
    ],
    "person_id": [
        ("11010519491231002X", "11010519491231002X", None),
        ("110105491231002", "11010519491231002X", "from_15_digits"),
        ("H12345678", "H12345678", None),
        ("ｍ１２３４５６７８", "M12345678", "spelling"),
        ("H1234567801", "H12345678", "version_dropped"),
        ("12345678", "12345678", "taiwan_permit_unchecked"),
        ("911124198108030024", "911124198108030024", None),
        ("usa110000850101", "USA110000850101", "spelling"),
        ("H1234567", None, "characters"),
        ("110105194912310021", None, "checksum"),
        ("\u3000", None, None),
    ],
    "hk_macao_permit": [
        ("H12345678", "H12345678", None),
        ("m12345678", "M12345678", "spelling"),
        ("H12345678(02)", "H12345678", "version_dropped"),
        ("K12345678", None, "shape"),
        ("H1234****", None, "masked"),
        ("", None, None),
    ],
    "taiwan_permit": [
        ("12345678", "12345678", None),
        ("1234567802", "12345678", "version_dropped"),
        ("12345678(B)", "12345678", "version_dropped"),
        ("1234567", None, "shape"),
        ("1.2E+07", None, "as_number"),
    ],
    "foreigner_permit": [
        ("911124198108030024", "911124198108030024", None),
        ("911124198108030023", None, "checksum"),
        ("911124198102300024", None, "birth_date"),
        ("911124198108030000", None, "as_number"),
        ("USA110000850101", "USA110000850101", None),
        ("usa 110000 850101", "USA110000850101", "spelling"),
        ("11010519491231002X", None, "shape"),
    ],
    "uscc": [
        ("91350100M000100Y43", "91350100M000100Y43", None),  # GB 32100-2015, example
        ("91350100m000100y43", "91350100M000100Y43", "spelling"),
        ("９１３５０１００Ｍ０００１００Ｙ４３", "91350100M000100Y43", "spelling"),
        ("9135 0100 M000 100Y 43\u200b", "91350100M000100Y43", "spelling"),
        ("911000001000013428", "911000001000013428", None),  # of the state: division 100000
        ("91330204144061144G", "91330204144061144G", "division_abolished"),
        ("91350100M000100Y4Z", None, "characters"),
        ("91350100M000100Y44", None, "checksum"),
        ("91350100M0O0100Y43", None, "characters"),
        ("91350100M000100Y4", None, "length"),
        ("110108000000016", None, "old_registration_number"),
        ("110108000000017", None, "length"),
        ("9.13501E+17", None, "as_number"),
        ("913302811720771000", None, "as_number"),
        ("91350100********43", None, "masked"),
        ("000000000000000000", None, "placeholder"),
        ("统一社会信用代码", None, "characters"),
        ("　", None, None),
    ],
    "organisation_code": [
        ("D2143569X", "D2143569X", None),  # GB 11714-1997, example
        ("D2143569-X", "D2143569X", "spelling"),
        ("d2143569—x", "D2143569X", "spelling"),
        ("717207711", "717207711", None),
        ("717207712", None, "checksum"),
        ("71720771", None, "length"),
        ("71720771A", None, "characters"),
        ("00000000-0", None, "placeholder"),
        ("717207711.0", None, "as_number"),
        ("组织机构代码", None, "characters"),
    ],
    "division": [
        ("330281", "330281", None),
        (" ３３０２８１", "330281", "spelling"),
        ("330281.0", "330281", "spelling"),
        ("330281000000", "330281", "zeros"),
        ("330281000", "330281", "zeros"),
        ("3302", "330200", "zeros"),
        ("33", "330000", "zeros"),
        ("330204", "330204", "division_abolished"),
        ("330201", "330201", "division_not_standard"),
        ("330299", None, "no_such_division"),
        ("33028", None, "length"),
        ("330281001", None, "length"),
        ("宁波市", None, "characters"),
        ("3.30281E+11", None, "as_number"),
    ],
    "street_division": [
        ("330281001", "330281001", None),
        ("330281001000", "330281001", "zeros"),
        ("330281 001", "330281001", "spelling"),
        ("330204001", "330204001", "division_abolished"),
        ("330281000", None, "below_county"),
        ("330281600", None, "below_county"),
        ("330299001", None, "no_such_division"),
        ("330281", None, "length"),
    ],
    "village_division": [
        ("330281001001", "330281001001", None),
        ("330281001001.0", "330281001001", "spelling"),
        ("330281001000", None, "below_county"),
        ("330281001", None, "length"),
    ],
    "phone": [
        ("13812345678", "13812345678", None),
        ("138 1234 5678", "13812345678", "spelling"),
        ("+86-138-1234-5678", "13812345678", "spelling"),
        ("008613812345678", "13812345678", "spelling"),
        ("86 13812345678", "13812345678", "spelling"),
        ("013812345678", "13812345678", "spelling"),
        ("13812345678.0", "13812345678", "spelling"),
        ("１３８１２３４５６７８", "13812345678", "spelling"),
        ("\u202a13812345678\u202c", "13812345678", "spelling"),  # copied from an address book
        ("0574-87654321", "0574-87654321", None),
        ("0574-87654321-123", "0574-87654321-123", None),
        ("0574-8765432-1", "0574-8765432-1", None),
        ("(0574)87654321", "0574-87654321", "spelling"),
        ("（0574）8765 4321 转 123", "0574-87654321-123", "spelling"),
        ("0574——87654321", "0574-87654321", "spelling"),
        ("057487654321", "0574-87654321", "spelling"),
        ("+86 574 87654321", "0574-87654321", "spelling"),
        ("+86(0)574-87654321", "0574-87654321", "spelling"),
        ("02087654321 ext.9", "020-87654321-9", "spelling"),
        ("400-123-4567", "4001234567", "spelling"),
        ("12345", "12345", None),
        ("95588", "95588", None),
        ("138****1234", None, "masked"),
        ("1.38E+10", None, "as_number"),
        ("57487654321.0", None, "as_number"),
        ("13812345678/13912345678", None, "several"),
        ("13812345678、0574-87654321", None, "several"),
        ("87654321", None, "no_area_code"),
        ("11012345678", None, "prefix"),
        ("1381234567", None, "length"),
        ("574-87654321", None, "length"),
        ("无", None, "characters"),
        ("-", None, "length"),
        ("", None, None),
    ],
}


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

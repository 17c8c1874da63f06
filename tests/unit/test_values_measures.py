"""What values of files mean as measures and texts: raw, canonical, reason."""

from __future__ import annotations

import csv
import random
from collections import Counter
from pathlib import Path

import pytest

from chengshu.kernel.errors import InputError
from chengshu.standards.model import ValueType, Verdict
from chengshu.standards.registry import value_type
from chengshu.standards.types.measures import MEASURES
from tests.support.measure_cases import CASES


def kind_of(declared: str) -> ValueType:
    """Return the type of ``name(parameter=value, …)``."""
    name, _, rest = declared.rstrip(")").partition("(")
    pairs = (pair.split("=") for pair in rest.split(", ") if pair)
    return value_type(name, **dict(pairs))


@pytest.mark.parametrize(
    ("declared", "raw", "canonical", "reason"),
    [(declared, *case) for declared, cases in CASES.items() for case in cases],
)
def test_a_value_means(declared: str, raw: str, canonical: str | None, reason: str | None):
    kind = kind_of(declared)

    found = kind.read(raw)

    assert (found.canonical, found.reason) == (canonical, reason)
    assert found.verdict is (kind.reasons[reason].verdict if reason else Verdict.OK)
    assert kind.name == declared


@pytest.mark.parametrize("blank", ["", " ", "\u3000", "\u00a0\u200b\ufeff", "\t\n"])
@pytest.mark.parametrize("name", MEASURES)
def test_blank_is_missing(name: str, blank: str):
    found = MEASURES[name]().read(blank)

    assert (found.verdict, found.canonical, found.reason) == (Verdict.OK, None, None)


@pytest.mark.parametrize(
    ("declared", "canonical", "caption"),
    [
        ("date", "2024-01-31", "2024年1月31日"),
        ("date(precision=month)", "2015-08-01", "2015年8月"),
        ("date(end=open)", "9999-12-31", "长期"),
        ("datetime", "2024-01-31 08:05:09.5", "2024年1月31日 08:05:09.5"),
        ("money", "-1234567.50", "-1,234,567.50元"),
        ("money(currency=USD)", "30.00", "30.00美元"),
        ("count", "1234567", "1,234,567"),
        ("number", "-0.700000", "-0.7"),
        ("number(scale=0)", "100", "100"),
        ("longitude", "121.5568056", "东经121.5568056°（CGCS2000）"),
        ("latitude(crs=wgs84)", "-29.5000000", "南纬29.5°（WGS 84）"),
        ("person_name", "张伟", "张伟"),
    ],
)
def test_a_person_reads(declared: str, canonical: str, caption: str):
    assert kind_of(declared).caption(canonical) == caption


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ("date(order=ydm)", "type date: order is 'ydm'. Known: dmy, mdy, ymd."),
        ("money(unit=元)", "type money: unit is '元'. Known: wan, yuan."),
        ("number(scale=13)", "type number: scale is '13'. Write a whole number from 0 to 12."),
        ("text(max_length=x)", "type text: max_length is 'x'."),
        (
            "longitude(crs=gps)",
            "type longitude: crs is 'gps'. Known: bd09, cgcs2000, gcj02, wgs84.",
        ),
    ],
)
def test_a_wrong_parameter_is_refused(declared: str, problem: str):
    with pytest.raises(InputError) as caught:
        kind_of(declared)

    assert str(caught.value).startswith(problem)


def said(n: int) -> str:
    """Return a number in words as it is taught: one 零 for each gap."""
    text, gap = "", False
    for place in range(11, -1, -1):
        if digit := n // 10**place % 10:
            text += ("零" if gap and text else "") + "零一二三四五六七八九"[digit]
            text += ("", "十", "百", "千")[place % 4]
        gap = not digit and bool(text)
        if place == 8 and n >= 10**8:
            text += "亿"
        if place == 4 and n // 10**4 % 10**4:
            text += "万"
    return text


def test_numbers_in_words_are_read_as_they_are_taught():
    dice = random.Random(0)
    numbers = [dice.randint(1, 10 ** dice.randint(1, 12) - 1) for _ in range(3_000)]
    numbers += [
        a * 10**b + c * 10**d for a in (1, 7) for b in range(12) for c in (0, 5) for d in range(b)
    ]

    wrong = {
        said(n): n
        for n in numbers
        if value_type("money").read(said(n) + "元整").canonical != f"{n}.00"
    }

    assert wrong == {}


def test_every_registered_capital_is_read_or_refused_for_a_reason(real_data: Path):
    kind, found, refused = value_type("money"), Counter[str | None](), Counter[str]()
    for path in sorted((real_data / "companies").glob("*_pseudonymised.csv")):
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                reading = kind.read(row["注册资金"])
                found[reading.reason] += 1
                if reading.reason == "not_money":
                    refused[row["注册资金"]] += 1

    assert found == {"respelled": 17_382, "other_currency": 1_044, "not_money": 8_956}
    assert refused == {"N/A": 8_954, "ABDULHAKIM SULEMANI": 1, "腾力昂（Villanueva": 1}
